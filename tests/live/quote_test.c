/* What the quoting functions write comes back from the server as it was. */
#include <stdio.h>

#include "one_connection.h"

enum { LONGEST = 4096, IDENTIFIER_MAX = 63, RANDOM_STRINGS = 600 };

TestSuite(quote, .init = open_all, .fini = close_all, .timeout = 60);

static char quoted[2 * LONGEST + 8], sql[2 * LONGEST + 64];

static void literal_comes_back(const char *s, size_t n) {
  size_t len;
  dsql_future *f;
  dsql_str text = {"", 0};
  cr_assert_eq(dsql_quote_literal(s, n, quoted, sizeof quoted, &len), 0, "\"%.*s\"", (int)n, s);
  cr_assert(len <= 2 * n + 4 && strlen(quoted) == len);
  (void)snprintf(sql, sizeof sql, "select %s::text, 'untouched'", quoted);
  f = dsql_exec(c, sql, NULL);
  cr_assert_eq(dsql_get_text(client_rows(f), 0, 0, &text), 0);
  cr_assert(text.len == n && memcmp(text.ptr, s, n) == 0, "%s became \"%.*s\"", quoted, (int)text.len, text.ptr);
  dsql_future_destroy(f);
}

static void identifier_comes_back(const char *s, size_t n) {
  size_t len;
  dsql_future *f;
  dsql_str name;
  cr_assert_eq(dsql_quote_identifier(s, n, quoted, sizeof quoted, &len), 0, "\"%.*s\"", (int)n, s);
  cr_assert(len <= 2 * n + 3 && strlen(quoted) == len);
  (void)snprintf(sql, sizeof sql, "select 1 as %s", quoted);
  f = dsql_exec(c, sql, NULL);
  name = dsql_result_col_name(client_rows(f), 0);
  cr_assert(name.len == n && memcmp(name.ptr, s, n) == 0, "%s became \"%.*s\"", quoted, (int)name.len, name.ptr);
  dsql_future_destroy(f);
}

static const char *const nasty[] = {"'",
                                    "''",
                                    "\\",
                                    "\\'",
                                    "'\\",
                                    "\\\\'; drop table users; --",
                                    "\"",
                                    "\"\"; select 1; --",
                                    "$$",
                                    "$1",
                                    "E'\\n'",
                                    "\n\r\t\v\f\b",
                                    "\x01\x1f\x7f",
                                    "/* */ -- ;",
                                    "%s%n",
                                    "select",
                                    "Mixed Case",
                                    " ",
                                    "grüße 日本語 \xf0\x9f\x98\x80",
                                    "\xc2\xa5' \xe2\x80\xa8 \xef\xbf\xbf \xf4\x8f\xbf\xbf",
                                    "U&'\\0027'",
                                    "u&\"x\" uescape '!'"};

static void all_nasty(void) {
  literal_comes_back("", 0);
  for (size_t i = 0; i < COUNT(nasty); i++) {
    literal_comes_back(nasty[i], strlen(nasty[i]));
    identifier_comes_back(nasty[i], strlen(nasty[i]));
  }
}

Test(quote, nasty_strings) { all_nasty(); }

/* The old meaning of the backslash must not open a hole. */
Test(quote, nasty_strings_without_standard_conforming_strings) {
  client_exec(c, "set standard_conforming_strings = off; set escape_string_warning = off; set backslash_quote = off");
  all_nasty();
}

static unsigned draw(unsigned *seed, unsigned below) {
  *seed = *seed * 1103515245u + 12345u;
  return (*seed >> 16) % below;
}

Test(quote, drawn_strings) {
  static const char *const parts[] = {"'", "\\", "\"", "a", ";", "\n", "é", "日", "\xf0\x9f\x98\x80", "--", "$$", "E'"};
  unsigned seed = 1;
  for (int i = 0; i < RANDOM_STRINGS; i++) {
    char s[LONGEST];
    size_t n = 0, count = 1 + draw(&seed, 15);
    for (size_t k = 0; k < count; k++) {
      const char *part = parts[draw(&seed, COUNT(parts))];
      memcpy(s + n, part, strlen(part));
      n += strlen(part);
    }
    if (i % 2)
      literal_comes_back(s, n);
    else if (n <= IDENTIFIER_MAX)
      identifier_comes_back(s, n);
  }
}

Test(quote, long_literals) {
  static char s[LONGEST];
  memset(s, '\'', sizeof s);
  literal_comes_back(s, sizeof s);
  memset(s, '\\', sizeof s);
  literal_comes_back(s, sizeof s);
}

Test(quote, refusals) {
  static const struct {
    const char *s;
    size_t n;
  } bad[] = {{"\xff", 1},     {"a\0b", 3}, {"\xc3", 1}, {"\xc0\xa7", 2}, {"\xed\xa0\x80", 3}, {"\xf4\x90\x80\x80", 4},
             {"x\xe3\x81", 3}};
  size_t len;
  for (size_t i = 0; i < COUNT(bad); i++) {
    cr_assert_eq(dsql_quote_literal(bad[i].s, bad[i].n, quoted, sizeof quoted, &len), DSQL_EINVAL, "%zu", i);
    cr_assert_eq(dsql_quote_identifier(bad[i].s, bad[i].n, quoted, sizeof quoted, &len), DSQL_EINVAL, "%zu", i);
  }
  cr_assert_eq(dsql_quote_literal("abc", 3, quoted, 5, &len), DSQL_ETOOBIG);
  cr_assert_eq(dsql_quote_identifier("abc", 3, quoted, 5, &len), DSQL_ETOOBIG);
}
