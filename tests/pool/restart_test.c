/* The server goes away under load and comes back: nothing hangs, everything recovers, and nobody hammers at the door. */
#include <stdio.h>
#include <stdlib.h>

#include "pooled.h"

static struct pooled p;
static char dir[512], command[1200];
static int port;

static void pg(const char *format, const char *verb) {
  (void)snprintf(command, sizeof command, format, getenv("DSQL_SOURCE_DIR"), verb, dir, port);
  cr_assert_eq(system(command), 0, "%s", command);
}

static void start(void) { pg("%s/scripts/pg %s 18 '%s' --port %d -c max_connections=12 >/dev/null 2>&1", "start"); }
static void stop(void) { pg("%s/scripts/pg %s '%s' >/dev/null 2>&1", "stop"); }

static void open_all(void) {
  struct server s;
  char conninfo[300];

  pooled_open(&p);
  (void)snprintf(dir, sizeof dir, "%s/pg/restarted", getenv("DSQL_BUILD_DIR"));
  (void)snprintf(command, sizeof command, "%s/scripts/pg start 18 '%s' -c max_connections=12 >/dev/null 2>&1",
                 getenv("DSQL_SOURCE_DIR"), dir);
  cr_assert_eq(system(command), 0, "%s", command);
  cr_assert(server_find("restarted", &s));
  port = s.port;
  (void)snprintf(conninfo, sizeof conninfo, "%s", server_conninfo(&s));
  pooled_target(&p, conninfo);
}

static void close_all(void) {
  pooled_close(&p);
  stop();
}

TestSuite(restart, .init = open_all, .fini = close_all, .timeout = 150);

enum { WORKERS = 40 };
static uint64_t well, badly, refused;
static bool stopping;

static void again(dsql_future *f, void *arg);

static void work(void) {
  dsql_future *f = dsql_pool_query(p.pool, "select pg_sleep(0.002)", DSQL_NO_PARAMS, NULL);
  cr_assert_eq(dsql_future_on_ready(f, again, NULL), 0);
}

static void again(dsql_future *f, void *arg) {
  const dsql_error *e = dsql_future_error(f);
  (void)arg;
  if (!e)
    well++;
  else if (e->flags & DSQL_CONN_LOST)
    badly++; /* on a connection that went under it */
  else
    refused++;
  if (e && e->code == DSQL_ECLOSED) stopping = true; /* a failed test is closing the pool */
  dsql_future_destroy(f);
  if (!stopping) work();
}

Test(restart, recovers_by_itself_and_does_not_hammer) {
  dsql_pool_stats before, after;
  uint64_t done;

  p.config.conns_max = 8;

  pooled_make(&p);
  for (int i = 0; i < WORKERS; i++) work();
  pooled_turn_ms(&p, 300);
  done = well;
  cr_assert_gt(done, 100);
  before = pooled_stats(&p);
  stop();
  pooled_turn_ms(&p, 2000);
  after = pooled_stats(&p);
  cr_assert_leq(well, done + 10, "the answers that were on their way");
  done = well;
  cr_assert_leq(after.connect_failures - before.connect_failures, 8 + 6, "one prober with a back-off: %u",
                (unsigned)(after.connect_failures - before.connect_failures));
  cr_assert_eq(after.waiters, WORKERS, "they wait for it");
  start();
  pooled_turn_ms(&p, 6000);
  cr_assert_gt(well, done + 500);
  cr_assert_eq(refused, 0);
  cr_assert_leq(badly, 8, "no more than were on their way");
  after = pooled_stats(&p);
  cr_assert_leq(after.connects - before.connects, 9);
  stopping = true;
  pooled_until_idle(&p, 8);
}

Test(restart, waiters_learn_why) {
  p.config.acquire_timeout_ms = 300;
  pooled_make(&p);
  dsql_pool_release(p.pool, pooled_acquire(&p));
  stop();
  pooled_until_idle(&p, 0);
  assert_fails(dsql_pool_acquire(p.pool), DSQL_ETIMEDOUT, DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "refused");
}

/* 12 connections, of which PostgreSQL keeps 3 for superusers: 53300 is waited out. */
Test(restart, a_server_that_is_full_is_waited_for) {
  dsql_conn *others[8];
  dsql_future *f[4];

  p.config.conns_max = 4;
  for (int i = 0; i < 8; i++) {
    dsql_future *ready;
    cr_assert_eq(dsql_conn_open(&others[i], p.x.rt, p.target), 0);
    ready = dsql_conn_ready(others[i]);
    cr_assert_eq(client_settle(ready), 0);
  }
  pooled_make(&p);
  for (int i = 0; i < 4; i++) f[i] = dsql_pool_query(p.pool, "select pg_sleep(0.2)", DSQL_NO_PARAMS, NULL);
  pooled_turn_ms(&p, 100);
  cr_assert_gt(pooled_stats(&p).connect_failures, 0);
  for (int i = 0; i < 8; i++) dsql_conn_close(others[i]);
  for (int i = 0; i < 4; i++) cr_assert_eq(client_settle(f[i]), 0);
}
