/* bench_dsql_trips.c - works whose price is round trips, measured through delay_proxy, whose counter of round trips is in
 * the file DSQL_PROXY_TRIPS:
 *
 *   trips_connect    until the first row, direct from dsql_conn_open(); from the second connection on
 *   trips_pool       until the first row of a query of an empty pool
 *   trips_opening    the transfer below on an empty pool: its first flight travels with the connect
 *   trips_transfer   read, check, write: two flights, on a connection that is there, its statements prepared
 *   trips_batch      the writes of the same, declared as a batch without checks
 *
 * Reported is the least of COUNT tries, in microseconds and in trips: what else the machine does only ever adds. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench_dsql.h"
#include "measure.h"
#include "work.h"

enum { CENTS = 5, PAUSE_MS = 100 };

static const _Atomic uint64_t *map_counter(void) {
  const char *path = getenv("DSQL_PROXY_TRIPS");
  int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(uint64_t), PROT_READ, MAP_SHARED, fd, 0);

  if (p == MAP_FAILED) die("DSQL_PROXY_TRIPS is the file of delay_proxy's counter");
  (void)close(fd);
  return p;
}

static const dsql_result *finish(dsql_future *f) {
  if (dsql_future_run(f) == DSQL_ENOTREADY) die("dsql: the loop ended before the answer came");
  return must_result(f);
}

/* ---- the works ---- */

static struct {
  struct client *client;
  dsql_conn *conn;
  dsql_pool *pool;
  dsql_batch *batch;
} trip;

static void connect_and_ask(void) {
  dsql_future *f;
  trip.conn = open_connection(trip.client);
  f = dsql_query(trip.conn, SQL_INT8, DSQL_PARAMS(dsql_int8(1)), NULL);
  (void)one_value(finish(f));
  dsql_future_destroy(f);
}

static const char sql_read[] = "select balance from trip_account where id = $1",
                  sql_move[] = "update trip_account set balance = balance + $1 where id = $2";

static dsql_step move(dsql_tx *tx, const void *in, void *scratch) {
  int64_t balance;

  (void)in;
  (void)scratch;
  if (dsql_tx_step(tx) == 0) {
    (void)dsql_tx_query(tx, sql_read, DSQL_PARAMS(dsql_int8(1)));
    return DSQL_WAIT;
  }
  if (dsql_get_int8(dsql_tx_result(tx, 0), 0, 0, &balance) || balance < CENTS) return dsql_tx_abort(tx, 1);
  (void)dsql_tx_query(tx, sql_move, DSQL_PARAMS(dsql_int8(-CENTS), dsql_int8(1)));
  (void)dsql_tx_query(tx, sql_move, DSQL_PARAMS(dsql_int8(CENTS), dsql_int8(2)));
  return DSQL_COMMIT;
}

static void transfer(void) { must_succeed(dsql_run_transaction(trip.pool, move, NULL, NULL)); }
static void run_batch(void) { must_succeed(dsql_run_batch(trip.pool, trip.batch, NULL)); }

static void make_pool(void) {
  dsql_pool_config c;

  dsql_pool_config_init(&c);
  c.conns_max = 1;
  check(dsql_pool_new(&trip.pool, trip.client->rt, trip.client->target, &c));
}

static void ask_pool(void) {
  dsql_future *f = dsql_pool_query(trip.pool, SQL_INT8, DSQL_PARAMS(dsql_int8(1)), NULL);
  (void)one_value(finish(f));
  dsql_future_destroy(f);
}

static void open_pool(void) {
  static const char *const setup[] = {
      "create table if not exists trip_account(id bigint primary key, balance bigint not null)",
      "insert into trip_account values (1, 1000000), (2, 0) on conflict (id) do update set balance = excluded.balance"};

  make_pool();
  for (size_t i = 0; i < sizeof setup / sizeof *setup; i++)
    must_succeed(dsql_retry_statement(trip.pool, setup[i], DSQL_NO_PARAMS, NULL));
  check(dsql_batch_new(&trip.batch, trip.client->rt));
  check(dsql_batch_add(trip.batch, sql_move, DSQL_PARAMS(dsql_int8(-CENTS), dsql_int8(1)), -1, 0));
  check(dsql_batch_add(trip.batch, sql_move, DSQL_PARAMS(dsql_int8(CENTS), dsql_int8(2)), -1, 0));
}

static void close_pool(void) {
  if (!trip.pool) return;
  dsql_batch_free(trip.batch);
  must_succeed(dsql_pool_close(trip.pool, 1000));
}

/* ---- measuring ---- */

static void on_pause(uv_timer_t *t) { uv_close((uv_handle_t *)t, NULL); }

/* What the connection still says when it is closed is not the next one's. */
static void pause_loop(void) {
  uv_timer_t timer;
  uv_timer_init(&trip.client->loop, &timer);
  uv_timer_start(&timer, on_pause, PAUSE_MS, 0);
  while (uv_is_active((uv_handle_t *)&timer)) uv_run(&trip.client->loop, UV_RUN_ONCE);
  uv_run(&trip.client->loop, UV_RUN_NOWAIT);
}

enum pool_use { POOL_NONE, POOL_OPEN, POOL_EMPTY /* for each try anew */ };

static void measure(void (*work)(void), uint64_t count, bool emptied) {
  const _Atomic uint64_t *counter = map_counter();
  int64_t least_us = INT64_MAX, least_trips = INT64_MAX;

  for (uint64_t i = 0; i <= count; i++) { /* the first one learns and prepares */
    uint64_t trips;
    int64_t begin_ns, us;

    if (emptied) dsql_pool_expire_all(trip.pool);
    if (emptied) pause_loop();
    trips = atomic_load(counter);
    begin_ns = measure_wall_ns();
    work();
    us = (measure_wall_ns() - begin_ns) / 1000;
    trips = atomic_load(counter) - trips;
    if (i && us < least_us) least_us = us;
    if (i && (int64_t)trips < least_trips) least_trips = (int64_t)trips;
    if (trip.conn) dsql_conn_close(trip.conn);
    trip.conn = NULL;
    pause_loop();
  }
  report("wall_us", least_us);
  report("trips", least_trips);
  report("sum", 0);
}

bool run_trips(struct client *c, const char *name, uint64_t count) {
  static const struct {
    const char *name;
    void (*work)(void);
    enum pool_use use;
  } works[] = {{"trips_connect", connect_and_ask, POOL_NONE},
               {"trips_pool", ask_pool, POOL_EMPTY},
               {"trips_opening", transfer, POOL_EMPTY},
               {"trips_transfer", transfer, POOL_OPEN},
               {"trips_batch", run_batch, POOL_OPEN}};

  trip.client = c;
  for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
    if (strcmp(name, works[i].name) != 0) continue;
    if (works[i].use) open_pool();
    measure(works[i].work, count, works[i].use == POOL_EMPTY);
    close_pool();
    return true;
  }
  return false;
}
