/* The getters give equal values of text and binary columns, for what a real server sent: tests/data/codec_vectors.txt. */
#include <inttypes.h>
#include <stdio.h>

#include "rows.h"

enum { LINE_SIZE = 16384, ROWS_LEAST = 900, SCALES = 19 };

static const struct {
  const char *name;
  uint32_t oid;
} types[] = {{"bool", DSQL_BOOL},
             {"int2", DSQL_INT2},
             {"int4", DSQL_INT4},
             {"int8", DSQL_INT8},
             {"oid", DSQL_OID},
             {"\"char\"", DSQL_CHAR},
             {"float4", DSQL_FLOAT4},
             {"float8", DSQL_FLOAT8},
             {"text", DSQL_TEXT},
             {"varchar", DSQL_VARCHAR},
             {"bpchar", DSQL_BPCHAR},
             {"name", DSQL_NAME},
             {"json", DSQL_JSON},
             {"jsonb", DSQL_JSONB},
             {"bytea", DSQL_BYTEA},
             {"uuid", DSQL_UUID},
             {"date", DSQL_DATE},
             {"time", DSQL_TIME},
             {"timetz", DSQL_TIMETZ},
             {"timestamp", DSQL_TIMESTAMP},
             {"timestamptz", DSQL_TIMESTAMPTZ},
             {"interval", DSQL_INTERVAL},
             {"numeric", DSQL_NUMERIC}};

struct vector {
  size_t type;
  bool default_style; /* the text is what the server sends with its default settings */
  const char *text;
  uint8_t bytes[LINE_SIZE / 2];
  size_t len;
};

static size_t find_type(const char *name, size_t n) {
  for (size_t i = 0; i < COUNT(types); i++)
    if (strlen(types[i].name) == n && memcmp(types[i].name, name, n) == 0) return i;
  cr_assert_fail("unknown type %.*s", (int)n, name);
  return 0;
}

/* "type[/style] TAB text TAB hex NEWLINE" */
static void parse(char *line, struct vector *v) {
  char *text = strchr(line, '\t'), *hex = text ? strchr(text + 1, '\t') : NULL;

  cr_assert_not_null(hex, "not three columns: %s", line);
  *text++ = '\0';
  *hex++ = '\0';
  v->type = find_type(line, strcspn(line, "/"));
  v->default_style = !strchr(line, '/');
  v->text = text;
  v->len = strcspn(hex, "\n") / 2;
  for (size_t i = 0; i < v->len; i++) cr_assert_eq(sscanf(hex + 2 * i, "%2" SCNx8, &v->bytes[i]), 1);
}

/* What a getter gave: its code, and the value's bytes (padding zero) or the string. */
struct got {
  int rc;
  unsigned char bytes[32];
  dsql_str string;
};

#define READ(getter, type)                                                                                             \
  do {                                                                                                                 \
    type value;                                                                                                        \
    out->rc = getter(r, 0, 0, &value);                                                                                 \
    if (out->rc == 0) memcpy(out->bytes, &value, sizeof value);                                                        \
  } while (0)

static void read_typed(const dsql_result *r, uint32_t oid, struct got *out) {
  memset(out, 0, sizeof *out);
  switch (oid) {
    case DSQL_BOOL: READ(dsql_get_bool, bool); break;
    case DSQL_INT2: READ(dsql_get_int2, int16_t); break;
    case DSQL_INT4: READ(dsql_get_int4, int32_t); break;
    case DSQL_INT8: READ(dsql_get_int8, int64_t); break;
    case DSQL_OID: READ(dsql_get_oid, uint32_t); break;
    case DSQL_FLOAT4: READ(dsql_get_float4, float); break;
    case DSQL_FLOAT8: READ(dsql_get_float8, double); break;
    case DSQL_UUID: READ(dsql_get_uuid, dsql_uuid); break;
    case DSQL_DATE: READ(dsql_get_date, int32_t); break;
    case DSQL_TIME: READ(dsql_get_time, int64_t); break;
    case DSQL_TIMESTAMP: READ(dsql_get_timestamp, int64_t); break;
    case DSQL_TIMESTAMPTZ: READ(dsql_get_timestamptz, int64_t); break;
    case DSQL_INTERVAL: READ(dsql_get_interval, dsql_interval); break;
    case DSQL_TIMETZ: {
      dsql_timetz value; /* ends in padding */
      out->rc = dsql_get_timetz(r, 0, 0, &value);
      if (out->rc == 0) {
        memcpy(out->bytes, &value.time_us, sizeof value.time_us);
        memcpy(out->bytes + 8, &value.utc_offset_s, sizeof value.utc_offset_s);
      }
      break;
    }
    case DSQL_BYTEA: out->rc = dsql_get_bytes(r, 0, 0, &out->string); break;
    case DSQL_NUMERIC: out->rc = dsql_get_numeric(r, 0, 0, &out->string); break;
    case DSQL_JSON:
    case DSQL_JSONB: out->rc = dsql_get_json(r, 0, 0, &out->string); break;
    default: out->rc = dsql_get_text(r, 0, 0, &out->string);
  }
}

static bool same_string(dsql_str a, dsql_str b) {
  return a.len == b.len && (a.len == 0 || !memcmp(a.ptr, b.ptr, a.len));
}

static void check_scaled(const struct rows *text, const struct rows *binary, const char *what) {
  for (unsigned scale = 0; scale <= SCALES; scale++) {
    int64_t a = 77, b = 77;
    int rc = dsql_get_numeric_scaled(&text->result, 0, 0, scale, &a);
    cr_assert(rc == 0 || rc == DSQL_ERANGE, "numeric '%s'", what);
    cr_assert_eq(dsql_get_numeric_scaled(&binary->result, 0, 0, scale, &b), rc, "numeric '%s' scale %u", what, scale);
    cr_assert_eq(a, b, "numeric '%s' scale %u", what, scale);
  }
}

/* Wider getters of the same column. */
static void check_wide(const struct rows *text, const struct rows *binary, uint32_t oid, const char *what) {
  int64_t a = 0, b = 1;
  double x = 0, y = 1;

  if (oid == DSQL_INT2 || oid == DSQL_INT4 || oid == DSQL_INT8 || oid == DSQL_OID) {
    cr_assert_eq(dsql_get_int8(&text->result, 0, 0, &a), 0);
    cr_assert_eq(dsql_get_int8(&binary->result, 0, 0, &b), 0);
    cr_assert_eq(a, b, "'%s'", what);
  }
  if (oid == DSQL_FLOAT4) {
    cr_assert_eq(dsql_get_float8(&text->result, 0, 0, &x), 0);
    cr_assert_eq(dsql_get_float8(&binary->result, 0, 0, &y), 0);
    cr_assert_eq(memcmp(&x, &y, sizeof x), 0, "'%s'", what);
  }
  if (oid == DSQL_NUMERIC) check_scaled(text, binary, what);
}

static void check(struct rows *text, struct rows *binary, const struct vector *v) {
  uint32_t oid = types[v->type].oid;
  const char *type = types[v->type].name;
  struct got a, b;
  dsql_str printed;

  rows_describe(text, &oid, 1, false);
  rows_describe(binary, &oid, 1, true);
  cr_assert_eq(dsql_result_col_format(&binary->result, 0), 1, "%s is never asked for in binary", type);
  rows_add(text, &(struct cell){v->text, strlen(v->text)}, 1);
  rows_add(binary, &(struct cell){v->bytes, v->len}, 1);
  read_typed(&text->result, oid, &a);
  read_typed(&binary->result, oid, &b);
  cr_assert(a.rc == 0 && b.rc == 0, "%s '%s': text %d, binary %d", type, v->text, a.rc, b.rc);
  cr_assert_eq(memcmp(a.bytes, b.bytes, sizeof a.bytes), 0, "%s '%s': other values", type, v->text);
  cr_assert(same_string(a.string, b.string), "%s '%s': '%.*s' and '%.*s'", type, v->text, (int)a.string.len,
            a.string.ptr, (int)b.string.len, b.string.ptr);
  check_wide(text, binary, oid, v->text);
  if (!v->default_style) return;
  cr_assert_eq(dsql_get_text(&binary->result, 0, 0, &printed), 0);
  cr_assert(same_string(printed, (dsql_str){v->text, strlen(v->text)}), "%s '%s' came out as '%.*s'", type, v->text,
            (int)printed.len, printed.ptr);
}

Test(getter_vectors, text_and_binary_are_equal) {
  static char line[LINE_SIZE];
  static struct vector v;
  const char *dir = getenv("DSQL_SOURCE_DIR");
  size_t counts[COUNT(types)] = {0}, total = 0;
  struct rows text, binary;
  char path[4096];
  FILE *f;

  snprintf(path, sizeof path, "%s/tests/data/codec_vectors.txt", dir ? dir : "../../..");
  f = fopen(path, "r");
  cr_assert_not_null(f, "%s is missing", path);
  rows_init(&text);
  rows_init(&binary);
  while (fgets(line, sizeof line, f)) {
    parse(line, &v);
    check(&text, &binary, &v);
    counts[v.type]++;
    total++;
  }
  fclose(f);
  rows_deinit(&text);
  rows_deinit(&binary);
  for (size_t i = 0; i < COUNT(types); i++) cr_assert_gt(counts[i], (size_t)0, "no value of %s", types[i].name);
  cr_assert_geq(total, (size_t)ROWS_LEAST);
}
