/* The keys of SCRAM are derived once per target and password: see auth/scram_cache.h. On a server of its own, where a role
 * may change its password. */
#include <stdio.h>
#include <unistd.h>

#include "client.h"
#include "conn/target_object.h"

static struct client x;
static struct server server;
static dsql_conn *admin;
static char role[32];      /* of each test its own: they run side by side */
static const char *answer; /* of the dsql_auth */

static void open_all(void) {
  cr_assert(server_find("auth", &server), "the server \"auth\" is not running");
  client_open(&x);
  (void)snprintf(role, sizeof role, "cached_%d", (int)getpid());
  admin = client_connect(&x, "%s user=postgres", server_conninfo(&server));
}

static void close_all(void) {
  char script[64];
  (void)snprintf(script, sizeof script, "drop role if exists %s", role);
  client_exec(admin, script);
  dsql_conn_close(admin);
  client_close(&x);
}

TestSuite(scram_cache, .init = open_all, .fini = close_all, .timeout = 30);

static void set_password(const char *password, const char *iterations) {
  char script[256];
  (void)snprintf(script, sizeof script,
                 "set scram_iterations = %s; drop role if exists %s; create role %s login password '%s'", iterations,
                 role, role, password);
  client_exec(admin, script);
}

static dsql_target *target_of(const char *password, dsql_auth *auth) {
  char conninfo[512];
  dsql_config config;
  (void)snprintf(conninfo, sizeof conninfo, "%s user=%s require_auth=scram-sha-256", server_conninfo(&server), role);
  dsql_config_init(&config);
  config.target = conninfo;
  config.password = password;
  config.auth = auth;
  return client_target_config(&x, &config);
}

static int log_in_with(const dsql_target *t, const dsql_conn_options *o) {
  dsql_conn *c;
  int code;
  cr_assert_eq(dsql_conn_open_with(&c, x.rt, t, o), 0);
  code = client_settle(dsql_conn_ready(c));
  if (code == 0) cr_assert_str_eq(client_value(c, "select current_user"), role);
  dsql_conn_close(c);
  return code;
}

static void counts(const dsql_target *t, unsigned misses, unsigned hits, int line) {
  cr_assert_eq(t->scram_cache.misses, misses, "line %d: %u derivations", line, (unsigned)t->scram_cache.misses);
  cr_assert_eq(t->scram_cache.hits, hits, "line %d", line);
}
#define counts(t, misses, hits) counts((t), (misses), (hits), __LINE__)

/* On the loop, and in the thread pool. */
Test(scram_cache, the_second_connection_derives_nothing) {
  static const char *const iterations[] = {"4096", "20000"};
  for (size_t i = 0; i < COUNT(iterations); i++) {
    dsql_target *t;
    set_password("secret", iterations[i]);
    t = target_of("secret", NULL);
    for (unsigned n = 0; n < 3; n++) {
      cr_assert_eq(log_in_with(t, NULL), 0);
      counts(t, 1, n);
    }
    dsql_target_free(t);
  }
}

Test(scram_cache, a_new_password_has_a_new_salt) {
  dsql_target *t;
  set_password("secret", "4096");
  t = target_of("secret", NULL);
  cr_assert_eq(log_in_with(t, NULL), 0);
  set_password("other", "4096");
  cr_assert_eq(log_in_with(t, NULL), DSQL_EAUTH);
  counts(t, 2, 0);
  set_password("secret", "4096");
  cr_assert_eq(log_in_with(t, NULL), 0);
  cr_assert_eq(log_in_with(t, NULL), 0);
  counts(t, 3, 1);
  set_password("secret", "5000");
  cr_assert_eq(log_in_with(t, NULL), 0);
  counts(t, 4, 1);
  dsql_target_free(t);
}

Test(scram_cache, a_wrong_password_is_not_kept) {
  dsql_target *t;
  set_password("secret", "4096");
  t = target_of("wrong", NULL);
  cr_assert_eq(log_in_with(t, NULL), DSQL_EAUTH);
  cr_assert_eq(log_in_with(t, NULL), DSQL_EAUTH);
  counts(t, 2, 0);
  dsql_target_free(t);
}

static void want(dsql_auth_request *q, void *arg) {
  (void)arg;
  dsql_auth_answer(q, answer, 0);
}

/* The password of the moment decides. */
Test(scram_cache, passwords_from_a_callback) {
  dsql_auth *auth;
  dsql_target *t;
  set_password("secret", "4096");
  cr_assert_eq(dsql_auth_new(&auth, x.rt, want, NULL), 0);
  t = target_of(NULL, auth);
  answer = "secret";
  cr_assert_eq(log_in_with(t, NULL), 0);
  cr_assert_eq(log_in_with(t, NULL), 0);
  counts(t, 1, 1);
  answer = "wrong";
  cr_assert_eq(log_in_with(t, NULL), DSQL_EAUTH);
  counts(t, 2, 1);
  answer = "secret";
  cr_assert_eq(log_in_with(t, NULL), 0);
  counts(t, 2, 2);
  dsql_target_free(t);
  dsql_auth_free(auth);
}

/* It may go before the target does, and so would its password. */
Test(scram_cache, a_connections_own_source_leaves_nothing_with_the_target) {
  dsql_conn_options o;
  dsql_auth *auth;
  dsql_target *t;
  set_password("secret", "4096");
  cr_assert_eq(dsql_auth_new(&auth, x.rt, want, NULL), 0);
  answer = "secret";
  dsql_conn_options_init(&o);
  o.auth = auth;
  t = target_of(NULL, NULL);
  for (int i = 0; i < 2; i++) cr_assert_eq(log_in_with(t, &o), 0);
  counts(t, 0, 0);
  dsql_target_free(t);
  dsql_auth_free(auth);
}
