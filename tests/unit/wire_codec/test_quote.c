#include <criterion/criterion.h>
#include <string.h>

#include "dsql/dsql.h"

struct quote_case {
  const char *text;
  size_t n;
  const char *identifier, *literal; /* NULL: refused */
};

#define N(s) (s), sizeof(s) - 1

static const struct quote_case cases[] = {
    {N(""), "\"\"", "''"},
    {N("a"), "\"a\"", "'a'"},
    {N("O'Brien"), "\"O'Brien\"", "'O''Brien'"},
    {N("say \"hi\""), "\"say \"\"hi\"\"\"", "'say \"hi\"'"},
    {N("\"\"\""), "\"\"\"\"\"\"\"\"", "'\"\"\"'"},
    {N("'"), "\"'\"", "''''"},
    {N("\\"), "\"\\\"", " E'\\\\'"},
    {N("\\'"), "\"\\'\"", " E'\\\\'''"},
    {N("a\nb"), "\"a\nb\"", "'a\nb'"},
    {N("Gr\xc3\xbc\xc3\x9f"
       "e \xf0\x9f\x90\x98"),
     "\"Gr\xc3\xbc\xc3\x9f"
     "e \xf0\x9f\x90\x98\"",
     "'Gr\xc3\xbc\xc3\x9f"
     "e \xf0\x9f\x90\x98'"},
    {N("a\0b"), NULL, NULL},
    {N("\0"), NULL, NULL},
    {N("\xc0'"), NULL, NULL},        /* CVE-2025-1094 */
    {N("\xc0\xa7"), NULL, NULL},     /* an overlong quote */
    {N("abc\xe2\x82"), NULL, NULL},  /* cut off */
    {N("\xed\xa0\x80"), NULL, NULL}, /* a surrogate */
    {N("\xf4\x90\x80\x80"), NULL, NULL},
    {N("\xff"), NULL, NULL},
    {N("\x80"), NULL, NULL},
};

typedef int (*quote_fn)(const char *, size_t, char *, size_t, size_t *);

/* The exact size suffices, anything less is refused and writes nothing behind the end. */
static void check_quote(quote_fn quote, const struct quote_case *c, const char *expected, size_t extra) {
  char out[128];
  size_t need = expected ? strlen(expected) + 1 : sizeof out;
  for (size_t cap = 0; cap <= need; cap++) {
    size_t len = 4711;
    int rc, wanted = expected ? cap < need ? DSQL_ETOOBIG : 0 : DSQL_EINVAL;
    memset(out, '#', sizeof out);
    rc = quote(c->text, c->n, out, cap, &len);
    cr_expect_eq(rc, wanted, "'%s' into %zu bytes", c->text, cap);
    cr_expect_eq(len, rc ? 4711 : need - 1, "'%s'", c->text);
    if (rc == 0)
      cr_expect_str_eq(out, expected);
    else
      cr_expect_eq(out[0], '#', "'%s' was written though refused", c->text);
    if (cap < sizeof out) cr_expect_eq(out[cap], '#', "'%s' was written past its end", c->text);
  }
  if (expected) cr_expect_leq(need, 2 * c->n + extra, "'%s' needs more than promised", c->text);
}

Test(codec_quote, table) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    check_quote(dsql_quote_identifier, &cases[i], cases[i].identifier, 4);
    check_quote(dsql_quote_literal, &cases[i], cases[i].literal, 5);
  }
}

Test(codec_quote, null_is_the_empty_string_or_refused) {
  char out[8];
  size_t len;
  cr_expect_eq(dsql_quote_literal(NULL, 0, out, sizeof out, &len), 0);
  cr_expect_str_eq(out, "''");
  cr_expect_eq(dsql_quote_identifier(NULL, 1, out, sizeof out, &len), DSQL_EINVAL);
}
