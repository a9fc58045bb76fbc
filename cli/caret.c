#include "caret.h"

#include <string.h>

#include "text.h"

enum { LINE_COLUMNS_MAX = 72, COLUMNS_BEFORE_CARET_MAX = 48 };

struct place {
  dsql_str line; /* without its end */
  size_t number; /* from 1 */
  size_t offset; /* of the caret in line, in bytes; its length: just behind it */
};

static bool find_place(dsql_str sql, size_t position, struct place *out) {
  size_t start = 0, at = 0, end;

  *out = (struct place){.number = 1};
  for (size_t character = 1; character < position; character++) {
    uint32_t c;
    size_t length;
    if (at == sql.len) return false;
    length = text_decode(sql.ptr + at, sql.len - at, &c);
    at += length ? length : 1;
    if (sql.ptr[at - 1] == '\n' || (sql.ptr[at - 1] == '\r' && (at == sql.len || sql.ptr[at] != '\n'))) {
      out->number++;
      start = at;
    }
  }
  for (end = at; end < sql.len && sql.ptr[end] != '\n' && sql.ptr[end] != '\r';) end++;
  out->line = (dsql_str){sql.ptr + start, end - start};
  out->offset = at - start;
  return true;
}

/* Drops characters from the front until at most `columns` are left before the caret; true if any. */
static bool cut_front(struct place *p, size_t columns) {
  size_t before = text_width((dsql_str){p->line.ptr, p->offset}, " ");
  bool cut = before > columns;

  while (before > columns) {
    const char *old = p->line.ptr;
    struct glyph g;
    text_next_glyph(&p->line, " ", &g);
    p->offset -= (size_t)(p->line.ptr - old);
    before -= g.width;
  }
  return cut;
}

/* Drops characters from the end until the line fits into `columns`; true if any. */
static bool cut_back(struct place *p, size_t columns) {
  dsql_str rest = p->line;
  size_t width = 0;

  while (rest.len > 0) {
    dsql_str before = rest;
    struct glyph g;
    text_next_glyph(&rest, " ", &g);
    width += g.width;
    if (width > columns) {
      p->line.len -= before.len;
      return true;
    }
  }
  return false;
}

void caret_print(struct out *o, dsql_str sql, size_t position) {
  struct place p;
  bool front = false, back = false;
  size_t digits = 1;

  if (position == 0 || !find_place(sql, position, &p)) return;
  if (text_width(p.line, " ") > LINE_COLUMNS_MAX) {
    front = cut_front(&p, COLUMNS_BEFORE_CARET_MAX);
    back = cut_back(&p, LINE_COLUMNS_MAX);
  }
  out_string(o, "LINE ");
  out_number(o, p.number);
  out_string(o, front ? ": ..." : ": ");
  text_show(o, p.line, " ");
  out_string(o, back ? "...\n" : "\n");
  for (size_t n = p.number; n >= 10; n /= 10) digits++;
  out_repeat(o, ' ', strlen("LINE : ") + digits + (front ? 3 : 0));
  out_repeat(o, ' ', text_width((dsql_str){p.line.ptr, p.offset}, " "));
  out_string(o, "^\n");
}
