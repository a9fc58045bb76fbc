/* Arrays as C arrays: what the iterator gives, whichever way it is read. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "wire/codec/container.h"

enum { MANY = 100, INT2_ARRAY = 1005, INT4_ARRAY = 1007, TEXT_ARRAY = 1009 };

static unsigned char memory[DSQL_ARRAY_SIZE(MANY, 8)];
static struct heap_arena h;

static void set_up(void) { heap_arena_init(&h); }
static void tear_down(void) { heap_arena_deinit(&h); }
TestSuite(array_values, .init = set_up, .fini = tear_down);

static dsql_value binary(dsql_param p) {
  return (dsql_value){.ptr = p.data, .len = (size_t)p.len, .oid = p.oid, .format = 1, .memory = &h.arena};
}

static dsql_value text(uint32_t oid, const char *s) {
  return (dsql_value){.ptr = s, .len = strlen(s), .oid = oid, .memory = &h.arena};
}

#define ROUND_TRIP(name, type, ...)                                                                                    \
  do {                                                                                                                 \
    const type in[] = {__VA_ARGS__};                                                                                   \
    type out[MANY];                                                                                                    \
    size_t n = 99;                                                                                                     \
    dsql_value v = binary(dsql_##name##_array(memory, sizeof memory, in, sizeof in / sizeof *in));                     \
    cr_assert_eq(dsql_value_##name##_array(&v, out, sizeof in / sizeof *in, &n), 0);                                   \
    cr_assert(n == sizeof in / sizeof *in && memcmp(in, out, sizeof in) == 0);                                         \
    cr_assert_eq(dsql_value_##name##_array(&v, out, n - 1, &n), DSQL_ETOOBIG);                                         \
    cr_assert_eq(n, sizeof in / sizeof *in);                                                                           \
  } while (0)

Test(array_values, binary) {
  ROUND_TRIP(int4, int32_t, 1, -2, INT32_MIN, INT32_MAX, 0);
  ROUND_TRIP(int8, int64_t, 1, -2, INT64_MIN, INT64_MAX, 0);
  ROUND_TRIP(float8, double, 0.5, -0.0, 1e300);
}

static void expect_int8s(dsql_value v, int code, size_t count, const int64_t *want) {
  int64_t out[MANY];
  size_t n = 0;
  cr_assert_eq(dsql_value_int8_array(&v, out, MANY, &n), code);
  if (code) return;
  cr_assert_eq(n, count);
  cr_assert(count == 0 || memcmp(out, want, count * sizeof *out) == 0);
}

Test(array_values, other_ways) {
  static const int64_t want[] = {1, -2, 3, 4};
  static const int32_t narrow[] = {1, -2, 3, 4}, dims[] = {2, 2};
  dsql_builder b;

  expect_int8s(binary(dsql_int4_array(memory, sizeof memory, narrow, 4)), 0, 4, want);
  expect_int8s(text(INT4_ARRAY, "{{1,-2},{3,4}}"), 0, 4, want);
  expect_int8s(text(INT2_ARRAY, "[5:6]={1,-2}"), 0, 2, want);
  expect_int8s(text(INT4_ARRAY, "{}"), 0, 0, NULL);
  dsql_builder_init(&b, memory, sizeof memory);
  dsql_build_array(&b, 0, DSQL_INT8, 2, dims, NULL);
  for (int i = 0; i < 4; i++) dsql_build_value(&b, dsql_int8(want[i]));
  expect_int8s(binary(dsql_built(&b)), 0, 4, want);
  expect_int8s(binary(dsql_int8_array(memory, sizeof memory, NULL, 0)), 0, 0, NULL);
}

Test(array_values, failures) {
  const dsql_str words[] = {{"a", 1}};
  dsql_builder b;
  dsql_value v = {.null = true, .oid = INT4_ARRAY};

  expect_int8s(v, DSQL_ENULL, 0, NULL);
  expect_int8s(text(DSQL_INT4, "1"), DSQL_ETYPE, 0, NULL);
  expect_int8s(text(INT4_ARRAY, "{1,NULL}"), DSQL_ENULL, 0, NULL);
  expect_int8s(text(INT4_ARRAY, "{1,"), DSQL_EPROTO, 0, NULL);
  expect_int8s(binary(dsql_text_array(memory, sizeof memory, words, 1)), DSQL_ETYPE, 0, NULL);
  dsql_builder_init(&b, memory, sizeof memory);
  dsql_build_list(&b, DSQL_INT8, 2);
  dsql_build_value(&b, dsql_int8(1));
  dsql_build_value(&b, dsql_null());
  expect_int8s(binary(dsql_built(&b)), DSQL_ENULL, 0, NULL);
}

/* Every byte changed in turn, and every length: the bytes of all elements may then be as many as they should be though
 * theirs are not. In a block of its own, so that a byte too far is seen. */
Test(array_values, hostile_bytes) {
  static const int64_t in[] = {1, 2, 3};
  dsql_value v = binary(dsql_int8_array(memory, sizeof memory, in, 3));
  int64_t out[3];
  size_t n;

  for (size_t len = 0; len <= v.len; len++)
    for (size_t at = 0; at < v.len; at++)
      for (int change = 1; change < 256; change *= 2) {
        unsigned char *bytes = malloc(len ? len : 1);
        dsql_value w = v;
        int rc;
        memcpy(bytes, v.ptr, len);
        if (at < len) bytes[at] ^= (unsigned char)change;
        w.ptr = bytes;
        w.len = len;
        rc = dsql_value_int8_array(&w, out, 3, &n);
        if (rc == 0) cr_assert(len == DSQL_ARRAY_SIZE(n, 8) || n == 0, "%zu bytes, %zu elements", len, n);
        free(bytes);
      }
}
