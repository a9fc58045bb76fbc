/* Transactions: bodies that do what their operation says, and check how they are called. */
#include "dsql/copy.h"
#include "dsql/portal.h"
#include "work.h"

enum { SCRATCH_SIZE = 32, APP_CODE = 7 };

static int64_t account(void) { return (int64_t)sim_below(8); }

static void queue_put(dsql_tx *tx, const struct op *op) {
  dsql_params id = {(dsql_param[]){dsql_int8(op->id)}, 1};
  if (op->id % 7 == 0)
    (void)dsql_tx_copy_in_bytes(tx, "COPY put FROM STDIN", op->line, strlen(op->line));
  else if (op->id % 3)
    (void)dsql_tx_query(tx, "INSERT put $1", id);
  else
    (void)dsql_tx_query_stmt(tx, work.put, id);
}

static void queue_moves(dsql_tx *tx, const struct op *op) {
  for (unsigned i = 0; i < op->moves; i++) {
    int64_t from = account(), to = account(), amount = (int64_t)sim_below(100);
    (void)dsql_tx_query(tx, "UPDATE move $1 $2 $3", DSQL_PARAMS(dsql_int8(from), dsql_int8(to), dsql_int8(amount)));
  }
}

static void await_another(dsql_tx *tx) {
  struct op *nested = work_add(OP_NESTED);
  dsql_future *f;

  if (!nested) return;
  nested->state = OP_GONE;
  nested->writes = true;
  work_enter();
  if (sim_chance(700))
    f = dsql_pool_query(work.pool, "INSERT put $1", DSQL_PARAMS(dsql_int8(nested->id)), NULL);
  else
    f = dsql_pool_acquire(work.pool);
  (void)dsql_tx_await(tx, f);
  work_leave();
}

static void check_call(struct op *op, const dsql_tx *tx, unsigned char *scratch) {
  unsigned step = dsql_tx_step(tx);

  sim_check(work.in_call == 0, "a body runs inside a call");
  sim_check(op->state == OP_PENDING || (op->state == OP_GONE && !op->canceled),
            "op %u: its body runs although it is over", op->id);
  if (op->bodies++ == 0) checks_granted(op);
  sim_trace("op %u: body, attempt %u, step %u", op->id, dsql_tx_attempt(tx), step);
  sim_check(step == 0 || step == op->stepped + 1, "op %u: step %u behind step %u", op->id, step, op->stepped);
  op->stepped = step;
  for (unsigned i = 0; i < SCRATCH_SIZE; i++)
    sim_check(scratch[i] == step, "op %u: the scratch was not kept, or not zeroed", op->id);
  memset(scratch, (int)step + 1, SCRATCH_SIZE);
}

static void check_read(const struct op *op, const dsql_tx *tx) {
  const dsql_result *r = dsql_tx_result(tx, 0);
  int64_t balance;
  sim_check(r && dsql_result_rows(r) == 1, "op %u: the step before has read no row", op->id);
  sim_check(dsql_get_int8(r, 0, 0, &balance) == 0, "op %u: a row that can't be read", op->id);
}

/* A chunk per step, or nothing any more. */
static void fetch(dsql_tx *tx, struct op *op) {
  if (dsql_tx_step(tx) == 0) {
    op->portal = NULL; /* that of an earlier attempt has gone with it */
    (void)dsql_tx_query_fetch(tx, "SELECT rows $1", DSQL_PARAMS(dsql_int8(op->id % 50)), 1 + (int32_t)(op->id % 20),
                              &op->portal);
  } else if (op->portal && sim_chance(100)) {
    dsql_portal_close(op->portal);
    op->portal = NULL;
  } else if (op->portal && !dsql_portal_done(op->portal)) {
    (void)dsql_tx_portal_fetch(tx, op->portal, 1 + (int32_t)(op->id % 7));
  }
}

static dsql_step misbehave(dsql_tx *tx) {
  switch (sim_below(3)) {
    case 0: return DSQL_WAIT;
    case 1: (void)dsql_tx_query(tx, "COMMIT", DSQL_NO_PARAMS); return DSQL_COMMIT;
    default: (void)dsql_tx_await(tx, NULL); return DSQL_WAIT;
  }
}

static dsql_step body(dsql_tx *tx, const void *in, void *scratch) {
  struct op *op = (struct op *)(uintptr_t)in;
  unsigned step = dsql_tx_step(tx);

  check_call(op, tx, scratch);
  if (step > 0) check_read(op, tx);
  if (op->suicidal && step == op->waits && op->state == OP_PENDING) work_let_go(op);
  if (step < op->waits) {
    (void)dsql_tx_query(tx, "SELECT get $1", DSQL_PARAMS(dsql_int8(account())));
    if (step == 0 && op->id % 2) queue_put(tx, op);
    if (op->fetches) fetch(tx, op);
    if (op->awaits && step == 0) await_another(tx);
    return DSQL_WAIT;
  }
  if (op->misbehaves) return misbehave(tx);
  if (op->aborts) return dsql_tx_abort(tx, APP_CODE);
  if (op->waits == 0 || op->id % 2 == 0) queue_put(tx, op);
  queue_moves(tx, op);
  return DSQL_COMMIT;
}

static void observe(const dsql_tx_event *e, void *arg) {
  struct op *op = arg;
  sim_check(work.in_call == 0, "an observer runs inside a call");
  sim_trace("op %u: attempt %u failed with %s %s, flags %x%s", op->id, e->attempt, dsql_error_name(e->error->code),
            e->error->sqlstate, e->error->flags, e->will_retry ? ", again" : "");
  if (sim_chance(10) && op->state == OP_PENDING) work_let_go(op);
}

static dsql_tx_options options(struct op *op) {
  dsql_tx_options o;
  dsql_tx_options_init(&o);
  o.scratch_size = SCRATCH_SIZE;
  o.idempotent = op->idempotent;
  o.read_only = op->read_only;
  o.no_reconnect = sim_chance(100);
  o.retries_max = sim_chance(200) ? DSQL_NO_RETRY : (int)sim_between(1, 6);
  if (sim_chance(300)) o.deadline_ms = 1 + (uint32_t)sim_scaled(30000);
  if (sim_chance(200)) o.attempt_deadline_ms = 1 + (uint32_t)sim_scaled(5000);
  o.backoff = sim_chance(500) ? DSQL_BACKOFF_FULL_JITTER : DSQL_BACKOFF_DEFAULT;
  o.observer = observe;
  o.observer_arg = op;
  return o;
}

dsql_future *body_run(struct op *op) {
  dsql_tx_options o = options(op);
  if (op->kind == OP_TX) return dsql_run_transaction(work.pool, body, op, &o);
  return dsql_retry_statement(work.pool, "INSERT put $1", DSQL_PARAMS(dsql_int8(op->id)), &o);
}

/* A wrong count at the end undoes it all. */
dsql_future *body_run_batch(struct op *op) {
  dsql_tx_options o = options(op);
  dsql_batch *b;
  dsql_future *f;
  int rc;

  o.scratch_size = 0;
  if (dsql_batch_new(&b, work.rt)) return NULL;
  rc = dsql_batch_add(b, "INSERT put $1", DSQL_PARAMS(dsql_int8(op->id)), op->waits ? 1 : -1, APP_CODE);
  for (unsigned i = 0; i < op->moves && !rc; i++)
    rc = dsql_batch_add(b, "UPDATE move $1 $2 $3",
                        DSQL_PARAMS(dsql_int8(account()), dsql_int8(account()), dsql_int8(1)), -1, 0);
  if (op->aborts && !rc) rc = dsql_batch_add(b, "UPDATE none", DSQL_NO_PARAMS, 1, APP_CODE);
  f = rc ? NULL : dsql_run_batch(work.pool, b, &o);
  dsql_batch_free(b);
  return f;
}
