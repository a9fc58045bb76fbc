/* From the call to the body: options, memory, a connection. */
#include <stdio.h>

#include "conn/conn.h"
#include "tx/tx.h"

/* ---- attempts ---- */

static void begin_attempt(struct dsql_tx *tx) {
  tx->attempt++;
  pool_tx_counts(tx->pool)->attempts++;
  if (rt_observer(tx->future.rt)) tx_observe_start(tx);
  tx->step = 0;
  tx->point = 0;
  tx->app_code = 0;
  tx->begun = tx->commit_next = tx->copies = false;
  tx->sticky = NULL;
  arena_deinit(&tx->error_arena);
  if (tx->policy.scratch_size) memset(tx->scratch, 0, tx->policy.scratch_size);
  tx->attempt_deadline_ms =
      tx->policy.attempt_deadline_ms ? rt_after_ms(tx->future.rt, tx->policy.attempt_deadline_ms) : 0;
  tx_arm_deadline(tx);
}

void tx_begin(struct dsql_tx *tx) {
  begin_attempt(tx);
  if (tx->autocommit)
    tx_run_single(tx);
  else
    tx_run_body(tx);
}

static void on_granted(struct pool_waiter *w, dsql_conn *c) {
  struct dsql_tx *tx = LIST_ENTRY(w, struct dsql_tx, waiter);
  tx->conn = c;
  tx->acquire_id = c->lender_id;
  tx_begin(tx);
}

static void on_failed(struct pool_waiter *w, const struct error *e) {
  struct dsql_tx *tx = LIST_ENTRY(w, struct dsql_tx, waiter);
  if (rt_closing(tx->future.rt)) /* whoever was told first */
    tx_stop(tx, DSQL_ECANCELED, "the runtime is closing");
  else
    tx_attempt_failed(tx, e, RETRY_NO_CONNECTION, NULL);
}

void tx_ask(struct dsql_tx *tx) {
  tx->state = TX_WAITING;
  tx->waiter.rides = true;
  tx->waiter.granted = on_granted;
  tx->waiter.failed = on_failed;
  pool_ask(tx->pool, &tx->waiter, 0);
}

/* ---- the body ---- */

static dsql_step call_body(struct dsql_tx *tx) {
  dsql_conn *outer = pool_body(tx->pool, tx->conn);
  dsql_step step;

  tx->state = TX_BODY;
  tx->in_call = true;
  step = tx->batch ? tx_batch_body(tx, tx->batch, tx->scratch) : tx->fn(tx, tx->in, tx->scratch);
  tx->in_call = false;
  tx->state = TX_FLIGHT; /* nothing more can be queued */
  (void)pool_body(tx->pool, outer);
  return step;
}

static void aborted(struct dsql_tx *tx) {
  const char *why = tx->batch ? "a statement of the batch had another count than expected" : "the body stopped it";
  struct error *e = error_printf(&tx->error_arena, DSQL_EABORT, "%s (app_code %d)", why, tx->app_code);

  if (e) e->pub.app_code = tx->app_code;
  tx_attempt_failed(tx, e ? e : &error_nomem, RETRY_FOREIGN, NULL);
}

void tx_run_body(struct dsql_tx *tx) {
  dsql_step step = call_body(tx);

  if (!tx->batch) tx_step_clear(&tx->shown);
  if (tx->stop_code) {
    tx_stop(tx, tx->stop_code, tx->stop_reason);
  } else if (step == DSQL_ABORT) {
    aborted(tx);
  } else if (tx->sticky) {
    tx_attempt_failed(tx, tx->sticky, RETRY_STATEMENT, NULL);
  } else if (step == DSQL_COMMIT) {
    tx_commit(tx);
  } else if (step != DSQL_WAIT) {
    tx_failed_here(tx, POOL_REUSE, DSQL_EINVAL, 0, "the body returned %d, which is no enum dsql_step", (int)step);
  } else if (tx->queries_pending == 0 && tx->awaits_pending == 0) {
    tx_failed_here(tx, POOL_REUSE, DSQL_EINVAL, 0,
                   "the body returned DSQL_WAIT, but has queued no statement and awaits no future");
  } else {
    tx_depart(tx);
  }
}

/* ---- the call ---- */

_Static_assert(sizeof(struct dsql_tx) + 256 <= RT_BLOCK_SIZE, "a transaction and a small scratch must fit a block");

static void on_rt_close(struct rt_closer *closer) {
  struct dsql_tx *tx = LIST_ENTRY(closer, struct dsql_tx, closer);
  tx_stop(tx, DSQL_ECANCELED, "the runtime is closing");
}

static struct dsql_tx *new_tx(const struct tx_start *how, const struct tx_policy *policy) {
  struct dsql_rt *rt = pool_rt(how->pool);
  struct dsql_tx *tx = rt_block_get(rt);

  if (!tx) return NULL;
  memset(tx, 0, sizeof *tx);
  arena_init_on(&tx->arena, rt_chunks(rt), tx + 1, RT_BLOCK_SIZE - sizeof *tx);
  arena_init(&tx->error_arena, rt_chunks(rt));
  arena_init(&tx->last_arena, rt_chunks(rt));
  tx->scratch = policy->scratch_size ? arena_alloc(&tx->arena, policy->scratch_size) : NULL;
  if (policy->scratch_size && !tx->scratch) {
    arena_deinit(&tx->arena);
    rt_block_put(rt, tx);
    return NULL;
  }
  future_init(&tx->future, rt, &tx_class);
  tx->pool = how->pool;
  tx->policy = *policy;
  tx->fn = how->fn;
  tx->in = how->in;
  tx->autocommit = how->autocommit;
  tx->closer.close = on_rt_close;
  return tx;
}

static int check_start(const struct tx_start *how, struct tx_policy *policy, struct fault *f) {
  if (!how->fn && !how->batch) return fault_set(f, DSQL_EINVAL, "the transaction has no body (NULL)");
  if (rt_in_hook(pool_rt(how->pool))) return observe_refuse(f);
  if (rt_closing(pool_rt(how->pool))) return fault_set(f, DSQL_ECLOSED, "the runtime is closing");
  return tx_policy_resolve(how->options, pool_tx_defaults(how->pool), pool_target(how->pool)->target->dsql, policy, f);
}

struct dsql_future *tx_start(const struct tx_start *how) {
  struct tx_policy policy = {0};
  struct fault f;
  struct dsql_tx *tx;

  if (!how->pool) return NULL;
  fault_clear(&f);
  if (check_start(how, &policy, &f)) {
    f.flags |= DSQL_NOT_SENT;
    return future_failed(pool_rt(how->pool), &f);
  }
  tx = new_tx(how, &policy);
  if (!tx) return NULL;
  pool_ref(tx->pool);
  if (how->batch) tx->batch = tx_batch_ref(how->batch);
  rt_closer_add(tx->future.rt, &tx->closer);
  tx->started_ms = rt_after_ms(tx->future.rt, 0);
  tx->deadline_ms = policy.deadline_ms ? tx->started_ms + policy.deadline_ms : 0;
  tx_arm_deadline(tx);
  tx_ask(tx);
  return &tx->future;
}

dsql_future *dsql_run_transaction(dsql_pool *p, dsql_tx_fn fn, const void *in, const dsql_tx_options *o) {
  struct tx_start how = {.pool = p, .fn = fn, .in = in, .options = o};
  return tx_start(&how);
}
