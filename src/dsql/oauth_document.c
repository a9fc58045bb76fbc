/* The document with which a server refuses a token. */
#include <string.h>

#include "creds/json.h"
#include "dsql/oauth_source.h"

static bool is_fit(const char *s, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (s[i] < 0x20 || s[i] > 0x7e) return false;
  return n > 0;
}

/* Where the value begins in b, or SIZE_MAX. */
static size_t take(dsql_str text, const char *member, struct buf *b) {
  size_t from = b->len;

  if (!json_text_member(text.ptr, text.len, member, b) || !buf_ok(b)) return SIZE_MAX;
  return is_fit((const char *)b->data + from, b->len - from - 1) ? from : SIZE_MAX;
}

static dsql_str view(const struct buf *b, size_t from) {
  if (from == SIZE_MAX) return (dsql_str){"", 0};
  return (dsql_str){(const char *)b->data + from, strlen((const char *)b->data + from)};
}

static bool is_https(dsql_str url) { return url.len > 8 && memcmp(url.ptr, "https://", 8) == 0; }

void oauth_document_read(dsql_str text, struct buf *b, struct oauth_document *out) {
  size_t status = SIZE_MAX, url = SIZE_MAX, scope = SIZE_MAX;

  buf_reset(b);
  if (text.len) {
    status = take(text, "status", b);
    url = take(text, "openid-configuration", b);
    scope = take(text, "scope", b);
  }
  if (!buf_ok(b)) { /* no memory: nothing is known */
    buf_reset(b);
    status = url = scope = SIZE_MAX;
  }
  *out = (struct oauth_document){view(b, status), view(b, url), view(b, scope)};
  if (!is_https(out->discovery_url)) out->discovery_url = (dsql_str){"", 0};
}
