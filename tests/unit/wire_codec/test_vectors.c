/* The codecs against what a real server sent: tests/data/codec_vectors.txt. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#include "test_alloc.h"
#include "value.h"
#include "wire/codec.h"

enum { LINE_MAX_LEN = 16384, ROWS_LEAST = 900 };

struct type_name {
  const char *name;
  uint32_t oid;
  size_t least; /* rows of this type and of all its styles */
};

static const struct type_name types[] = {
    {"bool", DSQL_BOOL, 2},
    {"int2", DSQL_INT2, 20},
    {"int4", DSQL_INT4, 20},
    {"int8", DSQL_INT8, 20},
    {"oid", DSQL_OID, 10},
    {"\"char\"", DSQL_CHAR, 5},
    {"float4", DSQL_FLOAT4, 60},
    {"float8", DSQL_FLOAT8, 100},
    {"text", DSQL_TEXT, 5},
    {"varchar", DSQL_VARCHAR, 2},
    {"bpchar", DSQL_BPCHAR, 2},
    {"name", DSQL_NAME, 1},
    {"json", DSQL_JSON, 3},
    {"jsonb", DSQL_JSONB, 6},
    {"bytea", DSQL_BYTEA, 40},
    {"uuid", DSQL_UUID, 10},
    {"date", DSQL_DATE, 50},
    {"time", DSQL_TIME, 20},
    {"timetz", DSQL_TIMETZ, 15},
    {"timestamp", DSQL_TIMESTAMP, 40},
    {"timestamptz", DSQL_TIMESTAMPTZ, 160},
    {"interval", DSQL_INTERVAL, 200},
    {"numeric", DSQL_NUMERIC, 90},
};
enum { TYPE_COUNT = sizeof types / sizeof *types };

struct row {
  size_t type;
  bool default_style;
  const char *text;
  uint8_t bytes[LINE_MAX_LEN / 2];
  size_t len;
};

static FILE *open_vectors(void) {
  const char *dir = getenv("DSQL_SOURCE_DIR");
  char path[4096];
  snprintf(path, sizeof path, "%s/tests/data/codec_vectors.txt", dir ? dir : "../../..");
  return fopen(path, "r");
}

static size_t find_type(const char *name, size_t n) {
  for (size_t i = 0; i < TYPE_COUNT; i++) {
    if (strlen(types[i].name) == n && memcmp(types[i].name, name, n) == 0) return i;
  }
  cr_assert_fail("unknown type %.*s", (int)n, name);
  return 0;
}

/* "type[/style] TAB text TAB hex NEWLINE" */
static void parse_row(char *line, struct row *row) {
  char *text = strchr(line, '\t'), *hex = text ? strchr(text + 1, '\t') : NULL;
  cr_assert_not_null(hex, "not three columns: %s", line);
  *text++ = '\0';
  *hex++ = '\0';
  hex[strcspn(hex, "\n")] = '\0';
  row->type = find_type(line, strcspn(line, "/"));
  row->default_style = !strchr(line, '/');
  row->text = text;
  row->len = strlen(hex) / 2;
  for (size_t i = 0; i < row->len; i++) cr_assert_eq(sscanf(hex + 2 * i, "%2" SCNx8, &row->bytes[i]), 1);
}

static void check_row(struct arena *a, const struct row *row) {
  const struct type_name *type = &types[row->type];
  size_t n = strlen(row->text);
  struct value text, binary;
  dsql_str printed;
  cr_assert_eq(value_from_text(a, type->oid, row->text, n, &text), 0, "%s '%s'", type->name, row->text);
  cr_assert_eq(value_from_binary(a, type->oid, row->bytes, row->len, &binary), 0, "%s '%s'", type->name, row->text);
  cr_assert(value_equal(&text, &binary), "%s '%s': text and binary differ", type->name, row->text);
  if (!row->default_style) return;
  cr_assert(codec_has_binary(type->oid));
  cr_assert_eq(codec_to_text(a, type->oid, row->bytes, row->len, &printed), 0, "%s '%s'", type->name, row->text);
  cr_assert(printed.len == n && memcmp(printed.ptr, row->text, n) == 0, "%s '%s' came out as '%.*s'", type->name,
            row->text, (int)printed.len, printed.ptr);
}

Test(codec_vectors, server_values) {
  static char line[LINE_MAX_LEN];
  static struct row row;
  size_t counts[TYPE_COUNT] = {0}, rows = 0;
  struct test_alloc heap;
  struct arena_pool pool;
  struct arena a;
  FILE *f = open_vectors();
  cr_assert_not_null(f, "tests/data/codec_vectors.txt is missing");
  test_alloc_init(&heap);
  arena_pool_init(&pool, &heap.hook, 4);
  arena_init(&a, &pool);
  while (fgets(line, sizeof line, f)) {
    parse_row(line, &row);
    check_row(&a, &row);
    arena_deinit(&a);
    counts[row.type]++;
    rows++;
  }
  fclose(f);
  arena_pool_deinit(&pool);
  test_alloc_assert_empty(&heap);
  for (size_t i = 0; i < TYPE_COUNT; i++) cr_assert_geq(counts[i], types[i].least, "%s", types[i].name);
  cr_assert_geq(rows, ROWS_LEAST);
  fprintf(stderr, "codec_vectors: %zu rows of %d types\n", rows, (int)TYPE_COUNT);
}
