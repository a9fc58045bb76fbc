#include <errno.h>
#include <string.h>
#include <time.h>

#include "creds/json.h"
#include "creds/source_sso.h"
#include "net/error_text.h"
#include "target/show.h"

enum { VALUE_MAX = 64 * 1024 };

static int no_memory(struct fault *f) { return fault_set(f, DSQL_ENOMEM, "out of memory"); }

static void init(struct buf *b, const dsql_alloc *alloc) {
  buf_init(b, alloc, VALUE_MAX);
  b->secret = true;
}

void sso_token_init(struct sso_token *t, const dsql_alloc *alloc) {
  *t = (struct sso_token){.expires_s = 0};
  init(&t->access_token, alloc);
  init(&t->refresh_token, alloc);
  init(&t->client_id, alloc);
  init(&t->client_secret, alloc);
  init(&t->registration_expires, alloc);
}

void sso_token_deinit(struct sso_token *t) {
  buf_deinit(&t->access_token);
  buf_deinit(&t->refresh_token);
  buf_deinit(&t->client_id);
  buf_deinit(&t->client_secret);
  buf_deinit(&t->registration_expires);
}

/* A member that may be missing: out stays empty. */
static int take(dsql_str json, const char *member, struct buf *out, struct fault *f) {
  buf_reset(out);
  if (!json_text_member(json.ptr, json.len, member, out) || out->len == 1) out->len = 0;
  return out->error == DSQL_ENOMEM ? no_memory(f) : 0;
}

static bool time_of(const struct buf *b, int64_t *out) {
  return b->len > 1 && json_time((const char *)b->data, b->len - 1, out);
}

static int take_expiry(struct sso_token *t, dsql_str json, bool *found, struct fault *f) {
  struct buf text;
  int rc;

  init(&text, t->access_token.alloc);
  rc = take(json, "expiresAt", &text, f);
  *found = time_of(&text, &t->expires_s);
  buf_deinit(&text);
  return rc;
}

static int parse(struct sso_token *t, dsql_str json, const char *path, struct fault *f) {
  bool expiry = false;
  int rc = take(json, "accessToken", &t->access_token, f);

  if (rc == 0) rc = take_expiry(t, json, &expiry, f);
  if (rc == 0) rc = take(json, "refreshToken", &t->refresh_token, f);
  if (rc == 0) rc = take(json, "clientId", &t->client_id, f);
  if (rc == 0) rc = take(json, "clientSecret", &t->client_secret, f);
  if (rc == 0) rc = take(json, "registrationExpiresAt", &t->registration_expires, f);
  if (rc) return rc;
  if (!time_of(&t->registration_expires, &t->registration_expires_s)) t->registration_expires_s = 0;
  if (t->access_token.len && expiry) return 0;
  return fault_set(f, DSQL_ECREDENTIALS, "\"%s\" has no JSON object with accessToken and expiresAt", path);
}

static int no_file(const char *path, int os_error, struct fault *f) {
  char text[ERROR_TEXT_SIZE];

  if (os_error == ENOENT || os_error == ENOTDIR)
    return fault_set(f, DSQL_ECREDENTIALS, "there is no cached token in \"%s\"", path);
  return fault_set(f, DSQL_EINVAL, "the cached token in \"%s\" can't be read: %s", path, error_text(os_error, text));
}

/* The end of a path tells more than its beginning, and is what the AWS CLI shows. */
static const char *shown_path(const char *path) {
  const char *aws = strstr(path, "/.aws/sso/cache/");
  return aws ? aws + 1 : path;
}

int sso_token_load(struct sso_token *t, const struct target_env *env, const char *path, struct fault *f) {
  const dsql_alloc *alloc = t->access_token.alloc;
  struct buf file;
  int rc;

  sso_token_deinit(t);
  sso_token_init(t, alloc);
  buf_init(&file, alloc, SSO_FILE_MAX);
  file.secret = true;
  rc = env->read_file(env->ctx, path, &file);
  if (file.error == DSQL_ENOMEM)
    rc = no_memory(f);
  else if (rc)
    rc = no_file(shown_path(path), rc, f);
  else
    rc = parse(t, (dsql_str){file.len ? (const char *)file.data : "", file.len}, shown_path(path), f);
  buf_deinit(&file);
  return rc;
}

bool sso_token_renewable(const struct sso_token *t, int64_t now_s) {
  return t->refresh_token.len && t->client_id.len && t->client_secret.len && t->registration_expires_s > now_s;
}

static void put_escaped(struct buf *out, unsigned char c) {
  if (c == '"' || c == '\\') buf_put_u8(out, '\\');
  if (c < 0x20)
    buf_printf(out, "\\u%04x", c);
  else
    buf_put_u8(out, c);
}

static void put_member(struct buf *out, const char *name, const char *value) {
  buf_printf(out, "%s\"%s\": \"", out->len ? ", " : "{", name);
  for (; *value; value++) put_escaped(out, (unsigned char)*value);
  buf_put_u8(out, '"');
}

static void put_secret(struct buf *out, const char *name, const struct buf *value) {
  if (value->len) put_member(out, name, (const char *)value->data);
}

void sso_token_request(const struct sso_token *t, struct buf *out) {
  put_secret(out, "clientId", &t->client_id);
  put_secret(out, "clientSecret", &t->client_secret);
  put_member(out, "grantType", "refresh_token");
  put_secret(out, "refreshToken", &t->refresh_token);
  buf_put_cstr(out, "}");
}

int sso_token_renewed(struct sso_token *t, dsql_str answer, int64_t now_s, struct fault *f) {
  int64_t seconds = 0;
  struct buf refresh;
  int rc;

  init(&refresh, t->access_token.alloc);
  rc = take(answer, "accessToken", &t->access_token, f);
  if (rc == 0) rc = take(answer, "refreshToken", &refresh, f);
  if (rc == 0 && !t->access_token.len) rc = fault_set(f, DSQL_EPROTO, "\"accessToken\" is missing or no string");
  if (rc == 0 &&
      (!json_integer_member(answer.ptr, answer.len, "expiresIn", &seconds) || seconds <= 0 || seconds > INT32_MAX))
    rc = fault_set(f, DSQL_EPROTO, "\"expiresIn\" is missing or no number of seconds");
  if (rc == 0) t->expires_s = now_s + seconds;
  if (rc == 0 && refresh.len) { /* without a new one the old one stays valid (RFC 6749, 6) */
    buf_deinit(&t->refresh_token);
    t->refresh_token = refresh;
  } else {
    buf_deinit(&refresh);
  }
  return rc;
}

void sso_token_print(const struct sso_token *t, const struct sso_config *config, struct buf *out) {
  time_t expires = (time_t)t->expires_s;
  char text[64];
  struct tm tm;

  put_member(out, "startUrl", config->start_url);
  put_member(out, "region", config->region);
  put_secret(out, "accessToken", &t->access_token);
  if (gmtime_r(&expires, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm))
    put_member(out, "expiresAt", text);
  put_secret(out, "clientId", &t->client_id);
  put_secret(out, "clientSecret", &t->client_secret);
  put_secret(out, "registrationExpiresAt", &t->registration_expires);
  put_secret(out, "refreshToken", &t->refresh_token);
  buf_put_str(out, "}");
}
