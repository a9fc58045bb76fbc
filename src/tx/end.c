/* How attempts end, and transactions. What ends one may free it: nothing is touched afterwards. */
#include <stdarg.h>
#include <stdio.h>

#include "conn/calls.h"
#include "conn/conn.h"
#include "tx/tx.h"

/* ---- the connection ---- */

void tx_give_back(struct dsql_tx *tx, enum pool_verdict v) {
  dsql_conn *c = tx->conn;
  if (c && tx->span) tx_observe_bytes(tx);
  tx->conn = NULL;
  if (c) pool_give_back(tx->pool, c, v);
}

static bool is_usable(const dsql_conn *c) { return c && dsql_conn_status(c) != DSQL_CONN_FAILED; }

/* ---- the future ---- */

static void tx_free(struct dsql_future *f) {
  struct dsql_tx *tx = (struct dsql_tx *)(void *)f;
  struct dsql_rt *rt = f->rt;

  tx_drop_children(tx);
  if (tx->batch) tx_batch_unref(tx->batch);
  arena_deinit(&tx->error_arena);
  arena_deinit(&tx->last_arena);
  arena_deinit(&tx->arena);
  rt_block_put(rt, tx);
}

static void tx_cancel(struct dsql_future *f) {
  tx_stop((struct dsql_tx *)(void *)f, DSQL_ECANCELED, "canceled by the caller");
}

static int tx_get_result(struct dsql_future *f, const dsql_result **out) { return dsql_batch_result(f, 0, out); }

/* Those of its COPYs whose source or sink waits. */
static void tx_resume(struct dsql_future *f) {
  struct dsql_tx *tx = (struct dsql_tx *)(void *)f;
  for (size_t i = 0; i < tx->queued.item_count; i++) dsql_resume(tx->queued.items[i].future);
}

const struct future_class tx_class = {tx_cancel, tx_free, tx_get_result, tx_resume};

struct dsql_tx *tx_of_future(struct dsql_future *f) {
  return f && f->class == &tx_class ? (struct dsql_tx *)(void *)f : NULL;
}

int dsql_future_output(dsql_future *f, const void **out) {
  struct dsql_tx *tx = tx_of_future(f);
  int code = dsql_future_code(f);

  if (!out) return DSQL_EINVAL;
  *out = NULL;
  if (code) return code;
  if (!tx || tx->batch) return DSQL_ETYPE;
  *out = tx->scratch;
  return 0;
}

/* ---- failures ---- */

/* The newest error, in memory that outlives what it was read from; e may be the last one itself. */
static const struct error *keep(struct dsql_tx *tx, const struct error *e, unsigned flags) {
  unsigned all = (e->pub.flags | flags) & ~(tx->was_sent ? (unsigned)DSQL_NOT_SENT : 0u);
  struct arena fresh;
  struct error *copy;

  arena_init(&fresh, rt_chunks(tx->future.rt));
  copy = error_clone(&fresh, e);
  if (copy) {
    copy->pub.attempts = tx->attempt ? tx->attempt : 1;
    copy->pub.flags = all;
  }
  arena_deinit(&tx->last_arena);
  tx->last_arena = fresh;
  tx->last = copy ? copy : query_nomem(all);
  return tx->last;
}

/* An attempt that may have been committed leaves its doubt behind, however a later one has failed. */
static void finish(struct dsql_tx *tx, const struct error *e) {
  struct dsql_rt *rt = tx->future.rt;

  tx->state = TX_DONE;
  if (e && tx->doubted && !(e->pub.flags & DSQL_IN_DOUBT)) {
    e = keep(tx, e, DSQL_IN_DOUBT);
    pool_tx_counts(tx->pool)->in_doubt++;
  }
  rt_timer_stop(rt, &tx->deadline_timer);
  rt_timer_stop(rt, &tx->delay_timer);
  if (!tx->batch || e) tx_drop_children(tx);
  if (tx->span) tx_observe_end(tx, e, dsql_error_conflict(e ? &e->pub : NULL), false);
  tx_give_back(tx, POOL_REUSE);
  rt_closer_remove(rt, &tx->closer);
  pool_unref(tx->pool);
  future_complete(&tx->future, e);
}

void tx_succeeded(struct dsql_tx *tx) {
  pool_tx_counts(tx->pool)->commits++;
  finish(tx, NULL);
}

static void count(struct dsql_tx *tx, const struct retry_verdict *v, const struct error *e) {
  struct pool_tx_counts *counts = pool_tx_counts(tx->pool);
  if (v->conflict == DSQL_CONFLICT_DATA) counts->conflicts_data++;
  if (v->conflict == DSQL_CONFLICT_SCHEMA) counts->conflicts_schema++;
  if (v->action != RETRY_FAIL) counts->retries++;
  if (v->action == RETRY_FAIL && e->pub.flags & DSQL_IN_DOUBT) counts->in_doubt++;
}

static void tell(struct dsql_tx *tx, const struct retry_verdict *v, const struct error *e) {
  dsql_tx_event event = {.attempt = tx->attempt,
                         .error = &e->pub,
                         .conflict = v->conflict,
                         .will_retry = v->action != RETRY_FAIL,
                         .same_connection = v->action == RETRY_SAME,
                         .delay_ms = v->delay_ms};
  if (!tx->policy.observer || tx->attempt == 0) return;
  tx->in_call = true;
  tx->policy.observer(&event, tx->policy.observer_arg);
  tx->in_call = false;
}

static void on_delay(struct rt_timer *t) { tx_ask(LIST_ENTRY(t, struct dsql_tx, delay_timer)); }

/* ROLLBACK on the connection that is kept; where nothing was begun the next attempt begins at once. */
static void roll_back(struct dsql_tx *tx) {
  uint32_t timeout_ms = pool_target(tx->pool)->target->drain_timeout_ms;
  dsql_call call = {.size = sizeof call, .timeout_ms = timeout_ms};
  struct dsql_future *f = calls_command(tx->conn, "ROLLBACK", &call);

  if (tx_adopt(tx, f, tx_on_query)) {
    tx_give_back(tx, POOL_DESTROY);
    tx_ask(tx);
    return;
  }
  tx->rollback = f;
  pool_tx_counts(tx->pool)->flights++;
  tx->state = TX_ROLLING_BACK;
}

void tx_rolled_back(struct dsql_tx *tx, bool clean) {
  if (clean) {
    tx_begin(tx);
    return;
  }
  tx_give_back(tx, POOL_DESTROY);
  tx_ask(tx);
}

static void try_again(struct dsql_tx *tx, const struct retry_verdict *v) {
  struct dsql_rt *rt = tx->future.rt;

  if (v->counted) tx->retries++;
  if (v->for_schema) tx->schema_retried = true;
  if (v->for_statement) tx->statement_retried = true;
  if (v->action == RETRY_SAME) {
    roll_back(tx);
    return;
  }
  tx_give_back(tx, v->action == RETRY_NEW ? POOL_DESTROY : POOL_REUSE);
  if (v->delay_ms == 0) {
    tx_ask(tx);
    return;
  }
  tx->state = TX_DELAY;
  tx->delay_timer.fire = on_delay;
  rt_timer_start(rt, &tx->delay_timer, rt_now_ms(rt) + v->delay_ms);
}

static bool commits_in_parts(const struct dsql_tx *tx, enum retry_phase phase) {
  return tx->autocommit && phase == RETRY_COMMIT && query_of_future(tx->commit)->op.effect == SQL_COMMITS_ITSELF;
}

static struct retry_verdict decide(struct dsql_tx *tx, const struct error *e, enum retry_phase phase, bool prepared) {
  struct retry_input in = {.error = &e->pub,
                           .phase = phase,
                           .retries = tx->retries,
                           .schema_retried = tx->schema_retried,
                           .statement_retried = tx->statement_retried,
                           .statement_is_ours = prepared,
                           .in_parts = commits_in_parts(tx, phase),
                           .connection_is_usable = is_usable(tx->conn),
                           .elapsed_ms = rt_now_ms(tx->future.rt) - tx->started_ms,
                           .random = rt_random(tx->future.rt)};
  struct retry_verdict v = retry_decide(&tx->policy, &in);

  if (tx->stop_code || rt_closing(tx->future.rt) || (v.action != RETRY_FAIL && !pool_open(tx->pool))) {
    v.action = RETRY_FAIL;
    v.delay_ms = 0;
  }
  return v;
}

/* Its connection was granted before it was up, and did not come up: it waits on, and the attempt was none. */
static bool wait_again(struct dsql_tx *tx, const struct error *e, enum retry_phase phase) {
  dsql_conn *c = tx->conn;

  if (tx->stop_code || (phase != RETRY_STATEMENT && phase != RETRY_COMMIT) || !pool_rode_in_vain(c, e)) return false;
  if (tx->span) tx_observe_end(tx, e, DSQL_CONFLICT_NONE, true); /* e may go with the children */
  tx_drop_children(tx);
  tx->conn = NULL;
  tx->attempt--;
  pool_tx_counts(tx->pool)->attempts--;
  tx->begun = false;
  tx->state = TX_WAITING;
  pool_ask_again(tx->pool, &tx->waiter, c);
  return true;
}

void tx_attempt_failed(struct dsql_tx *tx, const struct error *e, enum retry_phase phase, struct dsql_stmt *stmt) {
  struct retry_verdict v;

  if (wait_again(tx, e, phase)) return;
  v = decide(tx, e, phase, stmt != NULL);
  e = keep(tx, e, v.in_doubt ? DSQL_IN_DOUBT : 0);
  if (v.in_doubt && v.action != RETRY_FAIL) tx->doubted = true;
  if (!(e->pub.flags & DSQL_NOT_SENT)) tx->was_sent = true;
  tx_drop_children(tx);
  if (!is_usable(tx->conn)) tx_give_back(tx, POOL_DESTROY);
  tell(tx, &v, e);
  count(tx, &v, e);
  if (tx->stop_code && v.action != RETRY_FAIL) v.action = RETRY_FAIL;
  if (v.action != RETRY_FAIL && tx->span) tx_observe_end(tx, e, v.conflict, true);
  if (v.action == RETRY_FAIL)
    finish(tx, e);
  else
    try_again(tx, &v);
}

void tx_failed_here(struct dsql_tx *tx, enum pool_verdict verdict, int code, unsigned flags, const char *format, ...) {
  char text[FAULT_TEXT_SIZE];
  struct error *e;
  va_list args;

  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  e = error_printf(&tx->error_arena, code, "%s", text);
  if (e) e->pub.flags |= flags;
  if (verdict == POOL_DESTROY) {
    tx_drop_children(tx);
    tx_give_back(tx, POOL_DESTROY);
  }
  tx_attempt_failed(tx, e ? e : query_nomem(flags), RETRY_FOREIGN, NULL);
}

/* ---- giving up ---- */

static void stop_now(struct dsql_tx *tx, int code, const char *reason) {
  struct error *e;
  bool again = tx->last && tx->state != TX_FLIGHT && tx->state != TX_COMMITTING;

  if (tx->state == TX_WAITING) pool_withdraw(tx->pool, &tx->waiter);
  if (tx->rollback) { /* the pool waits for it */
    dsql_future_detach(tx->rollback);
    tx->rollback = NULL;
  }
  tx_drop_children(tx);
  e = again ? error_printf(&tx->error_arena, code, "%s, after %u attempts; the last one failed with: %.*s", reason,
                           tx->attempt, (int)tx->last->pub.message.len, tx->last->pub.message.ptr)
            : error_printf(&tx->error_arena, code, "%s", reason);
  finish(tx, keep(tx, e ? e : &error_nomem, tx->begun || tx->attempt > 1 ? 0 : DSQL_NOT_SENT));
}

/* Nothing of the COMMIT has been handed to the transport. */
static bool commit_is_unsent(const struct dsql_tx *tx) { return query_of_future(tx->commit)->op.end == 0; }

void tx_stop(struct dsql_tx *tx, int code, const char *reason) {
  if (tx->state == TX_DONE) return;
  tx->stop_code = code;
  tx->stop_reason = reason;
  if (tx->in_call) return;
  if (tx->state != TX_COMMITTING || (commit_is_unsent(tx) && !tx->autocommit)) {
    stop_now(tx, code, reason);
    return;
  }
  /* Its answer, or what giving it up leaves, ends the transaction. */
  if (code == DSQL_ETIMEDOUT || tx->autocommit) query_give_up(query_of_future(tx->commit), code, reason);
}

/* The connection goes, and with it what the attempt has done. */
static void attempt_timed_out(struct dsql_tx *tx) {
  struct error *e;

  if (tx->state == TX_COMMITTING && (tx->autocommit || !commit_is_unsent(tx))) {
    query_give_up(query_of_future(tx->commit), DSQL_ETIMEDOUT, "the attempt's deadline passed");
    return;
  }
  if (tx->state != TX_FLIGHT && tx->state != TX_COMMITTING) return;
  tx_drop_children(tx);
  tx_give_back(tx, POOL_DESTROY);
  e = error_printf(&tx->error_arena, DSQL_ETIMEDOUT, "the attempt's deadline passed");
  tx_attempt_failed(tx, e ? e : &error_nomem, RETRY_STATEMENT, NULL);
}

static void on_deadline(struct rt_timer *t) {
  struct dsql_tx *tx = LIST_ENTRY(t, struct dsql_tx, deadline_timer);
  uint64_t now = rt_now_ms(tx->future.rt);

  if (tx->deadline_ms && now >= tx->deadline_ms) {
    tx_stop(tx, DSQL_ETIMEDOUT, "the transaction's deadline passed");
    return;
  }
  if (tx->deadline_ms) rt_timer_start(tx->future.rt, t, tx->deadline_ms);
  attempt_timed_out(tx);
}

void tx_arm_deadline(struct dsql_tx *tx) {
  uint64_t at = tx->deadline_ms, attempt = tx->attempt_deadline_ms;

  tx->deadline_timer.fire = on_deadline;
  if (attempt && (at == 0 || attempt < at)) at = attempt;
  if (at) rt_timer_start(tx->future.rt, &tx->deadline_timer, at);
}
