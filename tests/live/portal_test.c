/* Portals on real servers of every version, behind PgBouncer, on pool connections and with each allocation failing. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dsql/portal.h"
#include "one_connection.h"

TestSuite(portal, .init = open_all, .fini = close_all, .timeout = 60);

static const char *const series = "select i from generate_series(1, $1::int4) i";

static dsql_future *fetch(int rows, int32_t n, dsql_portal **p) {
  return dsql_query_fetch(c, series, DSQL_PARAMS(dsql_int4(rows)), n, NULL, p);
}

/* Adds up the chunk's numbers; how many there are. f is destroyed. */
static size_t add(dsql_future *f, uint64_t *sum) {
  const dsql_result *r = client_rows(f);
  size_t n = dsql_result_rows(r);

  for (size_t i = 0; i < n; i++) {
    int64_t v = 0;
    cr_assert_eq(dsql_get_int8(r, i, 0, &v), 0);
    *sum += (uint64_t)v;
  }
  dsql_future_destroy(f);
  return n;
}

static uint64_t sum_to(uint64_t n) { return n * (n + 1) / 2; }

/* Resident memory, in KiB. */
static long resident(void) {
  long pages = 0, skipped = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  cr_assert_not_null(f);
  cr_assert_eq(fscanf(f, "%ld %ld", &skipped, &pages), 2);
  (void)fclose(f);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

enum { MILLION = 1000000, CHUNK = 1000 };

/* All of it, by chunks; the number of chunks. */
static size_t walk(int rows, int32_t n, uint64_t *sum, size_t *peak_bytes) {
  dsql_portal *p;
  dsql_future *f = fetch(rows, n, &p);
  size_t chunks = 0, got = 0, begin = x.heap.live_bytes;

  *sum = *peak_bytes = 0;
  for (;; chunks++) {
    got += add(f, sum);
    if (x.heap.live_bytes > begin + *peak_bytes) *peak_bytes = x.heap.live_bytes - begin;
    if (dsql_portal_done(p)) break;
    f = dsql_portal_fetch(p, n, NULL);
  }
  dsql_portal_close(p);
  cr_assert_eq(got, (size_t)rows);
  return chunks + 1;
}

/* ---- a million rows by a thousand ---- */

Test(portal, a_million_rows_in_and_outside_of_a_block) {
  uint64_t sum;
  size_t peak, chunks;
  long before;

  (void)walk(10000, CHUNK, &sum, &peak); /* warm */
  before = resident();
  for (int in_block = 0; in_block < 2; in_block++) {
    if (in_block) client_exec(c, "begin");
    x.heap.peak_bytes = x.heap.live_bytes;
    chunks = walk(MILLION, CHUNK, &sum, &peak);
    cr_assert_eq(sum, sum_to(MILLION));
    cr_assert_eq(chunks,
                 MILLION / CHUNK + (size_t)in_block); /* in a block only an empty chunk tells that that was all */
    if (in_block) client_exec(c, "commit");
    printf("%s a block: %zu chunks, our own memory at most %zu KiB more\n", in_block ? "in" : "outside of", chunks,
           (x.heap.peak_bytes - x.heap.live_bytes) / 1024);
    cr_assert_lt(x.heap.peak_bytes - x.heap.live_bytes, 512 * 1024);
  }
  printf("resident: %ld KiB before, %ld behind\n", before, resident());
#ifndef __SANITIZE_ADDRESS__ /* which keeps what was freed */
  cr_assert_lt(resident() - before, 8 * 1024);
#endif
}

Test(portal, chunks_of_every_size) {
  static const int32_t sizes[] = {1, 2, 3, 7, 99, 100, 101, 1000, INT32_MAX};
  uint64_t sum;
  size_t peak;

  for (int in_block = 0; in_block < 2; in_block++)
    for (size_t i = 0; i < COUNT(sizes); i++) {
      if (in_block) client_exec(c, "begin");
      (void)walk(100, sizes[i], &sum, &peak);
      cr_assert_eq(sum, sum_to(100));
      if (in_block) client_exec(c, "commit");
    }
}

Test(portal, the_next_chunk_travels_while_this_one_is_looked_at) {
  for (int in_block = 0; in_block < 2; in_block++) {
    dsql_portal *p;
    dsql_future *f, *next;
    uint64_t sum = 0;
    size_t n;
    if (in_block) client_exec(c, "begin");
    f = fetch(10500, CHUNK, &p);
    do {
      next = dsql_portal_fetch(p, CHUNK, NULL);
      n = add(f, &sum);
      f = next;
    } while (n == CHUNK);
    cr_assert_eq(add(f, &sum), 0);
    cr_assert_eq(sum, sum_to(10500));
    cr_assert(dsql_portal_done(p));
    dsql_portal_close(p);
    if (in_block) client_exec(c, "commit");
  }
}

/* ---- on the server ---- */

static void use_server(const char *version) {
  struct server s;
  cr_assert(server_find(version, &s), "%s does not run", version);
  dsql_conn_close(c);
  c = client_connect(&x, "%s", server_conninfo(&s));
}

/* Portals that the server has, but for that of the question. */
static const char *open_portals(void) { return client_value(c, "select count(*) from pg_cursors where name <> ''"); }

Test(portal, other_work_between_chunks_on_every_version) {
  static const char *const versions[] = {"12", "14", "debian15", "16", "17", "18"};
  for (size_t i = 0; i < COUNT(versions); i++) {
    dsql_portal *a, *b;
    dsql_future *f, *g;
    uint64_t sum_a = 0, sum_b = 0;
    use_server(versions[i]);
    client_exec(c, "begin");
    client_exec(c, "create temp table t (n int) on commit drop");
    f = fetch(50, 10, &a);
    g = fetch(70, 15, &b);
    cr_assert_eq(add(f, &sum_a), 10);
    cr_assert_eq(add(g, &sum_b), 15);
    cr_assert_str_eq(open_portals(), "2");
    while (!dsql_portal_done(a) || !dsql_portal_done(b)) {
      f = dsql_portal_fetch(a, 10, NULL);
      client_exec(c, "insert into t values (1)");
      g = dsql_portal_fetch(b, 15, NULL);
      cr_assert_str_eq(client_value(c, "select 'between'"), "between");
      (void)add(f, &sum_a);
      (void)add(g, &sum_b);
    }
    cr_assert_eq(sum_a, sum_to(50));
    cr_assert_eq(sum_b, sum_to(70));
    dsql_portal_close(a);
    dsql_portal_close(b);
    cr_assert_str_eq(open_portals(), "0");
    cr_assert_str_eq(client_value(c, "select count(*) from t"), "5");
    client_exec(c, "commit");
  }
}

Test(portal, closed_early_and_on) {
  dsql_portal *p;
  uint64_t sum = 0;

  client_exec(c, "begin");
  cr_assert_eq(add(fetch(MILLION, 10, &p), &sum), 10);
  dsql_portal_close(p);
  cr_assert_str_eq(open_portals(), "0");
  cr_assert_eq(dsql_conn_tx_status(c), DSQL_TX_OPEN);
  client_exec(c, "commit");
  cr_assert_eq(add(fetch(MILLION, 10, &p), &sum), 10);
  dsql_portal_close(p);
  cr_assert_str_eq(client_value(c, "select 'on'"), "on");
}

Test(portal, the_end_of_the_transaction_is_its_end) {
  static const char *const ends[] = {"rollback", "commit"};
  for (size_t i = 0; i < COUNT(ends); i++) {
    dsql_portal *p;
    dsql_future *f;
    uint64_t sum = 0;
    client_exec(c, "begin");
    cr_assert_eq(add(fetch(100, 10, &p), &sum), 10);
    client_exec(c, ends[i]);
    f = dsql_portal_fetch(p, 10, NULL);
    cr_assert_eq(dsql_future_run(f), DSQL_ESERVER, "%s: %s", ends[i], client_error_text(f));
    cr_assert_str_eq(dsql_future_error(f)->sqlstate, "34000");
    dsql_future_destroy(f);
    f = dsql_portal_fetch(p, 10, NULL); /* known by now */
    cr_assert(dsql_future_code(f) == DSQL_ESERVER && !strcmp(dsql_future_error(f)->sqlstate, "34000"));
    dsql_future_destroy(f);
    dsql_portal_close(p);
    cr_assert_str_eq(client_value(c, "select 'usable'"), "usable");
  }
}

Test(portal, an_error_in_a_later_chunk) {
  static const char *const sql = "select 1 / (3 - i) from generate_series(1, 10) i";
  for (int in_block = 0; in_block < 2; in_block++) {
    dsql_portal *p;
    dsql_future *f;
    if (in_block) client_exec(c, "begin");
    f = dsql_query_fetch(c, sql, DSQL_NO_PARAMS, 1, NULL, &p);
    cr_assert_eq(dsql_result_rows(client_rows(f)), 1);
    dsql_future_destroy(f);
    f = dsql_portal_fetch(p, 1, NULL);
    if (in_block) { /* outside, the row may have gone with the error */
      cr_assert_eq(dsql_result_rows(client_rows(f)), 1);
      dsql_future_destroy(f);
      f = dsql_portal_fetch(p, 1, NULL);
    }
    cr_assert_eq(dsql_future_run(f), DSQL_ESERVER);
    cr_assert_str_eq(dsql_future_error(f)->sqlstate, "22012");
    dsql_future_destroy(f);
    dsql_portal_close(p);
    if (in_block) client_exec(c, "rollback");
    cr_assert_str_eq(client_value(c, "select 'usable'"), "usable");
  }
}

Test(portal, canceled_while_the_server_works) {
  for (int in_block = 0; in_block < 2; in_block++) {
    dsql_portal *p;
    dsql_future *f;
    if (in_block) client_exec(c, "begin");
    f = dsql_query_fetch(c, "select i, pg_sleep(case when i > 2 then 30 else 0 end) from generate_series(1, 5) i",
                         DSQL_NO_PARAMS, 1, NULL, &p);
    if (in_block) { /* outside PostgreSQL sends rows when it has 8 KiB of them */
      cr_assert_eq(dsql_result_rows(client_rows(f)), 1);
      dsql_future_destroy(f);
      f = dsql_portal_fetch(p, 5, NULL);
    }
    for (int i = 0; i < 3; i++) (void)uv_run(&x.loop, UV_RUN_NOWAIT);
    dsql_future_cancel(f);
    cr_assert_eq(dsql_future_run(f), DSQL_ECANCELED);
    dsql_future_destroy(f);
    dsql_portal_close(p);
    if (in_block) client_exec(c, "rollback");
    cr_assert_str_eq(client_value(c, "select 'usable'"), "usable");
  }
}

Test(portal, what_changes_rows) {
  dsql_portal *p;
  dsql_future *f;

  client_exec(c, "create temp table w (n int)");
  for (int in_block = 0; in_block < 2; in_block++) {
    if (in_block) client_exec(c, "begin");
    f = dsql_query_fetch(c, "insert into w select generate_series(1, 10) returning n", DSQL_NO_PARAMS, 4, NULL, &p);
    cr_assert_eq(dsql_result_rows(client_rows(f)), 4);
    dsql_future_destroy(f);
    f = dsql_portal_fetch(p, 10, NULL);
    cr_assert_eq(dsql_result_rows(client_rows(f)), 6);
    cr_assert(dsql_portal_done(p));
    dsql_future_destroy(f);
    dsql_portal_close(p);
    f = dsql_query_fetch(c, "insert into w values (0)", DSQL_NO_PARAMS, 4, NULL, &p);
    cr_assert_eq(dsql_result_affected(client_rows(f)), 1);
    cr_assert(dsql_portal_done(p));
    dsql_future_destroy(f);
    dsql_portal_close(p);
    if (in_block) client_exec(c, "commit");
  }
  cr_assert_str_eq(client_value(c, "select count(*) from w"), "22");
}

Test(portal, of_a_prepared_statement_in_binary) {
  dsql_stmt *s;
  cr_assert_eq(dsql_stmt_new(&s, x.rt, series, NULL, 0), 0);
  for (int i = 0; i < 4; i++) { /* the first one prepares it */
    dsql_portal *p;
    dsql_future *f;
    uint64_t sum = 0;
    if (i != 2) client_exec(c, "begin");
    f = dsql_query_stmt_fetch(c, s, DSQL_PARAMS(dsql_int4(25)), 10, NULL, &p);
    cr_assert_eq(dsql_result_col_format(client_rows(f), 0), i > 0);
    while (add(f, &sum) == 10) f = dsql_portal_fetch(p, 10, NULL);
    cr_assert_eq(sum, sum_to(25));
    dsql_portal_close(p);
    if (i != 2) client_exec(c, "commit");
  }
  dsql_stmt_free(s);
}

/* ---- behind PgBouncer, by transaction ---- */

static int bouncer_port(void) {
  char path[512], line[512];
  static const char key[] = "PGBOUNCER_PORT_TRANSACTION=";
  int port = 0;
  FILE *env;

  (void)snprintf(path, sizeof path, "%s/pg/18/env", getenv("DSQL_BUILD_DIR"));
  env = fopen(path, "r");
  cr_assert_not_null(env, "%s", path);
  while (fgets(line, sizeof line, env))
    if (strncmp(line, key, strlen(key)) == 0) port = (int)strtol(line + strlen(key), NULL, 10);
  (void)fclose(env);
  cr_assert_gt(port, 0);
  return port;
}

Test(portal, behind_a_pooler) {
  uint64_t sum;
  size_t peak;

  dsql_conn_close(c);
  c = client_connect(&x, "hostaddr=127.0.0.1 port=%d user=trust_user dbname=postgres sslmode=disable", bouncer_port());
  for (int in_block = 0; in_block < 2; in_block++) {
    if (in_block) client_exec(c, "begin");
    (void)walk(20000, CHUNK, &sum, &peak);
    cr_assert_eq(sum, sum_to(20000));
    if (in_block) client_exec(c, "commit");
  }
}

/* ---- pool connections ---- */

static dsql_pool *open_pool(void) {
  dsql_target *t = client_target(&x, "%s", server_conninfo(server_default()));
  dsql_pool_config config;
  dsql_pool *pool;

  dsql_pool_config_init(&config);
  config.conns_max = 1;
  cr_assert_eq(dsql_pool_new(&pool, x.rt, t, &config), 0);
  dsql_target_free(t);
  return pool;
}

static dsql_conn *acquire(dsql_pool *pool) {
  dsql_future *f = dsql_pool_acquire(pool);
  dsql_conn *conn = NULL;
  cr_assert_eq(dsql_future_run(f), 0, "%s", client_error_text(f));
  cr_assert_eq(dsql_future_take_conn(f, &conn), 0);
  dsql_future_destroy(f);
  return conn;
}

Test(portal, given_back_with_a_portal_open) {
  dsql_pool *pool = open_pool();
  dsql_conn *own = c;

  for (int how = 0; how < 4; how++) { /* in a block or not, with a fetch that waits or not */
    dsql_portal *p;
    dsql_future *f, *waits = NULL;
    uint64_t sum = 0;
    int32_t pid;
    c = acquire(pool);
    pid = dsql_conn_backend_pid(c);
    if (how & 1) client_exec(c, "begin");
    cr_assert_eq(add(fetch(MILLION, 10, &p), &sum), 10);
    if (how & 2) waits = dsql_portal_fetch(p, 100000, NULL);
    dsql_pool_release(pool, c);
    if (waits) cr_assert_neq(client_settle(waits), 0);
    f = dsql_portal_fetch(p, 10, NULL);
    cr_assert_neq(dsql_future_run(f), 0);
    cr_assert(dsql_future_error(f)->flags & DSQL_NOT_SENT);
    dsql_future_destroy(f);
    c = acquire(pool);
    cr_assert_eq(dsql_conn_backend_pid(c), pid, "%d", how);
    cr_assert_str_eq(open_portals(), "0");
    cr_assert_eq(dsql_conn_tx_status(c), DSQL_TX_IDLE);
    dsql_portal_close(p); /* harms nobody */
    cr_assert_str_eq(client_value(c, "select 'usable'"), "usable");
    dsql_pool_release(pool, c);
  }
  c = own;
  cr_assert_eq(client_settle(dsql_pool_close(pool, 0)), 0);
}

/* ---- each allocation failing in turn ---- */

/* False: the nth is not reached any more. */
static bool without_memory(size_t n, bool in_block) {
  dsql_portal *p = NULL;
  dsql_future *f;
  uint64_t sum = 0;
  bool fired, whole = false;

  open_all();
  if (in_block) client_exec(c, "begin");
  test_alloc_arm(&x.heap, n, false);
  f = fetch(3000, CHUNK, &p);
  for (int i = 0; i < 5; i++) {
    if (dsql_future_run(f)) break;
    (void)add(f, &sum);
    f = NULL;
    whole = dsql_portal_done(p);
    if (whole) break;
    f = dsql_portal_fetch(p, CHUNK, NULL);
  }
  fired = test_alloc_fired(&x.heap);
  test_alloc_arm(&x.heap, 0, false);
  cr_assert(fired || whole);
  if (whole) cr_assert_eq(sum, sum_to(3000));
  dsql_future_destroy(f);
  dsql_portal_close(p);
  if (dsql_conn_status(c) != DSQL_CONN_FAILED) {
    if (in_block) client_exec(c, "rollback");
    cr_assert_str_eq(client_value(c, "select 'usable'"), "usable");
  }
  close_all();
  return fired;
}

Test(portal_memory, each_allocation_fails_in_turn, .timeout = 60) {
  for (int in_block = 0; in_block < 2; in_block++) {
    size_t n = 1;
    while (without_memory(n, in_block)) n++;
    printf("%zu allocations %s a block\n", n - 1, in_block ? "in" : "outside of");
    cr_assert_gt(n, 3);
  }
}
