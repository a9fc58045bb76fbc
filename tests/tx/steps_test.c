/* What a transaction sends, waits for and shows to its body. */
#include "rig.h"

static void open_all(void) {
  rig_open("");
  rig_two_flights();
}

TestSuite(steps, .init = open_all, .fini = rig_close);

static void read_result(dsql_tx *tx) {
  int64_t v = 0;
  cr_expect_eq(dsql_result_rows(dsql_tx_result(tx, 0)), 1);
  cr_expect_eq(dsql_get_int8(dsql_tx_result(tx, 0), 0, 0, &v), DSQL_ETYPE, "the peer's columns are text");
  cr_expect_null(dsql_tx_result(tx, 1));
  cr_expect_null(dsql_tx_result(tx, -1));
}

/* The output is the scratch of the attempt, the input what was given. */
Test(steps, two_flights) {
  dsql_future *f = rig_start();
  const void *out = NULL;

  r.steps[1].call = read_result;
  rig_accept();
  peer_expect(&r.p, READ_FLIGHT);
  rig_sql_is(0, "BEGIN ISOLATION LEVEL REPEATABLE READ");
  rig_sql_is(3, "read");
  cr_expect_eq(dsql_future_output(f, &out), DSQL_ENOTREADY);
  peer_send(&r.p, READ_ANSWER);
  peer_expect(&r.p, WRITE_FLIGHT);
  rig_sql_is(0, "write");
  rig_sql_is(5, "COMMIT");
  peer_expect_nothing(&r.p);
  peer_send(&r.p, "1 2 n C:UPDATE_1 Z:T");
  peer_turn(&r.p);
  cr_expect_not(dsql_future_ready(f), "nothing is committed yet");
  peer_send(&r.p, "1 2 C:COMMIT Z:I");
  cr_assert_eq(peer_settle(&r.p, f), 0, "%s", client_error_text(f));
  cr_expect_eq(r.bodies, 2);
  cr_expect_eq(r.in_seen, &r);
  cr_assert_eq(dsql_future_output(f, &out), 0);
  cr_expect_eq(*(const unsigned char *)out, 0x5a);
  cr_expect_eq(standin_counts().reused, 1);
  cr_expect_eq(standin_tx_counts().commits, 1);
  cr_expect_eq(standin_tx_counts().flights, 2);
  cr_expect_eq(r.events, 0);
  dsql_future_destroy(f);
}

Test(steps, one_flight) {
  dsql_future *f = rig_start();
  r.steps[0] = (struct rig_step){.sql = {"a", "b"}, .then = DSQL_COMMIT};
  rig_accept();
  peer_expect(&r.p, "PBEPBDEPBDESPBES");
  rig_sql_is(3, "a");
  rig_sql_is(7, "b");
  peer_send(&r.p, "1 2 C:BEGIN 1 2 n C:UPDATE_1 1 2 n C:UPDATE_1 Z:T 1 2 C:COMMIT Z:I");
  peer_succeeds(&r.p, f);
  cr_expect_eq(standin_tx_counts().flights, 1);
}

/* The COMMIT may come without statements. */
Test(steps, a_commit_of_its_own) {
  dsql_future *f = rig_start();
  r.steps[1].sql[0] = NULL;
  rig_accept();
  rig_answer_read();
  peer_expect(&r.p, "PBES");
  rig_sql_is(0, "COMMIT");
  peer_send(&r.p, "1 2 C:COMMIT Z:I");
  peer_succeeds(&r.p, f);
}

Test(steps, every_wait_is_a_step) {
  dsql_future *f = rig_start();
  r.steps[1] = r.steps[2] = r.steps[3] = r.steps[0];
  r.steps[4] = (struct rig_step){.then = DSQL_COMMIT};
  rig_accept();
  rig_answer_read();
  for (int i = 0; i < 3; i++) {
    peer_expect(&r.p, "PBDES");
    peer_send(&r.p, "1 2 T:a D:7 C:SELECT_1 Z:T");
  }
  peer_expect(&r.p, "PBES");
  peer_send(&r.p, "1 2 C:COMMIT Z:I");
  peer_succeeds(&r.p, f);
  cr_expect_eq(r.bodies, 5);
  cr_expect_eq(r.last_step, 4);
}

Test(steps, nothing_queued_is_committed_without_a_round_trip) {
  dsql_future *f = rig_start();
  r.steps[0] = (struct rig_step){.then = DSQL_COMMIT};
  rig_accept();
  peer_succeeds(&r.p, f);
  peer_expect_nothing(&r.p);
  cr_expect_eq(standin_counts().reused, 1);
}

Test(steps, options_in_the_begin) {
  dsql_future *f;
  r.options.isolation = DSQL_SERIALIZABLE;
  r.options.read_only = true;
  f = rig_start();
  rig_accept();
  peer_expect(&r.p, READ_FLIGHT);
  rig_sql_is(0, "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY");
  peer_send(&r.p, READ_ANSWER);
  peer_expect(&r.p, WRITE_FLIGHT);
  peer_send(&r.p, WRITE_ANSWER);
  peer_succeeds(&r.p, f);
}

/* ---- programming errors: reported once, never retried ---- */

static void begins(dsql_tx *tx) { cr_expect_eq(dsql_tx_query(tx, " /* x */ begin", DSQL_NO_PARAMS), DSQL_EINVAL); }
static void commits(dsql_tx *tx) { cr_expect_eq(dsql_tx_query(tx, "END", DSQL_NO_PARAMS), DSQL_EINVAL); }
static void rolls_back(dsql_tx *tx) { cr_expect_eq(dsql_tx_query(tx, "abort", DSQL_NO_PARAMS), DSQL_EINVAL); }
static void no_sql(dsql_tx *tx) { cr_expect_eq(dsql_tx_query(tx, NULL, DSQL_NO_PARAMS), DSQL_EINVAL); }
static void no_stmt(dsql_tx *tx) { cr_expect_eq(dsql_tx_query_stmt(tx, NULL, DSQL_NO_PARAMS), DSQL_EINVAL); }
static void no_future(dsql_tx *tx) { cr_expect_eq(dsql_tx_await(tx, NULL), DSQL_ENOMEM); }
static void bad_parameter(dsql_tx *tx) {
  cr_expect_eq(dsql_tx_query(tx, "fine", DSQL_NO_PARAMS), 0);
  cr_expect_eq(dsql_tx_query(tx, "bad $1", DSQL_PARAMS(dsql_numeric_scaled(1, 99))), DSQL_EINVAL);
  cr_expect_eq(dsql_tx_query(tx, "fine", DSQL_NO_PARAMS), DSQL_EINVAL, "it is sticky");
}
static void bad_savepoint(dsql_tx *tx) { cr_expect_eq(dsql_tx_savepoint(tx, ""), DSQL_EINVAL); }

static const struct wrong {
  void (*call)(dsql_tx *tx);
  const char *sql;
  dsql_step then;
  int code;
  const char *text;
} wrongs[] = {
    {NULL, NULL, DSQL_WAIT, DSQL_EINVAL, "DSQL_WAIT"},
    {NULL, "read", (dsql_step)17, DSQL_EINVAL, "17"},
    {begins, NULL, DSQL_COMMIT, DSQL_EINVAL, "BEGIN"},
    {begins, "read", DSQL_WAIT, DSQL_EINVAL, "BEGIN"},
    {commits, NULL, DSQL_COMMIT, DSQL_EINVAL, "COMMIT"},
    {rolls_back, NULL, DSQL_COMMIT, DSQL_EINVAL, "ROLLBACK"},
    {no_sql, NULL, DSQL_COMMIT, DSQL_EINVAL, "NULL"},
    {no_stmt, NULL, DSQL_COMMIT, DSQL_EINVAL, "NULL"},
    {no_future, NULL, DSQL_COMMIT, DSQL_ENOMEM, "NULL"},
    {bad_parameter, NULL, DSQL_COMMIT, DSQL_EINVAL, "constructor"},
    {bad_parameter, NULL, DSQL_WAIT, DSQL_EINVAL, "constructor"},
    {bad_savepoint, NULL, DSQL_WAIT, DSQL_EINVAL, "savepoint"},
};

Test(steps, what_a_body_does_wrong_is_reported_once_and_nothing_is_sent) {
  for (size_t i = 0; i < COUNT(wrongs); i++) {
    dsql_future *f;
    const dsql_error *e;
    r.bodies = 0;
    r.steps[0] = (struct rig_step){.call = wrongs[i].call, .sql = {wrongs[i].sql}, .then = wrongs[i].then};
    f = rig_start();
    if (i == 0) rig_accept();
    cr_expect_eq(peer_settle(&r.p, f), wrongs[i].code, "%zu: %s", i, client_error_text(f));
    e = dsql_future_error(f);
    cr_assert(e && str_has(e->message, wrongs[i].text), "%zu: %s", i, client_error_text(f));
    cr_expect_eq(e->attempts, 1);
    cr_expect_eq(r.bodies, 1);
    peer_expect_nothing(&r.p);
    dsql_future_destroy(f);
  }
  /* And in a later step: what was begun is rolled back. */
  for (size_t i = 1; i < COUNT(wrongs); i++) {
    dsql_future *f;
    r.bodies = 0;
    r.steps[0] = (struct rig_step){.sql = {"read"}, .then = DSQL_WAIT};
    r.steps[1] = (struct rig_step){.call = wrongs[i].call, .sql = {wrongs[i].sql}, .then = wrongs[i].then};
    f = rig_start();
    rig_answer_read();
    cr_expect_eq(peer_settle(&r.p, f), wrongs[i].code, "%zu: %s", i, client_error_text(f));
    cr_expect_eq(r.bodies, 2);
    dsql_future_destroy(f);
    rig_answer_rollback();
  }
}

static void aborts(void) {
  const dsql_error *e;
  dsql_future *f;
  r.bodies = 0;
  f = rig_start();
  cr_expect_eq(peer_settle(&r.p, f), DSQL_EABORT);
  e = dsql_future_error(f);
  cr_expect_eq(e->app_code, 42);
  cr_expect_eq(e->flags, DSQL_CLIENT_SIDE);
  dsql_future_destroy(f);
}

Test(steps, abort) {
  dsql_future *f;
  r.steps[0] = (struct rig_step){.sql = {"never sent"}, .then = DSQL_ABORT, .app_code = 42};
  f = rig_start();
  rig_accept();
  cr_expect_eq(peer_settle(&r.p, f), DSQL_EABORT);
  dsql_future_destroy(f);
  aborts();
  r.steps[0].call = bad_parameter; /* the body has seen it, and says what it wants */
  r.steps[0].sql[0] = NULL;
  aborts();
  peer_expect_nothing(&r.p);
  cr_expect_eq(standin_counts().destroyed, 0);
}

/* ---- the status behind every flight, and the COMMIT's tag ---- */

static const struct ending {
  const char *read, *write;
  int code;
  unsigned flags;
  unsigned destroyed;
} endings[] = {
    {"1 2 C:BEGIN 1 2 T:a D:7 C:SELECT_1 Z:I", NULL, DSQL_EINVAL, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, 1},
    {"1 2 C:BEGIN 1 2 T:a D:7 C:SELECT_1 Z:E", NULL, DSQL_EINVAL, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, 1},
    {READ_ANSWER, "1 2 n C:UPDATE_1 Z:I 1 2 C:COMMIT Z:I", DSQL_EINVAL, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, 1},
    {READ_ANSWER, "1 2 n C:UPDATE_1 Z:T 1 2 C:COMMIT Z:T", DSQL_EPROTO, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, 1},
    {READ_ANSWER, "1 2 n C:UPDATE_1 Z:T 1 2 C:UPDATE_1 Z:I", DSQL_EPROTO, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, 1},
    {READ_ANSWER, "1 2 n C:UPDATE_1 Z:T 1 2 C:COMMIT_1 Z:I", DSQL_EPROTO, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, 1},
    {READ_ANSWER, "1 2 n C:UPDATE_1 Z:T 1 2 C:ROLLBACK Z:I", DSQL_EROLLBACK, DSQL_ROLLED_BACK | DSQL_CLIENT_SIDE, 0},
    {READ_ANSWER, "1 2 E:23505 Z:E 1 2 C:ROLLBACK Z:I", DSQL_ESERVER, 0, 0},
    {READ_ANSWER, "1 2 n C:UPDATE_1 Z:T 1 2 E:23505 Z:I", DSQL_ESERVER, 0, 0},
};

Test(steps, committed_means_the_tag_and_the_status) {
  for (size_t i = 0; i < COUNT(endings); i++) {
    const struct ending *t = &endings[i];
    unsigned destroyed = standin_counts().destroyed;
    dsql_future *f;
    r.bodies = 0;
    f = rig_start();
    if (i == 0 || endings[i - 1].destroyed) rig_accept();
    peer_expect(&r.p, READ_FLIGHT);
    peer_send(&r.p, t->read);
    if (t->write) {
      peer_expect(&r.p, WRITE_FLIGHT);
      peer_send(&r.p, t->write);
    }
    cr_expect_eq(peer_settle(&r.p, f), t->code, "%zu: %s", i, client_error_text(f));
    cr_expect_eq(dsql_future_error(f)->flags, t->flags, "%zu: %s", i, client_error_text(f));
    cr_expect_eq(standin_counts().destroyed - destroyed, t->destroyed, "%zu", i);
    dsql_future_destroy(f);
  }
}

/* ---- awaiting futures of others ---- */

static dsql_conn *other;
static dsql_future *other_future;
static struct peer_link other_link;

static void switch_link(void) {
  struct peer_link l = r.p.main;
  r.p.main = other_link;
  other_link = l;
}

static void open_other(void) {
  other_link.fd = -1;
  other_link.len = 0;
  switch_link();
  other = peer_dial(&r.p);
  rig_accept();
  switch_link();
}

static void awaits(dsql_tx *tx) {
  other_future = dsql_query(other, "elsewhere", DSQL_NO_PARAMS, NULL);
  cr_expect_eq(dsql_tx_await(tx, other_future), 0);
}

static void reads_awaited(dsql_tx *tx) {
  const dsql_result *x = NULL;
  (void)tx;
  cr_expect_eq(dsql_future_result(other_future, &x), 0);
  cr_expect_eq(dsql_result_rows(x), 1);
}

static void answer_other(const char *words) {
  switch_link();
  peer_expect(&r.p, "PBDES");
  peer_send(&r.p, words);
  switch_link();
}

static void close_other(void) {
  dsql_conn_close(other);
  peer_drop(&other_link);
}

Test(steps, a_step_waits_for_the_futures_it_awaits) {
  for (int with_statement = 0; with_statement < 2; with_statement++)
    for (int first = 0; first < 2; first++) {
      dsql_future *f;
      if (!with_statement && !first) open_other();
      r.bodies = 0;
      r.steps[0] = (struct rig_step){.call = awaits, .sql = {with_statement ? "read" : NULL}, .then = DSQL_WAIT};
      r.steps[1] = (struct rig_step){.call = reads_awaited, .then = DSQL_COMMIT};
      f = rig_start();
      if (!with_statement && !first) rig_accept();
      if (with_statement && !first) rig_answer_read();
      peer_turn(&r.p);
      cr_expect_eq(r.bodies, 1);
      answer_other("1 2 T:a D:1 C:SELECT_1 Z:I");
      if (with_statement && first) {
        peer_turn(&r.p);
        cr_expect_eq(r.bodies, 1);
        rig_answer_read();
      }
      if (with_statement) {
        peer_expect(&r.p, "PBES");
        peer_send(&r.p, "1 2 C:COMMIT Z:I");
      }
      peer_succeeds(&r.p, f);
      cr_expect_eq(r.bodies, 2);
    }
  close_other();
}

Test(steps, a_commit_waits_for_the_futures_that_its_step_awaits) {
  dsql_future *f;
  open_other();
  r.steps[0] = (struct rig_step){.call = awaits, .sql = {"read"}, .then = DSQL_COMMIT};
  f = rig_start();
  rig_accept();
  rig_answer_read();
  peer_expect_nothing(&r.p);
  answer_other("1 2 T:a D:1 C:SELECT_1 Z:I");
  peer_expect(&r.p, "PBES");
  rig_sql_is(0, "COMMIT");
  peer_send(&r.p, "1 2 C:COMMIT Z:I");
  peer_succeeds(&r.p, f);
  cr_expect_eq(r.bodies, 1);
  close_other();
}

/* Not even when its error is one that is retried where it is our own. */
Test(steps, an_awaited_future_that_fails_ends_the_transaction) {
  dsql_future *f;
  open_other();
  r.steps[0] = (struct rig_step){.call = awaits, .sql = {"read"}, .then = DSQL_WAIT};
  f = rig_start();
  rig_accept();
  rig_answer_read();
  answer_other("1 2 E:40001 Z:I");
  peer_fails(&r.p, f, DSQL_ESERVER, DSQL_RETRYABLE);
  cr_expect_eq(r.bodies, 1);
  rig_answer_rollback();
  close_other();
}

Test(steps, a_statement_that_fails_does_not_wait_for_what_is_awaited) {
  dsql_future *f;
  open_other();
  r.steps[0] = (struct rig_step){.call = awaits, .sql = {"read"}, .then = DSQL_WAIT};
  f = rig_start();
  rig_accept();
  peer_expect(&r.p, READ_FLIGHT);
  peer_send(&r.p, "1 2 C:BEGIN 1 2 E:23505 Z:E");
  peer_fails(&r.p, f, DSQL_ESERVER, 0);
  rig_answer_rollback();
  close_other();
}

/* ---- savepoints ---- */

static void savepoints(dsql_tx *tx) {
  cr_expect_eq(dsql_tx_savepoint(tx, "a\"b"), 0);
  cr_expect_eq(dsql_tx_rollback_to(tx, "a\"b"), 1);
  cr_expect_eq(dsql_tx_release(tx, "a\"b"), 2);
}

Test(steps, savepoints_are_statements) {
  dsql_future *f;
  r.steps[0] = (struct rig_step){.call = savepoints, .then = DSQL_COMMIT};
  f = rig_start();
  rig_accept();
  peer_expect(&r.p, "PBEPBEPBEPBESPBES");
  rig_sql_is(3, "SAVEPOINT \"a\"\"b\"");
  rig_sql_is(6, "ROLLBACK TO SAVEPOINT \"a\"\"b\"");
  rig_sql_is(9, "RELEASE SAVEPOINT \"a\"\"b\"");
  peer_send(&r.p, "1 2 C:BEGIN 1 2 C:SAVEPOINT 1 2 C:ROLLBACK 1 2 C:RELEASE Z:T 1 2 C:COMMIT Z:I");
  peer_succeeds(&r.p, f);
}

/* ---- calls at the wrong time ---- */

static dsql_tx *kept;
static void keeps(dsql_tx *tx) { kept = tx; }

Test(steps, nothing_can_be_queued_outside_of_the_body) {
  dsql_future *f = rig_start();
  r.steps[0].call = keeps;
  rig_accept();
  peer_expect(&r.p, READ_FLIGHT);
  cr_expect_eq(dsql_tx_query(kept, "x", DSQL_NO_PARAMS), DSQL_EINVAL);
  cr_expect_eq(dsql_tx_savepoint(kept, "x"), DSQL_EINVAL);
  cr_expect_null(dsql_tx_result(kept, 0));
  peer_send(&r.p, READ_ANSWER);
  peer_expect(&r.p, WRITE_FLIGHT);
  peer_send(&r.p, WRITE_ANSWER);
  peer_succeeds(&r.p, f);
}

Test(steps, a_call_that_can_not_start_fails_through_its_future) {
  dsql_future *f;
  const void *out;
  const dsql_result *result;
  r.options.jitter = 7;
  f = rig_start();
  peer_fails(&r.p, f, DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  f = dsql_run_transaction(r.pool, NULL, NULL, NULL);
  peer_fails(&r.p, f, DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  f = dsql_run_batch(r.pool, NULL, NULL);
  cr_expect_eq(dsql_future_output(f, &out), DSQL_EINVAL);
  cr_expect_eq(dsql_batch_result(f, 0, &result), DSQL_EINVAL);
  peer_fails(&r.p, f, DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  cr_expect_null(dsql_run_transaction(NULL, rig_body, NULL, NULL));
  cr_expect_null(dsql_retry_statement(NULL, "x", DSQL_NO_PARAMS, NULL));
}

/* ---- memory ---- */

static void one_transfer(void) {
  dsql_future *f = rig_start();
  rig_answer_read();
  peer_expect(&r.p, WRITE_FLIGHT);
  peer_send(&r.p, WRITE_ANSWER);
  peer_succeeds(&r.p, f);
  r.bodies = 0;
}

Test(steps, a_warm_transaction_of_two_flights_takes_nothing_from_the_hook) {
  dsql_future *f = rig_start();
  size_t calls;
  rig_accept();
  rig_answer_read();
  peer_expect(&r.p, WRITE_FLIGHT);
  peer_send(&r.p, WRITE_ANSWER);
  peer_succeeds(&r.p, f);
  r.bodies = 0;
  one_transfer();
  calls = r.p.x.heap.calls;
  for (int i = 0; i < 10; i++) one_transfer();
  cr_expect_eq(r.p.x.heap.calls - calls, 0);
}
