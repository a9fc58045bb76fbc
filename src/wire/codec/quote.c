#include <string.h>

#include "base/utf8.h"
#include "dsql/dsql.h"

/* An invalid sequence could swallow the quote behind it when the server, or a tool on the way, decodes it otherwise
 * (CVE-2025-1094); a NUL would end the statement early. */
static bool text_valid(const char *s, size_t n) { return n == 0 || (s && !memchr(s, 0, n) && utf8_valid(s, n)); }

static size_t count_of(const char *s, size_t n, char c) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++) count += s[i] == c;
  return count;
}

/* The text between two quotes, with those in it doubled, and so its backslashes if asked for. */
static char *put_quoted(char *out, char quote, bool backslashes, const char *s, size_t n) {
  *out++ = quote;
  for (size_t i = 0; i < n; i++) {
    if (s[i] == quote || (backslashes && s[i] == '\\')) *out++ = s[i];
    *out++ = s[i];
  }
  *out++ = quote;
  *out = '\0';
  return out;
}

int dsql_quote_identifier(const char *s, size_t n, char *out, size_t cap, size_t *len) {
  if (!text_valid(s, n)) return DSQL_EINVAL;
  if (cap < 3 || n > cap - 3 || count_of(s, n, '"') > cap - 3 - n) return DSQL_ETOOBIG;
  *len = (size_t)(put_quoted(out, '"', false, s, n) - out);
  return 0;
}

/* As PQescapeLiteral(): with a backslash in it, " E'...'" with the backslashes doubled reads the same whatever
 * standard_conforming_strings is; the space keeps the E apart from what stands before it. */
int dsql_quote_literal(const char *s, size_t n, char *out, size_t cap, size_t *len) {
  size_t backslashes, frame;
  char *p = out;
  if (!text_valid(s, n)) return DSQL_EINVAL;
  backslashes = count_of(s, n, '\\');
  frame = backslashes ? 5 : 3;
  if (cap < frame || n > cap - frame || backslashes + count_of(s, n, '\'') > cap - frame - n) return DSQL_ETOOBIG;
  if (backslashes) {
    *p++ = ' ';
    *p++ = 'E';
  }
  *len = (size_t)(put_quoted(p, '\'', backslashes > 0, s, n) - out);
  return 0;
}
