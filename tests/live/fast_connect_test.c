/* Credentials and queries that leave before the server has asked: against every kind of authentication, guessed right and
 * guessed wrong, and lost on the way. Nothing may ever run twice. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client.h"
#include "relay.h"

static struct client x;
static struct relay *relay;

TestSuite(fast_connect, .timeout = 100);

enum method { TRUST, PASSWORD, MD5, SCRAM, METHODS };
static const char *const names[METHODS] = {"trust", "password", "md5", "scram"};
static const char *const users[METHODS] = {"trust_user", "password_user", "md5_user", "scram_user"};
/* Round trips of the authentication: asked for, and sent ahead. */
static const unsigned asked[METHODS] = {1, 2, 2, 3}, ahead[METHODS] = {1, 1, 2, 2};

/* ---- servers ---- */

/* PgBouncers in front of 18, each asking everybody for the same. */
static int bouncer_port(enum method m) {
  static const char *const keys[METHODS] = {"PGBOUNCER_PORT_ASK_TRUST=", "PGBOUNCER_PORT_ASK_PASSWORD=",
                                            "PGBOUNCER_PORT_ASK_MD5=", "PGBOUNCER_PORT_ASK_SCRAM="};
  char path[512], line[512];
  int port = 0;
  FILE *env;

  cr_assert_not_null(getenv("DSQL_BUILD_DIR"), "run by ctest");
  (void)snprintf(path, sizeof path, "%s/pg/18/env", getenv("DSQL_BUILD_DIR"));
  env = fopen(path, "r");
  cr_assert_not_null(env, "%s", path);
  while (fgets(line, sizeof line, env))
    if (strncmp(line, keys[m], strlen(keys[m])) == 0) port = (int)strtol(line + strlen(keys[m]), NULL, 10);
  (void)fclose(env);
  cr_assert_gt(port, 0, "no %s in %s", keys[m], path);
  return port;
}

static dsql_conn *control(const struct server *s) {
  return client_connect(&x, "hostaddr=127.0.0.1 host=localhost port=%d dbname=postgres user=postgres sslmode=disable",
                        s->port);
}

/* Tests run side by side, each in a process of its own. */
static const char *with_table_name(const char *before, const char *after) {
  static char sql[256];
  (void)snprintf(sql, sizeof sql, "%s ahead_log_%d%s", before, (int)getpid(), after);
  return sql;
}

static void make_table(const struct server *s) {
  dsql_conn *c = control(s);
  client_exec(c, with_table_name("create table", " (v int8)"));
  client_exec(c, with_table_name("grant all on", " to public"));
  dsql_conn_close(c);
}

static void drop_table(const struct server *s) {
  dsql_conn *c = control(s);
  client_exec(c, with_table_name("drop table", ""));
  dsql_conn_close(c);
}

static void expect_runs(dsql_conn *c, int64_t v, const char *times) {
  char where[64];
  (void)snprintf(where, sizeof where, " where v = %lld", (long long)v);
  cr_assert_str_eq(client_value(c, with_table_name("select count(*) from", where)), times, "run %lld", (long long)v);
}

/* ---- connections through the relay ---- */

static dsql_conn *dial_with(const char *user, const char *ca, const char *options) {
  return client_dial(&x,
                     "hostaddr=127.0.0.1 host=localhost port=%u dbname=postgres user=%s password=secret sslrootcert=%s "
                     "sslmode=verify-full %s",
                     relay_port(relay), user, ca, options);
}

static unsigned round_trips(dsql_conn *c) {
  dsql_conn_stats stats;
  dsql_conn_stats_get(c, &stats, sizeof stats);
  return stats.connect_round_trips;
}

static dsql_future *insert(dsql_conn *c, int64_t v) {
  return dsql_query(c, with_table_name("insert into", " values ($1)"), DSQL_PARAMS(dsql_int8(v)), NULL);
}

/* Connects with an insert riding along; returns the round trips. */
static unsigned run_insert(const char *user, const char *ca, int64_t v) {
  dsql_conn *c = dial_with(user, ca, "sslnegotiation=postgres");
  dsql_future *f = insert(c, v);
  unsigned n;
  int rc = dsql_future_run(f);
  cr_assert_eq(rc, 0, "%s", client_error_text(f));
  dsql_future_destroy(f);
  n = round_trips(c);
  dsql_conn_close(c);
  return n;
}

enum { TRANSPORT = 3 /* TCP, SSLRequest, TLS */ };

static const char *const versions[] = {"12", "14", "debian15", "16", "17", "18"};

static void open_all(void) {
  client_open(&x);
  relay = relay_start();
}

static void close_all(void) {
  client_close(&x);
  relay_stop(relay);
}

/* ---- right guesses ---- */

static void learn_and_use(const struct server *s, int port, enum method m, int64_t *v) {
  dsql_conn *c;

  open_all();
  relay_set(relay, port, RELAY_PASS, 0);
  cr_expect_eq(run_insert(users[m], s->ca, ++*v), TRANSPORT + asked[m], "%s %s: not known yet", s->name, names[m]);
  cr_expect_eq(run_insert(users[m], s->ca, ++*v), TRANSPORT + ahead[m], "%s %s: known", s->name, names[m]);
  cr_expect_eq(relay_connections(relay), 2);
  c = control(s);
  expect_runs(c, *v - 1, "1");
  expect_runs(c, *v, "1");
  dsql_conn_close(c);
  close_all();
}

static void with_table(const struct server *s, void (*change)(const struct server *s)) {
  client_open(&x);
  change(s);
  client_close(&x);
}

Test(fast_connect, every_server_and_method) {
  int64_t v = 0;
  for (size_t i = 0; i < COUNT(versions); i++) {
    struct server s;
    cr_assert(server_find(versions[i], &s), "PostgreSQL %s is not running", versions[i]);
    with_table(&s, make_table);
    for (enum method m = 0; m < METHODS; m++) {
      learn_and_use(&s, s.port, m, &v);
      learn_and_use(&s, s.bouncer_port, m, &v);
    }
    with_table(&s, drop_table);
  }
}

/* ---- wrong guesses ---- */

/* Learned from a PgBouncer that asks by `guess`; then the server at port asks by `is`. */
static void mislead(const struct server *s, const char *what, int port, enum method guess, enum method is, bool plus,
                    int64_t *v) {
  const struct server *first = server_default();
  bool right = guess == is && !(plus && is == SCRAM), guesses = guess != MD5;
  unsigned wasted = guesses && !right ? TRANSPORT + 1 : 0;
  dsql_conn *c;

  open_all();
  relay_set(relay, bouncer_port(guess), RELAY_PASS, 0);
  cr_expect_eq(run_insert(users[is], first->ca, 0), TRANSPORT + asked[guess]);
  relay_set(relay, port, RELAY_PASS, 0);
  cr_expect_eq(run_insert(users[is], s->ca, ++*v), wasted + TRANSPORT + (right ? ahead : asked)[is], "%s: %s for %s",
               what, names[guess], names[is]);
  cr_expect_eq(relay_connections(relay), wasted ? 2 : 1, "%s: %s for %s", what, names[guess], names[is]);
  cr_expect_eq(run_insert(users[is], s->ca, ++*v), TRANSPORT + ahead[is], "%s: learned after %s", what, names[guess]);
  c = control(s);
  expect_runs(c, *v - 1, "1");
  expect_runs(c, *v, "1");
  dsql_conn_close(c);
  close_all();
}

Test(fast_connect, wrong_guesses) {
  struct server s = *server_default();
  int64_t v = 0;

  with_table(&s, make_table);
  for (enum method guess = 0; guess < METHODS; guess++)
    for (enum method is = 0; is < METHODS; is++) mislead(&s, "PgBouncer", bouncer_port(is), guess, is, false, &v);
  for (size_t i = 0; i < COUNT(versions); i++) {
    cr_assert(server_find(versions[i], &s), "PostgreSQL %s is not running", versions[i]);
    if (s.major != 18) with_table(&s, make_table);
    for (enum method guess = 0; guess < METHODS; guess++)
      for (enum method is = 0; is < METHODS; is++) mislead(&s, s.name, s.port, guess, is, true, &v);
    if (s.major != 18) with_table(&s, drop_table);
  }
  with_table(server_default(), drop_table);
}

/* A wrong password is not a wrong guess: it is reported, and nobody connects twice. */
Test(fast_connect, a_password_that_changed) {
  const struct server *s = server_default();
  dsql_conn *c;

  open_all();
  relay_set(relay, s->port, RELAY_PASS, 0);
  for (enum method m = PASSWORD; m < METHODS; m++) {
    dsql_conn *good = dial_with(users[m], s->ca, "");
    cr_assert_eq(client_settle(dsql_conn_ready(good)), 0);
    dsql_conn_close(good);
    relay_set(relay, s->port, RELAY_PASS, 0);
    c = dial_with(users[m], s->ca, "password=wrong");
    assert_fails(dsql_conn_ready(c), DSQL_EAUTH, DSQL_CONN_LOST, "password authentication failed");
    cr_expect_eq(relay_connections(relay), 1, "%s", names[m]);
    dsql_conn_close(c);
  }
  close_all();
}

/* ---- when it is not done ---- */

Test(fast_connect, only_where_it_may) {
  static const struct {
    const char *options;
    unsigned trips;
  } cases[] = {
      {"", 3},
      {"require_auth=password", 3},
      {"require_auth=!scram-sha-256", 3},
      {"sslmode=verify-ca", 4},
      {"sslmode=require", 4},
      /* The password leaves ahead; queries wait for what the server is. */
      {"target_session_attrs=read-write", 3},
  };
  const struct server *s = server_default();

  open_all();
  relay_set(relay, s->port, RELAY_PASS, 0);
  for (int known = 0; known < 2; known++)
    for (size_t i = 0; i < COUNT(cases); i++) {
      char options[128];
      dsql_conn *c;
      (void)snprintf(options, sizeof options, "sslnegotiation=direct %s", cases[i].options);
      if (strncmp(cases[i].options, "sslmode", 7) == 0 && strstr(cases[i].options, "require"))
        (void)snprintf(options, sizeof options, "sslnegotiation=postgres %s", cases[i].options);
      c = dial_with("password_user", s->ca, options);
      cr_assert_str_eq(client_value(c, "select 1"), "1");
      if (known) {
        unsigned trips = cases[i].trips + (strstr(options, "=postgres") ? 1 : 0);
        cr_expect_eq(round_trips(c), trips, "%s: %u", cases[i].options, round_trips(c));
      }
      dsql_conn_close(c);
    }
  cr_expect_eq(relay_connections(relay), 2 * COUNT(cases));
  close_all();
}

Test(fast_connect, turned_off) {
  const struct server *s = server_default();
  char target[512];
  dsql_config config;

  open_all();
  relay_set(relay, s->port, RELAY_PASS, 0);
  (void)snprintf(target, sizeof target,
                 "hostaddr=127.0.0.1 host=localhost port=%u dbname=postgres user=password_user password=secret "
                 "sslrootcert=%s sslmode=verify-full sslnegotiation=direct",
                 relay_port(relay), s->ca);
  for (int i = 0; i < 4; i++) {
    dsql_conn *c;
    dsql_config_init(&config);
    config.target = target;
    config.no_fast_connect = i < 2;
    c = client_connect_config(&x, &config);
    cr_expect_eq(round_trips(c), i < 3 ? 4 : 3, "connection %d", i);
    dsql_conn_close(c);
  }
  for (int fast = 0; fast < 2; fast++) {
    dsql_conn *c = dial_with("password_user", s->ca,
                             fast ? "sslnegotiation=direct fast_connect=1" : "sslnegotiation=direct fast_connect=0");
    cr_assert_eq(client_settle(dsql_conn_ready(c)), 0);
    cr_expect_eq(round_trips(c), fast ? 3 : 4, "fast_connect=%d", fast);
    dsql_conn_close(c);
  }
  close_all();
}

/* ---- lost on the way ---- */

static void learn(const struct server *s, const char *user) {
  dsql_conn *c;
  open_all();
  relay_set(relay, s->port, RELAY_PASS, 0);
  c = dial_with(user, s->ca, "sslnegotiation=direct");
  cr_assert_eq(client_settle(dsql_conn_ready(c)), 0);
  dsql_conn_close(c);
}

static void lose_insert(enum relay_loss loss, const char *user, int64_t v, const char *times) {
  const struct server *s = server_default();
  dsql_conn *c, *watch;

  learn(s, user);
  relay_set(relay, s->port, loss, 1);
  c = dial_with(user, s->ca, "sslnegotiation=direct");
  assert_fails(insert(c, v), DSQL_EIO, DSQL_CONN_LOST | DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, "closed the connection");
  cr_expect_eq(relay_connections(relay), 1, "it is not repeated");
  dsql_conn_close(c);
  watch = control(s);
  expect_runs(watch, v, times);
  dsql_conn_close(watch);
  close_all();
}

/* Whether it was run can't be seen from here: it is in doubt both times. */
Test(fast_connect, a_silent_end_is_in_doubt) {
  with_table(server_default(), make_table);
  lose_insert(RELAY_CUT_AFTER, "password_user", 1, "1");
  lose_insert(RELAY_CUT_BEFORE, "password_user", 2, "0");
  lose_insert(RELAY_CUT_AFTER, "trust_user", 3, "1");
  lose_insert(RELAY_CUT_BEFORE, "trust_user", 4, "0");
  with_table(server_default(), drop_table);
}

static void lose_harmless(enum relay_loss loss, const char *user) {
  const struct server *s = server_default();
  const dsql_result *r;
  dsql_call call;
  dsql_future *f;
  dsql_conn *c;
  int32_t one = 0;

  learn(s, user);
  relay_set(relay, s->port, loss, 1);
  dsql_call_init(&call);
  call.read_only = true;
  c = dial_with(user, s->ca, "sslnegotiation=direct");
  f = dsql_query(c, "select 1", DSQL_NO_PARAMS, &call);
  r = client_rows(f);
  cr_assert_eq(dsql_get_int4(r, 0, 0, &one), 0);
  cr_assert_eq(one, 1);
  dsql_future_destroy(f);
  cr_expect_eq(relay_connections(relay), 2, "it is repeated");
  dsql_conn_close(c);
  close_all();
}

static void lose_transaction(enum relay_loss loss, const char *user, int64_t v) {
  const struct server *s = server_default();
  dsql_future *begin, *work;
  dsql_conn *c, *watch;

  learn(s, user);
  relay_set(relay, s->port, loss, 1);
  c = dial_with(user, s->ca, "sslnegotiation=direct");
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  begin = dsql_query(c, "begin", DSQL_NO_PARAMS, NULL);
  work = insert(c, v);
  cr_assert_eq(dsql_pipeline_end(c), 0);
  cr_assert_eq(client_settle(begin), 0);
  cr_assert_eq(client_settle(work), 0);
  cr_expect_eq(relay_connections(relay), 2, "it is repeated");
  cr_assert_eq(client_settle(dsql_query(c, "commit", DSQL_NO_PARAMS, NULL)), 0);
  dsql_conn_close(c);
  watch = control(s);
  expect_runs(watch, v, "1");
  dsql_conn_close(watch);
  close_all();
}

/* What can't have lasted is repeated on a new connection that waits to be asked. */
Test(fast_connect, a_silent_end_of_what_cannot_last) {
  static const enum relay_loss losses[] = {RELAY_CUT_BEFORE, RELAY_CUT_AFTER};
  int64_t v = 100;
  with_table(server_default(), make_table);
  for (size_t i = 0; i < COUNT(losses); i++)
    for (enum method m = TRUST; m <= PASSWORD; m++) {
      lose_harmless(losses[i], users[m]);
      lose_transaction(losses[i], users[m], ++v);
    }
  lose_harmless(RELAY_CUT_BEFORE, "scram_user");
  with_table(server_default(), drop_table);
}

/* SCRAM's first message carries no query: one that waits behind it is repeated whatever it is. */
Test(fast_connect, scram_risks_nothing) {
  const struct server *s = server_default();
  dsql_conn *c, *watch;

  with_table(s, make_table);
  learn(s, "scram_user");
  relay_set(relay, s->port, RELAY_CUT_AFTER, 1);
  c = dial_with("scram_user", s->ca, "sslnegotiation=direct");
  cr_assert_eq(client_settle(insert(c, 1)), 0);
  cr_expect_eq(relay_connections(relay), 2);
  watch = control(s);
  expect_runs(watch, 1, "1");
  dsql_conn_close(watch);
  dsql_conn_close(c);
  close_all();
  with_table(s, drop_table);
}
