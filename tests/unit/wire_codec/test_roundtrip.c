/* Random values: binary -> text -> value must be binary -> value. */
#include <criterion/criterion.h>
#include <math.h>

#include "base/buf.h"
#include "heap.h"
#include "random.h"
#include "value.h"

enum { ROUNDS = 20000, GROUPS_MAX = 12 };

static int64_t random_signed(struct random *r, int64_t min, int64_t max) {
  int64_t v = (int64_t)random_wide(r);
  if (random_u64(r) & 1) v = -v;
  if (v >= min && v <= max) return v;
  return (int64_t)((uint64_t)min + random_u64(r) % ((uint64_t)max - (uint64_t)min));
}

static size_t random_numeric(struct random *r, uint8_t *p) {
  static const uint16_t specials[] = {0xC000, 0xD000, 0xF000};
  bool special = random_below(r, 100) == 0;
  size_t count = special ? 0 : random_below(r, GROUPS_MAX + 1);
  store_be16(p, (uint16_t)count);
  store_be16(p + 2, (uint16_t)random_signed(r, -6, 8));
  store_be16(p + 4, special ? specials[random_below(r, 3)] : random_u64(r) & 1 ? 0x4000 : 0);
  store_be16(p + 6, (uint16_t)random_below(r, 30));
  for (size_t i = 0; i < count; i++) {
    uint64_t kind = random_below(r, 3);
    store_be16(p + 8 + 2 * i, (uint16_t)(kind == 0   ? 0
                                         : kind == 1 ? random_below(r, 100) * 100
                                                     : random_below(r, 10000)));
  }
  return 8 + 2 * count;
}

/* A random value of the type in binary form. */
static size_t random_binary(struct random *r, uint32_t oid, uint8_t *p) {
  size_t n = 0;
  switch (oid) {
    case DSQL_BOOL: *p = random_u64(r) & 1; return 1;
    case DSQL_CHAR: *p = (uint8_t)random_u64(r); return 1;
    case DSQL_INT2: store_be16(p, (uint16_t)random_signed(r, INT16_MIN, INT16_MAX)); return 2;
    case DSQL_INT4: store_be32(p, (uint32_t)random_signed(r, INT32_MIN, INT32_MAX)); return 4;
    case DSQL_OID: store_be32(p, (uint32_t)random_wide(r)); return 4;
    case DSQL_INT8: store_be64(p, (uint64_t)random_signed(r, INT64_MIN, INT64_MAX)); return 8;
    case DSQL_DATE: store_be32(p, (uint32_t)random_signed(r, -2451545, 2145031948)); return 4;
    case DSQL_TIME: store_be64(p, (uint64_t)random_signed(r, 0, INT64_C(86400000000))); return 8;
    case DSQL_TIMETZ:
      store_be64(p, (uint64_t)random_signed(r, 0, INT64_C(86400000000)));
      store_be32(p + 8, (uint32_t)random_signed(r, -57599, 57599));
      return 12;
    case DSQL_TIMESTAMP:
    case DSQL_TIMESTAMPTZ:
      store_be64(p, (uint64_t)random_signed(r, INT64_C(-211813488000000000), INT64_C(9223371331199999999)));
      return 8;
    case DSQL_INTERVAL:
      store_be64(p, (uint64_t)random_signed(r, INT64_MIN, INT64_MAX));
      store_be32(p + 8, (uint32_t)random_signed(r, INT32_MIN, INT32_MAX));
      store_be32(p + 12, (uint32_t)random_signed(r, INT32_MIN, INT32_MAX));
      return 16;
    case DSQL_UUID: n = 16; break;
    case DSQL_NUMERIC: return random_numeric(r, p);
    default: n = random_below(r, 33); break;
  }
  for (size_t i = 0; i < n; i++) p[i] = (uint8_t)random_u64(r);
  return n;
}

static void check_round(struct heap_arena *h, uint32_t oid, const uint8_t *p, size_t n) {
  struct value binary, text;
  dsql_str s;
  cr_assert_eq(value_from_binary(&h->arena, oid, p, n, &binary), 0, "type %u", oid);
  cr_assert_eq(codec_to_text(&h->arena, oid, p, n, &s), 0, "type %u", oid);
  cr_assert_eq(value_from_text(&h->arena, oid, s.ptr, s.len, &text), 0, "type %u: %.*s", oid, (int)s.len, s.ptr);
  cr_assert(value_equal(&binary, &text), "type %u: %.*s", oid, (int)s.len, s.ptr);
}

Test(codec_roundtrip, binary_and_text) {
  static const uint32_t oids[] = {DSQL_BOOL,    DSQL_CHAR,  DSQL_INT2,      DSQL_INT4,        DSQL_INT8,
                                  DSQL_OID,     DSQL_DATE,  DSQL_TIME,      DSQL_TIMETZ,      DSQL_UUID,
                                  DSQL_NUMERIC, DSQL_BYTEA, DSQL_TIMESTAMP, DSQL_TIMESTAMPTZ, DSQL_INTERVAL};
  struct random r = random_start("codec_roundtrip");
  struct heap_arena h;
  uint8_t bytes[64];
  heap_arena_init(&h);
  for (int i = 0; i < ROUNDS; i++) {
    for (size_t t = 0; t < sizeof oids / sizeof *oids; t++) {
      size_t n = random_binary(&r, oids[t], bytes);
      check_round(&h, oids[t], bytes, n);
    }
    arena_deinit(&h.arena);
  }
  heap_arena_deinit(&h);
}

/* All bit patterns but NaNs, of which there is only one in text. */
Test(codec_roundtrip, floats) {
  struct random r = random_start("codec_roundtrip floats");
  struct heap_arena h;
  uint8_t bytes[8];
  heap_arena_init(&h);
  for (int i = 0; i < 5 * ROUNDS; i++) {
    uint64_t bits = random_u64(&r);
    if (i % 4 == 1) bits &= UINT64_C(0xfff0000000000000); /* powers of two */
    if (i % 4 == 2) bits &= UINT64_C(0x800fffffffffffff); /* subnormals */
    if ((bits >> 52 & 0x7ff) != 0x7ff) {
      store_be64(bytes, bits);
      check_round(&h, DSQL_FLOAT8, bytes, 8);
    }
    bits = bits >> 32 & (i % 4 == 1 ? 0xff800000 : i % 4 == 2 ? 0x807fffff : 0xffffffff);
    if ((bits >> 23 & 0xff) != 0xff) {
      store_be32(bytes, (uint32_t)bits);
      check_round(&h, DSQL_FLOAT4, bytes, 4);
    }
    arena_deinit(&h.arena);
  }
  heap_arena_deinit(&h);
}

/* Half way between two floats, where reading back depends on rounding to even; the server avoids these. */
static bool is_midpoint(const char *text, double v) {
  long double decimal = strtold(text, NULL);
  double other = nextafter(v, decimal > v ? (double)INFINITY : -(double)INFINITY);
  return 2 * decimal == (long double)v + other;
}

/* Shortest: no decimal with one digit less reads back as the same float. printf() gives the nearest of that length. */
Test(codec_roundtrip, floats_are_shortest) {
  struct random r = random_start("codec_roundtrip shortest");
  struct heap_arena h;
  heap_arena_init(&h);
  for (int i = 0; i < ROUNDS; i++) {
    uint64_t bits = random_u64(&r);
    uint8_t bytes[8];
    char shorter[64];
    int digits = 0;
    double v;
    dsql_str s;
    memcpy(&v, &bits, sizeof v);
    store_be64(bytes, bits);
    if ((bits >> 52 & 0x7ff) == 0x7ff) continue;
    cr_assert_eq(codec_to_text(&h.arena, DSQL_FLOAT8, bytes, 8, &s), 0);
    if (!memchr(s.ptr, 'e', s.len)) continue;
    for (size_t k = 0; s.ptr[k] != 'e'; k++) digits += s.ptr[k] >= '0' && s.ptr[k] <= '9';
    cr_assert(digits >= 1 && digits <= 17, "%.*s", (int)s.len, s.ptr);
    if (digits < 2) continue;
    snprintf(shorter, sizeof shorter, "%.*e", digits - 2, v);
    cr_assert(strtod(shorter, NULL) != v || is_midpoint(shorter, v), "%.*s could be %s", (int)s.len, s.ptr, shorter);
    arena_deinit(&h.arena);
  }
  heap_arena_deinit(&h);
}

/* Any decimal reads as the C library reads it (the tests run in the C locale), those near the middle between two floats
 * too: the exact middle of two doubles, cut to 17..19 digits, is as near as 64 bits of digits can come. */
Test(codec_roundtrip, decimals_read_as_strtod) {
  struct random r = random_start("codec_roundtrip decimals");
  for (int i = 0; i < 10 * ROUNDS; i++) {
    char text[64];
    double v, expected;
    float f, expected_f;
    int n, rc;
    if (i % 2) {
      uint64_t bits = random_u64(&r) & INT64_MAX;
      memcpy(&v, &bits, sizeof v);
      n = snprintf(text, sizeof text, "%.*Le", 16 + i / 2 % 3, ((long double)v + nextafter(v, (double)INFINITY)) / 2);
    } else {
      n = snprintf(text, sizeof text, "%llue%d", (unsigned long long)random_wide(&r), (int)random_below(&r, 660) - 340);
    }
    if (strpbrk(text, "in")) continue; /* infinity, NaN */
    expected = strtod(text, NULL);
    rc = codec_float8_text(text, (size_t)n, &v);
    if (rc == 0)
      cr_assert(memcmp(&v, &expected, sizeof v) == 0, "%s: %.17g is not %.17g", text, v, expected);
    else
      cr_assert(rc == DSQL_ERANGE && (isinf(expected) || expected == 0), "%s", text);
    expected_f = strtof(text, NULL);
    rc = codec_float4_text(text, (size_t)n, &f);
    if (rc == 0)
      cr_assert(memcmp(&f, &expected_f, sizeof f) == 0, "%s: %.9g is not %.9g", text, f, expected_f);
    else
      cr_assert(rc == DSQL_ERANGE && (isinf(expected_f) || expected_f == 0), "%s", text);
  }
}
