#include "auth/oauth.h"

#include <string.h>

static bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~+/", c));
}

int oauth_token_check(dsql_str token, struct fault *f) {
  size_t n = 0;

  if (token.len == 0) return fault_set(f, DSQL_EINVAL, "the OAuth token is empty");
  if (token.len > OAUTH_TOKEN_MAX)
    return fault_set(f, DSQL_EINVAL, "the OAuth token has %zu bytes; at most %d fit in the message", token.len,
                     OAUTH_TOKEN_MAX);
  while (n < token.len && is_token_char(token.ptr[n])) n++;
  if (n > 0)
    while (n < token.len && token.ptr[n] == '=') n++;
  if (n == token.len) return 0;
  return fault_set(
      f, DSQL_EINVAL,
      "the OAuth token has a byte that a bearer token can't have (RFC 6750), at offset %zu: it consists of "
      "letters, digits and -._~+/ with = at its end only; give it without \"Bearer\" and without a newline",
      n);
}

void oauth_client_first(struct buf *out, dsql_str token) {
  buf_put_str(out, "n,,\1auth=");
  if (token.len) buf_put_str(out, "Bearer ");
  buf_put(out, token.ptr, token.len);
  buf_put_str(out, "\1\1");
}

/* The well-known part stands behind a host, which "https:" and "https:/" lack. */
static bool has_host(dsql_str head) {
  const char *at = memmem(head.ptr, head.len, "://", 3);
  return at && at + 3 < head.ptr + head.len;
}

/* An address without its well-known part: two pieces, of which the second may be empty. */
struct issuer {
  dsql_str head, tail;
};

static struct issuer issuer_of(dsql_str url) {
  static const char *const known[] = {"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"};
  struct issuer whole = {url, {"", 0}};

  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    size_t n = strlen(known[i]);
    const char *at = memmem(url.ptr, url.len, known[i], n);
    size_t rest = at ? url.len - (size_t)(at - url.ptr) - n : 0;
    if (!at || (rest && at[n] != '/') || !has_host((dsql_str){url.ptr, (size_t)(at - url.ptr)})) continue;
    return (struct issuer){{url.ptr, (size_t)(at - url.ptr)}, {at + n, rest}};
  }
  return whole;
}

static size_t length_of(const struct issuer *i) { return i->head.len + i->tail.len; }

static char char_at(const struct issuer *i, size_t at) {
  return at < i->head.len ? i->head.ptr[at] : i->tail.ptr[at - i->head.len];
}

bool oauth_same_issuer(dsql_str issuer, dsql_str document_url) {
  struct issuer a = issuer_of(issuer), b = issuer_of(document_url);

  if (length_of(&a) != length_of(&b)) return false;
  for (size_t i = 0; i < length_of(&a); i++)
    if (char_at(&a, i) != char_at(&b, i)) return false;
  return true;
}
