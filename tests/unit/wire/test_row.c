#include "base/buf.h"
#include "bytes.h"
#include "wire/backend.h"

static int index_copy(const void *body, size_t n, unsigned cols, uint32_t *offsets) {
  uint8_t *copy = exact_copy(body, n);
  uint32_t *exact = malloc(cols ? cols * sizeof *exact : 1);
  int code;

  cr_assert_not_null(exact);
  code = wire_index_data_row(copy, n, cols, exact);
  if (cols) memcpy(offsets, exact, cols * sizeof *exact);
  free(exact);
  free(copy);
  return code;
}

Test(row, offsets) {
  static const struct {
    const char *name, *body;
    size_t len;
    unsigned cols;
    uint32_t offsets[4];
  } cases[] = {
      {"no column", BYTES("\0\0"), 0, {0}},
      {"one value", BYTES("\0\1\0\0\0\2ab"), 1, {6}},
      {"one empty value", BYTES("\0\1\0\0\0\0"), 1, {6}},
      {"one NULL", BYTES("\0\1\xff\xff\xff\xff"), 1, {6}},
      {"values", BYTES("\0\3\0\0\0\2ab\0\0\0\0\0\0\0\1c"), 3, {6, 12, 16}},
      {"NULL first", BYTES("\0\2\xff\xff\xff\xff\0\0\0\1c"), 2, {6, 10}},
      {"NULL last", BYTES("\0\2\0\0\0\1c\xff\xff\xff\xff"), 2, {6, 11}},
      {"NULL between", BYTES("\0\4\0\0\0\1c\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\1d"), 4, {6, 11, 15, 19}},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    uint32_t offsets[4] = {0};
    cr_assert_eq(index_copy(cases[i].body, cases[i].len, cases[i].cols, offsets), 0, "%s", cases[i].name);
    for (unsigned c = 0; c < cases[i].cols; c++)
      cr_assert_eq(offsets[c], cases[i].offsets[c], "%s: column %u", cases[i].name, c);
    for (unsigned cols = 0; cols < 4; cols++)
      if (cols != cases[i].cols)
        cr_assert_eq(index_copy(cases[i].body, cases[i].len, cols, offsets), DSQL_EPROTO, "%s described as %u",
                     cases[i].name, cols);
    for (size_t n = 0; n < cases[i].len; n++)
      cr_assert_eq(index_copy(cases[i].body, n, cases[i].cols, offsets), DSQL_EPROTO, "%s cut at %zu", cases[i].name,
                   n);
  }
}

Test(row, hostile) {
  static const struct {
    const char *name, *body;
    size_t len;
    unsigned cols;
  } cases[] = {
      {"trailing byte", BYTES("\0\1\0\0\0\1ab"), 1},
      {"trailing byte behind a NULL", BYTES("\0\1\xff\xff\xff\xff\0"), 1},
      {"trailing byte behind no column", BYTES("\0\0\0"), 0},
      {"length -2", BYTES("\0\1\xff\xff\xff\xfe"), 1},
      {"length -2 before another", BYTES("\0\2\xff\xff\xff\xfe\0\0\0\0"), 2},
      {"length INT32_MIN", BYTES("\0\2\x80\0\0\0\0\0\0\0"), 2},
      {"length INT32_MAX", BYTES("\0\2\x7f\xff\xff\xff\0\0\0\0"), 2},
      {"past the end", BYTES("\0\1\0\0\0\2a"), 1},
      {"past the end by one, then a field", BYTES("\0\2\0\0\0\5a\0\0\0\0"), 2},
      {"no room for the next length", BYTES("\0\2\0\0\0\2a\0\0\0"), 2},
      {"NULL at the end, one field missing", BYTES("\0\2\xff\xff\xff\xff"), 2},
      {"NULL, then part of a length", BYTES("\0\2\xff\xff\xff\xff\0\0\0"), 2},
      {"65535 fields that are not there", BYTES("\xff\xff\0\0\0\0"), 65535},
  };
  static uint32_t offsets[65535];
  for (size_t i = 0; i < COUNT(cases); i++)
    cr_assert_eq(index_copy(cases[i].body, cases[i].len, cases[i].cols, offsets), DSQL_EPROTO, "%s", cases[i].name);
}

/* Lengths near 2^32 must not wrap the sum of offset and length around: the size given is one no server can send. */
Test(row, sizes_that_no_message_has) {
  uint32_t offset;
  cr_assert_eq(wire_index_data_row((const uint8_t *)"\0\1\xff\xff\xff\xf0", (size_t)UINT32_MAX, 1, &offset),
               DSQL_EPROTO);
  cr_assert_eq(wire_index_data_row((const uint8_t *)"\0\1\xff\xff\xff\xf0", SIZE_MAX, 1, &offset), DSQL_EPROTO);
}

static uint32_t next_random(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

/* A row, well-formed but for one byte in every second one. */
static size_t random_row(uint32_t *state, uint8_t *body, unsigned *cols) {
  size_t n = 2;
  *cols = next_random(state) % 9;
  store_be16(body, (uint16_t)*cols);
  for (unsigned i = 0; i < *cols; i++) {
    uint32_t len = next_random(state) % 6;
    bool null = next_random(state) % 4 == 0;
    store_be32(body + n, null ? UINT32_MAX : len);
    n += null ? 4 : 4 + len;
  }
  if (next_random(state) % 2) {
    static const uint8_t bytes[] = {0, 1, 2, 3, 4, 5, 8, 0x7f, 0x80, 0xfe, 0xff};
    body[next_random(state) % n] = bytes[next_random(state) % sizeof bytes];
    *cols = load_be16(body);
    if (next_random(state) % 8 == 0) n--;
  }
  return n;
}

/* The fast loop and the plain one of wire_check() agree, and each offset is where a walk finds it. */
Test(row, agrees_with_the_checked_cursor) {
  static uint32_t offsets[65536];
  uint32_t state = 2463534242;
  size_t good = 0, bad = 0;

  for (int round = 0; round < 200000; round++) {
    uint8_t body[128] = {0};
    unsigned cols;
    size_t n = random_row(&state, body, &cols), at = 2;
    int code = index_copy(body, n, cols, offsets);
    cr_assert_eq(code, wire_check('D', body, n), "round %d", round);
    code == 0 ? good++ : bad++;
    for (unsigned i = 0; code == 0 && i < cols; i++) {
      uint32_t len = load_be32(body + at);
      cr_assert_eq(offsets[i], at + 4, "round %d, column %u", round, i);
      at += 4 + (len == UINT32_MAX ? 0 : len);
    }
  }
  cr_assert(good > 50000 && bad > 50000, "%zu good, %zu bad", good, bad);
}
