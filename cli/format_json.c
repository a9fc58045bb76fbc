/* format_json.c - one JSON object per row and line (RFC 8259, "JSON Lines"). Numbers keep every digit that the server
 * sent; what JSON has no number for (NaN, Infinity) is a string. json and jsonb columns are embedded as they are. */
#include <string.h>

#include "format.h"
#include "json.h"
#include "text.h"

/* In a valid JSON text a line end is white space between tokens; here it would break the row's line. */
static void put_embedded(struct out *o, dsql_str s) {
  for (size_t i = 0; i < s.len; i++) out_char(o, s.ptr[i] == '\n' || s.ptr[i] == '\r' ? ' ' : s.ptr[i]);
}

/* PostgreSQL writes finite numbers in JSON's grammar; the others begin with a letter, behind a sign perhaps. */
static void put_number(struct out *o, dsql_str s) {
  size_t first = s.len > 0 && s.ptr[0] == '-';
  if (s.len > first && s.ptr[first] >= '0' && s.ptr[first] <= '9')
    out_view(o, s);
  else
    json_string(o, s);
}

static void put_value(struct out *o, uint32_t oid, dsql_str s) {
  switch (oid) {
    case DSQL_INT2:
    case DSQL_INT4:
    case DSQL_INT8:
    case DSQL_OID:
    case DSQL_FLOAT4:
    case DSQL_FLOAT8:
    case DSQL_NUMERIC: put_number(o, s); break;
    case DSQL_BOOL: out_string(o, text_equal(s, "t") ? "true" : "false"); break;
    case DSQL_JSON:
    case DSQL_JSONB: put_embedded(o, s); break;
    default: json_string(o, s); break;
  }
}

static int json_row(struct out *o, const dsql_result *r, size_t row) {
  unsigned cols = dsql_result_cols(r);
  out_char(o, '{');
  for (unsigned col = 0; col < cols; col++) {
    dsql_str text;
    int code;
    if (col > 0) out_char(o, ',');
    json_string(o, dsql_result_col_name(r, col));
    out_char(o, ':');
    if (dsql_is_null(r, row, col)) {
      out_string(o, "null");
    } else {
      if ((code = dsql_get_text(r, row, col, &text)) != 0) return code;
      put_value(o, dsql_result_col_oid(r, col), text);
    }
  }
  out_string(o, "}\n");
  return 0;
}

const struct format format_json = {.name = "json", .row = json_row};
