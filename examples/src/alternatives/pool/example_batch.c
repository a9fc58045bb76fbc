/* Many rows, in transactions that are known beforehand: a batch travels in one round trip, BEGIN and COMMIT included.
 *
 * Aurora DSQL takes 3,000 changed rows per transaction at most, so a load is cut into batches, of which a few are under
 * way at a time. Every batch may be run twice (ON CONFLICT DO NOTHING), so the library may try it again whatever happens.
 *
 *   example_batch [ROWS]        5000 unless given */
#include "../../common.h"

#define SQL_CREATE                                                                                                     \
  "CREATE TABLE IF NOT EXISTS reading (id int8 PRIMARY KEY, sensor int4 NOT NULL, value float8 NOT NULL)"
#define SQL_INSERT "INSERT INTO reading (id, sensor, value) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
#define SQL_MARK "UPDATE reading SET value = $2 WHERE id = $1"
#define SQL_DELETE "DELETE FROM reading WHERE id IN (SELECT id FROM reading LIMIT 1000)"

enum { ROWS_PER_BATCH = 500, BATCHES_AT_A_TIME = 4, NO_SUCH_ROW = 1 };

struct load {
  dsql_pool *pool;
  int64_t next, rows; /* ids are 0 to rows - 1 */
  int64_t loaded;
  int batches, code; /* code: of the first failure, after which no batch is started */
};

struct part {
  struct load *load;
  int64_t rows;
};

static void start_batch(struct part *p);

static void on_loaded(dsql_future *f, void *arg) {
  struct part *p = arg;
  int code = dsql_future_code(f);

  if (code) p->load->code = failed("a batch", code, dsql_future_error(f));
  if (code == 0) p->load->loaded += p->rows;
  p->load->batches += code == 0;
  dsql_future_destroy(f);
  start_batch(p);
}

static int fill(dsql_batch *b, struct part *p) {
  struct load *l = p->load;
  int code = 0;

  for (p->rows = 0; code == 0 && p->rows < ROWS_PER_BATCH && l->next < l->rows; p->rows++, l->next++)
    code = dsql_batch_add(
        b, SQL_INSERT,
        DSQL_PARAMS(dsql_int8(l->next), dsql_int4((int32_t)(l->next % 100)), dsql_float8((double)l->next / 10)), -1, 0);
  return code;
}

static void start_batch(struct part *p) {
  dsql_tx_options options;
  dsql_batch *batch = NULL;
  dsql_future *f = NULL;

  if (p->load->code || p->load->next == p->load->rows) return;
  dsql_tx_options_init(&options);
  options.idempotent = true;
  if (dsql_batch_new(&batch, dsql_pool_rt(p->load->pool)) == 0 && fill(batch, p) == 0)
    f = dsql_run_batch(p->load->pool, batch, &options);
  dsql_batch_free(batch); /* one that is under way lives on */
  if (dsql_future_on_ready(f, on_loaded, p) == 0) return;
  dsql_future_destroy(f);
  p->load->code = failed("a batch", DSQL_ENOMEM, NULL);
}

static int load_rows(dsql_pool *pool, uv_loop_t *loop, int64_t rows) {
  struct load load = {.pool = pool, .rows = rows};
  struct part parts[BATCHES_AT_A_TIME];

  for (int i = 0; i < BATCHES_AT_A_TIME; i++) {
    parts[i] = (struct part){.load = &load};
    start_batch(&parts[i]);
  }
  uv_run(loop, UV_RUN_DEFAULT);
  printf("%" PRId64 " rows loaded in %d batches\n", load.loaded, load.batches);
  return load.code;
}

/* Row counts as conditions: when one is not met, nothing has happened. The COMMIT follows in a second round trip. */
static int mark_both(dsql_pool *pool, int64_t one, int64_t other) {
  dsql_batch *b;
  dsql_future *f;
  int code = dsql_batch_new(&b, dsql_pool_rt(pool));

  if (code) return failed("a batch", code, NULL);
  code = dsql_batch_add(b, SQL_MARK, DSQL_PARAMS(dsql_int8(one), dsql_float8(-1)), 1, NO_SUCH_ROW);
  if (code == 0) code = dsql_batch_add(b, SQL_MARK, DSQL_PARAMS(dsql_int8(other), dsql_float8(-1)), 1, NO_SUCH_ROW);
  if (code) failed("a batch", code, NULL);
  if (code == 0) {
    f = dsql_run_batch(pool, b, NULL);
    code = dsql_future_run(f);
    if (code == 0)
      printf("rows %" PRId64 " and %" PRId64 " are marked\n", one, other);
    else if (code == DSQL_EABORT && dsql_future_error(f)->app_code == NO_SUCH_ROW)
      printf("row %" PRId64 " or %" PRId64 " is missing: none is marked\n", one, other);
    else
      failed("marking", code, dsql_future_error(f));
    dsql_future_destroy(f);
  }
  dsql_batch_free(b);
  return code == DSQL_EABORT ? 0 : code;
}

static int delete_rows(dsql_pool *pool) {
  int64_t deleted, total = 0;
  const dsql_result *r;
  dsql_future *f;
  int code;

  do {
    f = dsql_retry_statement(pool, SQL_DELETE, DSQL_NO_PARAMS, NULL);
    code = dsql_future_run(f);
    if (code) failed("DELETE", code, dsql_future_error(f));
    if (code == 0) code = dsql_future_result(f, &r);
    deleted = code == 0 ? dsql_result_affected(r) : 0;
    total += deleted;
    dsql_future_destroy(f);
  } while (deleted > 0);
  printf("%" PRId64 " rows deleted, 1000 at a time\n", total);
  return code;
}

static int work(dsql_pool *pool, uv_loop_t *loop, int64_t rows) {
  int code = finish("CREATE TABLE", dsql_retry_statement(pool, SQL_CREATE, DSQL_NO_PARAMS, NULL));

  if (code == 0) code = load_rows(pool, loop, rows);
  if (code == 0) code = mark_both(pool, 0, 1);
  if (code == 0) code = mark_both(pool, 2, -1);
  if (code == 0) code = delete_rows(pool);
  return code;
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  int64_t rows = argc > 1 ? strtoll(argv[1], NULL, 10) : 5000;
  dsql_rt *rt;
  dsql_target *target;
  dsql_pool *pool;
  int code = DSQL_EINVAL;

  if (dsql_rt_new(&rt, loop, NULL)) return 1;
  target = cluster_target(rt);
  if (target) {
    code = dsql_pool_new(&pool, rt, target, NULL);
    if (code) failed("the pool", code, NULL);
    if (code == 0) code = work(pool, loop, rows);
    dsql_target_free(target);
  }
  dsql_rt_close(rt, NULL, NULL); /* and the pool with it */
  uv_run(loop, UV_RUN_DEFAULT);
  return code != 0;
}
