/* Portals in a body: the transaction's own, which end with its attempt. */
#include "conn/portal.h"
#include "conn/conn.h"
#include "tx/tx.h"

static int queue_fetch(struct dsql_tx *tx, struct portal_how *how, dsql_portal **out) {
  dsql_call call;

  *out = NULL;
  if (!tx_in_body(tx)) return DSQL_EINVAL;
  if (tx->sticky) return tx->sticky->pub.code;
  if (!how->sql && !how->s) return tx_stick(tx, DSQL_EINVAL, "no statement was given (NULL)");
  if (tx_check_effect(tx, how->s ? how->s->effect : sql_effect_of(how->sql, strlen(how->sql))) || tx_open_group(tx))
    return tx->sticky->pub.code;
  call = tx_call_of(tx);
  how->owned = true;
  return tx_take_item(tx, portal_start(tx->conn, how, &call, out), how->s);
}

int dsql_tx_query_fetch(dsql_tx *tx, const char *sql, dsql_params p, int32_t rows_max, dsql_portal **portal) {
  struct portal_how how = {.name = "dsql_tx_query_fetch()", .sql = sql, .params = p, .rows_max = rows_max};
  return queue_fetch(tx, &how, portal);
}

int dsql_tx_query_stmt_fetch(dsql_tx *tx, dsql_stmt *s, dsql_params p, int32_t rows_max, dsql_portal **portal) {
  struct portal_how how = {.name = "dsql_tx_query_stmt_fetch()", .s = s, .params = p, .rows_max = rows_max};
  return queue_fetch(tx, &how, portal);
}

int dsql_tx_portal_fetch(dsql_tx *tx, dsql_portal *p, int32_t rows_max) {
  dsql_call call;

  if (!tx_in_body(tx)) return DSQL_EINVAL;
  if (tx->sticky) return tx->sticky->pub.code;
  if (!p || p->conn != tx->conn) return tx_stick(tx, DSQL_EINVAL, "that is no portal of this transaction's attempt");
  if (tx_open_group(tx)) return tx->sticky->pub.code;
  call = tx_call_of(tx);
  return tx_take_item(tx, dsql_portal_fetch(p, rows_max, &call), NULL);
}
