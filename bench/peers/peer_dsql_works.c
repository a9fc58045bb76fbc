/* peer_dsql_works.c - batch, copy, connect and transfer. Each takes the fewest round trips that the API has for it: a batch is
 * one pipeline group, a connect carries its query, BEGIN travels with the read and COMMIT with the updates. */
#include <dsql/co.h>
#include <dsql/copy.h>

#include "../measure.h"
#include "peer_dsql.h"

/* ---- batch ---- */

static void on_group(dsql_future *all, void *arg) {
  struct worker *w = arg;
  uint64_t rows = 0;

  peer_must(all);
  for (int i = 0; i < w->peer->work.rows; i++) rows += (uint64_t)dsql_result_affected(peer_result(w->group[i]));
  dsql_future_destroy(all);
  peer_done(w, rows);
}

void peer_start_batch(struct worker *w) {
  struct peer *p = w->peer;
  dsql_params params = {p->params, (size_t)p->work.arguments};

  peer_check(dsql_pipeline_begin(w->conn));
  for (int i = 0; i < p->work.rows; i++) w->group[i] = dsql_query_stmt(w->conn, p->stmt, params, NULL);
  peer_check(dsql_pipeline_end(w->conn));
  peer_check(dsql_future_on_ready(dsql_all(p->rt, w->group, (size_t)p->work.rows), on_group, w));
}

/* ---- copy ---- */

enum { ROWS_PER_CALL = 100 };

static dsql_copy_next write_rows(dsql_copy *copy, void *arg) {
  struct worker *w = arg;
  struct peer *p = w->peer;
  dsql_params row = {p->params, (size_t)p->work.arguments};

  for (int i = 0; i < ROWS_PER_CALL && w->copied < p->work.rows; i++, w->copied++) (void)dsql_copy_row(copy, row);
  return w->copied < p->work.rows ? DSQL_COPY_MORE : DSQL_COPY_END;
}

static void on_copied(dsql_future *f, void *arg) {
  uint64_t rows = (uint64_t)dsql_result_affected(peer_result(f));
  dsql_future_destroy(f);
  peer_done(arg, rows);
}

void peer_start_copy(struct worker *w) {
  w->copied = 0;
  peer_check(dsql_future_on_ready(dsql_copy_in(w->conn, w->peer->work.sql, write_rows, w, NULL), on_copied, w));
}

/* ---- connect ---- */

static void on_connected(dsql_future *f, void *arg) {
  struct worker *w = arg;
  w->peer->sum += peer_decode(&w->peer->work, peer_result(f));
  dsql_future_destroy(f);
  dsql_conn_close(w->conn);
  w->conn = NULL;
  peer_done(w, 1);
}

void peer_start_connect(struct worker *w) {
  struct peer *p = w->peer;
  peer_check(dsql_conn_open(&w->conn, p->rt, p->target));
  peer_check(dsql_future_on_ready(dsql_query(w->conn, p->work.sql, DSQL_NO_PARAMS, NULL), on_connected, w));
}

/* ---- transfer ---- */

static dsql_step transfer(dsql_tx *tx, const void *in, void *scratch) {
  const struct worker *w = in;
  struct peer *p = w->peer;
  int32_t from, to;
  int64_t balance;

  (void)scratch;
  work_accounts(w->index, w->n, &from, &to);
  DSQL_TX_BEGIN(tx);
  (void)dsql_tx_query_stmt(tx, p->stmt, DSQL_PARAMS(dsql_int4(from)));
  DSQL_TX_AWAIT(tx);
  peer_check(dsql_get_int8(dsql_tx_result(tx, 0), 0, 0, &balance));
  if (balance < 1) return dsql_tx_abort(tx, 1);
  (void)dsql_tx_query_stmt(tx, p->update, DSQL_PARAMS(dsql_int4(from), dsql_int4(-1)));
  (void)dsql_tx_query_stmt(tx, p->update, DSQL_PARAMS(dsql_int4(to), dsql_int4(1)));
  DSQL_TX_END(tx);
}

static void on_committed(dsql_future *f, void *arg) {
  peer_must(f);
  dsql_future_destroy(f);
  peer_done(arg, 1);
}

void peer_start_transfer(struct worker *w) {
  dsql_tx_options options;
  dsql_tx_options_init(&options);
  options.isolation = DSQL_REPEATABLE_READ;
  peer_check(dsql_future_on_ready(dsql_run_transaction(w->peer->pool, transfer, w, &options), on_committed, w));
}
