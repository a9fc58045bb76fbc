#include <criterion/criterion.h>
#include <string.h>

#include "auth/channel_binding.h"
#include "auth/require_auth.h"

#define BIT(m) (UINT32_C(1) << (m))
enum { ALL_METHODS = BIT(AUTH_UNKNOWN + 1) - 1 };

static uint32_t allowed(uint32_t mask) {
  uint32_t set = 0;
  for (unsigned m = AUTH_NONE; m <= AUTH_UNKNOWN; m++)
    if (require_auth_allows(mask, (enum auth_method)m)) set |= BIT(m);
  return set;
}

Test(require_auth, accepted) {
  static const uint32_t scram = BIT(AUTH_SCRAM) | BIT(AUTH_SCRAM_PLUS);
  const struct {
    const char *value;
    uint32_t allowed;
  } rows[] = {
      {"", ALL_METHODS},
      {"password", BIT(AUTH_PASSWORD)},
      {"md5", BIT(AUTH_MD5)},
      {"gss", BIT(AUTH_GSS)},
      {"sspi", BIT(AUTH_SSPI)},
      {"oauth", BIT(AUTH_OAUTH)},
      {"scram-sha-256", scram},
      {"none", BIT(AUTH_NONE)},
      {"scram-sha-256,md5,none", scram | BIT(AUTH_MD5) | BIT(AUTH_NONE)},
      {"none,password", BIT(AUTH_NONE) | BIT(AUTH_PASSWORD)},
      {"password,md5,gss,sspi,scram-sha-256,oauth,none", ALL_METHODS & ~BIT(AUTH_UNKNOWN)},
      {"!password", ALL_METHODS & ~BIT(AUTH_PASSWORD)},
      {"!none", ALL_METHODS & ~BIT(AUTH_NONE)},
      {"!scram-sha-256", ALL_METHODS & ~scram},
      {"!none,!md5,!password", ALL_METHODS & ~(BIT(AUTH_NONE) | BIT(AUTH_MD5) | BIT(AUTH_PASSWORD))},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fault f = {0};
    uint32_t mask = 0;
    cr_assert_eq(require_auth_parse((dsql_str){rows[i].value, strlen(rows[i].value)}, &mask, &f), 0);
    cr_assert_eq(allowed(mask), rows[i].allowed, "%s", rows[i].value);
    cr_assert_eq(f.code, 0);
  }
}

/* The wording is libpq's, whose tests look for it (src/test/authentication/t/001_password.pl). */
Test(require_auth, refused) {
  static const struct {
    const char *value, *text;
  } rows[] = {
      {"scram-sha-256,!md5", "negative require_auth method \"!md5\" cannot be mixed with non-negative methods"},
      {"!password,!none,scram-sha-256", "require_auth method \"scram-sha-256\" cannot be mixed with negative methods"},
      {"password,md5,password", "require_auth method \"password\" is specified more than once"},
      {"!password,!md5,!password", "require_auth method \"!password\" is specified more than once"},
      {"none,md5,none", "require_auth method \"none\" is specified more than once"},
      {"!none,!md5,!none", "require_auth method \"!none\" is specified more than once"},
      {"scram-sha-256,scram-sha-256", "require_auth method \"scram-sha-256\" is specified more than once"},
      {"!scram-sha-256,!scram-sha-256", "require_auth method \"!scram-sha-256\" is specified more than once"},
      {"none,abcdefg", "invalid require_auth value: \"abcdefg\""},
      {"scram-sha-256-plus", "invalid require_auth value: \"scram-sha-256-plus\""},
      {"MD5", "invalid require_auth value: \"MD5\""},
      {"md5, password", "invalid require_auth value: \" password\""},
      {"md5,", "invalid require_auth value: \"\""},
      {",md5", "invalid require_auth value: \"\""},
      {",", "invalid require_auth value: \"\""},
      {"!", "invalid require_auth value: \"!\""},
      {"!!md5", "invalid require_auth value: \"!!md5\""},
      {"\x1b[31m", "invalid require_auth value: \"?[31m\""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fault f = {0};
    uint32_t mask;
    cr_assert_eq(require_auth_parse((dsql_str){rows[i].value, strlen(rows[i].value)}, &mask, &f), DSQL_EINVAL, "%s",
                 rows[i].value);
    cr_assert_eq(strncmp(f.text, rows[i].text, strlen(rows[i].text)), 0, "%s", f.text);
  }
}

Test(require_auth, check_names_both_sides) {
  struct fault f = {0};
  uint32_t mask;

  cr_assert_eq(require_auth_parse((dsql_str){"md5,scram-sha-256", 17}, &mask, &f), 0);
  cr_assert_eq(require_auth_check(mask, AUTH_SCRAM_PLUS, &f), 0);
  cr_assert_eq(require_auth_check(mask, AUTH_PASSWORD, &f), DSQL_EAUTH);
  cr_assert_str_eq(f.text, "the server asks for a cleartext password, and require_auth allows only "
                           "\"md5,scram-sha-256\"");
  for (unsigned m = AUTH_NONE; m <= AUTH_UNKNOWN; m++) {
    fault_clear(&f);
    cr_assert_eq(require_auth_check(REQUIRE_AUTH_ANY, (enum auth_method)m, &f), 0);
    cr_assert_eq(require_auth_check(0, (enum auth_method)m, &f), DSQL_EAUTH);
    cr_assert(strstr(f.text, auth_method_describe((enum auth_method)m)));
    cr_assert(strstr(f.text, "allows only \"\""));
  }
}

Test(require_auth, longest_list_fits) {
  struct fault f = {0};
  cr_assert_eq(require_auth_check(~BIT(AUTH_UNKNOWN), AUTH_UNKNOWN, &f), DSQL_EAUTH);
  cr_assert(strstr(f.text, "\"password,md5,gss,sspi,scram-sha-256,oauth,none\""), "%s", f.text);
}

Test(channel_binding, only_plus_satisfies_require) {
  for (unsigned m = AUTH_NONE; m <= AUTH_UNKNOWN; m++) {
    struct fault f = {0};
    cr_assert_eq(channel_binding_check(CHANNEL_BINDING_PREFER, (enum auth_method)m, &f), 0);
    cr_assert_eq(channel_binding_check(CHANNEL_BINDING_DISABLE, (enum auth_method)m, &f), 0);
    cr_assert_eq(channel_binding_check(CHANNEL_BINDING_REQUIRE, (enum auth_method)m, &f),
                 m == AUTH_SCRAM_PLUS ? 0 : DSQL_EAUTH);
    cr_assert(m == AUTH_SCRAM_PLUS || strstr(f.text, "channel_binding=require"));
  }
}
