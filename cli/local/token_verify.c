#include "local/token_verify.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/token.h"
#include "local/token_parse.h"

/* A token may be from the future by this much: what AWS grants to clocks that are not quite right. */
enum { CLOCK_SKEW_MAX_S = 300, KEY_DATE_LEN = 8 };

struct verification {
  const struct token_expected *expected;
  const char *user;
  int64_t now_s;
  const dsql_alloc *alloc;
  struct token_parts parts;
  const char *date; /* X-Amz-Date, and what it says */
  int64_t signed_s, expires_s;
  struct token_refusal *out;
};

static bool refuse(struct verification *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool refuse(struct verification *v, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(v->out->reason, sizeof v->out->reason, format, args);
  va_end(args);
  return false;
}

/* A reason that DSQL tells the client, too. */
static bool refuse_aloud(struct verification *v, const char *hint) {
  snprintf(v->out->hint, sizeof v->out->hint, "%s", hint);
  return refuse(v, "%s", hint);
}

static bool has_all(struct verification *v) {
  static const char *const required[] = {"Action",        "X-Amz-Algorithm",     "X-Amz-Credential", "X-Amz-Date",
                                         "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature"};
  for (size_t i = 0; i < sizeof required / sizeof *required; i++)
    if (!*token_param(&v->parts, required[i])) return refuse(v, "the token has no %s", required[i]);
  return true;
}

static bool check_form(struct verification *v) {
  if (strcmp(token_param(&v->parts, "X-Amz-Algorithm"), "AWS4-HMAC-SHA256"))
    return refuse(v, "the token's X-Amz-Algorithm is not AWS4-HMAC-SHA256");
  if (strcmp(token_param(&v->parts, "X-Amz-SignedHeaders"), "host"))
    return refuse(v, "the token's X-Amz-SignedHeaders is not host");
  v->date = token_param(&v->parts, "X-Amz-Date");
  if (!sigv4_parse_date(v->date, strlen(v->date), &v->signed_s))
    return refuse(v, "the token's X-Amz-Date is no date: %.40s", v->date);
  return true;
}

static bool check_expires(struct verification *v) {
  const char *s = token_param(&v->parts, "X-Amz-Expires");
  size_t n = strlen(s);
  long value;

  if (strspn(s, "0123456789") != n || n > 9) return refuse(v, "the token's X-Amz-Expires is no number: %.40s", s);
  value = strtol(s, NULL, 10);
  if (value > TOKEN_DURATION_MAX_S) return refuse_aloud(v, "X-Amz-Expires must be less than a week (in seconds)");
  if (value < 1) return refuse(v, "the token's X-Amz-Expires is 0");
  v->expires_s = v->signed_s + value;
  return true;
}

/* The credential is AKID/yyyymmdd/region/dsql/aws4_request. */
static bool check_scope(struct verification *v) {
  const struct token_expected *e = v->expected;
  const char *credential = token_param(&v->parts, "X-Amz-Credential"), *slash = strchr(credential, '/');
  char scope[128];

  if (!slash) return refuse(v, "the token's X-Amz-Credential has no scope");
  if ((size_t)(slash - credential) != strlen(e->keys.access_key_id) ||
      strncmp(credential, e->keys.access_key_id, (size_t)(slash - credential)) != 0)
    return refuse(v, "the token was signed with access key %.*s, not with %.40s",
                  slash - credential > 40 ? 40 : (int)(slash - credential), credential, e->keys.access_key_id);
  snprintf(scope, sizeof scope, "/%.8s/%s/dsql/aws4_request", v->date, e->region);
  if (strcmp(slash, scope)) return refuse(v, "the token's credential scope is %.80s, not %.80s", slash + 1, scope + 1);
  return true;
}

static bool same_secret(const char *a, const char *b) {
  size_t n = strlen(a);
  return n == strlen(b) && CRYPTO_memcmp(a, b, n) == 0;
}

static bool check_session_token(struct verification *v) {
  const char *expected = v->expected->keys.session_token ? v->expected->keys.session_token : "";
  const char *given = token_param(&v->parts, "X-Amz-Security-Token");

  if (same_secret(expected, given)) return true;
  if (!*given) return refuse(v, "the token was made without the session token");
  return refuse(v, *expected ? "the token was made with another session token"
                             : "the token was made with a session token, but the credentials have none");
}

static bool check_host(struct verification *v) {
  if (strcmp(v->parts.host, v->expected->host) == 0) return true;
  return refuse(v, "the token is for host %.100s, not for %.100s", v->parts.host, v->expected->host);
}

/* ---- the signature ---- */

static int by_name(const void *a, const void *b) {
  return strcmp(((const struct token_param *)a)->name, ((const struct token_param *)b)->name);
}

/* Names are sorted as they are encoded; every name that anybody signs is made of unreserved characters. */
static void write_canonical(struct token_parts *t, struct buf *out) {
  qsort(t->params, t->count, sizeof *t->params, by_name);
  for (size_t i = 0; i < t->count; i++) {
    const struct token_param *p = &t->params[i];
    if (strcmp(p->name, "X-Amz-Signature") == 0) continue;
    if (out->len) buf_put_u8(out, '&');
    sigv4_encode(out, p->name, strlen(p->name));
    buf_put_u8(out, '=');
    sigv4_encode(out, p->value, strlen(p->value));
  }
}

static bool compute_signature(struct verification *v, char out[SIGV4_HEX_SIZE]) {
  const struct token_expected *e = v->expected;
  uint8_t key[SIGV4_KEY_SIZE];
  char key_date[KEY_DATE_LEN + 1];
  struct buf canonical;
  int code;

  buf_init(&canonical, v->alloc, 4 * (size_t)TOKEN_SIZE_MAX);
  canonical.secret = true;
  write_canonical(&v->parts, &canonical);
  snprintf(key_date, sizeof key_date, "%.8s", v->date);
  code = canonical.error;
  if (!code) code = sigv4_signing_key(e->keys.secret_access_key, key_date, e->region, "dsql", key);
  if (!code)
    code = sigv4_query_signature(key, v->date, e->region, "dsql", e->host, (const char *)canonical.data, canonical.len,
                                 v->alloc, out);
  mem_cleanse(key, sizeof key);
  buf_deinit(&canonical);
  return code == 0;
}

static bool check_signature(struct verification *v) {
  char signature[SIGV4_HEX_SIZE];
  bool same;

  if (!compute_signature(v, signature)) return refuse(v, "the token's signature could not be computed");
  same = same_secret(signature, token_param(&v->parts, "X-Amz-Signature"));
  mem_cleanse(signature, sizeof signature);
  return same || refuse(v, "the token's signature is wrong: it was signed with another secret key, or changed since");
}

/* ---- what a properly signed token says ---- */

static bool check_time(struct verification *v) {
  char now[SIGV4_DATE_SIZE] = "", then[SIGV4_DATE_SIZE] = "", hint[160];

  sigv4_date(v->now_s, now);
  if (v->now_s >= v->expires_s) {
    sigv4_date(v->expires_s, then);
    snprintf(hint, sizeof hint, "Signature expired: %s is now earlier than %s (%s - 0 min.)", then, now, now);
    return refuse_aloud(v, hint);
  }
  if (v->signed_s <= v->now_s + CLOCK_SKEW_MAX_S) return true;
  sigv4_date(v->now_s + CLOCK_SKEW_MAX_S, then);
  snprintf(hint, sizeof hint, "Signature not yet current: %s is still later than %s (%s + %d min.)", v->date, then, now,
           CLOCK_SKEW_MAX_S / 60);
  return refuse_aloud(v, hint);
}

static bool check_action(struct verification *v) {
  const char *action = token_param(&v->parts, "Action");
  const char *wanted = token_user_is_admin(v->user) ? "DbConnectAdmin" : "DbConnect";
  char hint[160];

  if (strcmp(action, wanted) == 0) return true;
  snprintf(hint, sizeof hint, "Wrong user to action mapping. user: %.63s, action: %.20s", v->user, action);
  return refuse_aloud(v, hint);
}

/* Nothing that the token says about itself is believed, or told to the client, before its signature is proved right;
 * but for its duration, which DSQL names first. */
static bool verify_parsed(struct verification *v) {
  return has_all(v) && check_form(v) && check_expires(v) && check_host(v) && check_scope(v) && check_session_token(v) &&
         check_signature(v) && check_time(v) && check_action(v);
}

bool token_verify(const struct token_expected *e, const char *user, const char *token, size_t n, int64_t now_s,
                  const dsql_alloc *alloc, struct token_refusal *out) {
  struct verification v = {.expected = e, .user = user, .now_s = now_s, .alloc = alloc, .out = out};
  const char *wrong;
  char *text;
  bool ok;

  *out = (struct token_refusal){.reason = ""};
  if (n > TOKEN_SIZE_MAX) return refuse(&v, "the password is too long for a token: %zu bytes", n);
  if (memchr(token, 0, n)) return refuse(&v, "the password is no token: it has a NUL inside");
  text = mem_strndup(alloc, token, n);
  if (!text) return refuse(&v, "out of memory");
  wrong = token_parse(text, &v.parts);
  ok = wrong ? refuse(&v, "the password is no valid token: %s", wrong) : verify_parsed(&v);
  mem_free_secret(alloc, text, n + 1);
  return ok;
}
