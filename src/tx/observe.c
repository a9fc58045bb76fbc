/* An attempt, as a span. */
#include "conn/observe.h"
#include "tx/tx.h"

void tx_observe_start(struct dsql_tx *tx) {
  dsql_span what = {.kind = DSQL_SPAN_ATTEMPT, .parent_id = tx->acquire_id, .attempt = tx->attempt};

  observe_conn(tx->conn, &what);
  if (tx->batch) what.batch_size = (unsigned)tx_batch_count(tx->batch);
  tx->span = observe_start(tx->future.rt, &what);
  if (!tx->span) return;
  observe_conn_before(tx->conn, tx->span);
  tx->conn->lender_id = tx->span->pub.id;
}

void tx_observe_bytes(struct dsql_tx *tx) {
  if (tx->conn) observe_conn_since(tx->conn, tx->span);
}

void tx_observe_end(struct dsql_tx *tx, const struct error *e, enum dsql_conflict conflict, bool will_retry) {
  struct observe_span *s = tx->span;

  tx_observe_bytes(tx);
  tx->span = NULL;
  observe_error(s, e);
  s->pub.conflict = conflict;
  s->pub.will_retry = will_retry;
  observe_end(tx->future.rt, s);
}
