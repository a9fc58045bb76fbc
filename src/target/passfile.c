#include "target/passfile.h"

#include <string.h>

/* Moves *p behind the field and its ':' when the field stands for the value. */
static bool field_matches(const char **p, const char *end, const char *value) {
  const char *s = *p;

  if (end - s >= 2 && s[0] == '*' && s[1] == ':') {
    *p = s + 2;
    return true;
  }
  for (; s < end; s++) {
    bool escaped = *s == '\\';
    if (escaped && ++s == end) return false;
    if (*s == ':' && !escaped && !*value) {
      *p = s + 1;
      return true;
    }
    if (!*value || *s != *value) return false;
    value++;
  }
  return false;
}

static bool line_matches(const char **p, const char *end, const struct passfile_key *key) {
  return field_matches(p, end, key->host) && field_matches(p, end, key->port) && field_matches(p, end, key->dbname) &&
         field_matches(p, end, key->user);
}

static void copy_password(const char *p, const char *end, struct buf *out) {
  for (; p < end && *p != ':'; p++) {
    if (*p == '\\' && p + 1 < end) p++;
    buf_put_u8(out, (uint8_t)*p);
  }
}

bool passfile_find(const char *text, size_t n, const struct passfile_key *key, struct buf *out) {
  const char *end = text + n;

  while (text < end) {
    const char *newline = memchr(text, '\n', (size_t)(end - text)), *stop = newline ? newline : end, *p = text;
    const char *next = newline ? newline + 1 : end;
    const char *nul = memchr(text, '\0', (size_t)(stop - text));
    if (nul) stop = nul;
    while (stop > text && stop[-1] == '\r') stop--;
    if (*text != '#' && line_matches(&p, stop, key)) {
      copy_password(p, stop, out);
      return true;
    }
    text = next;
  }
  return false;
}
