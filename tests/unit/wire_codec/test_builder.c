/* Parameters that hold several values: what is built reads back, and what can't be built is refused. */
#include <criterion/criterion.h>

#include "describe.h"
#include "heap.h"
#include "wire/codec/numeric.h"

enum { INT4_ARRAY = 1007, NUMERIC_ARRAY = 1231, INT4_RANGE = 3904, INT4_MULTIRANGE = 4451, USER = 16400 };

static unsigned char memory[1024];

typedef int (*describe_fn)(const dsql_value *v, char out[DESCRIBE_SIZE]);

static void expect(describe_fn describe, dsql_param p, uint32_t oid, const char *want) {
  struct heap_arena h;
  char got[DESCRIBE_SIZE];

  heap_arena_init(&h);
  cr_expect_eq(p.oid, oid, "type %u", p.oid);
  cr_assert_eq(p.format, 1);
  cr_assert_geq(p.len, 0, "refused: %s", want);
  cr_expect_eq(describe(&(dsql_value){p.data, (size_t)p.len, p.oid, 1, false, &h.arena}, got), 0, "%s", want);
  cr_expect_str_eq(got, want, "%s, want %s", got, want);
  heap_arena_deinit(&h);
}

static dsql_builder begin(void) {
  dsql_builder b;
  dsql_builder_init(&b, memory, sizeof memory);
  return b;
}

Test(builder, arrays) {
  dsql_builder b = begin();
  const int32_t dims[] = {2, 2}, bounds[] = {0, -3};

  dsql_build_array(&b, 0, DSQL_INT4, 2, dims, bounds);
  for (int i = 1; i < 4; i++) dsql_build_value(&b, dsql_int4(i));
  dsql_build_value(&b, dsql_null());
  expect(describe_array, dsql_built(&b), INT4_ARRAY, "2@0x2@-3 1|2|3|~");

  b = begin();
  dsql_build_list(&b, DSQL_INT4, 0);
  expect(describe_array, dsql_built(&b), INT4_ARRAY, "none");
}

Test(builder, texts_in_binary) {
  dsql_builder b = begin();
  static const char *const numbers[] = {"0",     "-0.00",  "1.50",    "-12345.678",       "0.0001", "10000",
                                        "99990", "000.10", "1000000", "0.00000000000001", "NaN",    "-Infinity"};
  enum { NUMBERS = sizeof numbers / sizeof *numbers };

  dsql_build_list(&b, DSQL_NUMERIC, NUMBERS + 1);
  for (size_t i = 0; i < NUMBERS; i++) dsql_build_value(&b, dsql_numeric(numbers[i]));
  dsql_build_value(&b, dsql_numeric_scaled(-1234567, 4));
  expect(describe_array, dsql_built(&b), NUMERIC_ARRAY,
         "13 0|0.00|1.50|-12345.678|0.0001|10000|99990|0.10|1000000|0.00000000000001|NaN|-Infinity|-123.4567");

  b = begin();
  dsql_build_list(&b, DSQL_JSONB, 1);
  dsql_build_value(&b, dsql_jsonb("{}"));
  expect(describe_array, dsql_built(&b), 3807, "1 {}");
}

Test(builder, ranges) {
  dsql_builder b = begin();
  dsql_build_range(&b, INT4_RANGE, DSQL_LOWER_INCLUSIVE);
  dsql_build_value(&b, dsql_int4(1));
  dsql_build_value(&b, dsql_int4(5));
  expect(describe_range, dsql_built(&b), INT4_RANGE, ">= 1 < 5");

  b = begin();
  dsql_build_range(&b, INT4_RANGE, DSQL_LOWER_INFINITE | DSQL_UPPER_INCLUSIVE);
  dsql_build_value(&b, dsql_int4(5));
  expect(describe_range, dsql_built(&b), INT4_RANGE, "-inf ~ <= 5");

  b = begin();
  dsql_build_range(&b, INT4_RANGE, DSQL_RANGE_EMPTY);
  expect(describe_range, dsql_built(&b), INT4_RANGE, "empty > ~ < ~");

  b = begin();
  dsql_build_multirange(&b, INT4_MULTIRANGE, 2);
  dsql_build_range(&b, INT4_RANGE, DSQL_LOWER_INCLUSIVE);
  dsql_build_value(&b, dsql_int4(1));
  dsql_build_value(&b, dsql_int4(5));
  dsql_build_range(&b, INT4_RANGE, DSQL_UPPER_INFINITE);
  dsql_build_value(&b, dsql_int4(9));
  expect(describe_multirange, dsql_built(&b), INT4_MULTIRANGE, "2 [1,5) & (9,)");
}

Test(builder, containers_inside_containers) {
  dsql_builder b = begin();
  dsql_value v, field, element;
  dsql_array a;
  dsql_record r;
  char got[DESCRIBE_SIZE];
  dsql_param p;

  dsql_build_array(&b, USER + 1, USER, 1, (int32_t[]){2}, NULL);
  for (int i = 0; i < 2; i++) {
    dsql_build_record(&b, USER, 3);
    dsql_build_value(&b, dsql_int8(i));
    dsql_build_list(&b, DSQL_INT4, 2);
    dsql_build_value(&b, dsql_int4(7));
    dsql_build_value(&b, dsql_int4(8));
    dsql_build_value(&b, dsql_null_of(DSQL_TEXT));
  }
  p = dsql_built(&b);
  cr_assert_eq(p.oid, USER + 1);
  v = (dsql_value){.ptr = p.data, .len = (size_t)p.len, .oid = p.oid, .format = 1};
  cr_assert_eq(dsql_array_begin(&v, &a), 0);
  for (int i = 0; i < 2; i++) {
    int64_t n;
    cr_assert_eq(dsql_array_next(&a, &element), 1);
    cr_assert_eq(element.oid, USER);
    cr_assert_eq(dsql_record_begin(&element, &r), 0);
    cr_assert_eq(r.count, 3);
    cr_assert(dsql_record_next(&r, &field) == 1 && dsql_value_int8(&field, &n) == 0 && n == i);
    cr_assert(dsql_record_next(&r, &field) == 1 && field.oid == INT4_ARRAY);
    field.memory = NULL;
    cr_assert_eq(describe_array(&field, got), DSQL_EINVAL); /* the numbers' texts need memory */
    cr_assert(dsql_record_next(&r, &field) == 1 && field.null && field.oid == DSQL_TEXT);
    cr_assert_eq(dsql_record_next(&r, &field), 0);
  }
  cr_assert_eq(dsql_array_next(&a, &element), 0);
}

Test(builder, c_arrays) {
  const dsql_str texts[] = {{"a b", 3}, {NULL, 0}, {"", 0}};
  expect(describe_array, dsql_bool_array(memory, DSQL_ARRAY_SIZE(2, 1), (bool[]){true, false}, 2), 1000, "2 t|f");
  expect(describe_array, dsql_int2_array(memory, DSQL_ARRAY_SIZE(2, 2), (int16_t[]){-1, 2}, 2), 1005, "2 -1|2");
  expect(describe_array, dsql_int4_array(memory, DSQL_ARRAY_SIZE(2, 4), (int32_t[]){-1, 2}, 2), 1007, "2 -1|2");
  expect(describe_array, dsql_int8_array(memory, DSQL_ARRAY_SIZE(2, 8), (int64_t[]){-1, 2}, 2), 1016, "2 -1|2");
  expect(describe_array, dsql_oid_array(memory, DSQL_ARRAY_SIZE(1, 4), (uint32_t[]){UINT32_MAX}, 1), 1028,
         "1 4294967295");
  expect(describe_array, dsql_float8_array(memory, DSQL_ARRAY_SIZE(2, 8), (double[]){0.1, -2}, 2), 1022, "2 0.1|-2");
  expect(describe_array, dsql_text_array(memory, DSQL_ARRAY_SIZE(3, 0) + 3, texts, 3), 1009, "3 a b|~|");
  expect(describe_array, dsql_uuid_array(memory, DSQL_ARRAY_SIZE(1, 16), (dsql_uuid[]){{{1}}}, 1), 2951,
         "1 01000000-0000-0000-0000-000000000000");
  expect(describe_array, dsql_timestamptz_array(memory, DSQL_ARRAY_SIZE(1, 8), (int64_t[]){0}, 1), 1185,
         "1 2000-01-01 00:00:00+00");
}

/* With any less memory it is refused, nothing is written behind it, and the size that it takes is told. */
Test(builder, memory_is_never_overrun) {
  const int64_t values[] = {1, 2, 3};
  const size_t whole = DSQL_ARRAY_SIZE(3, 8);

  for (size_t cap = 0; cap <= whole; cap++) {
    dsql_builder b;
    memset(memory, 0xaa, sizeof memory);
    dsql_builder_init(&b, cap ? memory : NULL, cap);
    dsql_build_list(&b, DSQL_INT8, 3);
    for (size_t i = 0; i < 3; i++) dsql_build_value(&b, dsql_int8(values[i]));
    cr_assert_eq(dsql_built(&b).len >= 0, cap == whole, "%zu bytes", cap);
    cr_assert_eq(b.size, whole);
    cr_assert_eq(b.error, cap == whole ? 0 : DSQL_ETOOBIG);
    for (size_t i = cap; i < sizeof memory; i++) cr_assert_eq(memory[i], 0xaa, "%zu bytes, byte %zu", cap, i);
  }
}

static void refused(dsql_builder *b, int error, const char *what) {
  cr_expect_lt(dsql_built(b).len, -1, "%s", what);
  cr_expect_eq(b->error, error, "%s: %d", what, b->error);
}

Test(builder, what_is_refused) {
  dsql_builder b = begin();
  const int32_t negative = -1, huge[] = {65536, 65536};
  refused(&b, DSQL_EINVAL, "nothing");
  b = begin();
  dsql_build_value(&b, dsql_int4(1));
  refused(&b, DSQL_EINVAL, "a value by itself");
  b = begin();
  dsql_build_list(&b, DSQL_INT4, 2);
  dsql_build_value(&b, dsql_int4(1));
  refused(&b, DSQL_EINVAL, "too few");
  b = begin();
  dsql_build_list(&b, DSQL_INT4, 1);
  dsql_build_value(&b, dsql_int4(1));
  dsql_build_value(&b, dsql_int4(1));
  refused(&b, DSQL_EINVAL, "too many");
  b = begin();
  dsql_build_list(&b, DSQL_INT4, 0);
  dsql_build_list(&b, DSQL_INT4, 0);
  refused(&b, DSQL_EINVAL, "two");
  b = begin();
  dsql_build_list(&b, DSQL_INT4, 1);
  dsql_build_value(&b, dsql_int8(1));
  refused(&b, DSQL_ETYPE, "another type");
  b = begin();
  dsql_build_list(&b, DSQL_DATE, 1);
  dsql_build_value(&b, dsql_text("2026-01-31"));
  refused(&b, DSQL_ETYPE, "a text that has another binary form");
  b = begin();
  dsql_build_list(&b, DSQL_NUMERIC, 1);
  dsql_build_value(&b, dsql_numeric("1e5"));
  refused(&b, DSQL_EINVAL, "no plain decimal");
  b = begin();
  dsql_build_list(&b, DSQL_NUMERIC, 1);
  dsql_build_value(&b, dsql_numeric_scaled(1, 19));
  refused(&b, DSQL_EINVAL, "a refused parameter");
  b = begin();
  dsql_build_array(&b, 0, DSQL_INT4, 1, &negative, NULL);
  refused(&b, DSQL_EINVAL, "a negative size");
  b = begin();
  dsql_build_array(&b, 0, DSQL_INT4, 7, huge, NULL);
  refused(&b, DSQL_EINVAL, "seven dimensions");
  b = begin();
  dsql_build_array(&b, 0, DSQL_INT4, 2, huge, NULL);
  refused(&b, DSQL_ERANGE, "2^32 elements");
  b = begin();
  dsql_build_range(&b, INT4_RANGE, 32);
  refused(&b, DSQL_EINVAL, "unknown flags");
  b = begin();
  dsql_build_range(&b, INT4_RANGE, DSQL_LOWER_INFINITE);
  dsql_build_value(&b, dsql_null());
  refused(&b, DSQL_ETYPE, "a NULL bound");
  b = begin();
  dsql_build_multirange(&b, INT4_MULTIRANGE, 1);
  dsql_build_value(&b, dsql_int4(1));
  refused(&b, DSQL_ETYPE, "a multirange of numbers");
  b = begin();
  for (int i = 0; i <= DSQL_BUILD_DEPTH; i++) dsql_build_record(&b, DSQL_OID, 1);
  refused(&b, DSQL_EINVAL, "too deep");
}

/* Every decimal that the wire form can tell, against its reader. */
Test(builder, numerics_read_back) {
  struct heap_arena h;
  char text[64];
  uint64_t state = 1;

  heap_arena_init(&h);
  for (int i = 0; i < 10000; i++) {
    size_t n = 0, whole, decimals;
    dsql_builder b = begin();
    dsql_value v, element;
    dsql_array a;
    dsql_str back;
    dsql_param p;
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    whole = 1 + (state >> 33) % 20;
    decimals = (state >> 40) % 20;
    for (size_t k = 0; k < whole + decimals; k++) {
      state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
      if (k == whole) text[n++] = '.';
      text[n++] =
          (char)('0' + (k == 0 && whole > 1 ? 1 + (state >> 40) % 9 : (state >> 60) % 2 * ((state >> 40) % 10)));
    }
    text[n] = '\0';
    dsql_build_list(&b, DSQL_NUMERIC, 1);
    dsql_build_value(&b, dsql_numeric(text));
    p = dsql_built(&b);
    v = (dsql_value){p.data, (size_t)p.len, p.oid, 1, false, &h.arena};
    cr_assert(dsql_array_begin(&v, &a) == 0 && dsql_array_next(&a, &element) == 1);
    cr_assert_eq(dsql_value_numeric(&element, &back), 0);
    cr_assert(back.len == n && memcmp(back.ptr, text, n) == 0, "%s: %.*s", text, (int)back.len, back.ptr);
  }
  heap_arena_deinit(&h);
}
