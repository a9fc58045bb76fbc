/* Deadlines, servers that end sessions, and the runtime's end under load: which error, which flags, what remains usable. */
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"

static struct client x;

static void open_all(void) { client_open(&x); }
static void close_all(void) { client_close(&x); }

TestSuite(lost, .init = open_all, .fini = close_all, .timeout = 60);

static dsql_conn *connect_default(void) { return client_connect(&x, "%s", server_conninfo(server_default())); }

static uint64_t now_ms(void) {
  uv_update_time(&x.loop);
  return uv_now(&x.loop);
}

/* Turns the loop until the server runs something on this session. */
static void await_active(dsql_conn *observer, dsql_conn *c, const char *event) {
  char sql[160];
  (void)snprintf(sql, sizeof sql, "select count(*) from pg_stat_activity where pid = %d and wait_event = '%s'",
                 dsql_conn_backend_pid(c), event);
  for (int i = 0; i < 10000 && strcmp(client_value(observer, sql), "1") != 0; i++) continue;
  cr_assert_str_eq(client_value(observer, sql), "1", "the server never came to %s", event);
}

static void terminate(dsql_conn *killer, dsql_conn *c) {
  char sql[80];
  (void)snprintf(sql, sizeof sql, "select pg_terminate_backend(%d)", dsql_conn_backend_pid(c));
  cr_assert_str_eq(client_value(killer, sql), "t");
}

/* ---- the server ends the session ---- */

Test(lost, what_is_queued_behind_a_terminated_query) {
  dsql_conn *c = connect_default(), *killer = connect_default();
  dsql_future *f[4];

  f[0] = dsql_query(c, "select pg_sleep(30)", DSQL_NO_PARAMS, NULL);
  f[1] = dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL);
  f[2] = dsql_exec(c, "select 2", NULL);
  (void)uv_run(&x.loop, UV_RUN_NOWAIT);
  await_active(killer, c, "PgSleep");
  f[3] = dsql_query(c, "select 3", DSQL_NO_PARAMS, NULL);
  terminate(killer, c);
  assert_fails(f[0], DSQL_ESERVER, DSQL_CONN_LOST, "terminating connection");
  for (int i = 1; i < 4; i++) {
    int rc = dsql_future_run(f[i]);
    const dsql_error *e = dsql_future_error(f[i]);
    cr_assert_eq(rc, DSQL_ESERVER, "%d: the server's words tell why: %s", i, client_error_text(f[i]));
    cr_assert_eq(e->flags & (DSQL_CONN_LOST | DSQL_IN_DOUBT), DSQL_CONN_LOST,
                 "%d: the FATAL error before it proves that it never ran: %s", i, client_error_text(f[i]));
    dsql_future_destroy(f[i]);
  }
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_FAILED);
  dsql_conn_close(c);
  dsql_conn_close(killer);
}

#define SLOW_COMMIT                                                                                                    \
  "create temp table slow (a int); "                                                                                   \
  "create function pg_temp.nap() returns trigger language plpgsql as 'begin perform pg_sleep(30); return null; end'; " \
  "create constraint trigger nap after insert on slow deferrable initially deferred for each row "                     \
  "execute function pg_temp.nap(); begin; insert into slow values (1)"

/* A FATAL error may follow a commit that took effect: in the wait for a synchronous standby. */
Test(lost, a_terminated_commit_is_in_doubt) {
  dsql_conn *c = connect_default(), *killer = connect_default();
  dsql_future *f;
  client_exec(c, SLOW_COMMIT);
  f = dsql_query(c, "commit", DSQL_NO_PARAMS, NULL);
  (void)uv_run(&x.loop, UV_RUN_NOWAIT);
  await_active(killer, c, "PgSleep");
  terminate(killer, c);
  assert_fails(f, DSQL_ESERVER, DSQL_CONN_LOST | DSQL_IN_DOUBT, "terminating connection");
  dsql_conn_close(c);
  dsql_conn_close(killer);
}

/* Nobody can tell whether it happened: only the deadline ended the wait. */
Test(lost, a_commit_past_its_deadline_is_in_doubt) {
  dsql_conn *c = connect_default();
  dsql_call o;
  uint64_t begin_ms;
  client_exec(c, SLOW_COMMIT);
  dsql_call_init(&o);
  o.timeout_ms = 100;
  begin_ms = now_ms();
  assert_fails(dsql_query(c, "commit", DSQL_NO_PARAMS, &o), DSQL_ETIMEDOUT, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE,
               "timeout");
  cr_assert_lt(now_ms() - begin_ms, 1500);
  dsql_conn_close(c);
}

Test(lost, a_closed_commit_is_in_doubt) {
  dsql_conn *c = connect_default(), *observer = connect_default();
  dsql_future *f;
  client_exec(c, SLOW_COMMIT);
  f = dsql_query(c, "commit", DSQL_NO_PARAMS, NULL);
  (void)uv_run(&x.loop, UV_RUN_NOWAIT);
  await_active(observer, c, "PgSleep");
  dsql_conn_close(c);
  assert_fails(f, DSQL_ECLOSED, DSQL_CONN_LOST | DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, "closed by its owner");
  dsql_conn_close(observer);
}

/* ---- deadlines ---- */

/* The statements between have all the time they need: it is the sleepers' deadline that is tested. */
static void usable(dsql_conn *c, const char *sql) {
  dsql_call o;
  dsql_call_init(&o);
  o.timeout_ms = 30000;
  cr_assert_eq(client_settle(dsql_query(c, sql, DSQL_NO_PARAMS, &o)), 0, "%s", sql);
}

static void sleeper(const char *version) {
  struct server s;
  dsql_config config;
  dsql_conn *c;
  uint64_t begin_ms = now_ms();

  cr_assert(server_find(version, &s), "PostgreSQL %s is not running", version);
  dsql_config_init(&config);
  config.target = server_conninfo(&s);
  config.query_timeout_ms = 80;
  c = client_connect_config(&x, &config);
  for (int i = 0; i < 5; i++) {
    assert_fails(dsql_query(c, "select pg_sleep(30)", DSQL_NO_PARAMS, NULL), DSQL_ETIMEDOUT,
                 DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, "timeout");
    usable(c, "select 1");
  }
  usable(c, "begin");
  assert_fails(dsql_query(c, "select pg_sleep(30)", DSQL_NO_PARAMS, NULL), DSQL_ETIMEDOUT, DSQL_CLIENT_SIDE, "timeout");
  usable(c, "rollback");
  cr_assert_eq(dsql_conn_tx_status(c), DSQL_TX_IDLE);
  cr_assert_lt(now_ms() - begin_ms, 6 * 80 + 3000, "a deadline was late");
  dsql_conn_close(c);
}

Test(lost, the_deadline_of_every_query_on_18) { sleeper("18"); }
Test(lost, the_deadline_of_every_query_on_15) { sleeper("debian15"); }

/* Accepts and never says a word: the kernel's backlog does that. */
static int silent_listener(int *port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof a;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&a, n) == 0 && listen(fd, 16) == 0);
  cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
  *port = ntohs(a.sin_port);
  return fd;
}

static dsql_conn *dial_within(const char *conninfo, uint32_t connect_timeout_ms) {
  dsql_config config;
  dsql_target *t;
  dsql_conn *c = NULL;
  dsql_config_init(&config);
  config.target = conninfo;
  config.connect_timeout_ms = connect_timeout_ms;
  t = client_target_config(&x, &config);
  cr_assert_eq(dsql_conn_open(&c, x.rt, t), 0);
  dsql_target_free(t);
  return c;
}

Test(lost, a_listener_that_never_answers) {
  static const char *const ways[] = {"sslmode=disable", "sslmode=verify-full",
                                     "sslmode=verify-full sslnegotiation=direct"};
  int port, fd = silent_listener(&port);
  for (size_t i = 0; i < COUNT(ways); i++) {
    char conninfo[700];
    dsql_conn *c;
    uint64_t begin_ms = now_ms();
    (void)snprintf(conninfo, sizeof conninfo,
                   "host=localhost hostaddr=127.0.0.1 port=%d user=x dbname=x sslrootcert=%s %s", port,
                   server_default()->ca, ways[i]);
    c = dial_within(conninfo, 150);
    assert_fails(dsql_conn_ready(c), DSQL_ETIMEDOUT, DSQL_CONN_LOST | DSQL_CLIENT_SIDE, "connect timeout of 150 ms");
    cr_assert_lt(now_ms() - begin_ms, 1500);
    dsql_conn_close(c);
  }
  (void)close(fd);
}

/* It gets its share of the time, not all of it. */
Test(lost, a_silent_host_leaves_time_for_the_next) {
  int port, fd = silent_listener(&port);
  char conninfo[256];
  dsql_conn *c;
  (void)snprintf(conninfo, sizeof conninfo,
                 "host=a,b hostaddr=127.0.0.1,127.0.0.1 port=%d,%d user=trust_user dbname=postgres sslmode=disable",
                 port, server_default()->port);
  c = dial_within(conninfo, 2000);
  cr_assert_eq(client_settle(dsql_conn_ready(c)), 0);
  cr_assert_str_eq(client_value(c, "select 1"), "1");
  dsql_conn_close(c);
  (void)close(fd);
}

/* A database's own limit stands for a full server, which would disturb the tests beside this one. */
Test(lost, a_server_that_is_full_says_so) {
  const struct server *s = server_default();
  dsql_conn *admin = client_connect(&x, "host=%s port=%d user=postgres dbname=postgres", s->socket_dir, s->port), *c;
  dsql_future *f;
  client_exec(admin, "drop database if exists crowded");
  client_exec(admin, "create database crowded connection limit 0");
  c = client_dial(&x, "host=%s port=%d user=trust_user dbname=crowded", s->socket_dir, s->port);
  f = dsql_conn_ready(c);
  cr_assert_eq(dsql_future_run(f), DSQL_ESERVER, "%s", client_error_text(f));
  cr_assert_str_eq(dsql_future_error(f)->sqlstate, "53300");
  cr_assert_eq(dsql_future_error(f)->flags, DSQL_CONN_LOST);
  dsql_future_destroy(f);
  dsql_conn_close(c);
  client_exec(admin, "drop database crowded");
  dsql_conn_close(admin);
}

/* ---- the runtime's end ---- */

struct tally {
  int called, canceled;
};

static void count_canceled(dsql_future *f, void *arg) {
  struct tally *t = arg;
  t->called++;
  t->canceled += dsql_future_code(f) == DSQL_ECANCELED;
}

static void on_closed(void *arg) { *(bool *)arg = true; }

/* A hundred connections in every state: connecting, idle with queued work, in mid-query. All end once, as canceled. */
Test(lost, the_runtime_ends_under_a_hundred_connections) {
  enum { N = 100 };
  struct client y;
  dsql_conn *c[N];
  dsql_future *f[2 * N];
  struct tally t = {0};
  dsql_call o;
  bool closed = false;

  client_open(&y);
  dsql_call_init(&o);
  o.read_only = true;
  for (int i = 0; i < N; i++) c[i] = client_dial(&y, "%s", server_conninfo(server_default()));
  for (int i = 0; i < N / 2; i++) cr_assert_eq(client_settle(dsql_conn_ready(c[i])), 0);
  for (int i = 0; i < N; i++) {
    f[2 * i] = dsql_query(c[i], "select pg_sleep(30)", DSQL_NO_PARAMS, NULL);
    f[2 * i + 1] = dsql_query(c[i], "select 1", DSQL_NO_PARAMS, &o);
  }
  for (int i = 0; i < 2 * N; i++) cr_assert_eq(dsql_future_on_ready(f[i], count_canceled, &t), 0);
  for (int i = 0; i < 3; i++) (void)uv_run(&y.loop, UV_RUN_NOWAIT);
  dsql_rt_close(y.rt, on_closed, &closed);
  cr_assert_eq(t.called, 0, "no callback runs inside the call");
  for (int i = 0; i < 100 && t.called < 2 * N; i++) (void)uv_run(&y.loop, UV_RUN_NOWAIT);
  cr_assert(t.called == 2 * N && t.canceled == 2 * N, "%d called, %d canceled", t.called, t.canceled);
  if (!closed)
    for (int i = 0; i < 2 * N; i++) dsql_future_destroy(f[i]);
  uv_run(&y.loop, UV_RUN_DEFAULT);
  cr_assert(closed);
  test_alloc_assert_empty(&y.heap);
  cr_assert_eq(uv_loop_close(&y.loop), 0);
}
