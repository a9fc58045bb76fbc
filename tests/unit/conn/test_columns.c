/* Columns: described once, counted, independent of the message that described them. */
#include <stdio.h>

#include "rows.h"
#include "wire/codec.h"

static void assert_name(dsql_str got, unsigned i) {
  char want[16];
  snprintf(want, sizeof want, "c%u", i);
  cr_assert(got.len == strlen(want) && memcmp(got.ptr, want, got.len) == 0, "column %u is named \"%.*s\"", i,
            (int)got.len, got.ptr);
}

static void assert_columns(const struct columns *c, const uint32_t *oids, unsigned n) {
  bool any = false;

  cr_assert_eq(c->count, n);
  for (unsigned i = 0; i < n; i++) {
    assert_name(c->list[i].name, i);
    cr_assert_eq(c->list[i].type_oid, oids[i]);
    cr_assert_eq(c->oids[i], oids[i]);
    cr_assert_eq(c->list[i].table_oid, 16384 + i);
    cr_assert_eq(c->list[i].attribute_number, (int16_t)(uint16_t)(i + 1));
    cr_assert_eq(c->list[i].type_size, -1);
    cr_assert_eq(c->list[i].type_modifier, (int32_t)(100 + i));
    cr_assert_eq(c->formats[i], codec_has_binary(oids[i]), "type %u", oids[i]);
    cr_assert_eq(c->told_formats[i], 0);
    any = any || c->formats[i];
  }
  cr_assert_eq(c->any_binary, any);
}

/* Types with a codec and without one, as many as a RowDescription can have. */
Test(columns, up_to_65535) {
  enum { MAX = 65535 };
  static const unsigned counts[] = {0, 1, 2, 7, 100, 1600, MAX};
  static const uint32_t types[] = {DSQL_INT4, 1033 /* aclitem */, DSQL_TEXT, 2249 /* record */, DSQL_NUMERIC, 0};
  uint32_t *oids = malloc(MAX * sizeof *oids);

  cr_assert_not_null(oids);
  for (unsigned i = 0; i < MAX; i++) oids[i] = types[i % COUNT(types)];
  for (size_t i = 0; i < COUNT(counts); i++) {
    struct columns *c;
    struct rows x;

    rows_init(&x);
    rows_put_description(&x.description, oids, counts[i]);
    c = columns_new(&x.heap.hook, x.description.data, x.description.len);
    cr_assert_not_null(c);
    cr_assert_not_null(columns_new_in(&x.arena, x.description.data, x.description.len));
    memset(x.description.data, 0xee, x.description.len); /* it was copied */
    assert_columns(c, oids, counts[i]);
    columns_unref(c);
    rows_deinit(&x);
  }
  free(oids);
}

Test(columns, none_have_a_binary_form) {
  static const uint32_t oids[] = {1033, 1034};
  struct rows x;

  rows_init(&x);
  rows_describe(&x, oids, 2, true);
  cr_assert(!x.columns->any_binary);
  cr_assert_eq(dsql_result_col_format(&x.result, 0), 0);
  rows_deinit(&x);
}

Test(columns, no_data) {
  struct rows x;
  struct columns *c;

  rows_init(&x);
  c = columns_new(&x.heap.hook, NULL, 0);
  cr_assert_not_null(c);
  cr_assert_eq(c->count, 0);
  cr_assert(!c->any_binary);
  columns_unref(c);
  c = columns_new_in(&x.arena, NULL, 0);
  cr_assert_not_null(c);
  cr_assert_eq(c->count, 0);
  rows_deinit(&x);
}

Test(columns, live_as_long_as_somebody_refers_to_them) {
  static const uint32_t oids[] = {DSQL_INT8};
  struct rows x;
  struct columns *c, *local;

  rows_init(&x);
  rows_put_description(&x.description, oids, 1);
  c = columns_new(&x.heap.hook, x.description.data, x.description.len);
  cr_assert_not_null(c);
  for (int i = 0; i < 3; i++) cr_assert_eq(columns_ref(c), c);
  for (int i = 0; i < 3; i++) columns_unref(c);
  assert_columns(c, oids, 1);
  cr_assert_eq(x.heap.live, 1);
  columns_unref(c);
  cr_assert_eq(x.heap.live, 0);
  columns_unref(NULL);

  local = columns_new_in(&x.arena, x.description.data, x.description.len);
  cr_assert_not_null(local);
  columns_unref(local); /* the arena's: nothing happens */
  assert_columns(local, oids, 1);
  rows_deinit(&x);
}

Test(columns, as_the_user_sees_them) {
  static const uint32_t oids[] = {DSQL_INT4, 1033, DSQL_TEXT};
  static const int binary_formats[] = {1, 0, 1};
  struct rows x;

  rows_init(&x);
  for (int binary = 0; binary <= 1; binary++) {
    rows_describe(&x, oids, 3, binary);
    cr_assert_eq(dsql_result_cols(&x.result), 3);
    for (unsigned i = 0; i < 3; i++) {
      int format = binary ? binary_formats[i] : 0;
      dsql_column column;
      assert_name(dsql_result_col_name(&x.result, i), i);
      cr_assert_eq(dsql_result_col_oid(&x.result, i), oids[i]);
      cr_assert_eq(dsql_result_col_format(&x.result, i), format);
      cr_assert_eq(dsql_result_column(&x.result, i, &column), 0);
      assert_name(column.name, i);
      cr_assert_eq(column.format, format);
      cr_assert_eq(column.type_oid, oids[i]);
      cr_assert_eq(column.type_modifier, (int32_t)(100 + i));
    }
  }
  for (unsigned i = 3; i; i += i) { /* 3, 6, 12 ... until it wraps */
    dsql_column column = {.type_oid = 77};
    cr_assert_eq(dsql_result_col_name(&x.result, i).len, 0);
    cr_assert_eq(dsql_result_col_oid(&x.result, i), 0);
    cr_assert_eq(dsql_result_col_format(&x.result, i), 0);
    cr_assert_eq(dsql_result_column(&x.result, i, &column), DSQL_EINVAL);
    cr_assert_eq(column.type_oid, 77);
  }
  rows_deinit(&x);
}

/* Names as a join gives them: empty, twice, one the beginning of another. */
Test(columns, found_by_name) {
  static const char *const names[] = {"id", "", "name", "id", "names", "NAME", "na"};
  static const struct {
    const char *name;
    int col;
  } cases[] = {{"id", 0}, {"", 1},   {"name", 2},     {"names", 4}, {"NAME", 5},
               {"na", 6}, {"n", -1}, {"nameses", -1}, {"Id", -1}};
  struct rows x;

  rows_init(&x);
  buf_put_be16(&x.description, COUNT(names));
  for (size_t i = 0; i < COUNT(names); i++) {
    buf_put_cstr(&x.description, names[i]);
    buf_put(&x.description, "\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0", 18);
  }
  x.columns = columns_new(&x.heap.hook, x.description.data, x.description.len);
  cr_assert_not_null(x.columns);
  result_set_columns(&x.result, x.columns, false);
  for (size_t i = 0; i < COUNT(cases); i++)
    cr_assert_eq(dsql_result_col_find(&x.result, cases[i].name), cases[i].col, "\"%s\"", cases[i].name);
  rows_deinit(&x);
}

Test(columns, without_memory) {
  static const uint32_t oids[] = {DSQL_INT8, DSQL_TEXT};
  struct rows x;

  rows_init(&x);
  rows_put_description(&x.description, oids, 2);
  test_alloc_arm(&x.heap, 1, true);
  cr_assert_null(columns_new(&x.heap.hook, x.description.data, x.description.len));
  cr_assert_null(columns_new_in(&x.arena, x.description.data, x.description.len));
  cr_assert_null(columns_new(&x.heap.hook, NULL, 0));
  cr_assert_geq(x.heap.calls, (size_t)3);
  rows_deinit(&x);
}
