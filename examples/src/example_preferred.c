/* How to use the library: a pool, workers that share it, and transactions that are run again when they have to be.
 *
 * Every worker moves money, one transfer at a time, all on one loop. A transfer has an id of its own and leaves a row
 * under it, so that running it twice does no harm: it finds the row. That is what lets the library try again even when
 * a connection is lost during the COMMIT, when nobody can know whether it took effect.
 *
 *   example_preferred [TRANSFERS]        200 unless given */
#include "common.h"

#define SQL_DONE "SELECT FROM transfer WHERE id = $1"
#define SQL_READ "SELECT cents FROM account WHERE id IN ($1, $2) ORDER BY id = $1 DESC" /* the payer first */
#define SQL_MOVE                                                                                                       \
  "UPDATE account SET cents = cents + CASE WHEN id = $1 THEN -$3::int8 ELSE $3::int8 END WHERE id IN ($1, $2)"
#define SQL_NOTE "INSERT INTO transfer (id, payer, payee, cents) VALUES ($1, $2, $3, $4)"
#define SQL_SUM "SELECT sum(cents)::int8 FROM account"

enum { WORKERS = 8, ACCOUNTS = 16, NO_SUCH_ACCOUNT = 1, NOT_ENOUGH = 2 };

struct transfer {
  dsql_uuid id;
  int64_t from, to, cents;
};

struct worker {
  struct app *app;
  struct transfer transfer; /* stays as it is while its transaction runs */
};

struct app {
  dsql_pool *pool;
  struct worker workers[WORKERS];
  long left, done, refused, failed;
};

/* ---- one transfer: two round trips ---- */

static dsql_step transfer(dsql_tx *tx, const void *in, void *scratch) {
  const struct transfer *t = in;
  int64_t cents;

  (void)scratch;
  if (dsql_tx_step(tx) == 0) {
    dsql_tx_query(tx, SQL_DONE, DSQL_PARAMS(dsql_uuid_param(t->id)));
    dsql_tx_query(tx, SQL_READ, DSQL_PARAMS(dsql_int8(t->from), dsql_int8(t->to)));
    return DSQL_WAIT;
  }
  if (dsql_result_rows(dsql_tx_result(tx, 0)) == 1) return DSQL_COMMIT; /* an earlier attempt has done it */
  if (dsql_result_rows(dsql_tx_result(tx, 1)) != 2 || dsql_get_int8(dsql_tx_result(tx, 1), 0, 0, &cents))
    return dsql_tx_abort(tx, NO_SUCH_ACCOUNT);
  if (cents < t->cents) return dsql_tx_abort(tx, NOT_ENOUGH);
  dsql_tx_query(tx, SQL_MOVE, DSQL_PARAMS(dsql_int8(t->from), dsql_int8(t->to), dsql_int8(t->cents)));
  dsql_tx_query(tx, SQL_NOTE,
                DSQL_PARAMS(dsql_uuid_param(t->id), dsql_int8(t->from), dsql_int8(t->to), dsql_int8(t->cents)));
  return DSQL_COMMIT;
}

/* ---- workers ---- */

static void start_next(struct worker *w);

static void on_done(dsql_future *f, void *arg) {
  struct worker *w = arg;
  int code = dsql_future_code(f);

  if (code == 0) {
    w->app->done++;
  } else if (code == DSQL_EABORT) {
    w->app->refused++;
  } else {
    failed("a transfer", code, dsql_future_error(f));
    w->app->failed++;
  }
  dsql_future_destroy(f);
  start_next(w);
}

static void start_next(struct worker *w) {
  dsql_tx_options options;
  dsql_future *f;

  if (w->app->left == 0) return;
  w->app->left--;
  w->transfer.from = 1 + rand() % ACCOUNTS;
  w->transfer.to = 1 + (w->transfer.from + rand() % (ACCOUNTS - 1)) % ACCOUNTS;
  w->transfer.cents = 1 + rand() % 1000;
  dsql_tx_options_init(&options);
  options.idempotent = true; /* see above */
  options.backoff = DSQL_BACKOFF_FULL_JITTER;
  options.retries_max = 20; /* a few accounts and many workers: conflicts are common */
  f = new_id(&w->transfer.id) ? NULL : dsql_run_transaction(w->app->pool, transfer, &w->transfer, &options);
  if (dsql_future_on_ready(f, on_done, w) == 0) return;
  dsql_future_destroy(f);
  w->app->failed++;
}

/* ---- the whole ---- */

static int sum_of_accounts(dsql_pool *pool, int64_t *sum) {
  dsql_future *f = dsql_pool_query(pool, SQL_SUM, DSQL_NO_PARAMS, NULL);
  const dsql_result *r;
  int code = dsql_future_run(f);

  if (code == 0) code = dsql_future_result(f, &r);
  if (code == 0) code = dsql_get_int8(r, 0, 0, sum);
  if (code) failed(SQL_SUM, code, dsql_future_error(f));
  dsql_future_destroy(f);
  return code;
}

static int work(struct app *app, uv_loop_t *loop) {
  dsql_pool_stats stats;
  int64_t before, after;

  if (open_bank(app->pool, ACCOUNTS) || sum_of_accounts(app->pool, &before)) return 1;
  for (int i = 0; i < WORKERS; i++) {
    app->workers[i].app = app;
    start_next(&app->workers[i]);
  }
  uv_run(loop, UV_RUN_DEFAULT); /* returns when nothing is under way any more */
  if (sum_of_accounts(app->pool, &after)) return 1;
  dsql_pool_stats_get(app->pool, &stats, sizeof stats);
  printf("%ld transfers, %ld refused for want of money, %ld failed; %" PRIu64 " conflicts, %" PRIu64
         " attempts made again, %" PRIu64 " connections\n",
         app->done, app->refused, app->failed, stats.conflicts_data + stats.conflicts_schema, stats.retries,
         stats.connects);
  printf("the accounts have %" PRId64 " cents, %s\n", after, after == before ? "as before" : "WHICH IS WRONG");
  return app->failed || after != before;
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  struct app app = {.left = argc > 1 ? strtol(argv[1], NULL, 10) : 200};
  dsql_pool_config config;
  dsql_target *target;
  dsql_rt *rt;
  int status = 1, code;

  if (dsql_rt_new(&rt, loop, NULL)) return 1;
  dsql_pool_config_init(&config);
  config.conns_max = WORKERS;
  target = cluster_target(rt);
  if (target) {
    code = dsql_pool_new(&app.pool, rt, target, &config);
    if (code)
      failed("the pool", code, NULL);
    else
      status = work(&app, loop);
    dsql_target_free(target);
  }
  dsql_rt_close(rt, NULL, NULL); /* and the pool with it */
  uv_run(loop, UV_RUN_DEFAULT);
  return status;
}
