#include <criterion/criterion.h>
#include <string.h>

#include "auth/sasl_choice.h"

#define PLAIN "SCRAM-SHA-256\0"
#define PLUS "SCRAM-SHA-256-PLUS\0"
#define LIST(s) s, sizeof s /* the literal's own NUL is the empty name at the end */

enum { DISABLE = CHANNEL_BINDING_DISABLE, PREFER = CHANNEL_BINDING_PREFER, REQUIRE = CHANNEL_BINDING_REQUIRE };

static const struct row {
  const char *list;
  size_t len;
  bool tls, available;
  int policy, code;
  enum scram_mechanism mechanism;
  bool supported;
  const char *text;
} rows[] = {
    /* the server has TLS and offers both */
    {LIST(PLUS PLAIN), true, true, PREFER, 0, SCRAM_SHA_256_PLUS, true, NULL},
    {LIST(PLAIN PLUS), true, true, PREFER, 0, SCRAM_SHA_256_PLUS, true, NULL},
    {LIST(PLUS PLAIN), true, true, REQUIRE, 0, SCRAM_SHA_256_PLUS, true, NULL},
    {LIST(PLUS), true, true, PREFER, 0, SCRAM_SHA_256_PLUS, true, NULL},
    {LIST(PLUS PLAIN), true, true, DISABLE, 0, SCRAM_SHA_256, false, NULL},
    /* no hash for the certificate: the client can't bind, and says so ("n"), or gives up */
    {LIST(PLUS PLAIN), true, false, PREFER, 0, SCRAM_SHA_256, false, NULL},
    {LIST(PLUS PLAIN), true, false, REQUIRE, DSQL_EAUTH, 0, false, "tls-server-end-point is not defined"},
    /* over TLS a server that does not offer PLUS: "y" makes it notice when the offer was removed on the way */
    {LIST(PLAIN), true, true, PREFER, 0, SCRAM_SHA_256, true, NULL},
    {LIST(PLAIN), true, true, DISABLE, 0, SCRAM_SHA_256, false, NULL},
    {LIST(PLAIN), true, true, REQUIRE, DSQL_EAUTH, 0, false, "offers no authentication method with channel binding"},
    {LIST(PLAIN "OTHER\0"), true, true, PREFER, 0, SCRAM_SHA_256, true, NULL},
    /* without TLS */
    {LIST(PLAIN), false, false, PREFER, 0, SCRAM_SHA_256, false, NULL},
    {LIST(PLAIN), false, true, PREFER, 0, SCRAM_SHA_256, false, NULL},
    {LIST(PLAIN), false, false, REQUIRE, DSQL_EAUTH, 0, false, "does not use TLS"},
    {LIST(PLUS PLAIN), false, false, PREFER, DSQL_EAUTH, 0, false, "taken the encryption off"},
    {LIST(PLUS PLAIN), false, false, DISABLE, DSQL_EAUTH, 0, false, "taken the encryption off"},
    {LIST(PLUS), false, false, PREFER, DSQL_EAUTH, 0, false, "taken the encryption off"},
    /* nothing usable */
    {LIST(PLUS), true, true, DISABLE, DSQL_EAUTH, 0, false, "\"SCRAM-SHA-256-PLUS\""},
    {LIST("OAUTHBEARER\0"), true, true, PREFER, DSQL_EAUTH, 0, false, "dsql_oauth_new()"},
    {LIST("X\0Y\x1b\0"), true, true, PREFER, DSQL_EAUTH, 0, false, "\"X?Y?\""},
    {LIST("scram-sha-256\0"), true, true, PREFER, DSQL_EAUTH, 0, false, "\"scram-sha-256\""},
    {LIST(""), true, true, PREFER, DSQL_EAUTH, 0, false, "it offers \"\""},
    /* malformed */
    {"", 0, true, true, PREFER, DSQL_EPROTO, 0, false, "malformed list"},
    {"SCRAM-SHA-256", 13, true, true, PREFER, DSQL_EPROTO, 0, false, "malformed list"},
    {"SCRAM-SHA-256", 14, true, true, PREFER, DSQL_EPROTO, 0, false, "malformed list"},
    {LIST(PLAIN "\0X"), true, true, PREFER, DSQL_EPROTO, 0, false, "malformed list"},
};

Test(sasl_choice, table) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const struct row *r = &rows[i];
    struct sasl_offer offer = {r->list,          r->len, r->tls, r->available, (enum channel_binding)r->policy,
                               REQUIRE_AUTH_ANY, true,   false};
    struct sasl_choice choice = {0};
    struct fault f = {0};

    cr_assert_eq(sasl_choose(&offer, &choice, &f), r->code, "row %zu: %s", i, f.text);
    cr_assert_eq(f.code, r->code);
    cr_assert(!r->text || strstr(f.text, r->text), "row %zu: %s", i, f.text);
    if (r->code) continue;
    cr_assert_eq(choice.mechanism, r->mechanism, "row %zu", i);
    cr_assert_eq(choice.binding_supported, r->supported, "row %zu", i);
  }
}

Test(sasl_choice, require_auth) {
  static const struct {
    const char *list;
    size_t len;
    const char *value;
    int code;
    const char *text;
  } cases[] = {
      {LIST(PLAIN), "scram-sha-256", 0, NULL},
      {LIST(PLUS PLAIN), "scram-sha-256", 0, NULL},
      {LIST(PLAIN), "!scram-sha-256", DSQL_EAUTH, "SCRAM-SHA-256 authentication"},
      {LIST(PLAIN), "md5,password", DSQL_EAUTH, "allows only \"password,md5\""},
      {LIST("OAUTHBEARER\0"), "scram-sha-256", DSQL_EAUTH, "the server asks for OAuth authentication"},
      {LIST("OAUTHBEARER\0"), "oauth", DSQL_EAUTH, "there is no source of tokens"},
      {LIST("OTHER\0"), "oauth", DSQL_EAUTH, "none of the server's SASL mechanisms"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct sasl_offer offer = {cases[i].list, cases[i].len, true, true, CHANNEL_BINDING_PREFER, 0, true, false};
    struct sasl_choice choice;
    struct fault f = {0};

    cr_assert_eq(require_auth_parse((dsql_str){cases[i].value, strlen(cases[i].value)}, &offer.require_auth, &f), 0);
    cr_assert_eq(sasl_choose(&offer, &choice, &f), cases[i].code);
    cr_assert(!cases[i].text || strstr(f.text, cases[i].text), "%s", f.text);
  }
}

/* What there is, and what is offered: SCRAM where both could be. */
Test(sasl_choice, oauth) {
  enum { SCRAM, OAUTH, REFUSED };
  static const struct {
    const char *list;
    size_t len;
    bool password, token;
    int policy;
    const char *require;
    int outcome;
    const char *text;
  } cases[] = {
      {LIST("OAUTHBEARER\0"), false, true, PREFER, "", OAUTH, NULL},
      {LIST("OAUTHBEARER\0"), true, true, PREFER, "oauth", OAUTH, NULL},
      {LIST("OAUTHBEARER\0"), true, false, PREFER, "", REFUSED, "no source of tokens"},
      {LIST("OAUTHBEARER\0"), false, true, PREFER, "scram-sha-256", REFUSED, "asks for OAuth authentication"},
      {LIST("OAUTHBEARER\0"), false, true, PREFER, "!oauth", REFUSED, "asks for OAuth authentication"},
      {LIST("OAUTHBEARER\0"), false, true, REQUIRE, "", REFUSED, "which has no channel binding"},
      {LIST(PLAIN "OAUTHBEARER\0"), true, true, PREFER, "", SCRAM, NULL},
      {LIST("OAUTHBEARER\0" PLUS PLAIN), true, true, PREFER, "", SCRAM, NULL},
      {LIST(PLAIN "OAUTHBEARER\0"), false, true, PREFER, "", OAUTH, NULL},
      {LIST(PLUS PLAIN "OAUTHBEARER\0"), true, true, PREFER, "oauth", OAUTH, NULL},
      {LIST(PLUS PLAIN "OAUTHBEARER\0"), false, true, PREFER, "scram-sha-256", SCRAM, NULL},
      {LIST(PLAIN "OAUTHBEARER\0"), true, false, PREFER, "", SCRAM, NULL},
      {LIST(PLUS "OAUTHBEARER\0"), true, true, REQUIRE, "", SCRAM, NULL},
      {LIST(PLAIN), false, true, PREFER, "oauth", REFUSED, "SCRAM-SHA-256 authentication"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct sasl_offer offer = {cases[i].list,     cases[i].len,  true, true, (enum channel_binding)cases[i].policy, 0,
                               cases[i].password, cases[i].token};
    struct sasl_choice choice = {0};
    struct fault f = {0};

    cr_assert_eq(require_auth_parse((dsql_str){cases[i].require, strlen(cases[i].require)}, &offer.require_auth, &f),
                 0);
    cr_expect_eq(sasl_choose(&offer, &choice, &f), cases[i].outcome == REFUSED ? DSQL_EAUTH : 0, "%zu: %s", i, f.text);
    if (cases[i].text) cr_expect_not_null(strstr(f.text, cases[i].text), "%zu: %s", i, f.text);
    cr_expect_eq(choice.oauth, cases[i].outcome == OAUTH, "%zu", i);
  }
}

Test(sasl_choice, names) {
  cr_assert_str_eq(sasl_mechanism_name(SCRAM_SHA_256), "SCRAM-SHA-256");
  cr_assert_str_eq(sasl_mechanism_name(SCRAM_SHA_256_PLUS), "SCRAM-SHA-256-PLUS");
}
