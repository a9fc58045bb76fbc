/* What a body may call. */
#include <stdio.h>

#include "conn/calls.h"
#include "conn/conn.h"
#include "tx/tx.h"

unsigned dsql_tx_step(const dsql_tx *tx) { return tx->step; }
int *dsql_tx_point(dsql_tx *tx) { return &tx->point; }
unsigned dsql_tx_attempt(const dsql_tx *tx) { return tx->attempt; }

bool tx_in_body(const struct dsql_tx *tx) { return tx && tx->state == TX_BODY && tx->in_call; }

dsql_call tx_call_of(const struct dsql_tx *tx) {
  dsql_call call = {.size = sizeof call, .read_only = tx->policy.read_only};
  return call;
}

/* Takes the future of a call just made over. 0, or a code that is sticky. */
static int take_query(struct dsql_tx *tx, struct dsql_future *f) {
  if (!f) return tx_stick(tx, DSQL_ENOMEM, "out of memory for a statement");
  if (f->error) { /* refused */
    int code = tx_stick_error(tx, f->error);
    dsql_future_destroy(f);
    return code;
  }
  if (tx_adopt(tx, f, tx_on_query)) return tx_stick(tx, DSQL_EINVAL, "a statement's future is in use");
  tx->queries_pending++;
  return 0;
}

int tx_open_group(struct dsql_tx *tx) {
  dsql_call call = tx_call_of(tx);
  struct dsql_future *f;

  if (tx->grouping) return 0;
  if (dsql_pipeline_begin(tx->conn))
    return tx_stick(tx, DSQL_EINVAL, "a pipeline is open on the transaction's connection");
  tx->grouping = true;
  if (tx->begun) return 0;
  f = calls_command(tx->conn, tx_policy_begin(&tx->policy), &call);
  if (take_query(tx, f)) return tx->sticky->pub.code;
  tx->begin = f;
  tx->begun = true;
  return 0;
}

int tx_take_item(struct dsql_tx *tx, struct dsql_future *f, struct dsql_stmt *s) {
  if (take_query(tx, f)) return tx->sticky->pub.code;
  if (tx_step_add_item(tx, (struct tx_item){f, s})) {
    dsql_future_destroy(f);
    return tx_stick(tx, DSQL_ENOMEM, "out of memory for a statement");
  }
  return (int)tx->queued.item_count - 1;
}

int tx_check_effect(struct dsql_tx *tx, enum sql_effect effect) {
  if (effect != SQL_BEGIN && effect != SQL_COMMIT && effect != SQL_ROLLBACK) return 0;
  return tx_stick(tx, DSQL_EINVAL,
                  "BEGIN, COMMIT, ROLLBACK and PREPARE TRANSACTION have no place in a transaction's body: return "
                  "DSQL_COMMIT or DSQL_ABORT");
}

int tx_queue(struct dsql_tx *tx, const char *sql, struct dsql_stmt *s, dsql_params p) {
  dsql_call call = tx_call_of(tx);
  struct dsql_future *f;

  if (!tx_in_body(tx)) return DSQL_EINVAL;
  if (tx->sticky) return tx->sticky->pub.code;
  if (!sql && !s) return tx_stick(tx, DSQL_EINVAL, "no statement was given (NULL)");
  if (tx_check_effect(tx, s ? s->effect : sql_effect_of(sql, strlen(sql))) || tx_open_group(tx))
    return tx->sticky->pub.code;
  f = s ? dsql_query_stmt(tx->conn, s, p, &call) : dsql_query(tx->conn, sql, p, &call);
  return tx_take_item(tx, f, s);
}

int dsql_tx_query(dsql_tx *tx, const char *sql, dsql_params p) { return tx_queue(tx, sql, NULL, p); }
int dsql_tx_query_stmt(dsql_tx *tx, dsql_stmt *s, dsql_params p) { return tx_queue(tx, NULL, s, p); }

int dsql_tx_await(dsql_tx *tx, dsql_future *f) {
  if (!tx_in_body(tx)) {
    dsql_future_destroy(f);
    return DSQL_EINVAL;
  }
  if (!f) return tx_stick(tx, DSQL_ENOMEM, "the future to await is NULL: there was no memory for it");
  if (f == &tx->future) return tx_stick(tx, DSQL_EINVAL, "a transaction can't await itself");
  if (tx_step_add_await(tx, f)) {
    dsql_future_destroy(f);
    return tx_stick(tx, DSQL_ENOMEM, "out of memory for a future to await");
  }
  if (tx_adopt(tx, f, tx_on_await)) {
    tx->queued.await_count--;
    return tx_stick(tx, DSQL_EINVAL, "the future to await has a callback, or is awaited already");
  }
  tx->awaits_pending++;
  return 0;
}

const dsql_result *dsql_tx_result(const dsql_tx *tx, int i) {
  const dsql_result *r = NULL;
  if (!tx_in_body(tx) || i < 0 || (size_t)i >= tx->shown.item_count) return NULL;
  return dsql_future_result(tx->shown.items[i].future, &r) ? NULL : r;
}

dsql_step dsql_tx_abort(dsql_tx *tx, int app_code) {
  tx->app_code = app_code;
  return DSQL_ABORT;
}

/* ---- savepoints ---- */

enum { NAME_MAX_BYTES = 63 };

static int queue_named(struct dsql_tx *tx, const char *verb, const char *name) {
  char quoted[2 * NAME_MAX_BYTES + 4], sql[sizeof quoted + 32];
  size_t len, n = name ? strlen(name) : 0;
  dsql_call call = tx_call_of(tx);

  if (!tx_in_body(tx)) return DSQL_EINVAL;
  if (tx->policy.dsql)
    return tx_stick(tx, DSQL_EUNSUPPORTED,
                    "Aurora DSQL has no savepoints: %s can't be sent; run the whole transaction "
                    "again instead",
                    verb);
  if (n == 0 || n > NAME_MAX_BYTES || dsql_quote_identifier(name, n, quoted, sizeof quoted, &len))
    return tx_stick(tx, DSQL_EINVAL, "the name of a savepoint is 1 to 63 bytes of UTF-8");
  (void)snprintf(sql, sizeof sql, "%s %s", verb, quoted);
  if (tx->sticky || tx_open_group(tx)) return tx->sticky->pub.code;
  return tx_take_item(tx, calls_command(tx->conn, sql, &call), NULL);
}

int dsql_tx_savepoint(dsql_tx *tx, const char *name) { return queue_named(tx, "SAVEPOINT", name); }
int dsql_tx_rollback_to(dsql_tx *tx, const char *name) { return queue_named(tx, "ROLLBACK TO SAVEPOINT", name); }
int dsql_tx_release(dsql_tx *tx, const char *name) { return queue_named(tx, "RELEASE SAVEPOINT", name); }
