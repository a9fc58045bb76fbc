/* OAuth bearer tokens at a real server, PostgreSQL 18, with a validator of our own (oauth_validator.c). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "dsql/oauth.h"

#define ISSUER "https://issuer.example/realm"
#define DOCUMENT ISSUER "/.well-known/openid-configuration"

static struct client x;
static struct server server;
static dsql_auth *auth;

enum { ANSWERS = 4 };

/* What the callback does, one after the other; the last one again and again. */
static struct {
  const char *answers[ANSWERS]; /* "?" asks the server; "!" fails; "-" keeps the request */
  int64_t expires;
  unsigned calls;
  dsql_auth_request *kept;
  char issuer[64], client_id[64], client_secret[64], scope[64], server_url[128], server_scope[64]; /* as it was told */
  bool refused;
} source;

static void copy(char *out, size_t size, dsql_str s) { (void)snprintf(out, size, "%.*s", (int)s.len, s.ptr); }
#define KEEP(field, s) copy(source.field, sizeof source.field, (s))

static void want(dsql_auth_request *q, const dsql_oauth_info *info, void *arg) {
  unsigned n = source.calls++;
  const char *answer;

  cr_assert_eq(arg, &source);
  cr_assert_eq(info->size, sizeof *info);
  KEEP(issuer, info->issuer);
  KEEP(client_id, info->client_id);
  KEEP(client_secret, info->client_secret);
  KEEP(scope, info->scope);
  KEEP(server_url, info->server_discovery_url);
  KEEP(server_scope, info->server_scope);
  source.refused = info->refused;
  while (n >= ANSWERS || !source.answers[n]) n--;
  answer = source.answers[n];
  switch (answer[0]) {
    case '?': dsql_oauth_discover(q); break;
    case '!': dsql_auth_fail(q, "the user closed the window"); break;
    case '-': source.kept = q; break;
    default: dsql_auth_answer(q, answer, source.expires); break;
  }
}

static void open_all(void) {
  dsql_conn *admin;
  memset(&source, 0, sizeof source);
  cr_assert(server_find("auth", &server), "the server \"auth\" is not running");
  client_open(&x);
  admin = client_connect(&x, "%s user=postgres", server_conninfo(&server));
  client_exec(admin,
              "do $$ begin create role oauth_user login; exception when duplicate_object or unique_violation then "
              "end $$");
  dsql_conn_close(admin);
  cr_assert_eq(dsql_oauth_new(&auth, x.rt, want, &source), 0);
}

static void close_all(void) {
  dsql_auth_free(auth);
  client_close(&x);
}

TestSuite(oauth, .init = open_all, .fini = close_all, .timeout = 30);

static dsql_target *target(const char *more) {
  char conninfo[640];
  dsql_config config;
  (void)snprintf(conninfo, sizeof conninfo, "host=%s port=%d dbname=postgres user=oauth_user %s", server.socket_dir,
                 server.port, more);
  dsql_config_init(&config);
  config.target = conninfo;
  config.auth = auth;
  return client_target_config(&x, &config);
}

static dsql_conn *open_of(dsql_target *t) {
  dsql_conn *c;
  cr_assert_eq(dsql_conn_open(&c, x.rt, t), 0);
  return c;
}

static dsql_conn *dial(const char *more) {
  dsql_target *t = target(more);
  dsql_conn *c = open_of(t);
  dsql_target_free(t);
  return c;
}

static void assert_in(dsql_conn *c) {
  dsql_future *ready = dsql_conn_ready(c);
  cr_assert_eq(dsql_future_run(ready), 0, "%s", client_error_text(ready));
  dsql_future_destroy(ready);
  cr_assert_str_eq(client_value(c, "select current_user"), "oauth_user");
  dsql_conn_close(c);
}

/* Refused with this text, and with the token in none. */
static void assert_out(dsql_conn *c, int code, unsigned flags, const char *part, const char *token) {
  dsql_future *ready = dsql_conn_ready(c);
  const dsql_error *e;
  static const char fields[] = "SVCMDHPpqWsctdnFLR";

  cr_assert_eq(dsql_future_run(ready), code, "%s", client_error_text(ready));
  e = dsql_future_error(ready);
  cr_assert_eq(e->flags, flags, "%x", e->flags);
  cr_assert(str_has(e->message, part), "%.*s", (int)e->message.len, e->message.ptr);
  if (token) {
    cr_assert_not(str_has(e->message, token), "%.*s", (int)e->message.len, e->message.ptr);
    cr_assert_not(str_has(e->detail, token) || str_has(e->hint, token));
    for (size_t i = 0; fields[i]; i++) cr_assert_not(str_has(dsql_error_field(e, fields[i]), token));
  }
  dsql_future_destroy(ready);
  dsql_conn_close(c);
}

enum { BY_SERVER = DSQL_CONN_LOST, BY_US = DSQL_CONN_LOST | DSQL_CLIENT_SIDE };

static void look_for_token(const char *line, size_t len, void *arg) {
  ++*(unsigned *)arg;
  cr_assert_null(memmem(line, len, "good-token", 10), "%.*s", (int)len, line);
}

Test(oauth, the_right_token) {
  unsigned lines = 0;
  dsql_conn *c;
  source.answers[0] = "good-token";
  c = dial("oauth_issuer=" ISSUER " oauth_client_id=me oauth_client_secret=mine oauth_scope='a b' require_auth=oauth");
  dsql_conn_on_trace(c, look_for_token, &lines);
  assert_in(c);
  cr_assert_gt(lines, 5);
  cr_assert_eq(source.calls, 1);
  cr_assert_str_eq(source.issuer, ISSUER);
  cr_assert_str_eq(source.client_id, "me");
  cr_assert_str_eq(source.client_secret, "mine");
  cr_assert_str_eq(source.scope, "a b");
  cr_assert_str_empty(source.server_url);
  cr_assert_str_empty(source.server_scope);
  cr_assert_not(source.refused);
}

Test(oauth, over_tls) {
  char more[512];
  dsql_conn *c;
  dsql_conn_stats stats;
  source.answers[0] = "good-token";
  (void)snprintf(more, sizeof more, "host=localhost hostaddr=127.0.0.1 sslmode=verify-full sslrootcert=%s", server.ca);
  for (int i = 0; i < 2; i++) { /* the second time it is known what the server asks for, and waited for all the same */
    c = dial(more);
    cr_assert_eq(client_settle(dsql_conn_ready(c)), 0);
    dsql_conn_stats_get(c, &stats, sizeof stats);
    cr_assert_eq(stats.connect_round_trips, 5, "TCP, SSLRequest, TLS, start-up, token: %u", stats.connect_round_trips);
    assert_in(c);
  }
}

Test(oauth, not_over_a_connection_that_anybody_reads) {
  dsql_config config;
  char conninfo[256];
  source.answers[0] = "good-token";
  assert_out(dial("host=127.0.0.1 sslmode=disable"), DSQL_EAUTH, BY_US, "OAuth token over an unencrypted connection",
             "good-token");
  (void)snprintf(conninfo, sizeof conninfo, "host=127.0.0.1 port=%d dbname=postgres user=oauth_user sslmode=disable",
                 server.port);
  dsql_config_init(&config);
  config.target = conninfo;
  config.auth = auth;
  config.cleartext_without_tls = true;
  dsql_conn_close(client_connect_config(&x, &config));
}

/* One that was got for this connection is not asked for twice. The next callback knows all. */
Test(oauth, the_wrong_token) {
  static const char *const wrong[] = {"bad-token", "other-token", "broken"};
  for (size_t i = 0; i < COUNT(wrong); i++) {
    dsql_target *t = target("");
    dsql_conn *c = open_of(t);
    dsql_future *f = dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL);
    source.calls = 0;
    source.answers[0] = wrong[i];
    source.answers[1] = "good-token";
    cr_assert_eq(client_settle(f), DSQL_EAUTH);
    assert_out(c, DSQL_EAUTH, BY_SERVER,
               "FATAL: OAuth bearer authentication failed for user \"oauth_user\" (SQLSTATE 28000)", wrong[i]);
    cr_assert_eq(source.calls, 1);
    assert_in(open_of(t));
    cr_assert_eq(source.calls, 2);
    cr_assert(source.refused);
    cr_assert_str_eq(source.server_url, DOCUMENT);
    dsql_target_free(t);
  }
}

Test(oauth, the_error_tells_what_the_server_wants) {
  source.answers[0] = "bad-token";
  assert_out(dial(""), DSQL_EAUTH, BY_SERVER,
             "(SQLSTATE 28000); it says \"invalid_token\" and wants a token of " DOCUMENT ", scope \"openid db\"",
             "bad-token");
  source.answers[0] = "bad-token"; /* the issuer may be named by its document, too */
  assert_out(dial("oauth_issuer=" DOCUMENT), DSQL_EAUTH, BY_SERVER, "wants a token of " DOCUMENT, "bad-token");
}

static void withdrawable(char path[64]) {
  int fd;
  (void)snprintf(path, 64, "/tmp/dsql-token.XXXXXX");
  do {
    (void)snprintf(path, 64, "/tmp/dsql-token.XXXXXX");
    fd = mkstemp(path);
  } while (fd < 0);
  (void)close(fd);
}

/* As long as it holds it is kept; when it is refused all the same, a new one is asked for and used at once. */
Test(oauth, a_kept_token_that_is_withdrawn) {
  char path[64];
  dsql_target *t = target("");
  withdrawable(path);
  source.expires = time(NULL) + 3600;
  source.answers[0] = path;
  source.answers[1] = "good-token";
  for (int i = 0; i < 3; i++) assert_in(open_of(t));
  cr_assert_eq(source.calls, 1);
  cr_assert_eq(unlink(path), 0);
  assert_in(open_of(t));
  cr_assert_eq(source.calls, 2);
  cr_assert(source.refused);
  cr_assert_str_eq(source.server_url, DOCUMENT);
  assert_in(open_of(t));
  cr_assert_eq(source.calls, 2);
  dsql_target_free(t);
}

/* Both refusals are told. */
Test(oauth, a_kept_token_that_is_withdrawn_and_no_other) {
  static const char *const next[] = {"bad-token", "!"};
  for (size_t i = 0; i < COUNT(next); i++) {
    char path[64];
    dsql_target *t = target("");
    withdrawable(path);
    source.calls = 0;
    source.expires = time(NULL) + 3600;
    source.answers[0] = path;
    source.answers[1] = next[i];
    assert_in(open_of(t));
    cr_assert_eq(unlink(path), 0);
    assert_out(open_of(t), i == 0 ? DSQL_EAUTH : DSQL_ECREDENTIALS, i == 0 ? BY_SERVER : BY_US,
               "OAuth bearer authentication failed", path);
    cr_assert_eq(source.calls, 2);
    dsql_target_free(t);
  }
}

Test(oauth, asking_the_server_first) {
  source.answers[0] = "?";
  source.answers[1] = "good-token";
  assert_in(dial("oauth_issuer=" ISSUER));
  cr_assert_eq(source.calls, 2);
  cr_assert_str_eq(source.server_url, DOCUMENT);
  cr_assert_str_eq(source.server_scope, "openid db");
  cr_assert_not(source.refused, "a question is no token");
}

Test(oauth, asking_again_and_again) {
  source.answers[0] = "?";
  assert_out(dial(""), DSQL_EAUTH, BY_SERVER, "it says \"invalid_token\"", NULL);
  cr_assert_eq(source.calls, 2);
}

/* Or a server could send the user to log in at its own. */
Test(oauth, another_issuer_than_the_users) {
  static const char *const first[] = {"?", "bad-token"};
  for (size_t i = 0; i < COUNT(first); i++) {
    dsql_target *t = target("oauth_issuer=https://mine.example");
    source.calls = 0;
    source.answers[0] = first[i];
    source.answers[1] = "good-token";
    assert_out(open_of(t), DSQL_EAUTH, BY_SERVER, "which is not the target's oauth_issuer: no token is asked for there",
               NULL);
    cr_assert_eq(source.calls, 1);
    assert_in(open_of(t));
    cr_assert_str_empty(source.server_url, "it is forgotten");
    cr_assert_str_empty(source.server_scope);
    dsql_target_free(t);
  }
}

Test(oauth, a_callback_that_fails) {
  source.answers[0] = "!";
  assert_out(dial(""), DSQL_ECREDENTIALS, BY_US, "the token's source failed: the user closed the window", NULL);
}

Test(oauth, answers_that_are_no_tokens) {
  static const struct {
    const char *answer, *part;
  } cases[] = {{"", "dsql_auth_answer() was given an empty token"},
               {"good token", "the OAuth token has a byte that a bearer token can't have (RFC 6750), at offset 4"},
               {"Bearer good-token", "give it without \"Bearer\" and without a newline"},
               {"good-token\n", "at offset 10"}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    source.calls = 0;
    source.answers[0] = cases[i].answer;
    assert_out(dial(""), DSQL_EINVAL, BY_US, cases[i].part, "good");
  }
}

Test(oauth, tokens_of_any_length) {
  static const size_t sizes[] = {4, 8192, 65000, 65001};
  for (size_t i = 0; i < COUNT(sizes); i++) {
    char *token = malloc(sizes[i] + 1);
    cr_assert_not_null(token);
    memset(token, 'x', sizes[i]);
    memcpy(token, "good", 4);
    token[sizes[i]] = '\0';
    source.calls = 0;
    source.answers[0] = token;
    if (sizes[i] <= 65000)
      assert_in(dial(""));
    else
      assert_out(dial(""), DSQL_EINVAL, BY_US, "the OAuth token has 65001 bytes; at most 65000", "xxxx");
    free(token);
  }
}

Test(oauth, a_callback_that_takes_its_time) {
  dsql_conn *c, *other;
  dsql_target *t = target("connect_timeout=2");
  source.answers[0] = "-";
  c = open_of(t);
  other = open_of(t);
  while (!source.kept) client_turn(&x);
  for (int i = 0; i < 20; i++) (void)uv_run(&x.loop, UV_RUN_NOWAIT);
  cr_assert_eq(source.calls, 1, "for both");
  dsql_auth_answer(source.kept, "good-token", 0);
  assert_in(c);
  assert_in(other);
  cr_assert_eq(source.calls, 1);
  source.kept = NULL;
  assert_out(open_of(t), DSQL_ETIMEDOUT, BY_US, "waiting for the password's source", NULL);
  cr_assert_not_null(source.kept);
  dsql_target_free(t);
  dsql_auth_answer(source.kept, "good-token", 0); /* nobody waits any more */
}

Test(oauth, nobody_waits_for_the_answer) {
  for (int discover = 0; discover < 2; discover++) {
    dsql_conn *c = dial("");
    source.answers[0] = "-";
    source.kept = NULL;
    while (!source.kept) client_turn(&x);
    dsql_conn_close(c); /* and with it the target and its source */
    if (discover)
      dsql_oauth_discover(source.kept);
    else
      dsql_auth_answer(source.kept, "good-token", 0);
  }
}

Test(oauth, no_source_of_tokens) {
  dsql_conn *c = client_dial(&x, "host=%s port=%d dbname=postgres user=oauth_user password=secret oauth_issuer=" ISSUER,
                             server.socket_dir, server.port);
  assert_out(c, DSQL_EAUTH, BY_US, "there is no source of tokens: give the target one by dsql_oauth_new()", "secret");
}

/* The token is no password, and the password goes where a password is asked for. */
Test(oauth, servers_that_ask_for_something_else) {
  source.answers[0] = "good-token";
  assert_out(dial("user=scram_user"), DSQL_EAUTH, BY_US, "asks for a password and none was given", "good-token");
  assert_out(dial("user=password_user"), DSQL_EAUTH, BY_US, "asks for a password and none was given", "good-token");
  assert_out(dial("user=trust_user require_auth=oauth"), DSQL_EAUTH, BY_US, "require_auth", "good-token");
  assert_out(dial("require_auth=scram-sha-256"), DSQL_EAUTH, BY_US, "the server asks for OAuth authentication", "good");
  assert_out(dial("channel_binding=require host=localhost hostaddr=127.0.0.1 sslmode=require"), DSQL_EAUTH, BY_US,
             "which has no channel binding", "good-token");
  {
    dsql_conn *c = dial("user=scram_user password=secret");
    cr_assert_str_eq(client_value(c, "select current_user"), "scram_user");
    dsql_conn_close(c);
  }
  source.answers[0] = "good-token";
  assert_out(dial("user=scram_user password=wrong"), DSQL_EAUTH, BY_SERVER, "password authentication failed", "good");
}

/* Somebody else's wrong password says nothing about a token. */
Test(oauth, a_refusal_that_is_not_the_tokens) {
  dsql_target *t = target("user=scram_user password=wrong");
  source.expires = time(NULL) + 3600;
  source.answers[0] = "good-token";
  for (int i = 0; i < 3; i++)
    assert_out(open_of(t), DSQL_EAUTH, BY_SERVER, "password authentication failed", "good-token");
  cr_assert_eq(source.calls, 1);
  dsql_target_free(t);
}

Test(oauth, connections_of_a_pool) {
  dsql_pool *pool;
  dsql_target *t = target("");
  dsql_future *f[8], *end;
  source.expires = time(NULL) + 3600;
  source.answers[0] = "good-token";
  cr_assert_eq(dsql_pool_new(&pool, x.rt, t, NULL), 0);
  for (size_t i = 0; i < COUNT(f); i++) f[i] = dsql_pool_query(pool, "select pg_sleep(0.05)", DSQL_NO_PARAMS, NULL);
  for (size_t i = 0; i < COUNT(f); i++) cr_assert_eq(client_settle(f[i]), 0);
  cr_assert_eq(source.calls, 1, "one token for all");
  end = dsql_pool_close(pool, 1000);
  cr_assert_eq(client_settle(end), 0);
  dsql_target_free(t);
}

Test(oauth, for_one_connection) {
  dsql_conn_options o;
  dsql_target *t = client_target(&x, "host=%s port=%d dbname=postgres user=oauth_user oauth_scope=s", server.socket_dir,
                                 server.port);
  dsql_conn *c;
  source.answers[0] = "good-token";
  dsql_conn_options_init(&o);
  o.auth = auth;
  cr_assert_eq(dsql_conn_open_with(&c, x.rt, t, &o), 0);
  assert_in(c);
  cr_assert_str_eq(source.scope, "s");
  dsql_target_free(t);
}

/* Each allocation failing in turn, in two attempts with a document between them: it is told, or made good. */
Test(oauth, every_allocation_fails_in_turn) {
  size_t failures = 0, refused = 0;
  for (size_t nth = 1;; nth++) {
    dsql_target *t;
    dsql_conn *c = NULL;
    bool fired;
    int code;

    source.calls = 0;
    source.answers[0] = "?";
    source.answers[1] = "good-token";
    t = target("");
    test_alloc_arm(&x.heap, nth, false);
    code = dsql_conn_open(&c, x.rt, t);
    if (code == 0) code = client_settle(dsql_conn_ready(c));
    fired = test_alloc_fired(&x.heap);
    test_alloc_arm(&x.heap, 0, false);
    cr_assert(code == 0 || fired, "allocation %zu: %s", nth, dsql_error_name(code));
    cr_assert(code == 0 || code == DSQL_ENOMEM || code == DSQL_EAUTH, "allocation %zu: %s", nth, dsql_error_name(code));
    refused += code != 0;
    dsql_conn_close(c);
    dsql_target_free(t);
    if (!fired) break;
    failures++;
  }
  cr_log_info("%zu allocations, %zu refused", failures, refused);
  cr_assert_gt(refused, 10);
}
