#include "text.h"

#include <string.h>

static bool continues(const char *s, size_t count) {
  for (size_t i = 1; i < count; i++)
    if (((unsigned char)s[i] & 0xC0) != 0x80) return false;
  return true;
}

size_t text_decode(const char *s, size_t n, uint32_t *code_point) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  unsigned char lead = (unsigned char)s[0];
  size_t length = lead < 0x80             ? 1
                  : (lead & 0xE0) == 0xC0 ? 2
                  : (lead & 0xF0) == 0xE0 ? 3
                  : (lead & 0xF8) == 0xF0 ? 4
                                          : 0;
  uint32_t c;

  if (length == 0 || length > n || !continues(s, length)) return 0;
  c = length == 1 ? lead : lead & (0x7Fu >> length);
  for (size_t i = 1; i < length; i++) c = c << 6 | ((unsigned char)s[i] & 0x3F);
  if (c < least[length] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return 0;
  *code_point = c;
  return length;
}

/* C0, C1, and the controls by which a text could disguise the rest of its line (Unicode TR 9, "Trojan Source"). */
static bool hidden(uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029 || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069);
}

static void escape(char kind, unsigned digits, uint32_t value, struct glyph *out) {
  out->bytes[0] = '\\';
  out->bytes[1] = kind;
  for (unsigned i = 0; i < digits; i++) out->bytes[2 + i] = "0123456789ABCDEF"[value >> 4 * (digits - 1 - i) & 15];
  out->length = out->width = 2 + digits;
}

void text_next_glyph(dsql_str *s, const char *tab, struct glyph *out) {
  uint32_t c;
  size_t length = text_decode(s->ptr, s->len, &c);

  if (length == 0) {
    escape('x', 2, (unsigned char)s->ptr[0], out);
    length = 1;
  } else if (c == '\t') {
    out->length = out->width = (unsigned)strlen(tab);
    memcpy(out->bytes, tab, out->length);
  } else if (hidden(c)) {
    if (c < 0x80)
      escape('x', 2, c, out);
    else
      escape('u', 4, c, out);
  } else {
    memcpy(out->bytes, s->ptr, length);
    out->length = (unsigned)length;
    out->width = text_code_point_width(c);
  }
  s->ptr += length;
  s->len -= length;
}

/* How many bytes at its beginning are printable ASCII, which is shown as it is and one wide: most texts are nothing else. */
static size_t plain_length(dsql_str s) {
  size_t n = 0;
  while (n < s.len && s.ptr[n] >= ' ' && s.ptr[n] <= '~') n++;
  return n;
}

static dsql_str behind(dsql_str s, size_t n) { return (dsql_str){s.ptr + n, s.len - n}; }

size_t text_width(dsql_str s, const char *tab) {
  size_t width = 0;
  while (s.len > 0) {
    size_t plain = plain_length(s);
    struct glyph g = {.width = 0};
    s = behind(s, plain);
    if (s.len > 0) text_next_glyph(&s, tab, &g);
    width += plain + g.width;
  }
  return width;
}

void text_show(struct out *o, dsql_str s, const char *tab) {
  while (s.len > 0) {
    size_t plain = plain_length(s);
    struct glyph g;
    out_bytes(o, s.ptr, plain);
    s = behind(s, plain);
    if (s.len == 0) return;
    text_next_glyph(&s, tab, &g);
    out_bytes(o, g.bytes, g.length);
  }
}

bool text_next_line(dsql_str *s, bool *more, dsql_str *line) {
  size_t n = 0;

  if (s->len == 0 && !*more) return false;
  *more = false;
  while (n < s->len && s->ptr[n] != '\n' && s->ptr[n] != '\r') n++;
  *line = (dsql_str){s->ptr, n};
  if (n < s->len) {
    n += n + 1 < s->len && s->ptr[n] == '\r' && s->ptr[n + 1] == '\n' ? 2 : 1;
    *more = n == s->len; /* the text ends with a line end: an empty line follows */
  }
  s->ptr += n;
  s->len -= n;
  return true;
}

bool text_equal(dsql_str a, const char *b) { return a.len == strlen(b) && memcmp(a.ptr, b, a.len) == 0; }
