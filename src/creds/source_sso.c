/* source_sso.c - IAM Identity Center: with the token that "aws sso login" got, the credentials of an account's role. A
 * token of an [sso-session] is renewed shortly before its end, and written back for the other programs that use it. */
#include "creds/source_sso.h"

#include <string.h>

#include "creds/attempts.h"
#include "creds/endpoint.h"
#include "creds/json.h"
#include "creds/metadata_url.h"
#include "creds/metadata_word.h"
#include "target/show.h"

enum { URL_SIZE_MAX = 4096, BODY_MAX = 256 * 1024 };

struct sso {
  struct creds_source source;
  const struct aws_profile *profile;
  struct attempts attempts;
  struct sso_config config;
  struct sso_token token;
  char path[SSO_PATH_SIZE];
};

static const dsql_alloc *alloc_of(const struct sso *s) { return rt_alloc(s->source.setup->rt); }

static int no_memory(struct fault *f) { return fault_set(f, DSQL_ENOMEM, "out of memory"); }

static void start_asking(struct sso *s, int (*send)(struct attempts *, struct fault *),
                         void (*done)(struct attempts *, const struct http_response *, const struct fault *));
static void ask_credentials(struct sso *s);

/* What helps: a new login. f's text says why. */
static void needs_login(struct sso *s, const char *why) {
  const char *session = s->config.session, *name = session ? session : s->config.profile;

  source_failed(&s->source, DSQL_ECREDENTIALS, "%s; run: aws sso login --%s %s", why,
                session ? "sso-session" : "profile", show_text(name, strlen(name)).text);
}

static void failed(struct sso *s, const struct fault *f) {
  if (f->code == DSQL_ECREDENTIALS)
    needs_login(s, f->text);
  else
    source_failed(&s->source, f->code, "%s", f->text);
}

/* ---- the token ---- */

static bool is_good(const struct sso *s) { return s->token.expires_s > s->source.setup->now_s(); }

static void use_token(struct sso *s) {
  if (is_good(s))
    ask_credentials(s);
  else
    needs_login(s, "the token of the last login has expired");
}

/* Another program may have renewed it meanwhile, which ends what we sent: its file is looked at again. */
static void not_renewed(struct sso *s) {
  struct fault f = {0};

  if (sso_token_load(&s->token, s->source.setup->env, s->path, &f))
    failed(s, &f);
  else if (is_good(s))
    ask_credentials(s);
  else
    needs_login(s, "the token of the last login has expired and could not be renewed");
}

/* A token that can't be written is still good for this process. */
static void store(struct sso *s) {
  struct buf text;

  buf_init(&text, alloc_of(s), BODY_MAX);
  text.secret = true;
  sso_token_print(&s->token, &s->config, &text);
  if (buf_ok(&text)) (void)sso_file_replace(s->path, text.data, text.len);
  buf_deinit(&text);
}

static void on_renewed(struct attempts *a, const struct http_response *r, const struct fault *f) {
  struct sso *s = LIST_ENTRY(a, struct sso, attempts);
  struct fault why = {0};

  if (!r && (f->code == DSQL_ENOMEM || f->code == DSQL_ECANCELED)) {
    failed(s, f);
  } else if (!r || r->status != 200 || sso_token_renewed(&s->token, r->body, s->source.setup->now_s(), &why)) {
    if (why.code == DSQL_ENOMEM)
      failed(s, &why);
    else
      not_renewed(s);
  } else {
    store(s);
    use_token(s);
  }
}

static int put_endpoint(struct sso *s, enum endpoint_service service, struct buf *url, struct fault *f) {
  const char *signing_region;
  int rc = endpoint_url(s->source.setup, s->profile, service, s->config.region, url, &signing_region, f);

  if (rc == 0) buf_truncate(url, url->len - 1); /* its NUL: the path follows */
  return rc;
}

static int send_renewal(struct attempts *a, struct fault *f) {
  static const char *const headers[] = {"Content-Type: application/json"};
  struct sso *s = LIST_ENTRY(a, struct sso, attempts);
  struct http_request q = {.method = "POST", .headers = headers, .header_count = 1};
  struct buf url, body;
  int rc;

  buf_init(&url, alloc_of(s), URL_SIZE_MAX);
  buf_init(&body, alloc_of(s), BODY_MAX);
  body.secret = true;
  rc = put_endpoint(s, ENDPOINT_SSO_OIDC, &url, f);
  buf_put_cstr(&url, "/token");
  sso_token_request(&s->token, &body);
  if (rc == 0 && !(buf_ok(&url) && buf_ok(&body))) rc = no_memory(f);
  if (rc == 0) {
    q.url = (const char *)url.data;
    q.body = (const char *)body.data;
    q.body_len = body.len - 1;
    rc = attempts_send(a, &q, f);
  }
  buf_deinit(&body);
  buf_deinit(&url);
  return rc;
}

/* ---- the credentials ---- */

static void put_encoded(struct buf *out, const char *name, const char *value) {
  buf_put_str(out, name);
  for (; *value; value++) {
    unsigned char c = (unsigned char)*value;
    if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~", c))
      buf_put_u8(out, c);
    else
      buf_printf(out, "%%%02X", c);
  }
}

static int send_question(struct sso *s, const char *url, const char *header, struct fault *f) {
  struct http_request q = {.method = "GET", .url = url, .headers = &header, .header_count = 1};
  return attempts_send(&s->attempts, &q, f);
}

static int send_request(struct attempts *a, struct fault *f) {
  struct sso *s = LIST_ENTRY(a, struct sso, attempts);
  struct buf url, header;
  int rc;

  buf_init(&url, alloc_of(s), URL_SIZE_MAX);
  buf_init(&header, alloc_of(s), BODY_MAX);
  header.secret = true;
  rc = put_endpoint(s, ENDPOINT_SSO, &url, f);
  put_encoded(&url, "/federation/credentials?role_name=", s->config.role_name);
  put_encoded(&url, "&account_id=", s->config.account_id);
  buf_put_u8(&url, 0);
  buf_put_str(&header, "x-amz-sso_bearer_token: ");
  buf_put_cstr(&header, (const char *)s->token.access_token.data);
  if (rc == 0 && url.error == DSQL_ETOOBIG)
    rc = fault_set(f, DSQL_EINVAL, "sso_role_name and sso_account_id are too long");
  if (rc == 0 && !(buf_ok(&url) && buf_ok(&header))) rc = no_memory(f);
  if (rc == 0) rc = send_question(s, (const char *)url.data, (const char *)header.data, f);
  buf_deinit(&header);
  buf_deinit(&url);
  return rc;
}

static void refused(struct sso *s, int status) {
  const char *role = s->config.role_name, *account = s->config.account_id;

  if (status == 401)
    needs_login(s, "the token of the last login is not accepted any more");
  else
    source_failed(&s->source, DSQL_ECREDENTIALS, "status %d when asked for the role \"%s\" in the account \"%s\"%s",
                  status, show_text(role, strlen(role)).text, show_text(account, strlen(account)).text,
                  status == 403 || status == 404 ? ": is it assigned to you?" : "");
}

static void on_credentials(struct attempts *a, const struct http_response *r, const struct fault *f) {
  static const struct json_names names = {.object = "roleCredentials",
                                          .access_key_id = "accessKeyId",
                                          .secret_access_key = "secretAccessKey",
                                          .session_token = "sessionToken",
                                          .expiration = "expiration",
                                          .expiration_ms = true};
  struct sso *s = LIST_ENTRY(a, struct sso, attempts);
  struct creds_answer answer = {.outcome = CREDS_FOUND};
  struct fault why = {0};

  if (!r)
    failed(s, f);
  else if (r->status != 200)
    refused(s, r->status);
  else if (json_credentials(r->body.ptr, r->body.len, &names, alloc_of(s), &answer.credentials, &why))
    source_failed(&s->source, why.code, "its answer: %s", why.text);
  else
    source_answer(&s->source, &answer);
}

static void ask_credentials(struct sso *s) {
  if (metadata_token_valid((const char *)s->token.access_token.data, s->token.access_token.len - 1))
    start_asking(s, send_request, on_credentials);
  else
    needs_login(s, "the cached token has a character that can't be sent");
}

/* ---- the source ---- */

static void start_asking(struct sso *s, int (*send)(struct attempts *, struct fault *),
                         void (*done)(struct attempts *, const struct http_response *, const struct fault *)) {
  struct fault f = {0};

  s->attempts = (struct attempts){.setup = s->source.setup, .policy = &attempts_standard, .send = send, .done = done};
  if (attempts_start(&s->attempts, &f)) failed(s, &f);
}

static int prepare(struct sso *s, struct fault *f) {
  const struct creds_setup *setup = s->source.setup;
  int rc = sso_config_read(setup->files, s->profile, &s->config, f);

  if (rc == 0) rc = sso_token_path(setup->env, &s->config, s->path, f);
  return rc ? rc : sso_token_load(&s->token, setup->env, s->path, f);
}

static void sso_start(struct creds_source *source) {
  struct sso *s = (struct sso *)source;
  int64_t now_s = source->setup->now_s();
  struct fault f = {0};

  if (prepare(s, &f))
    failed(s, &f);
  else if (s->config.session && s->token.expires_s - now_s < SSO_RENEW_WITHIN_S &&
           sso_token_renewable(&s->token, now_s))
    start_asking(s, send_renewal, on_renewed);
  else
    use_token(s);
}

static void sso_free(struct creds_source *source) {
  struct sso *s = (struct sso *)source;

  attempts_stop(&s->attempts);
  sso_token_deinit(&s->token);
  mem_free(rt_alloc(source->setup->rt), s);
}

struct creds_source *sso_source_new(const struct creds_setup *setup, const struct aws_profile *profile) {
  static const struct creds_source_class class = {"IAM Identity Center", sso_start, sso_free};
  struct sso *s = mem_zalloc(rt_alloc(setup->rt), sizeof *s);

  if (!s) return NULL;
  s->source = (struct creds_source){.class = &class, .setup = setup};
  s->profile = profile;
  s->attempts.setup = setup; /* attempts_stop() is allowed before the first start */
  sso_token_init(&s->token, rt_alloc(setup->rt));
  return &s->source;
}
