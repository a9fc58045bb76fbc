/* format_table.c - an aligned table for the terminal: numbers to the right, NULL as <null>, a text of several lines on
 * as many lines with a '+' where it goes on, and below it the number of rows or the command's tag. */
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "text.h"

#define NULL_TEXT "<null>"
#define TAB "    "

struct cell {
  dsql_str rest; /* lines not printed yet */
  size_t width;  /* of the column */
  bool null, right, more;
};

static bool is_number(uint32_t oid) {
  switch (oid) {
    case DSQL_INT2:
    case DSQL_INT4:
    case DSQL_INT8:
    case DSQL_OID:
    case DSQL_FLOAT4:
    case DSQL_FLOAT8:
    case DSQL_NUMERIC: return true;
    default: return false;
  }
}

static size_t widest_line(dsql_str s) {
  size_t widest = 0;
  bool more = true;
  dsql_str line;

  while (text_next_line(&s, &more, &line)) {
    size_t width = text_width(line, TAB);
    if (width > widest) widest = width;
  }
  return widest;
}

static int measure(struct cell *c, const dsql_result *r, unsigned col) {
  size_t head = widest_line(dsql_result_col_name(r, col));

  c->right = is_number(dsql_result_col_oid(r, col));
  if (head > c->width) c->width = head;
  for (size_t row = 0; row < dsql_result_rows(r); row++) {
    size_t width = strlen(NULL_TEXT);
    if (!dsql_is_null(r, row, col)) {
      dsql_str text;
      int code = dsql_get_text(r, row, col, &text);
      if (code) return code;
      width = widest_line(text);
    }
    if (width > c->width) c->width = width;
  }
  return 0;
}

static void put_text(struct out *o, const struct cell *c, dsql_str line, bool color) {
  bool dim = color && c->null && line.len > 0;
  if (dim) out_string(o, "\x1b[2m");
  text_show(o, line, TAB);
  if (dim) out_string(o, "\x1b[0m");
}

/* The cell's next line, in its width. Nothing is padded at the end of a line, for tidy copies of the text. */
static void put_line(struct out *o, struct cell *c, bool last, bool color) {
  dsql_str line = {"", 0};
  size_t padding;
  bool goes_on;

  (void)text_next_line(&c->rest, &c->more, &line); /* a shorter cell of this row has none left: empty */
  padding = c->width - text_width(line, TAB);
  goes_on = c->more || c->rest.len > 0;
  if (last && line.len == 0 && !goes_on) return;
  out_char(o, ' ');
  if (c->right) out_repeat(o, ' ', padding);
  put_text(o, c, line, color);
  if (!c->right && (!last || goes_on)) out_repeat(o, ' ', padding);
  if (goes_on || !last) out_char(o, goes_on ? '+' : ' ');
}

static void put_cells(struct out *o, struct cell *cells, unsigned n, bool color) {
  bool more;
  do {
    more = false;
    for (unsigned col = 0; col < n; col++) {
      if (col) out_char(o, '|');
      put_line(o, &cells[col], col + 1 == n, color);
      more = more || cells[col].more || cells[col].rest.len > 0;
    }
    out_char(o, '\n');
  } while (more);
}

static void put_head(struct out *o, const dsql_result *r, struct cell *cells, unsigned n) {
  for (unsigned col = 0; col < n; col++) {
    cells[col].rest = dsql_result_col_name(r, col);
    cells[col].more = true;
    cells[col].null = false;
  }
  put_cells(o, cells, n, false);
  for (unsigned col = 0; col < n; col++) {
    if (col) out_char(o, '+');
    out_repeat(o, '-', cells[col].width + 2);
  }
  out_char(o, '\n');
}

static int put_row(struct out *o, const dsql_result *r, size_t row, struct cell *cells, unsigned n, bool color) {
  for (unsigned col = 0; col < n; col++) {
    struct cell *c = &cells[col];
    c->null = dsql_is_null(r, row, col);
    c->more = true;
    c->rest = (dsql_str){NULL_TEXT, strlen(NULL_TEXT)};
    if (!c->null) {
      int code = dsql_get_text(r, row, col, &c->rest);
      if (code) return code;
    }
  }
  put_cells(o, cells, n, color);
  return 0;
}

/* The tag tells something that the rows do not. */
static bool tag_matters(const dsql_result *r, dsql_str tag) {
  static const char *const changes[] = {"INSERT", "UPDATE", "DELETE", "MERGE"};
  if (dsql_result_cols(r) == 0) return tag.len > 0;
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
    if (tag.len > strlen(changes[i]) && memcmp(tag.ptr, changes[i], strlen(changes[i])) == 0) return true;
  return false;
}

void table_foot(struct out *o, const struct table *t, const dsql_result *last) {
  dsql_str tag = dsql_result_tag(last);

  if (dsql_result_cols(last) > 0) {
    out_char(o, '(');
    out_number(o, t->rows);
    out_string(o, t->rows == 1 ? " row)\n" : " rows)\n");
  }
  if (tag_matters(last, tag)) {
    text_show(o, tag, TAB);
    out_char(o, '\n');
  }
}

void table_deinit(struct table *t) {
  free(t->cells);
  *t = (struct table){.color = t->color};
}

static int table_portion(struct out *o, struct table *t, const dsql_result *r) {
  unsigned cols = dsql_result_cols(r);
  int code = 0;

  if (cols == 0) return 0;
  if (!t->cells) t->cells = calloc(cols, sizeof *t->cells);
  if (!t->cells) return DSQL_ENOMEM;
  for (unsigned col = 0; col < cols && !code; col++) code = measure(&t->cells[col], r, col);
  if (!code && !t->begun) put_head(o, r, t->cells, cols);
  t->begun = true;
  for (size_t row = 0; row < dsql_result_rows(r) && !code && !o->os_error; row++, t->rows++)
    code = put_row(o, r, row, t->cells, cols, t->color);
  return code;
}

const struct format format_table = {.name = "table", .portion = table_portion};
