/* Servers that cheat while authenticating. */
#include "client.h"
#include "fake_server.h"

static struct client x;
static struct fake_server *server, *remote;

static void open_all(void) {
  client_open(&x);
  server = fake_start(FAKE_UNIX);
  remote = fake_start(FAKE_TCP);
}

static void close_all(void) {
  client_close(&x);
  fake_stop(server);
  fake_stop(remote);
}

TestSuite(hostile_auth, .init = open_all, .fini = close_all);

static const struct fake_step scram[] = {FAKE_DO(FAKE_STARTUP), FAKE_FN(fake_scram), FAKE_M('Z', "I"),
                                         FAKE_DO(FAKE_END)};

static dsql_future *attempt(struct fake_server *s, const struct fake_plan *plan, const char *more, dsql_conn **c) {
  fake_plan_set(s, plan);
  *c = client_dial(&x, "%s password=secret %s", fake_conninfo(s), more);
  return dsql_conn_ready(*c);
}

static void refused(struct fake_server *s, const struct fake_plan *plan, const char *more, int code, const char *part) {
  dsql_conn *c;
  dsql_future *f = attempt(s, plan, more, &c);
  assert_fails(f, code, DSQL_CONN_LOST | DSQL_CLIENT_SIDE, part);
  dsql_conn_close(c);
}

Test(hostile_auth, scram_with_an_honest_server) {
  dsql_conn *c;
  dsql_future *f = attempt(server, &(struct fake_plan){.steps = scram}, "require_auth=scram-sha-256", &c);
  cr_assert_eq(dsql_future_run(f), 0, "%s", client_error_text(f));
  dsql_future_destroy(f);
  dsql_conn_close(c);
}

Test(hostile_auth, scram_with_a_cheat) {
  const struct {
    const char *name;
    struct fake_scram scram;
    int code;
    const char *part;
  } cases[] = {
      {"AuthenticationOk before SASLFinal",
       {.ok_before_final = true},
       DSQL_EPROTO,
       "authentication message 0 is out of order"},
      {"wrong server signature", {.wrong_signature = true}, DSQL_EAUTH, "signature"},
      {"nonce not extending ours", {.foreign_nonce = true}, DSQL_EPROTO, "nonce"},
      {"nonce exactly ours", {.same_nonce = true}, DSQL_EPROTO, "nonce"},
      {"iterations 0", {.iterations = "0"}, DSQL_EPROTO, "iteration"},
      {"iterations -1", {.iterations = "-1"}, DSQL_EPROTO, "iteration"},
      {"iterations 2^31-1", {.iterations = "2147483647"}, DSQL_EAUTH, "iteration"},
      {"iterations 2^64+4096", {.iterations = "18446744073709555712"}, DSQL_EAUTH, "iteration"},
      {"iterations 1x", {.iterations = "1x"}, DSQL_EPROTO, "iteration"},
      {"iterations +4096", {.iterations = "+4096"}, DSQL_EPROTO, "iteration"},
      {"iterations with a space", {.iterations = " 4096"}, DSQL_EPROTO, "iteration"},
      {"no iterations", {.iterations = ""}, DSQL_EPROTO, "iteration"},
  };

  for (size_t i = 0; i < COUNT(cases); i++) {
    refused(server, &(struct fake_plan){.steps = scram, .scram = cases[i].scram}, "", cases[i].code, cases[i].part);
  }
  cr_log_info("%zu cheats", COUNT(cases));
}

/* It was sent behind client-final, and what a cheat does with it nobody knows: never run a second time by itself. */
Test(hostile_auth, a_query_that_rode_along_with_a_cheat_is_in_doubt) {
  dsql_conn *c;
  dsql_future *f, *ready;
  fake_plan_set(server, &(struct fake_plan){.steps = scram, .scram = {.wrong_signature = true}});
  c = client_dial(&x, "%s password=secret", fake_conninfo(server));
  ready = dsql_conn_ready(c);
  f = dsql_query(c, "delete from t", DSQL_NO_PARAMS, NULL);
  assert_fails(f, DSQL_EAUTH, DSQL_CONN_LOST | DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, "wrong SCRAM signature");
  cr_assert_eq(client_settle(ready), DSQL_EAUTH);
  dsql_conn_close(c);
}

static const struct fake_step cleartext[] = {FAKE_DO(FAKE_STARTUP), FAKE_M('R', "\0\0\0\3"), FAKE_A('p'),
                                             FAKE_AUTH_OK,          FAKE_M('Z', "I"),        FAKE_DO(FAKE_END)};
static const struct fake_step md5[] = {
    FAKE_DO(FAKE_STARTUP), FAKE_M('R', "\0\0\0\5salt"), FAKE_A('p'), FAKE_AUTH_OK, FAKE_M('Z', "I"), FAKE_DO(FAKE_END)};
static const struct fake_step none[] = {FAKE_TRUSTED, FAKE_DO(FAKE_END)};

Test(hostile_auth, a_cleartext_password_leaves_only_where_nobody_can_read_it) {
  dsql_config config;
  dsql_conn *c;

  refused(remote, &(struct fake_plan){.steps = cleartext}, "", DSQL_EAUTH,
          "cleartext password over an unencrypted connection");
  fake_wait_idle(remote);
  cr_assert_lt(fake_counts(remote).received, 200, "a password was sent");

  dsql_config_init(&config); /* allowed by name */
  config.target = fake_conninfo(remote);
  config.password = "secret";
  config.cleartext_without_tls = true;
  c = client_connect_config(&x, &config);
  dsql_conn_close(c);

  fake_plan_set(server, &(struct fake_plan){.steps = cleartext}); /* a Unix socket does not leave the machine */
  c = client_connect(&x, "%s password=secret", fake_conninfo(server));
  dsql_conn_close(c);
}

Test(hostile_auth, require_auth_is_held_against_the_server) {
  const struct {
    const struct fake_step *steps;
    const char *rule;
    bool allowed;
  } cases[] = {{none, "none", true},
               {none, "scram-sha-256", false},
               {none, "!none", false},
               {cleartext, "password", true},
               {cleartext, "md5", false},
               {cleartext, "!password", false},
               {md5, "md5", true},
               {md5, "scram-sha-256", false},
               {md5, "!md5", false},
               {scram, "md5,password", false},
               {scram, "scram-sha-256", true},
               {scram, "!scram-sha-256", false}};

  for (size_t i = 0; i < COUNT(cases); i++) {
    char more[64];
    dsql_conn *c;
    dsql_future *f;
    (void)snprintf(more, sizeof more, "require_auth=%s", cases[i].rule);
    f = attempt(server, &(struct fake_plan){.steps = cases[i].steps}, more, &c);
    if (cases[i].allowed)
      cr_assert_eq(client_settle(f), 0, "case %zu", i);
    else
      assert_fails(f, DSQL_EAUTH, DSQL_CONN_LOST | DSQL_CLIENT_SIDE, "require_auth");
    dsql_conn_close(c);
  }
}

Test(hostile_auth, channel_binding_is_required_or_there_is_no_session) {
  const struct fake_step *const all[] = {none, cleartext, md5, scram};
  for (size_t i = 0; i < COUNT(all); i++)
    refused(server, &(struct fake_plan){.steps = all[i]}, "channel_binding=require", DSQL_EAUTH,
            "channel_binding=require");
}

Test(hostile_auth, the_servers_refusal_is_shown_with_its_sqlstate) {
  static const struct fake_step steps[] = {FAKE_DO(FAKE_STARTUP),
                                           FAKE_M('E', "SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0"),
                                           FAKE_DO(FAKE_CLOSE)};
  dsql_conn *c;
  dsql_future *f = attempt(server, &(struct fake_plan){.steps = steps}, "", &c);
  const dsql_error *e;
  cr_assert_eq(dsql_future_run(f), DSQL_EAUTH, "%s", client_error_text(f));
  e = dsql_future_error(f);
  cr_assert_str_eq(e->sqlstate, "28P01");
  cr_assert(str_has(e->message, "password authentication failed"));
  cr_assert_eq(e->flags & DSQL_CONN_LOST, DSQL_CONN_LOST);
  dsql_future_destroy(f);
  dsql_conn_close(c);
}

Test(hostile_auth, a_password_that_is_asked_for_and_missing_is_said_so) {
  dsql_conn *c;
  fake_plan_set(server, &(struct fake_plan){.steps = scram});
  c = client_dial(&x, "%s passfile=/dev/null", fake_conninfo(server));
  assert_fails(dsql_conn_ready(c), DSQL_EAUTH, DSQL_CONN_LOST | DSQL_CLIENT_SIDE,
               "asks for a password and none was given");
  dsql_conn_close(c);
}
