/* The cases of RFC 4013, section 3, and those where PostgreSQL's src/common/saslprep.c decides differently. */
#include <criterion/criterion.h>
#include <string.h>

#include "auth/saslprep.h"
#include "test_alloc.h"

static const struct row {
  const char *in, *out; /* NULL: stays as it is, raw */
} rows[] = {
    {"user", "user"},
    {"USER", "USER"},
    {"\x07", "\x07"},       /* ASCII is never checked */
    {"I\xC2\xADX", "IX"},   /* soft hyphen: mapped to nothing */
    {"\xC2\xAA", "a"},      /* feminine ordinal: NFKC */
    {"\xE2\x85\xA8", "IX"}, /* Roman numeral nine */
    {"a\xC2\xA0z", "a z"},  /* non-ASCII spaces */
    {"a\xE2\x80\x89z", "a z"},
    {"a\xE3\x80\x80z", "a z"},
    {"a\xE2\x80\x8Bz", "a z"},                     /* zero width space: in both tables, the space wins */
    {"e\xCC\x81", "\xC3\xA9"},                     /* composed */
    {"a\xCC\x80\xCC\xA3", "\xE1\xBA\xA1\xCC\x80"}, /* reordered, then composed */
    {"\xEF\xB7\xBA", "\xD8\xB5\xD9\x84\xD9\x89 \xD8\xA7\xD9\x84\xD9\x84\xD9\x87 \xD8\xB9\xD9\x84\xD9\x8A\xD9\x87 "
                     "\xD9\x88\xD8\xB3\xD9\x84\xD9\x85"}, /* U+FDFA, the longest decomposition */
    {"\xED\x95\x9C", "\xED\x95\x9C"},                     /* Hangul */
    {"\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB", "\xED\x95\x9C"},
    {"\xF0\x9D\x90\x80", "A"},                /* four bytes in */
    {"\xF0\xA0\x80\x80", "\xF0\xA0\x80\x80"}, /* four bytes out */
    {"\xF0\xAF\xA1\xA8", "\xE3\x9B\xBC"},     /* Unicode's Corrigendum #4 */
    {"\xF0\xAF\xA4\x9F", "\xF0\xA4\x8E\xAB"},
    {"\xD8\xA7\x31\xD8\xA8", "\xD8\xA7\x31\xD8\xA8"}, /* right to left at both ends */
    {"\xE2\x84\xB5z", "\xD7\x90z"}, /* U+2135 is checked before it turns into a right-to-left letter */
    {"\xD8\xA7\x31", NULL},         /* RFC 4013: bidirectional rule */
    {"\xD8\xA7z\xD8\xA8", NULL},
    {"a\xC2\x80", NULL},        /* non-ASCII control character */
    {"\x07\xC3\xA9", NULL},     /* ASCII control character in text that is not all ASCII */
    {"\xCD\x80", NULL},         /* U+0340 is prohibited although NFKC would replace it */
    {"\xEE\x80\x80", NULL},     /* private use */
    {"\xEF\xBF\xBE", NULL},     /* not a character */
    {"\xE2\x80\xA8", NULL},     /* line separator */
    {"\xF3\xA0\x80\x81", NULL}, /* tag */
    {"\xF0\x9F\x98\x80", NULL}, /* an emoji: unassigned in Unicode 3.2 */
    {"\xC8\xA1", NULL},
    {"\xC2\xAD", NULL},     /* nothing is left */
    {"\xFF\xFE", NULL},     /* not UTF-8 */
    {"caf\xE9", NULL},      /* Latin-1 */
    {"\xED\xA0\x80", NULL}, /* a surrogate */
    {"\xC0\xAF", NULL},     /* overlong */
    {"abc\xE2\x82", NULL},  /* cut */
    {"", ""},
};

Test(saslprep, cases) {
  struct test_alloc heap;

  test_alloc_init(&heap);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const char *expected = rows[i].out ? rows[i].out : rows[i].in;
    enum saslprep_verdict verdict;
    struct buf out;

    buf_init(&out, &heap.hook, 1000);
    cr_assert_eq(saslprep_password((dsql_str){rows[i].in, strlen(rows[i].in)}, &out, &verdict), 0);
    cr_assert_eq(verdict, rows[i].out ? SASLPREP_PREPARED : SASLPREP_RAW, "row %zu", i);
    cr_assert_eq(out.len, strlen(expected), "row %zu", i);
    cr_assert(out.len == 0 || memcmp(out.data, expected, out.len) == 0, "row %zu", i);
    buf_deinit(&out);
  }
  test_alloc_assert_empty(&heap);
}

Test(saslprep, nul_bytes) {
  struct test_alloc heap;
  enum saslprep_verdict verdict;
  struct buf out;

  test_alloc_init(&heap);
  buf_init(&out, &heap.hook, 1000);
  cr_assert_eq(saslprep_password((dsql_str){"a\0\xC2\xA0", 4}, &out, &verdict), 0);
  cr_assert_eq(verdict, SASLPREP_RAW);
  cr_assert_eq(out.len, 4);
  buf_deinit(&out);
  test_alloc_assert_empty(&heap);
}

/* U+FDFA grows from 3 to 33 bytes: 12 times the input is room enough, its length is not. */
Test(saslprep, too_big) {
  struct test_alloc heap;
  struct buf out;

  test_alloc_init(&heap);
  buf_init(&out, &heap.hook, 32);
  cr_assert_eq(saslprep_password((dsql_str){"\xEF\xB7\xBA", 3}, &out, NULL), DSQL_ETOOBIG);
  buf_deinit(&out);
  test_alloc_assert_empty(&heap);
}

Test(saslprep, every_allocation_fails_in_turn) {
  static const dsql_str inputs[] = {{"plain", 5}, {"I\xC2\xADX", 4}, {"\xFF", 1}, {"\xC2\xAD", 2}};
  struct test_alloc heap;
  unsigned failures = 0;

  test_alloc_init(&heap);
  for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
    for (size_t n = 1;; n++) {
      struct buf out;
      int rc;

      test_alloc_arm(&heap, n, false);
      buf_init(&out, &heap.hook, 1000);
      rc = saslprep_password(inputs[i], &out, NULL);
      buf_deinit(&out);
      test_alloc_assert_empty(&heap);
      cr_assert_eq(rc, test_alloc_fired(&heap) ? DSQL_ENOMEM : 0);
      if (!test_alloc_fired(&heap)) break;
      failures++;
    }
  }
  cr_assert_eq(failures, 1 + 2 + 1 + 2);
}
