/* tx.h - one transaction from the call to its end: attempts, each of flights, each ended by what was waited for.
 *
 *   state         waits for                    then
 *   WAITING       a connection                 granted, perhaps before it is up: BODY (or COMMITTING: a single statement);
 *                                              failed: DONE
 *   BODY          (the body runs)              WAIT: FLIGHT; COMMIT: COMMITTING, or FLIGHT and then COMMITTING when futures
 *                                              are awaited, or DONE when no statement was ever queued; ABORT: DONE
 *   FLIGHT        statements and futures       all succeeded, status 'T': BODY; a statement failed: judged; a future
 *                                              failed, or status 'I' or 'E': DONE
 *   COMMITTING    COMMIT, and the statements   tag COMMIT, status 'I': DONE; else judged
 *                 in the same write
 *   ROLLING_BACK  ROLLBACK, on the connection  status 'I': BODY of the next attempt; else WAITING
 *                 that the next attempt keeps
 *   DELAY         the back-off's timer         WAITING
 *   DONE          nothing: the future is complete, the connection is given back
 *
 * Judged: when the connection did not come up and nothing was sent (pool_rode_in_vain()), WAITING, and it counts as no
 * attempt. Else retry_decide() says DONE, ROLLING_BACK, DELAY or (without a delay) WAITING. But for WAITING, DELAY and DONE there
 * is a connection, which the pool drains and rolls back when it is given back.
 *
 *   state         canceled, or the runtime closes    the deadline            the attempt's deadline
 *   WAITING       withdrawn, DONE                    the same                -
 *   BODY          DONE when it returns               -                       -
 *   FLIGHT        dropped or canceled, DONE          the same                connection closed, judged
 *   COMMITTING    unsent: as FLIGHT; else it goes    unsent: as FLIGHT;      the same
 *                 on, without another attempt        else given up: IN_DOUBT
 *                                                    and connection closed
 *   ROLLING_BACK  left to the pool, DONE             the same                the same
 *   DELAY         DONE                               the same                -
 *
 * A statement that commits by itself (dsql_retry_statement()) is COMMITTING, and is given up also when canceled. */
#ifndef DSQL_TX_TX_H
#define DSQL_TX_TX_H

#include "conn/query.h"
#include "pool/pool.h"
#include "rt/observe.h"
#include "tx/retry.h"

enum tx_state { TX_WAITING, TX_BODY, TX_FLIGHT, TX_COMMITTING, TX_ROLLING_BACK, TX_DELAY, TX_DONE };

struct tx_item {
  struct dsql_future *future;
  struct dsql_stmt *stmt; /* referenced; NULL: it is not prepared */
};

/* What one call of the body has queued. The arrays live in the transaction's arena. */
struct tx_step {
  struct tx_item *items;
  struct dsql_future **awaits;
  size_t item_count, item_cap, await_count, await_cap;
};

struct dsql_tx {
  struct dsql_future future; /* first */
  struct dsql_pool *pool;    /* referenced until DONE */
  struct pool_waiter waiter;
  struct rt_closer closer;
  struct rt_timer deadline_timer, delay_timer;
  struct tx_policy policy;
  dsql_tx_fn fn;
  const void *in;
  void *scratch;
  struct dsql_batch *batch; /* counted; NULL: fn is the user's */
  bool autocommit;          /* batch's only statement, without BEGIN and COMMIT */

  enum tx_state state;
  bool in_call;  /* the body or the observer is running: what would end the transaction waits */
  int stop_code; /* it shall end: no further attempt */
  const char *stop_reason;
  dsql_conn *conn;
  uint64_t started_ms, deadline_ms, attempt_deadline_ms; /* of the loop's clock; 0: none */
  unsigned attempt, retries;
  bool schema_retried, statement_retried;
  bool doubted;  /* an attempt that may have been committed was made again */
  bool was_sent; /* something of an earlier attempt was */

  /* Of the attempt. */
  unsigned step;
  int point;
  int app_code;
  bool grouping; /* a pipeline is open on conn: this step has queued a statement */
  bool begun;    /* BEGIN has been queued, in this step or an earlier one */
  bool commit_next;
  bool copies; /* this step has a COPY: the COMMIT waits for its end, behind which alone it could travel */
  const struct error *sticky; /* what the body could not queue; in error_arena */
  struct tx_step shown, queued;
  struct dsql_future *begin, *commit, *rollback;
  size_t queries_pending, awaits_pending;
  struct observe_span *span; /* NULL: there is none, or it is not observed */
  uint64_t acquire_id;       /* the span of the wait for conn */

  const struct error *last; /* of the newest attempt; in last_arena */
  struct arena error_arena, last_arena;
  struct arena arena; /* scratch and arrays; the rest of the block first */
};

/* ---- run.c: from the call to the body ---- */
struct tx_start {
  struct dsql_pool *pool;
  dsql_tx_fn fn;
  const void *in;
  struct dsql_batch *batch;
  bool autocommit;
  const dsql_tx_options *options;
};
struct dsql_future *tx_start(const struct tx_start *how);
struct dsql_tx *tx_of_future(struct dsql_future *f); /* NULL: it is another kind of future */
void tx_ask(struct dsql_tx *tx);
void tx_begin(struct dsql_tx *tx); /* an attempt, on the connection that is there */
void tx_run_body(struct dsql_tx *tx);

/* ---- steps.c: what a step has queued ---- */
/* Adopts f as a child whose end calls ready(f, tx). 0, ENOMEM, EINVAL; f is destroyed when it fails. */
int tx_adopt(struct dsql_tx *tx, struct dsql_future *f, dsql_future_cb ready);
int tx_step_add_item(struct dsql_tx *tx, struct tx_item item);
int tx_step_add_await(struct dsql_tx *tx, struct dsql_future *f);
/* Destroys the children, which cancels those that are pending. */
void tx_step_clear(struct tx_step *s);
/* Everything of the attempt that is under way, and what it has shown. */
void tx_drop_children(struct dsql_tx *tx);
/* Makes what was queued what the next step is shown. */
void tx_step_turn(struct dsql_tx *tx);
/* Remembers why the body could not queue something, unless there is a reason already; returns its code. */
int tx_stick(struct dsql_tx *tx, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
int tx_stick_error(struct dsql_tx *tx, const struct error *e);

/* ---- body.c ---- */
int tx_queue(struct dsql_tx *tx, const char *sql, struct dsql_stmt *s, dsql_params p);
bool tx_in_body(const struct dsql_tx *tx);
/* Only the runner begins and ends the transaction. 0, or a code that is sticky. */
int tx_check_effect(struct dsql_tx *tx, enum sql_effect effect);
dsql_call tx_call_of(const struct dsql_tx *tx);
/* All of a step travels under one Sync; the first one of the attempt brings the BEGIN. 0, or a code that is sticky. */
int tx_open_group(struct dsql_tx *tx);
/* Takes the future of a call just made over, as one of the step's statements: its index, or a code that is sticky. */
int tx_take_item(struct dsql_tx *tx, struct dsql_future *f, struct dsql_stmt *s);

/* ---- flight.c ---- */
void tx_on_query(dsql_future *f, void *tx);
void tx_on_await(dsql_future *f, void *tx);
void tx_depart(struct dsql_tx *tx);     /* the step returned WAIT */
void tx_commit(struct dsql_tx *tx);     /* the step returned COMMIT */
void tx_run_single(struct dsql_tx *tx); /* autocommit */

/* ---- end.c: how attempts and transactions end. tx may be gone when they return. ---- */
/* stmt: the prepared statement that failed, or NULL. */
void tx_attempt_failed(struct dsql_tx *tx, const struct error *e, enum retry_phase phase, struct dsql_stmt *stmt);
/* An error of our own, after which the connection is not to be trusted, or is. */
void tx_failed_here(struct dsql_tx *tx, enum pool_verdict v, int code, unsigned flags, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void tx_succeeded(struct dsql_tx *tx);
void tx_stop(struct dsql_tx *tx, int code, const char *reason);
void tx_give_back(struct dsql_tx *tx, enum pool_verdict v);
void tx_rolled_back(struct dsql_tx *tx, bool clean);
void tx_arm_deadline(struct dsql_tx *tx);
extern const struct future_class tx_class;

/* ---- observe.c: the span of an attempt ---- */
void tx_observe_start(struct dsql_tx *tx);
/* Its connection goes, and with it what was counted there. */
void tx_observe_bytes(struct dsql_tx *tx);
/* tx->span is there. e NULL: it was committed. */
void tx_observe_end(struct dsql_tx *tx, const struct error *e, enum dsql_conflict conflict, bool will_retry);

/* ---- batch.c ---- */
size_t tx_batch_count(const struct dsql_batch *b);
struct dsql_batch *tx_batch_ref(struct dsql_batch *b);
void tx_batch_unref(struct dsql_batch *b);
dsql_step tx_batch_body(dsql_tx *tx, const void *in, void *scratch);
dsql_future *tx_batch_query(const struct dsql_batch *b, dsql_conn *c, const dsql_call *call); /* its first statement */
/* A batch that is a COPY of data, which is not copied. NULL: no memory. */
struct copy_how;
struct dsql_batch *tx_batch_of_copy(struct dsql_rt *rt, const struct copy_how *how);

#endif
