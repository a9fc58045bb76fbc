/* Attempts: which failure is tried again, on which connection, and what the caller is told. */
#include <poll.h>

#include "rig.h"

static void open_all(void) {
  rig_open("statement_cache_size=256");
  rig_two_flights();
}

TestSuite(retrying, .init = open_all, .fini = rig_close);

static void succeed(dsql_future *f) {
  rig_answer_read();
  peer_expect(&r.p, WRITE_FLIGHT);
  peer_send(&r.p, WRITE_ANSWER);
  cr_assert_eq(peer_settle(&r.p, f), 0, "%s", client_error_text(f));
  dsql_future_destroy(f);
}

static void saw(unsigned bodies, unsigned attempt, unsigned events) {
  cr_expect_eq(r.bodies, bodies, "%u bodies", r.bodies);
  cr_expect_eq(r.last_attempt, attempt);
  cr_expect_eq(r.events, events);
  cr_expect_eq(r.marks, 0, "scratch was not zeroed");
}

Test(retrying, a_conflict_of_a_statement) {
  dsql_future *f = rig_start();
  rig_accept();
  peer_expect(&r.p, READ_FLIGHT);
  peer_send(&r.p, "1 2 C:BEGIN 1 2 E:40001 Z:E");
  rig_answer_rollback();
  cr_expect_eq(r.event.attempt, 1);
  cr_expect_eq((int)r.event.conflict, DSQL_CONFLICT_DATA);
  cr_expect_eq(r.event_code, DSQL_ESERVER);
  cr_expect(r.event.will_retry && !r.event.same_connection);
  succeed(f);
  saw(3, 2, 1);
  cr_expect_eq(standin_tx_counts().retries, 1);
  cr_expect_eq(standin_tx_counts().conflicts_data, 1);
}

/* While a delay runs, no connection is held: somebody else gets it. */
Test(retrying, a_conflict_of_the_commit_and_no_connection_during_the_delay) {
  dsql_future *f, *second;
  r.options.base_delay_ms = 200;
  r.options.max_delay_ms = 200;
  f = rig_start();
  rig_accept();
  rig_answer_read();
  peer_expect(&r.p, WRITE_FLIGHT);
  peer_send(&r.p, "1 2 n C:UPDATE_1 Z:T 1 2 E:40001 Z:I");
  peer_turn(&r.p);
  cr_expect_eq(standin_counts().lent, 0);
  r.bodies = 0;
  second = rig_start();
  succeed(second);
  cr_expect_not(dsql_future_ready(f));
  succeed(f);
  cr_expect_geq(r.event.delay_ms, 200);
  cr_expect_leq(r.event.delay_ms, 250);
}

Test(retrying, a_conflict_in_the_flight_of_the_commit) {
  dsql_future *f = rig_start();
  rig_accept();
  rig_answer_read();
  peer_expect(&r.p, WRITE_FLIGHT);
  peer_send(&r.p, "1 2 E:40001 Z:E 1 2 C:ROLLBACK Z:I");
  succeed(f);
  saw(4, 2, 1);
}

/* The error of the statement proves that nothing was committed, also when the socket dies before the COMMIT's answer. */
Test(retrying, a_conflict_and_then_the_end_of_stream) {
  dsql_future *f = rig_start();
  rig_accept();
  rig_answer_read();
  peer_expect(&r.p, WRITE_FLIGHT);
  peer_send(&r.p, "1 2 E:40001");
  peer_drop(&r.p.main);
  rig_accept();
  succeed(f);
  saw(4, 2, 1);
  cr_expect_eq((int)r.event.conflict, DSQL_CONFLICT_DATA);
  cr_expect_eq(standin_counts().destroyed, 1);
}

static void schema_conflict(void) {
  rig_answer_read();
  peer_expect(&r.p, WRITE_FLIGHT);
  peer_send(&r.p, "1 2 n C:UPDATE_1 Z:T 1 2 E:OC001 Z:I");
}

/* The catalog cache of that very session was stale, and is not any more. */
Test(retrying, the_first_conflict_about_the_schema_keeps_the_connection) {
  dsql_future *f;
  r.options.base_delay_ms = 50;
  f = rig_start();
  rig_accept();
  schema_conflict();
  peer_expect(&r.p, "PBES");
  rig_sql_is(0, "ROLLBACK");
  cr_expect_eq(standin_counts().lent, 1);
  cr_expect_eq(standin_counts().asked, 1);
  cr_expect(r.event.will_retry && r.event.same_connection && r.event.delay_ms == 0);
  peer_send(&r.p, "1 2 C:ROLLBACK Z:I");
  schema_conflict();
  peer_turn(&r.p);
  cr_expect_eq(standin_counts().lent, 0, "the second one waits like others");
  cr_expect(r.event.will_retry && !r.event.same_connection && r.event.delay_ms >= 50);
  succeed(f);
  saw(6, 3, 2);
  cr_expect_eq(standin_tx_counts().conflicts_schema, 2);
  cr_expect_eq(standin_tx_counts().flights, 7, "three attempts of two, and the ROLLBACK");
}

Test(retrying, a_rollback_that_fails_costs_the_connection_only) {
  dsql_future *f = rig_start();
  rig_accept();
  schema_conflict();
  peer_expect(&r.p, "PBES");
  peer_send(&r.p, "1 2 E:XX000 Z:I");
  rig_accept();
  succeed(f);
  cr_expect_eq(standin_counts().destroyed, 1);
}

Test(retrying, used_up) {
  dsql_future *f;
  r.options.retries_max = 2;
  f = rig_start();
  rig_accept();
  for (int i = 0; i < 3; i++) {
    rig_answer_read();
    peer_expect(&r.p, WRITE_FLIGHT);
    peer_send(&r.p, i == 2 ? "1 2 n C:UPDATE_1 Z:T 1 2 E:40P01 Z:I" : "1 2 n C:UPDATE_1 Z:T 1 2 E:40001 Z:I");
  }
  cr_expect_eq(peer_settle(&r.p, f), DSQL_ESERVER);
  cr_expect_eq(dsql_future_error(f)->attempts, 3);
  cr_expect_str_eq(dsql_future_error(f)->sqlstate, "40P01", "the last one");
  cr_expect_eq(dsql_future_error(f)->flags, DSQL_RETRYABLE);
  dsql_future_destroy(f);
  saw(6, 3, 3);
  cr_expect_not(r.event.will_retry);
  cr_expect_eq(standin_tx_counts().retries, 2);
}

Test(retrying, another_error_is_reported_at_once) {
  dsql_future *f = rig_start();
  rig_accept();
  peer_expect(&r.p, READ_FLIGHT);
  peer_send(&r.p, "1 2 C:BEGIN 1 2 E:23505 Z:E");
  cr_expect_eq(peer_settle(&r.p, f), DSQL_ESERVER);
  cr_expect_str_eq(dsql_future_error(f)->sqlstate, "23505");
  cr_expect_eq(dsql_future_error(f)->attempts, 1);
  dsql_future_destroy(f);
  saw(1, 1, 1);
  rig_answer_rollback();
}

/* The server rolled it back: a new connection, and again. */
Test(retrying, a_connection_lost_before_the_commit) {
  for (int flight = 0; flight < 2; flight++) {
    dsql_future *f;
    r.bodies = 0;
    r.steps[2] = r.steps[1];
    r.steps[1] = (struct rig_step){.sql = {"read"}, .then = DSQL_WAIT};
    f = rig_start();
    if (flight == 0) rig_accept();
    peer_expect(&r.p, READ_FLIGHT);
    if (flight) {
      peer_send(&r.p, READ_ANSWER);
      peer_expect(&r.p, "PBDES");
    }
    peer_drop(&r.p.main);
    rig_accept();
    r.steps[1] = r.steps[2];
    succeed(f);
  }
  cr_expect_eq(standin_counts().destroyed, 2);
}

Test(retrying, a_connection_lost_is_reported_when_that_is_asked_for) {
  dsql_future *f;
  r.options.no_reconnect = true;
  f = rig_start();
  rig_accept();
  peer_expect(&r.p, READ_FLIGHT);
  peer_drop(&r.p.main);
  peer_fails(&r.p, f, DSQL_EIO, DSQL_CONN_LOST | DSQL_CLIENT_SIDE);
  saw(1, 1, 1);
}

/* ---- in doubt ---- */

static const struct doubt {
  const char *answer; /* then the end of stream */
  bool read_only, idempotent;
  unsigned attempts;
  bool doubt;
} doubts[] = {
    {"", false, false, 1, true},
    {"1 2 n C:UPDATE_1 Z:T", false, false, 1, true},
    {"1 2 n C:UPDATE_1 Z:T 1 2 C:COMMIT", false, false, 1, true},
    {"1 2 n C:UPDATE_1 Z:T", false, true, 2, false},
    {"1 2 n C:UPDATE_1 Z:T", true, false, 2, false},
    {"1 2 E:40001", false, false, 2, false},
};

Test(retrying, in_doubt) {
  for (size_t i = 0; i < COUNT(doubts); i++) {
    const struct doubt *d = &doubts[i];
    dsql_future *f;
    r.bodies = 0;
    r.options.read_only = d->read_only;
    r.options.idempotent = d->idempotent;
    f = rig_start();
    if (i == 0 || doubts[i - 1].doubt) rig_accept();
    rig_answer_read();
    peer_expect(&r.p, WRITE_FLIGHT);
    peer_send(&r.p, d->answer);
    peer_drop(&r.p.main);
    if (d->doubt) {
      peer_fails(&r.p, f, DSQL_EIO, DSQL_CONN_LOST | DSQL_IN_DOUBT | DSQL_CLIENT_SIDE);
    } else {
      rig_accept();
      succeed(f);
    }
    cr_expect_eq(r.last_attempt, d->attempts, "%zu", i);
  }
  cr_expect_eq(standin_tx_counts().in_doubt, 3);
}

static dsql_future *start_in_doubt(uint32_t delay_ms) {
  dsql_future *f;
  r.options.idempotent = true;
  r.options.base_delay_ms = delay_ms;
  f = rig_start();
  rig_accept();
  rig_answer_read();
  peer_expect(&r.p, WRITE_FLIGHT);
  peer_drop(&r.p.main);
  return f;
}

/* The first attempt may have been committed, whatever becomes of the second. */
Test(retrying, a_doubt_outlives_later_attempts) {
  dsql_future *f = start_in_doubt(1);
  rig_accept();
  peer_expect(&r.p, READ_FLIGHT);
  peer_send(&r.p, "1 2 C:BEGIN E:23505 Z:E");
  peer_fails(&r.p, f, DSQL_ESERVER, DSQL_IN_DOUBT);
  rig_answer_rollback();
  cr_expect_eq(standin_tx_counts().in_doubt, 1);
}

Test(retrying, a_doubt_outlives_a_cancel) {
  dsql_future *f = start_in_doubt(10000);
  while (r.events == 0) peer_turn(&r.p);
  dsql_future_cancel(f);
  peer_fails(&r.p, f, DSQL_ECANCELED, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE);
  cr_expect_eq(r.bodies, 2);
}

/* ---- prepared statements ---- */

static dsql_stmt *stmt;
static void queue_prepared(dsql_tx *tx) { cr_expect_eq(dsql_tx_query_stmt(tx, stmt, DSQL_NO_PARAMS), 0); }

/* Lost on the server: prepared anew, at once, and no attempt is counted for it. */
Test(retrying, a_prepared_statement_that_is_gone) {
  dsql_future *f;
  cr_assert_eq(dsql_stmt_new(&stmt, r.p.x.rt, "prepared", NULL, 0), 0);
  r.steps[0] = (struct rig_step){.call = queue_prepared, .then = DSQL_COMMIT};
  r.options.retries_max = DSQL_NO_RETRY;
  f = rig_start();
  rig_accept();
  peer_expect(&r.p, "PBEPDBESPBES");
  peer_send(&r.p, "1 2 C:BEGIN 1 t: n 2 C:UPDATE_1 Z:T 1 2 C:COMMIT Z:I");
  peer_succeeds(&r.p, f);
  for (int again = 0; again < 2; again++) {
    f = (r.bodies = 0, rig_start());
    peer_expect(&r.p, "PBEBESPBES");
    peer_send(&r.p, "1 2 C:BEGIN E:26000 Z:E 1 2 C:ROLLBACK Z:I");
    rig_answer_rollback();
    peer_expect(&r.p, "PBECPDBESPBES");
    if (again == 0) {
      peer_send(&r.p, "1 2 C:BEGIN 3 1 t: n 2 C:UPDATE_1 Z:T 1 2 C:COMMIT Z:I");
      peer_succeeds(&r.p, f);
    } else {
      peer_send(&r.p, "1 2 C:BEGIN 3 E:26000 Z:E 1 2 C:ROLLBACK Z:I");
      peer_fails(&r.p, f, DSQL_ESERVER, 0);
    }
    cr_expect_eq(r.bodies, 2);
  }
  dsql_stmt_free(stmt);
}

/* ---- deadlines ---- */

/* The COMMIT's tag was read, but not what proves the rest: it must not run again. */
Test(retrying, the_deadline_behind_the_tag_of_the_commit) {
  dsql_future *f;
  r.options.attempt_deadline_ms = 100;
  f = rig_start();
  rig_accept();
  rig_answer_read();
  peer_expect(&r.p, WRITE_FLIGHT);
  peer_send(&r.p, "1 2 n C:UPDATE_1 Z:T 1 2 C:COMMIT");
  peer_fails(&r.p, f, DSQL_ETIMEDOUT, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE);
  cr_expect_eq(r.bodies, 2);
}

Test(retrying, the_deadline_of_an_attempt) {
  dsql_future *f;
  r.options.attempt_deadline_ms = 30;
  f = rig_start();
  rig_accept();
  peer_expect(&r.p, READ_FLIGHT);
  peer_expect_end(&r.p);
  peer_accept(&r.p, &r.p.cancel);
  cr_assert(peer_startup(&r.p, &r.p.cancel), "the server is asked to stop");
  peer_drop(&r.p.cancel);
  rig_accept();
  succeed(f);
  saw(3, 2, 1);
  cr_expect_eq(r.event_code, DSQL_ETIMEDOUT);
}

Test(retrying, a_delay_that_would_outlast_the_deadline_is_not_begun) {
  dsql_future *f;
  r.options.deadline_ms = 5000;
  r.options.base_delay_ms = r.options.max_delay_ms = 6000;
  f = rig_start();
  rig_accept();
  rig_answer_read();
  peer_expect(&r.p, WRITE_FLIGHT);
  peer_send(&r.p, "1 2 n C:UPDATE_1 Z:T 1 2 E:40001 Z:I");
  peer_fails(&r.p, f, DSQL_ESERVER, DSQL_RETRYABLE);
  cr_expect_not(r.event.will_retry);
}

/* ---- statements that commit by themselves ---- */

static dsql_future *single(void) { return dsql_retry_statement(r.pool, "create table", DSQL_NO_PARAMS, &r.options); }

Test(retrying, a_single_statement) {
  dsql_future *f = single();
  const dsql_result *result;
  rig_accept();
  peer_expect(&r.p, "PBDES");
  rig_sql_is(0, "create table");
  peer_send(&r.p, "1 2 E:OC001 Z:I");
  rig_answer_rollback();
  peer_expect(&r.p, "PBDES");
  peer_send(&r.p, "1 2 E:40001 Z:I");
  peer_expect(&r.p, "PBDES");
  peer_send(&r.p, "1 2 T:a D:1 C:SELECT_1 Z:I");
  cr_assert_eq(peer_settle(&r.p, f), 0, "%s", client_error_text(f));
  cr_assert_eq(dsql_future_result(f, &result), 0);
  cr_expect_eq(dsql_result_rows(result), 1);
  cr_expect_eq(r.events, 2);
  dsql_future_destroy(f);
}

Test(retrying, a_single_statement_in_doubt_is_not_repeated) {
  dsql_future *f = single();
  rig_accept();
  peer_expect(&r.p, "PBDES");
  peer_drop(&r.p.main);
  peer_fails(&r.p, f, DSQL_EIO, DSQL_CONN_LOST | DSQL_IN_DOUBT | DSQL_CLIENT_SIDE);
  r.options.idempotent = true;
  f = single();
  rig_accept();
  peer_expect(&r.p, "PBDES");
  peer_drop(&r.p.main);
  rig_accept();
  peer_expect(&r.p, "PBDES");
  peer_send(&r.p, "1 2 n C:CREATE_TABLE Z:I");
  peer_succeeds(&r.p, f);
}

Test(retrying, a_single_statement_must_not_leave_a_transaction_open) {
  dsql_future *f = single();
  rig_accept();
  peer_expect(&r.p, "PBDES");
  peer_send(&r.p, "1 2 n C:CALL Z:T");
  peer_fails(&r.p, f, DSQL_EINVAL, DSQL_CLIENT_SIDE);
  cr_expect_eq(standin_counts().destroyed, 1);
  f = dsql_retry_statement(r.pool, "begin", DSQL_NO_PARAMS, NULL);
  peer_fails(&r.p, f, DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  f = dsql_retry_statement(r.pool, NULL, DSQL_NO_PARAMS, NULL);
  peer_fails(&r.p, f, DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
}

/* ---- batches ---- */

static dsql_batch *batch_of(int64_t expected) {
  dsql_batch *b = NULL;
  char text[] = "text";
  cr_assert_eq(dsql_batch_new(&b, r.p.x.rt), 0);
  cr_assert_eq(dsql_batch_add(b, "one $1", DSQL_PARAMS(dsql_text(text)), expected, 11), 0);
  cr_assert_eq(dsql_batch_add(b, "two", DSQL_NO_PARAMS, -1, 12), 0);
  memset(text, 'x', sizeof text); /* it was copied */
  return b;
}

Test(retrying, a_batch_without_checks_is_one_flight) {
  dsql_batch *b = batch_of(-1);
  dsql_future *f = dsql_run_batch(r.pool, b, &r.options);
  const dsql_result *result;
  size_t len;
  const uint8_t *bind;

  cr_expect_eq(dsql_batch_add(b, "late", DSQL_NO_PARAMS, -1, 0), DSQL_EBUSY);
  dsql_batch_free(b);
  rig_accept();
  peer_expect(&r.p, "PBEPBDEPBDESPBES");
  bind = peer_body(&r.p, 4, &len);
  cr_expect_not_null(memmem(bind, len, "text", 4));
  peer_send(&r.p, "1 2 C:BEGIN 1 2 T:a D:1 D:2 C:SELECT_2 1 2 n C:UPDATE_5 Z:T 1 2 E:40001 Z:I");
  peer_expect(&r.p, "PBEPBDEPBDESPBES");
  peer_send(&r.p, "1 2 C:BEGIN 1 2 T:a D:1 D:2 C:SELECT_2 1 2 n C:UPDATE_5 Z:T 1 2 C:COMMIT Z:I");
  cr_assert_eq(peer_settle(&r.p, f), 0, "%s", client_error_text(f));
  cr_assert_eq(dsql_future_result(f, &result), 0);
  cr_expect_eq(dsql_result_rows(result), 2);
  cr_assert_eq(dsql_batch_result(f, 1, &result), 0);
  cr_expect_eq(dsql_result_affected(result), 5);
  cr_expect_eq(dsql_batch_result(f, 2, &result), DSQL_EINVAL);
  dsql_future_destroy(f);
}

Test(retrying, a_batch_with_checks_commits_when_they_are_right) {
  dsql_batch *b = batch_of(2);
  dsql_future *f = dsql_run_batch(r.pool, b, &r.options);
  const dsql_result *result;
  rig_accept();
  peer_expect(&r.p, "PBEPBDEPBDES");
  peer_send(&r.p, "1 2 C:BEGIN 1 2 T:a D:1 D:2 C:SELECT_2 1 2 n C:UPDATE_5 Z:T");
  peer_expect(&r.p, "PBES");
  peer_send(&r.p, "1 2 C:COMMIT Z:I");
  cr_assert_eq(peer_settle(&r.p, f), 0, "%s", client_error_text(f));
  cr_assert_eq(dsql_batch_result(f, 0, &result), 0);
  cr_expect_eq(dsql_result_rows(result), 2);
  dsql_future_destroy(f);
  f = dsql_run_batch(r.pool, b, &r.options);
  peer_expect(&r.p, "PBEPBDEPBDES");
  peer_send(&r.p, "1 2 C:BEGIN 1 2 T:a D:1 C:SELECT_1 1 2 n C:UPDATE_5 Z:T");
  cr_expect_eq(peer_settle(&r.p, f), DSQL_EABORT);
  cr_expect_eq(dsql_future_error(f)->app_code, 11);
  dsql_future_destroy(f);
  rig_answer_rollback();
  dsql_batch_free(b);
}

Test(retrying, an_empty_batch_and_a_wrong_one) {
  dsql_batch *b = NULL;
  dsql_future *f;
  cr_assert_eq(dsql_batch_new(&b, r.p.x.rt), 0);
  cr_expect_eq(dsql_batch_add(b, NULL, DSQL_NO_PARAMS, -1, 0), DSQL_EINVAL);
  cr_expect_eq(dsql_batch_add(b, "x", DSQL_NO_PARAMS, -2, 0), DSQL_EINVAL);
  cr_expect_eq(dsql_batch_add(b, "x", DSQL_PARAMS(dsql_numeric_scaled(1, 99)), -1, 0), DSQL_EINVAL);
  cr_expect_eq(dsql_batch_new(NULL, r.p.x.rt), DSQL_EINVAL);
  f = dsql_run_batch(r.pool, b, NULL);
  rig_accept();
  peer_succeeds(&r.p, f);
  dsql_batch_free(b);
  dsql_batch_free(NULL);
}

static dsql_future *late;
static void start_late(dsql_future *f, void *arg) {
  (void)arg;
  dsql_future_destroy(f);
  (void)poll(NULL, 0, 300);
  late = rig_start();
}

/* What a callback does before it starts one is not part of its time. */
Test(retrying, deadlines_run_from_the_call_in_a_callback_too) {
  for (int of_attempt = 0; of_attempt < 2; of_attempt++) {
    *(of_attempt ? &r.options.attempt_deadline_ms : &r.options.deadline_ms) = 250;
    rig_two_flights();
    late = NULL;
    cr_assert_eq(dsql_future_on_ready(dsql_all(r.p.x.rt, NULL, 0), start_late, NULL), 0);
    while (!late) (void)uv_run(&r.p.x.loop, UV_RUN_NOWAIT);
    if (!of_attempt) rig_accept();
    rig_answer_read();
    peer_expect(&r.p, WRITE_FLIGHT);
    peer_send(&r.p, WRITE_ANSWER);
    peer_succeeds(&r.p, late);
    r.options.deadline_ms = r.options.attempt_deadline_ms = 0;
    r.bodies = 0;
  }
}
