#include "auth/token.h"

#include <stdio.h>

#include "auth/sigv4_steps.h"

static uint32_t duration_of(const struct token_request *q) {
  return q->duration_s ? q->duration_s : TOKEN_DURATION_DEFAULT_S;
}

/* Whole seconds that the keys are good for; INT64_MAX when for ever. */
static int64_t keys_left_s(const struct token_request *q) {
  int64_t left;

  if (q->keys_expire_s == 0) return INT64_MAX;
  if (q->keys_expire_s <= q->unix_s) return 0;
  return __builtin_sub_overflow(q->keys_expire_s, q->unix_s, &left) ? INT64_MAX : left;
}

bool token_wants_fresh_keys(const struct token_request *q) { return keys_left_s(q) < duration_of(q); }

bool token_needs_fresh_keys(const struct token_request *q) { return keys_left_s(q) < 1; }

static bool is_blank(const char *s) { return !s || !*s; }

static bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static bool is_region_char(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }

static int check_text(const char *what, const char *allowed, const char *s, bool is_allowed(char c), struct fault *f) {
  if (is_blank(s)) return fault_set(f, DSQL_EINVAL, "no %s to sign the token for", what);
  for (const char *c = s; *c; c++)
    if (!is_allowed(*c))
      return fault_set(f, DSQL_EINVAL, "the token's %s \"%.*s\" holds a character other than %s", what, 253, s,
                       allowed);
  return 0;
}

static int check(const struct token_request *q, struct fault *f) {
  int rc = check_text("host", "letters, digits, \"-\", \"_\" and \".\" (give it without scheme and port)", q->host,
                      is_host_char, f);

  if (!rc) rc = check_text("region", "lower-case letters, digits and \"-\"", q->region, is_region_char, f);
  if (rc) return rc;
  if (q->duration_s > TOKEN_DURATION_MAX_S)
    return fault_set(f, DSQL_EINVAL, "a token duration of %u s; 1 to %d (a week) are possible", (unsigned)q->duration_s,
                     TOKEN_DURATION_MAX_S);
  return sigv4_check(&q->keys, q->region, "dsql", f);
}

static int keys_expired(const struct token_request *q, struct fault *f) {
  char date[SIGV4_DATE_SIZE];

  if (!sigv4_date(q->keys_expire_s, date)) (void)snprintf(date, sizeof date, "long ago");
  return fault_set(f, DSQL_ECREDENTIALS,
                   "the AWS credentials expired at %s (Unix time %lld), so no token can be signed with them: renew "
                   "them, or check the clock",
                   date, (long long)q->keys_expire_s);
}

int token_sign(const struct token_request *q, const dsql_alloc *alloc, struct buf *out, struct token_made *made,
               struct fault *f) {
  const struct sigv4_pair action = {"Action", q->admin ? "DbConnectAdmin" : "DbConnect"};
  int64_t left_s = keys_left_s(q);
  uint32_t duration_s = duration_of(q);
  size_t len = out->len;
  int rc = check(q, f);

  if (rc) return rc;
  if (token_needs_fresh_keys(q)) return keys_expired(q, f);
  if (left_s < duration_s) duration_s = (uint32_t)left_s;
  struct sigv4_presign p = {.keys = q->keys,
                            .region = q->region,
                            .service = "dsql",
                            .host = q->host,
                            .extra = &action,
                            .extra_count = 1,
                            .expires_s = duration_s,
                            .unix_s = q->unix_s};
  buf_put_str(out, q->host);
  buf_put_str(out, "/?");
  rc = buf_ok(out) ? sigv4_presign(&p, alloc, out, f) : sigv4_no_room(out, f);
  if (rc) buf_truncate(out, len);
  if (!rc && made) *made = (struct token_made){q->unix_s + duration_s, duration_s < duration_of(q)};
  return rc;
}
