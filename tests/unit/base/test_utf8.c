#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

/* RFC 3629 the other way round: encode the scalar value that the bits say and compare. */
static bool reference(const unsigned char *s, size_t n) {
  uint32_t c;
  unsigned char want[4];
  size_t len = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

  if (n != len) return false;
  c = len == 1 ? s[0] : s[0] & (0x7fu >> len);
  for (size_t i = 1; i < len; i++) c = c << 6 | (s[i] & 0x3f);
  if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return false;
  if (len != (c < 0x80 ? 1u : c < 0x800 ? 2u : c < 0x10000 ? 3u : 4u)) return false;
  for (size_t i = len; i-- > 1; c >>= 6) want[i] = (unsigned char)(0x80 | (c & 0x3f));
  want[0] = (unsigned char)(len == 1 ? c : ((0xf00u >> len) & 0xff) | c);
  return memcmp(s, want, len) == 0;
}

static void compare(const unsigned char *s, size_t n) {
  cr_assert_eq(utf8_valid((const char *)s, n), reference(s, n), "%02x %02x %02x %02x (%zu)", s[0], s[1], s[2], s[3], n);
}

Test(utf8, all_sequences_of_one_to_three_bytes) {
  unsigned char s[4] = {0};
  for (unsigned a = 0; a < 256; a++) {
    s[0] = (unsigned char)a;
    compare(s, 1);
    for (unsigned b = 0; b < 256 && a >= 0x80; b++) {
      s[1] = (unsigned char)b;
      compare(s, 2);
      for (unsigned c = 0; c < 256 && a >= 0xe0; c++) {
        s[2] = (unsigned char)c;
        compare(s, 3);
      }
    }
  }
}

Test(utf8, sequences_of_four_bytes_at_their_edges) {
  static const unsigned char edges[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xed, 0xff};
  unsigned char s[4];
  for (unsigned a = 0xe0; a < 256; a++)
    for (unsigned b = 0; b < 256; b++)
      for (size_t c = 0; c < sizeof edges; c++)
        for (size_t d = 0; d < sizeof edges; d++) {
          s[0] = (unsigned char)a;
          s[1] = (unsigned char)b;
          s[2] = edges[c];
          s[3] = edges[d];
          if (a >= 0xf0) compare(s, 4);
        }
}

Test(utf8, strings) {
  static const struct {
    const char *text;
    size_t len;
    bool valid;
    size_t length;
  } cases[] = {
      {"", 0, true, 0},
      {"abc", 3, true, 3},
      {"a\0b", 3, true, 3},
      {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, true, 3},
      {"\xe2\x82\xac", 2, false, 0},
      {"abc\xff", 4, false, 0},
      {"\xc0\xaf", 2, false, 0},
      {"\xed\xa0\x80\xed\xb0\x80", 6, false, 0},
      {"\xf4\x90\x80\x80", 4, false, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cr_assert_eq(utf8_valid(cases[i].text, cases[i].len), cases[i].valid, "case %zu", i);
    if (cases[i].valid) cr_assert_eq(utf8_length(cases[i].text, cases[i].len), cases[i].length, "case %zu", i);
  }
}
