#include "wire/codec/container.h"

/* As record_in() and range_parse_bound(): quotes may begin and end anywhere; a doubled one inside ends and begins. */
bool quoted_span(struct scan *in, const char *stops, dsql_str *out) {
  const char *start = in->pos;
  bool inside = false;

  for (; !scan_done(in); in->pos++) {
    char c = *in->pos;
    if (c == '"') inside = !inside;
    if (c == '\\' && ++in->pos == in->end) return false;
    if (c != '\0' && c != '"' && c != '\\' && !inside && strchr(stops, c)) {
      *out = (dsql_str){start, (size_t)(in->pos - start)};
      return true;
    }
  }
  return false;
}

static bool has_special(const char *s, size_t n) { return n && (memchr(s, '"', n) || memchr(s, '\\', n)); }

static size_t open_into(char *out, dsql_str span) {
  bool inside = false;
  size_t n = 0;

  for (size_t i = 0; i < span.len; i++) {
    char c = span.ptr[i];
    if (c == '"' && inside && i + 1 < span.len && span.ptr[i + 1] == '"') {
      out[n++] = c;
      i++;
    } else if (c == '"') {
      inside = !inside;
    } else {
      if (c == '\\' && i + 1 < span.len) c = span.ptr[++i];
      out[n++] = c;
    }
  }
  return n;
}

int quoted_open(struct arena *memory, dsql_str span, dsql_str *out) {
  char *text;

  *out = span;
  if (!has_special(span.ptr, span.len)) return 0;
  if (span.len >= 2 && *span.ptr == '"' && span.ptr[span.len - 1] == '"' && !has_special(span.ptr + 1, span.len - 2)) {
    *out = (dsql_str){span.ptr + 1, span.len - 2};
    return 0;
  }
  if (!memory) return DSQL_EINVAL;
  text = arena_alloc(memory, span.len);
  if (!text) return DSQL_ENOMEM;
  *out = (dsql_str){text, open_into(text, span)};
  return 0;
}
