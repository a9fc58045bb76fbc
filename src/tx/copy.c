/* COPY in a body. It has no place in a pipeline, so what the step has queued before it travels ahead, the BEGIN with it,
 * and what is queued behind it waits for its end. */
#include "conn/copy.h"
#include "conn/conn.h"
#include "tx/tx.h"

static int send_ahead(struct dsql_tx *tx) {
  if (tx->begun && !tx->grouping) return 0;
  if (tx_open_group(tx)) return tx->sticky->pub.code;
  tx->grouping = false;
  return dsql_pipeline_end(tx->conn) ? tx_stick(tx, DSQL_ENOMEM, "out of memory for a Sync") : 0;
}

static int queue_copy(struct dsql_tx *tx, const struct copy_how *how) {
  dsql_call call;

  if (!tx_in_body(tx)) return DSQL_EINVAL;
  if (tx->sticky || send_ahead(tx)) return tx->sticky->pub.code;
  call = tx_call_of(tx);
  tx->copies = true;
  return tx_take_item(tx, copy_start(tx->conn, how, &call), NULL);
}

int dsql_tx_copy_in(dsql_tx *tx, const char *sql, dsql_copy_source source, void *arg) {
  struct copy_how how = {
      .name = "dsql_tx_copy_in()", .sql = sql, .plan = COPY_PLAN_IN, .source = source, .arg = arg, .in_block = true};
  return queue_copy(tx, &how);
}

int dsql_tx_copy_in_bytes(dsql_tx *tx, const char *sql, const void *data, size_t n) {
  struct copy_how how = {.name = "dsql_tx_copy_in_bytes()",
                         .sql = sql,
                         .plan = COPY_PLAN_IN,
                         .data = data || n ? data : "",
                         .data_len = n,
                         .in_block = true};
  return queue_copy(tx, &how);
}

int dsql_tx_copy_out(dsql_tx *tx, const char *sql, dsql_copy_sink sink, void *arg) {
  struct copy_how how = {
      .name = "dsql_tx_copy_out()", .sql = sql, .plan = COPY_PLAN_OUT, .sink = sink, .arg = arg, .in_block = true};
  return queue_copy(tx, &how);
}
