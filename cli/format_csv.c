/* format_csv.c - RFC 4180 with a head line and LF line ends, as PostgreSQL's COPY ... CSV HEADER writes it: NULL is an
 * empty field, an empty string is "". */
#include <string.h>

#include "format.h"

static bool needs_quotes(dsql_str s) {
  if (s.len == 0) return true;
  for (size_t i = 0; i < s.len; i++)
    if (strchr(",\"\r\n", s.ptr[i]) && s.ptr[i]) return true;
  return s.ptr[0] == ' ' || s.ptr[s.len - 1] == ' ';
}

static void put_field(struct out *o, dsql_str s) {
  if (!needs_quotes(s)) {
    out_view(o, s);
    return;
  }
  out_char(o, '"');
  for (size_t i = 0; i < s.len; i++) {
    if (s.ptr[i] == '"') out_char(o, '"');
    out_char(o, s.ptr[i]);
  }
  out_char(o, '"');
}

static int csv_head(struct out *o, const dsql_result *r) {
  unsigned cols = dsql_result_cols(r);
  for (unsigned col = 0; col < cols; col++) {
    if (col > 0) out_char(o, ',');
    put_field(o, dsql_result_col_name(r, col));
  }
  if (cols > 0) out_char(o, '\n');
  return 0;
}

static int csv_row(struct out *o, const dsql_result *r, size_t row) {
  unsigned cols = dsql_result_cols(r);
  for (unsigned col = 0; col < cols; col++) {
    dsql_str text;
    int code;
    if (col > 0) out_char(o, ',');
    if (dsql_is_null(r, row, col)) continue;
    if ((code = dsql_get_text(r, row, col, &text)) != 0) return code;
    put_field(o, text);
  }
  out_char(o, '\n');
  return 0;
}

const struct format format_csv = {.name = "csv", .head = csv_head, .row = csv_row};
