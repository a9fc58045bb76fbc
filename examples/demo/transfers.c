/* What scripts/demo shows first: 32 workers share a pool of 8 connections and move money, 2,000 times, while commits
 * conflict and connections are lost; then a table of what that took, and whether every cent is where it belongs.
 *
 *   demo_transfers [TRANSFERS]        against CLUSTER_ENDPOINT, as the examples; the bank must be new */
#include "../src/common.h"
#include <dsql/co.h>
#include <unistd.h>

enum { CONNECTIONS = 8, WORKERS = 32, ACCOUNTS = 100, TRANSFERS_MAX = 1000000, PROGRESS_MS = 100, NOT_ENOUGH = 1 };

struct transfer {
  dsql_uuid id;
  int64_t from, to, cents;
};

struct worker {
  struct show *show;
  struct transfer transfer;
  uint64_t started_ns;
};

struct show {
  uv_loop_t *loop;
  dsql_pool *pool;
  dsql_pool_stats before; /* the first transfer */
  const dsql_target *target;
  uv_timer_t progress;
  struct worker workers[WORKERS];
  long wanted, started, made, refused, failed, doubts;
  uint64_t began_ns, told_ns, *latency_ns; /* latency_ns: of those that ended */
  bool terminal;
};

/* As in example_preferred.c, written from top to bottom. */
static dsql_step transfer(dsql_tx *tx, const void *in, void *scratch) {
  const struct transfer *t = in;
  int64_t cents;

  (void)scratch;
  DSQL_TX_BEGIN(tx);
  dsql_tx_query(tx, "SELECT FROM transfer WHERE id = $1", DSQL_PARAMS(dsql_uuid_param(t->id)));
  dsql_tx_query(tx, "SELECT cents FROM account WHERE id = $1", DSQL_PARAMS(dsql_int8(t->from)));
  DSQL_TX_AWAIT(tx);
  if (dsql_result_rows(dsql_tx_result(tx, 0)) == 1) return DSQL_COMMIT; /* an attempt in doubt had done it */
  if (dsql_get_int8(dsql_tx_result(tx, 1), 0, 0, &cents) || cents < t->cents) return dsql_tx_abort(tx, NOT_ENOUGH);
  dsql_tx_query(tx,
                "UPDATE account SET cents = cents + CASE WHEN id = $1 THEN -$3::int8 ELSE $3::int8 END "
                "WHERE id IN ($1, $2)",
                DSQL_PARAMS(dsql_int8(t->from), dsql_int8(t->to), dsql_int8(t->cents)));
  dsql_tx_query(tx, "INSERT INTO transfer (id, payer, payee, cents) VALUES ($1, $2, $3, $4)",
                DSQL_PARAMS(dsql_uuid_param(t->id), dsql_int8(t->from), dsql_int8(t->to), dsql_int8(t->cents)));
  DSQL_TX_END(tx);
}

/* ---- workers ---- */

static void start_next(struct worker *w);

static void on_failed_attempt(const dsql_tx_event *event, void *arg) {
  struct show *s = arg;
  if (event->error->flags & DSQL_IN_DOUBT) s->doubts++;
}

static void on_done(dsql_future *f, void *arg) {
  struct worker *w = arg;
  struct show *s = w->show;
  int code = dsql_future_code(f);

  s->latency_ns[s->made + s->refused + s->failed] = uv_hrtime() - w->started_ns;
  if (code == 0) {
    s->made++;
  } else if (code == DSQL_EABORT) {
    s->refused++;
  } else {
    failed("a transfer", code, dsql_future_error(f));
    s->failed++;
  }
  dsql_future_destroy(f);
  start_next(w);
}

static void start_next(struct worker *w) {
  struct show *s = w->show;
  dsql_tx_options options;
  dsql_future *f;

  if (s->started == s->wanted) return;
  s->started++;
  w->started_ns = uv_hrtime();
  w->transfer.from = 1 + rand() % ACCOUNTS;
  w->transfer.to = 1 + (w->transfer.from + rand() % (ACCOUNTS - 1)) % ACCOUNTS;
  w->transfer.cents = 1 + rand() % 1000;
  dsql_tx_options_init(&options);
  options.idempotent = true;
  options.retries_max = 50;
  options.backoff = DSQL_BACKOFF_FULL_JITTER;
  options.observer = on_failed_attempt;
  options.observer_arg = s;
  f = new_id(&w->transfer.id) ? NULL : dsql_run_transaction(s->pool, transfer, &w->transfer, &options);
  if (dsql_future_on_ready(f, on_done, w) == 0) return;
  dsql_future_destroy(f);
  s->failed++;
}

/* ---- the screen ---- */

static void on_progress(uv_timer_t *timer) {
  struct show *s = timer->data;
  long ended = s->made + s->refused + s->failed;
  uint64_t now = uv_hrtime();
  dsql_pool_stats stats;

  if (ended == s->wanted) uv_timer_stop(timer);
  if (!s->terminal && ended < s->wanted && now - s->told_ns < 1000000000) return;
  s->told_ns = now;
  dsql_pool_stats_get(s->pool, &stats, sizeof stats);
  printf("%s  %5ld of %ld transfers, %" PRIu64 " attempts made again, %u connections, %.1f s%s",
         s->terminal ? "\r" : "", ended, s->wanted, stats.retries - s->before.retries,
         stats.idle + stats.in_use + stats.returning, (double)(now - s->began_ns) / 1e9,
         s->terminal && ended < s->wanted ? "  " : "\n");
  fflush(stdout);
}

static int by_value(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static double percentile_ms(const struct show *s, long percent) {
  long n = s->made + s->refused + s->failed;
  return n ? (double)s->latency_ns[(n - 1) * percent / 100] / 1e6 : 0;
}

static void print_table(struct show *s) {
  const dsql_pool_stats *before = &s->before;
  dsql_token_stats tokens;
  dsql_pool_stats now;
  uint64_t commits;

  dsql_pool_stats_get(s->pool, &now, sizeof now);
  dsql_token_stats_get(s->target, &tokens, sizeof tokens);
  qsort(s->latency_ns, (size_t)(s->made + s->refused + s->failed), sizeof *s->latency_ns, by_value);
  commits = now.commits - before->commits;
  printf("\n  commits       %" PRIu64 "; %ld refused for want of money, %ld failed\n", commits, s->refused, s->failed);
  printf("  retries       %" PRIu64 "\n", now.retries - before->retries);
  printf("  conflicts     %" PRIu64 " about data, %" PRIu64 " about the schema\n",
         now.conflicts_data - before->conflicts_data, now.conflicts_schema - before->conflicts_schema);
  printf("  in doubt      %ld attempts whose COMMIT was never answered: tried again, as a transfer finds its own row;\n"
         "                %" PRIu64 " left in doubt\n",
         s->doubts, now.in_doubt - before->in_doubt);
  printf("  latency       p50 %.1f ms, p99 %.1f ms, with the waits for one of the %d connections and all retries\n",
         percentile_ms(s, 50), percentile_ms(s, 99), CONNECTIONS);
  printf("  round trips   %.2f per transaction that was committed: 2, and those of failed attempts\n",
         (double)(now.flights - before->flights) / (double)(commits ? commits : 1));
  printf("  connects      %" PRIu64 ": the pool's, and one for each that was lost\n", now.connects);
  printf("  tokens        %" PRIu64 " signed; the other connects had it from the cache\n", tokens.signings);
}

/* ---- the books ---- */

/* Three numbers: transfers on the books, cents of all accounts, accounts that differ from what their transfers say. */
#define SQL_BOOKS                                                                                                      \
  "SELECT (SELECT count(*) FROM transfer), (SELECT sum(cents)::int8 FROM account), "                                   \
  "(SELECT count(*) FROM account a WHERE cents <> $1 "                                                                 \
  "+ coalesce((SELECT sum(cents) FROM transfer WHERE payee = a.id), 0) "                                               \
  "- coalesce((SELECT sum(cents) FROM transfer WHERE payer = a.id), 0))"

static int check_books(struct show *s, long transfers) {
  const dsql_result *r;
  int64_t rows, cents, wrong;
  dsql_future *f;
  int code;

  f = dsql_pool_query(s->pool, SQL_BOOKS, DSQL_PARAMS(dsql_int8(OPENING_CENTS)), NULL);
  code = dsql_future_run(f);
  if (code == 0) code = dsql_future_result(f, &r);
  if (code == 0) code = dsql_get_int8(r, 0, 0, &rows);
  if (code == 0) code = dsql_get_int8(r, 0, 1, &cents);
  if (code == 0) code = dsql_get_int8(r, 0, 2, &wrong);
  if (code) failed("the books", code, dsql_future_error(f));
  dsql_future_destroy(f);
  if (code) return code;
  code = rows != transfers || cents != (int64_t)ACCOUNTS * OPENING_CENTS || wrong;
  printf("  the books     %" PRId64 " transfers, %" PRId64 " cents in %d accounts: %s\n", rows, cents, ACCOUNTS,
         code ? "WRONG" : "each transfer once, not a cent lost");
  return code;
}

static int run(struct show *s) {
  if (open_bank(s->pool, ACCOUNTS)) return 1;
  dsql_pool_stats_get(s->pool, &s->before, sizeof s->before);
  s->began_ns = s->told_ns = uv_hrtime();
  uv_timer_init(s->loop, &s->progress);
  s->progress.data = s;
  uv_timer_start(&s->progress, on_progress, PROGRESS_MS, PROGRESS_MS);
  for (int i = 0; i < WORKERS; i++) {
    s->workers[i].show = s;
    start_next(&s->workers[i]);
  }
  uv_run(s->loop, UV_RUN_DEFAULT);
  uv_close((uv_handle_t *)&s->progress, NULL);
  print_table(s);
  return check_books(s, s->made) || s->failed;
}

int main(int argc, char **argv) {
  static struct show s;
  dsql_pool_config config;
  dsql_target *target;
  dsql_rt *rt;
  int status = 1, code;

  s.wanted = argc > 1 ? strtol(argv[1], NULL, 10) : 2000;
  if (s.wanted < 1 || s.wanted > TRANSFERS_MAX) return 2;
  s.latency_ns = calloc((size_t)s.wanted, sizeof *s.latency_ns);
  s.loop = uv_default_loop();
  s.terminal = isatty(STDOUT_FILENO);
  if (!s.latency_ns || dsql_rt_new(&rt, s.loop, NULL)) return 1;
  s.target = target = cluster_target(rt);
  if (target) {
    dsql_pool_config_init(&config);
    config.conns_max = CONNECTIONS;
    code = dsql_pool_new(&s.pool, rt, target, &config);
    if (code)
      failed("the pool", code, NULL);
    else
      status = run(&s);
    dsql_target_free(target);
  }
  dsql_rt_close(rt, NULL, NULL); /* and the pool with it */
  uv_run(s.loop, UV_RUN_DEFAULT);
  free(s.latency_ns);
  return status;
}
