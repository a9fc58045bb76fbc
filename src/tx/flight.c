/* What travels, and what comes back: statements, COMMIT, and futures of others. */
#include "conn/calls.h"
#include "conn/conn.h"
#include "tx/tx.h"

static bool tag_is(const dsql_result *r, const char *text) {
  dsql_str tag = dsql_result_tag(r);
  return tag.len == strlen(text) && memcmp(tag.ptr, text, tag.len) == 0;
}

static char status_behind(const struct dsql_future *f) { return query_of_future((struct dsql_future *)f)->tx_status; }

/* Of the statements that have just come back; 0: there were none, or the connection was lost first. */
static char status_of_flight(const struct dsql_tx *tx) {
  const struct tx_step *s = &tx->queued;
  if (s->item_count) return status_behind(s->items[s->item_count - 1].future);
  return tx->begin ? status_behind(tx->begin) : 0;
}

/* The first one with a failure of its own: not one that its neighbours' failure took along. */
static const struct error *failure_of_flight(const struct dsql_tx *tx, struct dsql_stmt **stmt) {
  const struct error *first = tx->begin ? tx->begin->error : NULL;

  *stmt = NULL;
  if (first && first->pub.code != DSQL_ESKIPPED) return first;
  for (size_t i = 0; i < tx->queued.item_count; i++) {
    const struct tx_item *item = &tx->queued.items[i];
    if (!item->future->error || (first && item->future->error->pub.code == DSQL_ESKIPPED)) continue;
    first = item->future->error;
    *stmt = item->stmt;
    if (first->pub.code != DSQL_ESKIPPED) break;
  }
  return first;
}

static bool flight_has_statements(const struct dsql_tx *tx) { return tx->begin || tx->queued.item_count; }

static void ended_by_itself(struct dsql_tx *tx, char status) {
  tx_failed_here(
      tx, POOL_DESTROY, DSQL_EINVAL, tx->policy.read_only ? 0 : DSQL_IN_DOUBT,
      "the transaction was over before its COMMIT (the session's status is '%c'): a statement of the body has "
      "ended it, and may have committed a part of it",
      status);
}

/* ---- COMMIT ---- */

/* The tag was read, but not the ReadyForQuery behind it. */
static void lost_after_the_tag(struct dsql_tx *tx) {
  unsigned flags = DSQL_CONN_LOST | (tx->policy.read_only ? 0 : DSQL_IN_DOUBT);
  struct error *e = error_printf(&tx->error_arena, DSQL_EIO, "the connection was lost during the COMMIT");
  if (e) e->pub.flags |= flags;
  tx_attempt_failed(tx, e ? e : query_nomem(flags), RETRY_COMMIT, NULL);
}

static void committed(struct dsql_tx *tx) {
  const dsql_result *r = NULL;
  char status = status_behind(tx->commit);

  if (!status) {
    lost_after_the_tag(tx);
    return;
  }
  if (tx->autocommit) {
    if (status == 'I')
      tx_succeeded(tx);
    else
      tx_failed_here(tx, POOL_DESTROY, DSQL_EINVAL, 0,
                     "the statement was to commit by itself, but has left a transaction open; use "
                     "dsql_run_transaction()");
    return;
  }
  if (flight_has_statements(tx) && status_of_flight(tx) && status_of_flight(tx) != 'T') {
    ended_by_itself(tx, status_of_flight(tx));
    return;
  }
  if (dsql_future_result(tx->commit, &r) == 0 && tag_is(r, "COMMIT") && status == 'I') {
    tx_succeeded(tx);
    return;
  }
  tx_failed_here(tx, POOL_DESTROY, DSQL_EPROTO, tx->policy.read_only ? 0 : DSQL_IN_DOUBT,
                 "the server answered COMMIT with \"%.*s\" and status '%c'", r ? (int)dsql_result_tag(r).len : 0,
                 r ? dsql_result_tag(r).ptr : "", status);
}

/* A statement's error explains why the COMMIT became a ROLLBACK; but a doubt is the COMMIT's. */
static void judge_commit(struct dsql_tx *tx) {
  const struct error *e = tx->commit->error, *cause;
  struct dsql_stmt *stmt;

  if (!e) {
    committed(tx);
    return;
  }
  cause = failure_of_flight(tx, &stmt);
  if (cause && !(e->pub.flags & DSQL_IN_DOUBT))
    tx_attempt_failed(tx, cause, RETRY_STATEMENT, stmt);
  else
    tx_attempt_failed(tx, e, RETRY_COMMIT, NULL);
}

static void send_commit(struct dsql_tx *tx) {
  dsql_call call = {.size = sizeof call, .read_only = tx->policy.read_only};
  struct dsql_future *f = calls_command(tx->conn, "COMMIT", &call);

  if (tx_adopt(tx, f, tx_on_query)) {
    tx_failed_here(tx, POOL_REUSE, DSQL_ENOMEM, 0, "out of memory for the COMMIT");
    return;
  }
  tx->commit = f;
  tx->queries_pending++;
  tx->state = TX_COMMITTING;
  pool_tx_counts(tx->pool)->flights++;
}

/* ---- a flight ends ---- */

static void flight_over(struct dsql_tx *tx) {
  struct dsql_stmt *stmt;
  const struct error *e = failure_of_flight(tx, &stmt);

  if (e) {
    tx_attempt_failed(tx, e, RETRY_STATEMENT, stmt);
    return;
  }
  if (flight_has_statements(tx) && status_of_flight(tx) != 'T') {
    ended_by_itself(tx, status_of_flight(tx));
    return;
  }
  if (tx->awaits_pending) return;
  if (tx->commit_next) {
    tx_step_turn(tx);
    tx_commit(tx);
    return;
  }
  tx_step_turn(tx);
  tx->step++;
  tx_run_body(tx);
}

void tx_on_query(dsql_future *f, void *arg) {
  struct dsql_tx *tx = arg;

  if (f == tx->rollback) {
    bool clean = !f->error && status_behind(f) == 'I';
    dsql_future_destroy(f);
    tx->rollback = NULL;
    tx_rolled_back(tx, clean);
    return;
  }
  if (--tx->queries_pending) return;
  if (tx->state == TX_COMMITTING)
    judge_commit(tx);
  else if (tx->state == TX_FLIGHT)
    flight_over(tx);
}

void tx_on_await(dsql_future *f, void *arg) {
  struct dsql_tx *tx = arg;

  tx->awaits_pending--;
  if (tx->state != TX_FLIGHT) return;
  if (f->error) {
    struct error other = *f->error;
    other.pub.flags &= ~(unsigned)DSQL_IN_DOUBT; /* that was the other's: this transaction is rolled back */
    tx_attempt_failed(tx, &other, RETRY_FOREIGN, NULL);
  } else if (tx->awaits_pending == 0 && tx->queries_pending == 0) {
    flight_over(tx);
  }
}

/* ---- departure ---- */

/* False: the transaction has ended. */
static bool close_group(struct dsql_tx *tx) {
  int rc;

  if (!tx->grouping) return true;
  tx->grouping = false;
  rc = dsql_pipeline_end(tx->conn);
  if (rc == 0) return true;
  tx_failed_here(tx, POOL_REUSE, rc, 0, "out of memory for a Sync");
  return false;
}

void tx_depart(struct dsql_tx *tx) {
  if (!close_group(tx)) return;
  tx->state = TX_FLIGHT;
  tx->copies = false;
  if (tx->queries_pending) pool_tx_counts(tx->pool)->flights++;
}

void tx_commit(struct dsql_tx *tx) {
  if (tx->awaits_pending || tx->copies) {
    tx->commit_next = true;
    tx_depart(tx);
    return;
  }
  tx->commit_next = false;
  if (!close_group(tx)) return;
  if (!tx->begun)
    tx_succeeded(tx);
  else
    send_commit(tx);
}

void tx_run_single(struct dsql_tx *tx) {
  dsql_call call = {.size = sizeof call, .read_only = tx->policy.read_only};
  struct dsql_future *f = tx_batch_query(tx->batch, tx->conn, &call);

  if (f && dsql_future_ready(f)) { /* refused */
    (void)tx_stick_error(tx, f->error ? f->error : &error_nomem);
    dsql_future_destroy(f);
    tx_attempt_failed(tx, tx->sticky, RETRY_STATEMENT, NULL);
    return;
  }
  if (tx_adopt(tx, f, tx_on_query)) {
    tx_failed_here(tx, POOL_REUSE, DSQL_ENOMEM, 0, "out of memory for a statement");
    return;
  }
  tx->commit = f;
  tx->queries_pending = 1;
  tx->state = TX_COMMITTING;
  pool_tx_counts(tx->pool)->flights++;
}
