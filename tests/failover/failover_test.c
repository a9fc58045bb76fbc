/* Servers change their roles under a pool: what was reported as committed is there once, what failed is not there, what is
 * in doubt is either, and connections to a server that is not what was asked for leave by themselves. */
#include <stdio.h>
#include <stdlib.h>

#include "client.h"

static struct client x;

static void pg(const char *verb, const char *arguments, bool wait) {
  char command[2000];
  (void)snprintf(command, sizeof command, "cd '%s/pg' && %s/scripts/pg %s %s >/dev/null 2>&1 %s",
                 getenv("DSQL_BUILD_DIR"), getenv("DSQL_SOURCE_DIR"), verb, arguments, wait ? "" : "&");
  cr_assert_eq(system(command), 0, "%s", command);
}

static int port_of(const char *name) {
  struct server s;
  cr_assert(server_find(name, &s));
  return s.port;
}

static dsql_conn *admin(int port) {
  return client_connect(&x, "hostaddr=127.0.0.1 host=localhost port=%d user=postgres dbname=postgres sslmode=disable",
                        port);
}

static dsql_pool *pool_of(const char *ports, const char *attrs, uint32_t conns_max) {
  dsql_pool_config config;
  dsql_pool *p = NULL;
  dsql_target *t =
      client_target(&x,
                    "hostaddr=127.0.0.1%s host=localhost%s port=%s target_session_attrs=%s "
                    "connect_timeout=4 user=trust_user dbname=postgres sslmode=disable",
                    strchr(ports, ',') ? ",127.0.0.1" : "", strchr(ports, ',') ? ",localhost" : "", ports, attrs);

  dsql_pool_config_init(&config);
  config.conns_max = conns_max;
  cr_assert_eq(dsql_pool_new(&p, x.rt, t, &config), 0);
  dsql_target_free(t);
  return p;
}

static void close_pool(dsql_pool *p) { cr_assert_eq(client_settle(dsql_pool_close(p, 0)), 0); }

static dsql_pool_stats stats(const dsql_pool *p) {
  dsql_pool_stats s;
  dsql_pool_stats_get(p, &s, sizeof s);
  return s;
}

static void on_timer(uv_timer_t *t) { *(bool *)t->data = true; }

static void turn_ms(unsigned ms) {
  uv_timer_t timer;
  bool passed = false;

  (void)uv_timer_init(&x.loop, &timer);
  timer.data = &passed;
  (void)uv_timer_start(&timer, on_timer, ms, 0);
  while (!passed) (void)uv_run(&x.loop, UV_RUN_ONCE);
  uv_close((uv_handle_t *)&timer, NULL);
  (void)uv_run(&x.loop, UV_RUN_NOWAIT);
}

static void until_idle_beside_lent(const dsql_pool *p, uint32_t idle, uint32_t lent) {
  for (int i = 0; i < 1000; i++) {
    dsql_pool_stats s = stats(p);
    if (s.idle == idle && s.in_use == lent && !s.returning && !s.connecting) return;
    turn_ms(5);
  }
  cr_assert(false, "idle %u, expected %u", stats(p).idle, idle);
}

static void until_idle(const dsql_pool *p, uint32_t idle) { until_idle_beside_lent(p, idle, 0); }

/* As many connections, idle. */
static void fill(dsql_pool *p, uint32_t n) {
  dsql_future *f[8];
  for (uint32_t i = 0; i < n; i++) f[i] = dsql_pool_query(p, "select pg_sleep(0.1)", DSQL_NO_PARAMS, NULL);
  for (uint32_t i = 0; i < n; i++) cr_assert_eq(client_settle(f[i]), 0);
  until_idle(p, n);
}

/* ---- promotion under load ---- */

enum { WRITERS = 8, MOST = 100000, STANDBY_CONNS = 3 };
enum outcome { NONE, COMMITTED, FAILED, DOUBTED };
static unsigned char outcome[MOST];
static unsigned there[MOST];
static int last;
static unsigned committed, failed, doubted, running;
static bool stopping;
static dsql_pool *pool;

static void on_written(dsql_future *f, void *arg);

/* By a statement, and by a transaction that is tried again where that is safe. */
static void write_one(void) {
  int id = ++last;
  dsql_future *f;
  dsql_batch *b;

  cr_assert_lt(id, MOST);
  running++;
  if (id % 2) {
    f = dsql_pool_query(pool, "insert into written values ($1)", DSQL_PARAMS(dsql_int4(id)), NULL);
  } else {
    cr_assert_eq(dsql_batch_new(&b, x.rt), 0);
    cr_assert_eq(dsql_batch_add(b, "insert into written values ($1)", DSQL_PARAMS(dsql_int4(id)), 1, 1), 0);
    f = dsql_run_batch(pool, b, NULL);
    dsql_batch_free(b);
  }
  cr_assert_eq(dsql_future_on_ready(f, on_written, (void *)(intptr_t)id), 0);
}

static void on_written(dsql_future *f, void *arg) {
  const dsql_error *e = dsql_future_error(f);
  intptr_t id = (intptr_t)arg;

  running--;
  outcome[id] = !e ? COMMITTED : e->flags & DSQL_IN_DOUBT ? DOUBTED : FAILED;
  committed += !e;
  doubted += outcome[id] == DOUBTED;
  failed += outcome[id] == FAILED;
  dsql_future_destroy(f);
  if (!stopping) write_one();
}

static void start_pair(char *ports, size_t size) {
  dsql_conn *c;

  pg("start", "18 failover-a -c synchronous_commit=on", true);
  c = admin(port_of("failover-a"));
  client_exec(c, "create table written (id int); grant all on written to public");
  dsql_conn_close(c);
  pg("standby", "failover-a failover-b -c synchronous_commit=on", true);
  c = admin(port_of("failover-a"));
  while (strcmp(client_value(c, "select count(*) from pg_stat_replication where state = 'streaming'"), "1") != 0)
    turn_ms(10);
  client_exec(c, "alter system set synchronous_standby_names = '*'");
  client_exec(c, "select pg_reload_conf()");
  while (strcmp(client_value(c, "select sync_state from pg_stat_replication"), "sync") != 0) turn_ms(10);
  dsql_conn_close(c);
  (void)snprintf(ports, size, "%d,%d", port_of("failover-a"), port_of("failover-b"));
}

static void read_back(void) {
  dsql_future *f = dsql_pool_query(pool, "select id from written", DSQL_NO_PARAMS, NULL);
  const dsql_result *r = client_rows(f);

  for (size_t i = 0; i < dsql_result_rows(r); i++) {
    int32_t id = 0;
    cr_assert_eq(dsql_get_int4(r, i, 0, &id), 0);
    cr_assert(id > 0 && id <= last);
    there[id]++;
  }
  dsql_future_destroy(f);
}

Test(failover, a_standby_is_promoted_under_load, .timeout = 100) {
  dsql_pool *standbys;
  char ports[40];
  unsigned before;

  client_open(&x);
  start_pair(ports, sizeof ports);
  standbys = pool_of(ports, "standby", STANDBY_CONNS);
  fill(standbys, STANDBY_CONNS);
  pool = pool_of(ports, "read-write", WRITERS);
  for (int i = 0; i < WRITERS; i++) write_one();
  turn_ms(300);
  cr_assert_gt(committed, 20);
  pg("halt", "failover-a immediate", false);
  turn_ms(500);
  before = committed;
  turn_ms(200);
  cr_assert_eq(committed, before, "nobody takes writes now");
  pg("promote", "failover-b", false);
  for (int i = 0; i < 2000 && committed < before + 200; i++) turn_ms(10);
  cr_assert_geq(committed, before + 200, "it does not go on: %u failed, %u in doubt", failed, doubted);
  cr_assert_eq(client_settle(dsql_pool_query(standbys, "select 1", DSQL_NO_PARAMS, NULL)), 0);
  until_idle(standbys, 0);
  cr_assert_eq(stats(standbys).gone[DSQL_GONE_EXPIRED], STANDBY_CONNS, "one has heard, all have gone");
  stopping = true;
  while (running) turn_ms(5);
  read_back();
  cr_log_info("%u committed, %u failed, %u in doubt", committed, failed, doubted);
  for (int id = 1; id <= last; id++) {
    if (outcome[id] == COMMITTED) cr_assert_eq(there[id], 1, "%d was committed, and is there %u times", id, there[id]);
    if (outcome[id] == FAILED) cr_assert_eq(there[id], 0, "%d has failed, and is there", id);
    if (outcome[id] == DOUBTED) cr_assert_leq(there[id], 1, "%d is there %u times", id, there[id]);
    cr_assert_neq(outcome[id], NONE);
  }
  cr_assert_leq(doubted, WRITERS, "no more than were on their way");
  close_pool(standbys);
  close_pool(pool);
  client_close(&x);
  pg("stop", "failover-a", true);
  pg("stop", "failover-b", true);
}

/* ---- a server that turns read-only ---- */

static dsql_conn *c;

static void start_one(const char *version, char *port, size_t size) {
  char arguments[40];

  client_open(&x);
  (void)snprintf(arguments, sizeof arguments, "%s failover-%s", version, version);
  pg("start", arguments, true);
  (void)snprintf(arguments, sizeof arguments, "failover-%s", version);
  (void)snprintf(port, size, "%d", port_of(arguments));
  c = admin(port_of(arguments));
  client_exec(c, "set default_transaction_read_only = off");
  client_exec(c, "create table written (id int); grant all on written to public");
  pool = pool_of(port, "read-write", STANDBY_CONNS);
  fill(pool, STANDBY_CONNS);
}

static void turn(const char *on) {
  char sql[80];
  (void)snprintf(sql, sizeof sql, "alter system set default_transaction_read_only = %s", on);
  client_exec(c, sql);
  client_exec(c, "select pg_reload_conf()");
  turn_ms(100);
}

static void stop_one(const char *name) {
  dsql_conn_close(c);
  close_pool(pool);
  client_close(&x);
  pg("stop", name, true);
}

static dsql_future *insert(void) {
  return dsql_pool_query(pool, "insert into written values (1)", DSQL_NO_PARAMS, NULL);
}

Test(failover, a_report_retires_its_connection, .timeout = 60) {
  char port[16];

  start_one("18", port, sizeof port);
  turn("on");
  cr_assert_eq(client_settle(dsql_pool_query(pool, "select 1", DSQL_NO_PARAMS, NULL)), 0);
  until_idle(pool, STANDBY_CONNS - 1);
  cr_assert_eq(stats(pool).gone[DSQL_GONE_EXPIRED], 1);
  turn("off");
  cr_assert_eq(client_settle(insert()), 0);
  stop_one("failover-18");
}

/* Its own doing: the server says that it takes writes, so the others stay. */
Test(failover, a_read_only_transaction_costs_one, .timeout = 60) {
  char port[16];

  start_one("18", port, sizeof port);
  cr_assert_eq(client_settle(dsql_pool_exec(pool, "begin read only; insert into written values (1)", NULL)),
               DSQL_ESERVER);
  until_idle(pool, STANDBY_CONNS - 1);
  cr_assert_eq(stats(pool).gone[DSQL_GONE_EXPIRED], 1);
  cr_assert_eq(client_settle(insert()), 0);
  stop_one("failover-18");
}

/* The first one that comes back has found out for all; what was opened since is not thrown away with the second one. */
Test(failover, late_ones_do_not_cost_new_ones, .timeout = 60) {
  dsql_conn *held[2];
  char port[16];

  start_one("12", port, sizeof port);
  for (int i = 0; i < 2; i++) {
    dsql_future *f = dsql_pool_acquire(pool);
    cr_assert_eq(dsql_future_run(f), 0);
    cr_assert_eq(dsql_future_take_conn(f, &held[i]), 0);
    dsql_future_destroy(f);
  }
  turn("on");
  for (int i = 0; i < 2; i++)
    assert_fails(dsql_query(held[i], "insert into written values (1)", DSQL_NO_PARAMS, NULL), DSQL_ESERVER, 0,
                 "read-only");
  dsql_pool_release(pool, held[0]);
  turn("off");
  cr_assert_eq(client_settle(insert()), 0);
  until_idle_beside_lent(pool, 1, 1);
  dsql_pool_release(pool, held[1]);
  until_idle(pool, 1);
  cr_assert_eq(stats(pool).gone[DSQL_GONE_EXPIRED], STANDBY_CONNS);
  stop_one("failover-12");
}

Test(failover, an_old_server_is_found_out, .timeout = 60) {
  char port[16];

  start_one("12", port, sizeof port);
  turn("on");
  cr_assert_eq(stats(pool).idle, STANDBY_CONNS, "nothing tells");
  assert_fails(insert(), DSQL_ESERVER, 0, "read-only");
  until_idle(pool, 0);
  cr_assert_eq(stats(pool).gone[DSQL_GONE_EXPIRED], STANDBY_CONNS);
  turn("off");
  cr_assert_eq(client_settle(insert()), 0);
  stop_one("failover-12");
}
