/* One transaction: moves money between two accounts, all or nothing, whatever others do to them meanwhile.
 *
 *   transfer FROM TO CENTS */
#include "common.h"

#define SQL_READ "SELECT cents FROM account WHERE id IN ($1, $2) ORDER BY id = $1 DESC" /* the payer first */
#define SQL_ADD "UPDATE account SET cents = cents + $2 WHERE id = $1"

enum { NO_SUCH_ACCOUNT = 1, NOT_ENOUGH = 2 };

struct transfer {
  int64_t from, to, cents;
};

struct receipt {
  int64_t cents_left;
};

/* Two round trips: BEGIN and the SELECT, then both UPDATEs and the COMMIT. It is run again when they met a conflict. */
static dsql_step transfer(dsql_tx *tx, const void *in, void *scratch) {
  const struct transfer *t = in;
  struct receipt *receipt = scratch;
  const dsql_result *read;
  int64_t cents;

  if (dsql_tx_step(tx) == 0) {
    dsql_tx_query(tx, SQL_READ, DSQL_PARAMS(dsql_int8(t->from), dsql_int8(t->to)));
    return DSQL_WAIT; /* for the rows; then it is called once more */
  }
  read = dsql_tx_result(tx, 0);
  if (dsql_result_rows(read) != 2 || dsql_get_int8(read, 0, 0, &cents)) return dsql_tx_abort(tx, NO_SUCH_ACCOUNT);
  if (cents < t->cents) return dsql_tx_abort(tx, NOT_ENOUGH);
  receipt->cents_left = cents - t->cents;
  dsql_tx_query(tx, SQL_ADD, DSQL_PARAMS(dsql_int8(t->from), dsql_int8(-t->cents)));
  dsql_tx_query(tx, SQL_ADD, DSQL_PARAMS(dsql_int8(t->to), dsql_int8(t->cents)));
  return DSQL_COMMIT;
}

static int run(dsql_pool *pool, const struct transfer *t) {
  dsql_tx_options options;
  const void *receipt;
  int code;

  dsql_tx_options_init(&options);
  options.scratch_size = sizeof(struct receipt);
  dsql_future *f = dsql_run_transaction(pool, transfer, t, &options);
  code = dsql_future_run(f); /* a server registers dsql_future_on_ready() and goes on instead */
  const dsql_error *e = dsql_future_error(f);
  if (code == 0 && dsql_future_output(f, &receipt) == 0)
    printf("done: %" PRId64 " cents are left\n", ((const struct receipt *)receipt)->cents_left);
  else if (e && e->flags & DSQL_IN_DOUBT)
    failed("nobody can tell whether it was done", code, e);
  else if (code == DSQL_EABORT)
    fprintf(stderr, "not done: %s\n", e->app_code == NOT_ENOUGH ? "not enough money" : "no such account");
  else
    failed("not done", code, e);
  dsql_future_destroy(f);
  return code;
}

int main(int argc, char **argv) {
  dsql_rt *rt;
  dsql_target *target;
  dsql_pool *pool;
  struct transfer t;
  int code = DSQL_EINVAL;

  if (argc != 4) {
    fprintf(stderr, "usage: transfer FROM TO CENTS\n");
    return 2;
  }
  t = (struct transfer){strtoll(argv[1], NULL, 10), strtoll(argv[2], NULL, 10), strtoll(argv[3], NULL, 10)};
  if (t.cents <= 0 || t.from == t.to) {
    fprintf(stderr, "transfer: CENTS must be a positive number, and the accounts must be two\n");
    return 2;
  }
  if (dsql_rt_new(&rt, uv_default_loop(), NULL)) return 1;
  target = cluster_target(rt);
  if (target) {
    code = dsql_pool_new(&pool, rt, target, NULL);
    if (code) failed("the pool", code, NULL);
    if (code == 0) code = open_bank(pool, 16);
    if (code == 0) code = run(pool, &t);
    dsql_target_free(target);
  }
  dsql_rt_close(rt, NULL, NULL); /* and the pool with it */
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  return code != 0;
}
