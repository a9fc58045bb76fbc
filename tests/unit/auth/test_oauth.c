/* What is a bearer token, how it is sent, and whose document it is. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/oauth.h"
#include "test_alloc.h"

static int check(const char *token, size_t n, struct fault *f) {
  *f = (struct fault){0};
  return oauth_token_check((dsql_str){token, n}, f);
}

Test(oauth, tokens) {
  static const struct {
    const char *token;
    const char *at; /* NULL: it is one */
  } cases[] = {
      {"a", NULL},           {"AZaz09-._~+/", NULL}, {"abc=", NULL},         {"abc===", NULL},
      {"=", "offset 0"},     {"a=b", "offset 2"},    {"a b", "offset 1"},    {"Bearer x", "offset 6"},
      {"abc\n", "offset 3"}, {"a,b", "offset 1"},    {"a\x01x", "offset 1"}, {"\xc3\xa4", "offset 0"},
      {"a\"", "offset 1"},   {"=a", "offset 0"},
  };
  struct fault f;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    int rc = check(cases[i].token, strlen(cases[i].token), &f);
    cr_expect_eq(rc, cases[i].at ? DSQL_EINVAL : 0, "\"%s\"", cases[i].token);
    if (cases[i].at) cr_expect_not_null(strstr(f.text, cases[i].at), "%s", f.text);
  }
  cr_expect_eq(check("", 0, &f), DSQL_EINVAL);
  cr_expect_eq(check("a\0b", 3, &f), DSQL_EINVAL);
}

/* Every byte by itself, against the RFC's table. */
Test(oauth, every_byte) {
  unsigned allowed = 0;
  for (int c = 0; c < 256; c++) {
    char token[2] = {'x', (char)c};
    struct fault f;
    bool ok = check(token, 2, &f) == 0;
    bool expected = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                    c == '.' || c == '_' || c == '~' || c == '+' || c == '/' || c == '=';
    cr_expect_eq(ok, expected, "%d", c);
    allowed += ok;
  }
  cr_assert_eq(allowed, 69);
}

Test(oauth, the_longest_token) {
  char *token = malloc(OAUTH_TOKEN_MAX + 1);
  struct fault f;
  cr_assert_not_null(token);
  memset(token, 'k', OAUTH_TOKEN_MAX + 1);
  cr_expect_eq(check(token, OAUTH_TOKEN_MAX, &f), 0);
  cr_expect_eq(check(token, OAUTH_TOKEN_MAX + 1, &f), DSQL_EINVAL);
  cr_expect_null(strstr(f.text, "kkk"));
  free(token);
}

static void expect_first(const char *token, const char *expected, size_t n) {
  struct test_alloc heap;
  struct buf out;
  test_alloc_init(&heap);
  buf_init(&out, &heap.hook, 1000);
  oauth_client_first(&out, (dsql_str){token, strlen(token)});
  cr_assert_eq(out.len, n);
  cr_assert_eq(memcmp(out.data, expected, n), 0);
  buf_deinit(&out);
  test_alloc_assert_empty(&heap);
}

/* RFC 7628, section 4.1, without what PostgreSQL does not want: user, host and port. */
Test(oauth, the_first_message) {
  static const char whole[] = "n,,\1auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\1\1",
                    question[] = "n,,\1auth=\1\1";
  expect_first("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", whole, sizeof whole - 1);
  expect_first("", question, sizeof question - 1);
}

Test(oauth, issuers) {
  static const struct {
    const char *issuer, *url;
    bool same;
  } cases[] = {
      {"https://i.example", "https://i.example/.well-known/openid-configuration", true},
      {"https://i.example", "https://i.example/.well-known/oauth-authorization-server", true},
      {"https://i.example/realm", "https://i.example/realm/.well-known/openid-configuration", true},
      {"https://i.example/realm", "https://i.example/.well-known/oauth-authorization-server/realm", true},
      {"https://i.example/.well-known/openid-configuration", "https://i.example/.well-known/openid-configuration",
       true},
      {"https://i.example/.well-known/oauth-authorization-server/r",
       "https://i.example/.well-known/oauth-authorization-server/r", true},
      {"https://i.example", "https://evil.example/.well-known/openid-configuration", false},
      {"https://i.example", "https://i.example.evil/.well-known/openid-configuration", false},
      {"https://i.example", "https://i.example/evil/.well-known/openid-configuration", false},
      {"https://i.example/", "https://i.example/.well-known/openid-configuration", false},
      {"https://i.example/a", "https://i.example/.well-known/openid-configuration", false},
      {"https://i.example", "https://i.example/.well-known/openid-configuration-evil", false},
      {"https://i.example", "https://i.example/.well-known/openid-configuration/evil", false},
      {"https://i.example", "http://i.example/.well-known/openid-configuration", false},
      {"https://i.example", "https://.well-known/openid-configuration/i.example", false},
      {"https://i.example", "https:/.well-known/oauth-authorization-server//i.example", false},
      {"https://i.example", "https://I.example/.well-known/openid-configuration", false},
      {"https://i.example", "", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    dsql_str issuer = {cases[i].issuer, strlen(cases[i].issuer)}, url = {cases[i].url, strlen(cases[i].url)};
    cr_expect_eq(oauth_same_issuer(issuer, url), cases[i].same, "%s %s", cases[i].issuer, cases[i].url);
    cr_expect_eq(oauth_same_issuer(url, issuer), cases[i].same, "%s %s", cases[i].url, cases[i].issuer);
  }
}
