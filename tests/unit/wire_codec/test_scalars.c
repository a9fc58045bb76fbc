/* Network addresses, bit strings, geometry, identifiers, decimals: what servers send, both formats, there and back;
 * and what they never send. */
#include <criterion/criterion.h>
#include <math.h>

#include "base/buf.h"
#include "heap.h"
#include "random.h"
#include "value.h"
#include "wire/codec/scalars.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
enum { ROUNDS = 10000, WIRE_MAX = 256 };

/* Binary by hand from the send functions; text is the server's. tests/live/scalars_test.c asks real ones. */
struct vector {
  uint32_t oid;
  const char *text, *hex;
};

#define ONE "3ff0000000000000"
#define TWO "4000000000000000"
#define HALF "3fe0000000000000"
#define MINUS_0 "8000000000000000"
#define NOT_A_NUMBER "7ff8000000000000"
#define INFINITE "7ff0000000000000"

static const struct vector vectors[] = {
    {DSQL_INET, "192.168.1.226", "02200004c0a801e2"},
    {DSQL_INET, "192.168.1.226/24", "02180004c0a801e2"},
    {DSQL_INET, "0.0.0.0/0", "0200000400000000"},
    {DSQL_CIDR, "10.0.0.0/8", "020801040a000000"},
    {DSQL_CIDR, "10.1.2.3/32", "022001040a010203"},
    {DSQL_INET, "::", "0380001000000000000000000000000000000000"},
    {DSQL_INET, "::1", "0380001000000000000000000000000000000001"},
    {DSQL_INET, "1::/64", "0340001000010000000000000000000000000000"},
    {DSQL_INET, "::4.3.2.1/24", "0318001000000000000000000000000004030201"},
    {DSQL_INET, "::ffff:1.2.3.4", "0380001000000000000000000000ffff01020304"},
    {DSQL_INET, "10:23::f1", "03800010001000230000000000000000000000f1"},
    {DSQL_INET, "1:0:2::3:0", "0380001000010000000200000000000000030000"},
    {DSQL_INET, "1:0:2:3:4:5:6:7", "0380001000010000000200030004000500060007"},
    {DSQL_INET, "1:0:0:2::3", "0380001000010000000000020000000000000003"},
    {DSQL_INET, "1::2:0:0:3:4", "0380001000010000000000020000000000030004"},
    {DSQL_CIDR, "2001:db8::/32", "0320011020010db8000000000000000000000000"},
    {DSQL_CIDR, "::ffff:1.2.3.0/120", "0378011000000000000000000000ffff01020300"},
    {DSQL_MACADDR, "08:00:2b:01:02:03", "08002b010203"},
    {DSQL_MACADDR8, "08:00:2b:ff:fe:01:02:03", "08002bfffe010203"},
    {DSQL_BIT, "1", "0000000180"},
    {DSQL_BIT, "01000110111", "0000000b46e0"},
    {DSQL_VARBIT, "", "00000000"},
    {DSQL_VARBIT, "1111111100000001", "00000010ff01"},
    {DSQL_POINT, "(1,-0)", ONE MINUS_0},
    {DSQL_POINT, "(NaN,Infinity)", NOT_A_NUMBER INFINITE},
    {DSQL_LINE, "{1,2,0.5}", ONE TWO HALF},
    {DSQL_LSEG, "[(1,2),(0.5,1)]", ONE TWO HALF ONE},
    {DSQL_BOX, "(2,1),(1,0.5)", TWO ONE ONE HALF},
    {DSQL_CIRCLE, "<(1,2),0.5>", ONE TWO HALF},
    {DSQL_PATH, "[(1,2),(2,1)]", "0000000002" ONE TWO TWO ONE},
    {DSQL_PATH, "((1,2))", "0100000001" ONE TWO},
    {DSQL_POLYGON, "((1,2),(2,1))", "00000002" ONE TWO TWO ONE},
    {DSQL_PG_LSN, "16/B374D848", "00000016b374d848"},
    {DSQL_PG_LSN, "0/0", "0000000000000000"},
    {DSQL_PG_LSN, "FFFFFFFF/FFFFFFFF", "ffffffffffffffff"},
    {DSQL_TID, "(4294967295,65535)", "ffffffffffff"},
    {DSQL_TID, "(0,1)", "000000000001"},
    {DSQL_XID, "4294967295", "ffffffff"},
    {DSQL_CID, "0", "00000000"},
    {DSQL_XID8, "18446744073709551615", "ffffffffffffffff"},
    {DSQL_JSONPATH, "$.\"a\"", "01242e226122"},
};

static size_t from_hex(const char *hex, uint8_t *out) {
  size_t n = strlen(hex) / 2;
  for (size_t i = 0; i < n; i++) {
    char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};
    out[i] = (uint8_t)strtoul(digits, NULL, 16);
  }
  return n;
}

Test(codec_scalars, vectors) {
  struct heap_arena h;
  heap_arena_init(&h);
  for (size_t i = 0; i < COUNT(vectors); i++) {
    const struct vector *v = &vectors[i];
    uint8_t wire[WIRE_MAX];
    size_t n = from_hex(v->hex, wire), len = strlen(v->text);
    struct value binary, text;
    dsql_str s = {"", 0};
    cr_assert(codec_has_binary(v->oid), "%s", v->text);
    cr_expect_eq(codec_to_text(&h.arena, v->oid, wire, n, &s), 0, "%s", v->text);
    cr_expect(s.len == len && memcmp(s.ptr, v->text, len) == 0, "%s came out as %.*s", v->text, (int)s.len, s.ptr);
    cr_expect_eq(value_from_binary(&h.arena, v->oid, wire, n, &binary), 0, "%s", v->text);
    cr_assert_eq(value_from_text(&h.arena, v->oid, v->text, len, &text), 0, "%s", v->text);
    cr_expect(value_equal(&binary, &text), "%s", v->text);
    if (v->oid == DSQL_JSONPATH) continue;
    cr_expect(text.size == n && memcmp(text.bytes, wire, n) == 0, "%s does not encode to what it came from", v->text);
  }
  heap_arena_deinit(&h);
}

/* What the server does not print, and other addresses' own rules allow. */
Test(codec_scalars, other_spellings_of_ipv6) {
  static const char *const same[][2] = {{"0:0:0:0:0:0:0:1", "::1"},
                                        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
                                        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
                                        {"1::3.4.5.6", "1::304:506"},
                                        {"ABCD::0001", "abcd::1"},
                                        {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"}};
  for (size_t i = 0; i < COUNT(same); i++) {
    dsql_inet v;
    char text[64] = {0};
    cr_assert_eq(codec_inet_text(same[i][0], strlen(same[i][0]), &v), 0, "%s", same[i][0]);
    *codec_print_inet(text, &v, false) = 0;
    cr_expect_str_eq(text, same[i][1]);
  }
}

struct reject {
  uint32_t oid;
  const char *texts[24];
};

static const struct reject rejects[] = {
    {DSQL_INET,
     {"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/1x", " 1.2.3.4", "1.2.3.4 ",
      "1..2.3", "a.b.c.d", "1.2.3.4/-1", "01234.1.1.1"}},
    {DSQL_INET,
     {":", ":1", "1:", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "::g", "::1/129", "::1/",
      "::1.2.3", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1::/1/2",
      "::ffff:1.2.3.256", "1:2:"}},
    {DSQL_MACADDR,
     {"", "08:00:2b:01:02", "08:00:2b:01:02:0", "08:00:2b:01:02:03:", "08-00-2b-01-02-03", "08:00:2g:01:02:03"}},
    {DSQL_MACADDR8, {"", "08:00:2b:01:02:03", "08:00:2b:ff:fe:01:02:0g", "08:00:2b:ff:fe:01:02.03"}},
    {DSQL_BIT, {"2", "01 ", "0x1", "O1", "-1"}},
    {DSQL_POINT, {"", "()", "(,)", "(1)", "(1,)", "(1,2", "1,2)", "(1,2)x", "(1,2,3)", "( 1,2)", "(1,nan)", "((1,2))"}},
    {DSQL_LINE, {"", "{}", "{1,2}", "{1,2,3,4}", "{1,2,3", "(1,2,3)", "{1,2,3}x"}},
    {DSQL_LSEG,
     {"", "[]", "[(1,2)]", "[(1,2),(3,4),(5,6)]", "[(1,2)(3,4)]", "((1,2),(3,4))", "[(1,2),(3,4)]x", "[(1,2),(3,4)"}},
    {DSQL_BOX, {"", "(1,2)", "(1,2),", "(1,2),(3,4),", "(1,2)(3,4)", "((1,2),(3,4))", "(1,2),(3,4)x"}},
    {DSQL_CIRCLE, {"", "<>", "<(1,2)>", "<(1,2),>", "<(1,2),3", "((1,2),3)", "<(1,2),3>x", "<1,2,3>", "<(1,2)3>"}},
    {DSQL_PATH,
     {"", "()", "[]", "(", "[", "((1,2)]", "[(1,2))", "[(1,2),]", "[(1,2)(3,4)]", "[(1,2),(3,4)", "[(1,2)]x",
      "[((1,2)]", "(1,2)"}},
    {DSQL_POLYGON, {"", "()", "(1,2)", "((1,2)", "[(1,2)]", "((1,2),)", "((1,2),3)", "((((("}},
    {DSQL_PG_LSN, {"", "/", "1/", "/1", "1", "1/2/3", "123456789/0", "0/123456789", "g/0", "0/-1", "0/1 "}},
    {DSQL_TID, {"", "()", "(1)", "(1,)", "(,1)", "(1,2", "1,2)", "(1,2)x", "(-1,2)", "(1, 2)"}},
    {DSQL_XID8, {"", "-1", "x", "1 "}},
    {DSQL_XID, {"", "-", "x"}},
};

Test(codec_scalars, texts_of_no_value) {
  struct heap_arena h;
  heap_arena_init(&h);
  for (size_t i = 0; i < COUNT(rejects); i++)
    for (size_t k = 0; k < COUNT(rejects[i].texts) && rejects[i].texts[k]; k++) {
      struct value v;
      const char *text = rejects[i].texts[k];
      cr_expect_eq(value_from_text(&h.arena, rejects[i].oid, text, strlen(text), &v), DSQL_EPROTO, "type %u: '%s'",
                   rejects[i].oid, text);
    }
  heap_arena_deinit(&h);
}

Test(codec_scalars, texts_out_of_range) {
  static const struct reject over[] = {{DSQL_XID8, {"18446744073709551616", "99999999999999999999"}},
                                       {DSQL_XID, {"4294967296"}},
                                       {DSQL_TID, {"(4294967296,1)", "(1,65536)"}},
                                       {DSQL_POINT, {"(1e400,0)", "(0,-1e400)"}},
                                       {DSQL_PATH, {"[(0,0),(0,1e400)]"}}};
  struct heap_arena h;
  heap_arena_init(&h);
  for (size_t i = 0; i < COUNT(over); i++)
    for (size_t k = 0; k < COUNT(over[i].texts) && over[i].texts[k]; k++) {
      struct value v;
      const char *text = over[i].texts[k];
      cr_expect_eq(value_from_text(&h.arena, over[i].oid, text, strlen(text), &v), DSQL_ERANGE, "'%s'", text);
    }
  heap_arena_deinit(&h);
}

static const struct {
  uint32_t oid;
  const char *hex;
} hostile[] = {
    {DSQL_INET, ""},
    {DSQL_INET, "02200004"},
    {DSQL_INET, "01200004c0a801e2"},                         /* another family */
    {DSQL_INET, "0a80001000000000000000000000000000000000"}, /* Linux' AF_INET6 */
    {DSQL_INET, "02210004c0a801e2"},                         /* 33 of 32 bits */
    {DSQL_INET, "03810010000000000000000000000000000000000"
                "0"}, /* 129 of 128 bits */
    {DSQL_INET, "02ff0004c0a801e2"},
    {DSQL_INET, "02200204c0a801e2"},   /* neither inet nor cidr */
    {DSQL_INET, "02200010c0a801e2"},   /* a length that is not the family's */
    {DSQL_INET, "02200003c0a801"},     /* three bytes of address */
    {DSQL_INET, "02200004c0a801e200"}, /* five */
    {DSQL_INET, "03800004c0a801e2"},
    {DSQL_CIDR, "0280011000000000000000000000000000000000"},
    {DSQL_BIT, ""},
    {DSQL_BIT, "000001"},
    {DSQL_BIT, "00000001"},     /* no byte for one bit */
    {DSQL_BIT, "000000018000"}, /* two bytes */
    {DSQL_BIT, "00000009ff"},
    {DSQL_BIT, "00000001c0"}, /* bits behind the last */
    {DSQL_BIT, "ffffffff"},   /* -1 bits */
    {DSQL_BIT, "80000000"},
    {DSQL_VARBIT, "7fffffff00"},
    {DSQL_PATH, ""},
    {DSQL_PATH, "01"},
    {DSQL_PATH, "0100000000"}, /* no points */
    {DSQL_PATH, "0100000001"}, /* none for a count of one */
    {DSQL_PATH, "0200000001" ONE TWO},
    {DSQL_PATH, "0100000001" ONE},
    {DSQL_PATH, "0100000001" ONE TWO ONE TWO},
    {DSQL_PATH, "0110000001" ONE TWO}, /* times 16 it is one, in 32 bits */
    {DSQL_PATH, "01ffffffff" ONE TWO},
    {DSQL_POLYGON, ""},
    {DSQL_POLYGON, "00000000"},
    {DSQL_POLYGON, "00000001" ONE},
    {DSQL_POLYGON, "00000001" ONE TWO "00"},
    {DSQL_POLYGON, "10000001" ONE TWO},
    {DSQL_POLYGON, "80000001" ONE TWO},
    {DSQL_JSONPATH, ""},
    {DSQL_JSONPATH, "0224"},
};

Test(codec_scalars, hostile_bytes) {
  struct heap_arena h;
  heap_arena_init(&h);
  for (size_t i = 0; i < COUNT(hostile); i++) {
    uint8_t wire[WIRE_MAX];
    size_t n = from_hex(hostile[i].hex, wire);
    struct value v;
    dsql_str text = {"before", 6};
    cr_expect_eq(value_from_binary(&h.arena, hostile[i].oid, wire, n, &v), DSQL_EPROTO, "%s", hostile[i].hex);
    cr_expect_eq(codec_to_text(&h.arena, hostile[i].oid, wire, n, &text), DSQL_EPROTO, "%s", hostile[i].hex);
    cr_expect_eq(text.len, 6, "%s: *out written", hostile[i].hex);
  }
  heap_arena_deinit(&h);
}

Test(codec_scalars, every_other_width) {
  static const struct {
    uint32_t oid;
    size_t bytes;
  } widths[] = {{DSQL_MACADDR, 6}, {DSQL_MACADDR8, 8}, {DSQL_POINT, 16},  {DSQL_LINE, 24},
                {DSQL_LSEG, 32},   {DSQL_BOX, 32},     {DSQL_CIRCLE, 24}, {DSQL_TID, 6},
                {DSQL_XID, 4},     {DSQL_PG_LSN, 8},   {DSQL_CID, 4},     {DSQL_XID8, 8}};
  static const uint8_t zeros[40];
  struct heap_arena h;
  heap_arena_init(&h);
  for (size_t i = 0; i < COUNT(widths); i++)
    for (size_t n = 0; n <= sizeof zeros; n++) {
      struct value v;
      cr_expect_eq(value_from_binary(&h.arena, widths[i].oid, zeros, n, &v), n == widths[i].bytes ? 0 : DSQL_EPROTO,
                   "type %u, %zu bytes", widths[i].oid, n);
    }
  heap_arena_deinit(&h);
}

/* ---- random values: binary -> text -> value is binary -> value, which encodes to the binary it came from ---- */

static size_t put_random(struct random *r, uint8_t *p, size_t n) {
  for (size_t i = 0; i < n; i++) p[i] = random_below(r, 3) ? (uint8_t)random_u64(r) : 0;
  return n;
}

static size_t put_doubles(struct random *r, uint8_t *p, size_t n) {
  for (size_t i = 0; i < n; i++) {
    double v;
    uint64_t bits = random_u64(r);
    if (random_u64(r) & 1) {
      v = (double)(int64_t)random_below(r, 2000) / 8 - 100;
      memcpy(&bits, &v, sizeof bits);
    }
    memcpy(&v, &bits, sizeof v);
    if (isnan(v)) bits = UINT64_C(0x7ff8000000000000);
    store_be64(p + 8 * i, bits);
  }
  return 8 * n;
}

static size_t put_network(struct random *r, uint32_t oid, uint8_t *p) {
  uint8_t size = random_u64(r) & 1 ? 4 : 16;
  p[0] = size == 4 ? 2 : 3;
  p[1] = (uint8_t)random_below(r, 8U * size + 1);
  p[2] = oid == DSQL_CIDR;
  p[3] = size;
  for (size_t i = 0; i < size; i += 2) put_random(r, p + 4 + i, random_below(r, 2) ? 2 : 0);
  return 4U + size;
}

static size_t put_bits(struct random *r, uint8_t *p) {
  size_t count = random_below(r, 200), size = (count + 7) / 8;
  store_be32(p, (uint32_t)count);
  put_random(r, p + 4, size);
  if (count % 8) p[4 + size - 1] &= (uint8_t)(0xff00 >> count % 8);
  return 4 + size;
}

static size_t random_binary(struct random *r, uint32_t oid, uint8_t *p) {
  uint32_t count = 1 + (uint32_t)random_below(r, 6);
  memset(p, 0, WIRE_MAX);
  switch (oid) {
    case DSQL_INET:
    case DSQL_CIDR: return put_network(r, oid, p);
    case DSQL_BIT:
    case DSQL_VARBIT: return put_bits(r, p);
    case DSQL_POINT: return put_doubles(r, p, 2);
    case DSQL_LINE:
    case DSQL_CIRCLE: return put_doubles(r, p, 3);
    case DSQL_LSEG:
    case DSQL_BOX: return put_doubles(r, p, 4);
    case DSQL_PATH:
      *p = random_u64(r) & 1;
      store_be32(p + 1, count);
      return 5 + put_doubles(r, p + 5, 2 * count);
    case DSQL_POLYGON: store_be32(p, count); return 4 + put_doubles(r, p + 4, 2 * count);
    case DSQL_MACADDR:
    case DSQL_TID: return put_random(r, p, 6);
    case DSQL_XID:
    case DSQL_CID: return put_random(r, p, 4);
    default: return put_random(r, p, 8);
  }
}

Test(codec_scalars, round_trips) {
  static const uint32_t oids[] = {DSQL_INET,    DSQL_CIDR,   DSQL_MACADDR, DSQL_MACADDR8, DSQL_BIT,    DSQL_VARBIT,
                                  DSQL_POINT,   DSQL_LINE,   DSQL_LSEG,    DSQL_BOX,      DSQL_CIRCLE, DSQL_PATH,
                                  DSQL_POLYGON, DSQL_PG_LSN, DSQL_TID,     DSQL_XID,      DSQL_CID,    DSQL_XID8};
  struct random r = random_start("codec_scalars");
  struct heap_arena h;
  uint8_t wire[WIRE_MAX];
  heap_arena_init(&h);
  for (size_t i = 0; i < COUNT(oids); i++)
    for (int round = 0; round < ROUNDS; round++) {
      size_t n = random_binary(&r, oids[i], wire);
      struct value binary, text;
      dsql_str s;
      cr_assert_eq(value_from_binary(&h.arena, oids[i], wire, n, &binary), 0, "type %u", oids[i]);
      cr_assert(binary.size == n && memcmp(binary.bytes, wire, n) == 0, "type %u", oids[i]);
      cr_assert_eq(codec_to_text(&h.arena, oids[i], wire, n, &s), 0);
      cr_assert_eq(value_from_text(&h.arena, oids[i], s.ptr, s.len, &text), 0, "type %u: %.*s", oids[i], (int)s.len,
                   s.ptr);
      cr_assert(value_equal(&binary, &text), "type %u: %.*s", oids[i], (int)s.len, s.ptr);
      if (round % 100 == 0) arena_deinit(&h.arena);
    }
  heap_arena_deinit(&h);
}

/* ---- parameters ---- */

Test(codec_scalars, refused_parameters) {
  dsql_point points[2] = {{0, 0}, {1, 1}};
  uint8_t wire[64], set[2] = {0xff, 0xff};
  dsql_path path = {points, 2, true};
  dsql_polygon polygon = {points, 2};
  dsql_lseg lseg = {{{0, 0}, {1, 1}}};
  dsql_box box = {{1, 1}, {0, 0}};
  dsql_bits bits = {set, 16};
  cr_expect_eq(dsql_inet_param((dsql_inet){.family = 5}).len, -2);
  cr_expect_eq(dsql_inet_param((dsql_inet){.family = 4, .prefix_bits = 33}).len, -2);
  cr_expect_eq(dsql_cidr_param((dsql_inet){.family = 6, .prefix_bits = 129}).len, -2);
  cr_expect_eq(dsql_path_param(&path, wire, DSQL_PATH_WIRE_SIZE(2)).len, 37);
  cr_expect_eq(dsql_path_param(&path, wire, DSQL_PATH_WIRE_SIZE(2) - 1).len, -2);
  cr_expect_eq(dsql_polygon_param(&polygon, wire, DSQL_POLYGON_WIRE_SIZE(2) - 1).len, -2);
  cr_expect_eq(dsql_lseg_param(&lseg, wire, 31).len, -2);
  cr_expect_eq(dsql_box_param(&box, wire, 31).len, -2);
  cr_expect_eq(dsql_bits_param(&bits, wire, DSQL_BITS_WIRE_SIZE(16) - 1).len, -2);
  bits.count = 15;
  cr_expect_eq(dsql_bits_param(&bits, wire, sizeof wire).len, -2, "a bit behind the last");
  bits.count = SIZE_MAX;
  cr_expect_eq(dsql_bits_param(&bits, wire, sizeof wire).len, -2);
  path.count = polygon.count = 0;
  cr_expect_eq(dsql_path_param(&path, wire, sizeof wire).len, -2);
  cr_expect_eq(dsql_polygon_param(&polygon, wire, sizeof wire).len, -2);
  path.count = polygon.count = SIZE_MAX / 16 + 2; /* times 16, and 4 more, it is small */
  cr_expect_eq(dsql_path_param(&path, wire, sizeof wire).len, -2);
  cr_expect_eq(dsql_polygon_param(&polygon, wire, SIZE_MAX).len, -2);
  cr_expect_eq(dsql_path_param(NULL, wire, sizeof wire).len, -1);
  cr_expect_eq(dsql_bits_param(NULL, NULL, 0).oid, (uint32_t)DSQL_VARBIT);
}

/* ---- decimals ---- */

Test(codec_scalars, decimals) {
  static const struct {
    const char *text, *digits;
    unsigned scale;
    bool negative;
  } cases[] = {{"0", "0", 0, false},
               {"0.00", "0", 2, false},
               {"12.30", "1230", 2, false},
               {"-0.0012", "12", 4, true},
               {"-7", "7", 0, true},
               {"10000", "10000", 0, false},
               {"100.5", "1005", 1, false},
               {"-0.0", "0", 1, false},
               {"123456789012345678901234567890.5", "1234567890123456789012345678905", 1, false}};
  struct heap_arena h;
  dsql_decimal v;
  heap_arena_init(&h);
  for (size_t i = 0; i < COUNT(cases); i++) {
    cr_assert_eq(codec_decimal_text(&h.arena, cases[i].text, strlen(cases[i].text), &v), 0);
    cr_expect_eq(v.kind, DSQL_DECIMAL_FINITE);
    cr_expect(v.digits.len == strlen(cases[i].digits) && memcmp(v.digits.ptr, cases[i].digits, v.digits.len) == 0,
              "%s: %.*s", cases[i].text, (int)v.digits.len, v.digits.ptr);
    cr_expect(v.scale == cases[i].scale && v.negative == cases[i].negative, "%s", cases[i].text);
  }
  cr_expect(codec_decimal_text(&h.arena, "NaN", 3, &v) == 0 && v.kind == DSQL_DECIMAL_NAN && v.digits.len == 0);
  cr_expect(codec_decimal_text(&h.arena, "Infinity", 8, &v) == 0 && v.kind == DSQL_DECIMAL_INFINITY);
  cr_expect(codec_decimal_text(&h.arena, "-Infinity", 9, &v) == 0 && v.kind == DSQL_DECIMAL_NEG_INFINITY);
  cr_expect_eq(codec_decimal_text(&h.arena, "1e5", 3, &v), DSQL_EPROTO);
  cr_expect_eq(codec_decimal_text(&h.arena, "", 0, &v), DSQL_EPROTO);
  heap_arena_deinit(&h);
}

/* ---- memory ---- */

Test(codec_scalars, without_memory) {
  static const char *const texts[][2] = {{"b", "0101"}, {"p", "[(1,2)]"}, {"d", "1.5"}};
  struct heap_arena h;
  dsql_bits bits;
  dsql_path path;
  dsql_decimal decimal;
  dsql_str text;
  uint8_t wire[WIRE_MAX];
  heap_arena_init(&h);
  test_alloc_arm(&h.heap, 1, true);
  cr_expect_eq(codec_bits_text(&h.arena, texts[0][1], 4, &bits), DSQL_ENOMEM);
  cr_expect_eq(codec_path_text(&h.arena, texts[1][1], 7, &path), DSQL_ENOMEM);
  cr_expect_eq(codec_decimal_text(&h.arena, texts[2][1], 3, &decimal), DSQL_ENOMEM);
  for (size_t i = 0; i < COUNT(vectors); i++) {
    size_t n = from_hex(vectors[i].hex, wire);
    int rc = codec_to_text(&h.arena, vectors[i].oid, wire, n, &text);
    cr_expect_eq(rc, vectors[i].oid == DSQL_JSONPATH ? 0 : DSQL_ENOMEM, "%s: %d", vectors[i].text, rc);
  }
  heap_arena_deinit(&h);
}

/* Of a list that fills more than a chunk, the points and the text are allocations of their own. */
Test(codec_scalars, each_allocation_fails_in_turn) {
  enum { POINTS = 1000 };
  static uint8_t wire[5 + 16 * POINTS];
  size_t failures = 0;
  wire[3] = POINTS >> 8;
  wire[4] = POINTS & 255;
  for (size_t k = 1;; k++) {
    struct heap_arena h;
    dsql_str text = {"", 0};
    bool fired;
    int rc;
    heap_arena_init(&h);
    test_alloc_arm(&h.heap, k, false);
    rc = codec_to_text(&h.arena, DSQL_PATH, wire, sizeof wire, &text);
    fired = test_alloc_fired(&h.heap);
    cr_expect_eq(rc, fired ? DSQL_ENOMEM : 0);
    cr_expect_eq(text.len, fired ? 0 : 2 + 6 * POINTS - 1);
    heap_arena_deinit(&h);
    if (!fired) break;
    failures++;
  }
  cr_expect_eq(failures, 2);
}
