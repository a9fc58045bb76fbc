#include <criterion/criterion.h>
#include <inttypes.h>

#include "base/buf.h"
#include "heap.h"
#include "random.h"
#include "wire/codec.h"

static const uint8_t *bytes_of(const char *s) { return (const uint8_t *)s; }

struct print_case {
  size_t n;
  const char *bytes, *text;
};

/* Forms that PostgreSQL does not send but that have one meaning. */
static const struct print_case unusual[] = {
    {8, "\0\0\0\5\0\0\0\0", "0"},                 /* zero with a weight */
    {8, "\0\0\0\0\x40\0\0\2", "0.00"},            /* minus zero */
    {12, "\0\2\0\1\0\0\0\0\0\0\0\7", "7"},        /* leading zeros */
    {14, "\0\3\0\0\0\0\0\1\0\1\0\0\0\0", "1.0"},  /* trailing zeros */
    {12, "\0\2\0\0\0\0\0\2\0\1\x30\x39", NULL},   /* 12345 is no group */
    {12, "\0\2\0\0\0\0\0\2\0\1\x04\xd2", "1.12"}, /* 1.1234 cut to its scale: 0x04d2 is 1234 */
    {10, "\0\1\xff\xff\x40\0\0\2\0\x63", "0.00"}, /* -0.0099 cut to nothing loses its sign */
    {8, "\0\0\x7f\xff\xc0\0\0\x20", "NaN"},
};

Test(codec_numeric, unusual_forms) {
  struct heap_arena h;
  heap_arena_init(&h);
  for (size_t i = 0; i < sizeof unusual / sizeof *unusual; i++) {
    const struct print_case *c = &unusual[i];
    dsql_str s;
    int rc = codec_numeric_binary_to_text(&h.arena, bytes_of(c->bytes), c->n, &s);
    cr_assert_eq(rc, c->text ? 0 : DSQL_EPROTO, "case %zu", i);
    if (rc) continue;
    cr_expect(s.len == strlen(c->text) && memcmp(s.ptr, c->text, s.len) == 0, "case %zu: '%.*s'", i, (int)s.len, s.ptr);
  }
  heap_arena_deinit(&h);
}

/* The largest text that ten bytes can ask for is bounded, and right at both ends. */
Test(codec_numeric, largest) {
  struct heap_arena h;
  dsql_str s;
  heap_arena_init(&h);
  cr_assert_eq(codec_numeric_binary_to_text(&h.arena, bytes_of("\0\1\x7f\xff\x40\0\x3f\xff\x27\x0f"), 10, &s), 0);
  cr_expect_eq(s.len, 1u + 131072u + 1u + 16383u);
  cr_expect(memcmp(s.ptr, "-99990", 6) == 0 && s.ptr[131073] == '.' && s.ptr[s.len - 1] == '0');
  cr_expect_leq(h.heap.peak_bytes, 160u * 1024);
  cr_assert_eq(codec_numeric_binary_to_text(&h.arena, bytes_of("\0\1\x80\0\0\0\x3f\xff\0\1"), 10, &s), 0);
  cr_expect_eq(s.len, 2u + 16383u);
  cr_expect(memcmp(s.ptr, "0.0", 3) == 0 && s.ptr[s.len - 1] == '0');
  cr_assert_eq(codec_numeric_binary_to_text(&h.arena, bytes_of("\0\1\xf0\0\0\0\x3f\xff\0\1"), 10, &s), 0);
  cr_expect(s.len == 2u + 16383u && s.ptr[s.len - 1] == '0');
  cr_assert_eq(codec_numeric_binary_to_text(&h.arena, bytes_of("\0\1\xf0\1\0\0\x3f\xfc\0\1"), 10, &s), 0);
  cr_expect(s.len == 2u + 16380u && s.ptr[s.len - 1] == '1', "10000^-4095 is the 16380th decimal");
  heap_arena_deinit(&h);
}

struct scaled_case {
  const char *text;
  unsigned scale;
  int rc;
  int64_t value;
};

static const struct scaled_case scaled[] = {
    {"0", 0, 0, 0},
    {"-0.00", 1, 0, 0},
    {"12.30", 2, 0, 1230},
    {"12.30", 1, 0, 123},
    {"12.30", 0, DSQL_ERANGE, 0},
    {"12.3000000000000000000000000000000000000000", 1, 0, 123},
    {"-0.000000000000000001", 18, 0, -1},
    {"0.0000000000000000001", 18, DSQL_ERANGE, 0},
    {"9223372036854775807", 0, 0, INT64_MAX},
    {"9223372036854775808", 0, DSQL_ERANGE, 0},
    {"-9223372036854775808", 0, 0, INT64_MIN},
    {"-9223372036854775809", 0, DSQL_ERANGE, 0},
    {"-9.223372036854775808", 18, 0, INT64_MIN},
    {"9.223372036854775808", 18, DSQL_ERANGE, 0},
    {"92233720368547758.07", 2, 0, INT64_MAX},
    {"000000000000000000000000000000001", 18, 0, INT64_C(1000000000000000000)},
    {"10", 18, DSQL_ERANGE, 0},
    {"1", 19, DSQL_ERANGE, 0},
    {"18446744073709551616", 0, DSQL_ERANGE, 0},
    {"100000000000000000000000000000000000000000", 0, DSQL_ERANGE, 0},
    {"NaN", 0, DSQL_ERANGE, 0},
    {"Infinity", 0, DSQL_ERANGE, 0},
    {"-Infinity", 3, DSQL_ERANGE, 0},
    {"", 0, DSQL_EPROTO, 0},
    {"1e5", 0, DSQL_EPROTO, 0},
    {"1.", 2, DSQL_EPROTO, 0},
};

Test(codec_numeric, scaled_text) {
  for (size_t i = 0; i < sizeof scaled / sizeof *scaled; i++) {
    const struct scaled_case *c = &scaled[i];
    int64_t v = 42;
    cr_expect_eq(codec_numeric_scaled_text(c->text, strlen(c->text), c->scale, &v), c->rc, "%s", c->text);
    cr_expect_eq(v, c->rc ? 42 : c->value, "%s gave %" PRId64, c->text, v);
  }
}

static size_t random_finite(struct random *r, uint8_t *p) {
  size_t count = random_below(r, 7);
  store_be16(p, (uint16_t)count);
  store_be16(p + 2, (uint16_t)((int)random_below(r, 9) - 4));
  store_be16(p + 4, random_u64(r) & 1 ? 0x4000 : 0);
  store_be16(p + 6, (uint16_t)random_below(r, 22));
  for (size_t i = 0; i < count; i++) {
    store_be16(p + 8 + 2 * i, (uint16_t)(random_u64(r) & 1 ? 0 : random_below(r, 10000)));
  }
  return 8 + 2 * count;
}

/* Both formats agree for every scale, on the value and on the failure. */
Test(codec_numeric, scaled_from_both_formats) {
  struct random r = random_start("codec_numeric");
  struct heap_arena h;
  size_t fitting = 0;
  heap_arena_init(&h);
  for (int i = 0; i < 20000; i++) {
    uint8_t bytes[32];
    size_t n = random_finite(&r, bytes);
    dsql_str s;
    cr_assert_eq(codec_numeric_binary_to_text(&h.arena, bytes, n, &s), 0);
    for (unsigned scale = 0; scale <= CODEC_SCALE_MAX + 1; scale++) {
      int64_t binary = 1, text = 1;
      int rc = codec_numeric_scaled_binary(bytes, n, scale, &binary);
      cr_assert_eq(rc, codec_numeric_scaled_text(s.ptr, s.len, scale, &text), "%.*s at %u", (int)s.len, s.ptr, scale);
      cr_assert_eq(binary, text, "%.*s at %u", (int)s.len, s.ptr, scale);
      fitting += rc == 0;
    }
    arena_deinit(&h.arena);
  }
  cr_expect_gt(fitting, 20000u);
  heap_arena_deinit(&h);
}

Test(codec_numeric, scaled_binary_specials) {
  int64_t v;
  cr_expect_eq(codec_numeric_scaled_binary(bytes_of("\0\0\0\0\xc0\0\0\0"), 8, 0, &v), DSQL_ERANGE);
  cr_expect_eq(codec_numeric_scaled_binary(bytes_of("\0\0\0\0\xd0\0\0\x20"), 8, 0, &v), DSQL_ERANGE);
  cr_expect_eq(codec_numeric_scaled_binary(bytes_of("\0\0\0\0\xf0\0\0\x20"), 8, 0, &v), DSQL_ERANGE);
  cr_expect_eq(codec_numeric_scaled_binary(bytes_of("\0\1\x7f\xff\0\0\0\0\0\1"), 10, 0, &v), DSQL_ERANGE);
  cr_expect_eq(codec_numeric_scaled_binary(bytes_of("\0\1\0\0\0\0\0"), 7, 0, &v), DSQL_EPROTO);
}
