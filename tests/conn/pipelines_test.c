/* A pipeline is all or nothing, whatever happens to one of its members, at whatever time. */
#include "peer.h"

static struct peer p;
static dsql_conn *c;

static void open_all(void) { peer_open(&p, ""); }
static void close_all(void) { peer_close(&p); }

TestSuite(pipelines, .init = open_all, .fini = close_all);

static dsql_future *query(const char *sql) { return dsql_query(c, sql, DSQL_NO_PARAMS, NULL); }

static void still_usable(void) {
  dsql_future *f = query("select 1");
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, f);
}

/* ---- a member that can't be started ---- */

static dsql_future *bad_parameter(void) {
  return dsql_query(c, "insert $1", DSQL_PARAMS(dsql_numeric_scaled(1, 99)), NULL);
}
static dsql_future *no_sql(void) { return query(NULL); }
static dsql_future *script(void) { return dsql_exec(c, "insert", NULL); }
static dsql_future *bad_statement(void) { return dsql_query_stmt(c, NULL, DSQL_NO_PARAMS, NULL); }
static dsql_future *no_memory(void) {
  dsql_future *f;
  char *big = malloc(100000);
  cr_assert_not_null(big);
  memset(big, 'x', 99999);
  big[99999] = 0;
  test_alloc_arm(&p.x.heap, 1, true);
  f = query(big);
  test_alloc_arm(&p.x.heap, 0, false);
  free(big);
  return f;
}

static const struct refusal {
  const char *what;
  dsql_future *(*start)(void);
  int code;
} refusals[] = {
    {"a parameter that its constructor refused", bad_parameter, DSQL_EINVAL},
    {"no SQL", no_sql, DSQL_EINVAL},
    {"a script", script, DSQL_EINVAL},
    {"no statement", bad_statement, DSQL_EINVAL},
    {"no memory", no_memory, DSQL_ENOMEM},
};

Test(pipelines, nothing_is_sent_when_a_member_is_refused) {
  c = peer_connect(&p);
  for (size_t i = 0; i < COUNT(refusals); i++) {
    const struct refusal *r = &refusals[i];
    dsql_future *before, *refused, *behind;
    cr_assert_eq(dsql_pipeline_begin(c), 0);
    before = query("insert 1");
    refused = r->start();
    behind = query("insert 2");
    cr_assert_eq(dsql_future_code(refused), r->code, "%s: %s", r->what, client_error_text(refused));
    cr_assert_eq(dsql_pipeline_end(c), 0);
    peer_expect_nothing(&p);
    peer_fails(&p, before, DSQL_ESKIPPED, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
    peer_fails(&p, behind, DSQL_ESKIPPED, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
    dsql_future_destroy(refused);
    still_usable();
  }
  dsql_conn_close(c);
}

Test(pipelines, nothing_is_sent_when_the_queue_is_full) {
  dsql_future *before, *refused;
  p.config.queue_ops_max = 1;
  c = peer_connect(&p);
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  before = query("insert 1");
  refused = query("insert 2");
  cr_assert_eq(dsql_pipeline_end(c), 0);
  peer_expect_nothing(&p);
  peer_fails(&p, before, DSQL_ESKIPPED, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  peer_fails(&p, refused, DSQL_EBUSY, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  still_usable();
  dsql_conn_close(c);
}

Test(pipelines, nothing_is_sent_when_there_is_no_memory_for_a_member) {
  dsql_future *before[4], *refused;
  bool null_seen = false;

  c = peer_connect(&p);
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  for (size_t i = 0; i < COUNT(before); i++) before[i] = query("insert 1");
  test_alloc_arm(&p.x.heap, 1, true);
  /* Until the free list is empty. */
  for (int i = 0; i < 10000 && !null_seen; i++) {
    refused = query("insert 2");
    null_seen = !refused;
    dsql_future_detach(refused);
  }
  test_alloc_arm(&p.x.heap, 0, false);
  cr_assert(null_seen);
  cr_assert_eq(dsql_pipeline_end(c), 0);
  peer_expect_nothing(&p);
  for (size_t i = 0; i < COUNT(before); i++) /* there was no memory for more than that */
    peer_fails(&p, before[i], DSQL_ENOMEM, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  still_usable();
  dsql_conn_close(c);
}

/* ---- a member that is canceled ---- */

Test(pipelines, a_canceled_member_takes_the_rest_with_it_also_behind_a_repaired_statement) {
  dsql_stmt *s;
  dsql_future *first, *again, *member, *behind;

  c = peer_connect(&p);
  cr_assert_eq(dsql_stmt_new(&s, p.x.rt, "select 1", NULL, 0), 0);
  first = dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL);
  peer_expect(&p, "PDBES");
  peer_send(&p, "1 t: T:a 2 D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, first);
  again = dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL);
  peer_expect(&p, "BES");
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  member = query("insert 1");
  peer_send(&p, "E:26000 Z:I");
  peer_expect(&p, "CPDBES");
  dsql_future_cancel(member);
  behind = query("insert 2");
  cr_assert_eq(dsql_pipeline_end(c), 0);
  peer_expect_nothing(&p);
  peer_send(&p, "3 1 t: T:a 2 D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, again);
  peer_fails(&p, member, DSQL_ECANCELED, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  peer_fails(&p, behind, DSQL_ESKIPPED, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  dsql_stmt_free(s);
  dsql_conn_close(c);
}

Test(pipelines, only_the_members_have_deadlines) {
  dsql_call patient;
  dsql_future *f;

  p.config.query_timeout_ms = 30;
  c = peer_connect(&p);
  dsql_call_init(&patient);
  patient.timeout_ms = 60000;
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  f = dsql_query(c, "select 1", DSQL_NO_PARAMS, &patient);
  cr_assert_eq(dsql_pipeline_end(c), 0);
  peer_expect(&p, "PBDES");
  peer_turn_ms(&p, 80);
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, f);
  dsql_conn_close(c);
}

/* ---- a COMMIT among the members: only its answer tells what happened to all of them ---- */

static void start_transfer(dsql_future **update, dsql_future **commit, const dsql_call *o) {
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  *update = dsql_query(c, "update", DSQL_NO_PARAMS, o);
  *commit = query("commit");
  cr_assert_eq(dsql_pipeline_end(c), 0);
  peer_expect(&p, "PBDEPBDES");
}

Test(pipelines, canceling_waits_for_a_commit_in_flight) {
  dsql_future *update, *commit;

  c = peer_connect(&p);
  for (int destroyed = 0; destroyed < 2; destroyed++) {
    start_transfer(&update, &commit, NULL);
    if (destroyed)
      dsql_future_destroy(update);
    else
      dsql_future_cancel(update);
    peer_turn(&p);
    cr_assert_not(dsql_future_ready(commit));
    cr_assert_eq(dsql_conn_status(c), DSQL_CONN_READY, "nothing is swallowed");
    peer_send(&p, "1 2 n C:UPDATE_1 1 2 n C:COMMIT Z:I");
    if (!destroyed) peer_succeeds(&p, update);
    peer_succeeds(&p, commit);
  }
  dsql_conn_close(c);
}

Test(pipelines, a_deadline_with_a_commit_in_flight_leaves_doubt_and_closes) {
  dsql_future *update, *commit;
  dsql_call o;

  c = peer_connect(&p);
  dsql_call_init(&o);
  o.timeout_ms = 30;
  start_transfer(&update, &commit, &o);
  peer_fails(&p, update, DSQL_ETIMEDOUT, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE);
  peer_fails(&p, commit, DSQL_ETIMEDOUT, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE);
  peer_expect_end(&p);
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_FAILED);
  dsql_conn_close(c);
}

static int rows_shown;
static int stop_at_once(const dsql_result *row, void *arg) {
  (void)row;
  (void)arg;
  rows_shown++;
  return 7;
}
static int count_rows(const dsql_result *row, void *arg) {
  (void)row;
  rows_shown++;
  return *(int *)arg;
}

Test(pipelines, a_stopped_reader_waits_for_a_commit_in_flight) {
  dsql_future *rows, *commit;

  c = peer_connect(&p);
  rows_shown = 0;
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  rows = dsql_query_each(c, "select", DSQL_NO_PARAMS, stop_at_once, NULL, NULL);
  commit = query("commit");
  cr_assert_eq(dsql_pipeline_end(c), 0);
  peer_expect(&p, "PBDEPBDES");
  peer_send(&p, "1 2 T:a D:1 D:2 D:3");
  cr_assert_not(dsql_future_ready(commit));
  peer_send(&p, "C:SELECT_3 1 2 n C:COMMIT Z:I");
  cr_assert_eq(peer_settle(&p, rows), DSQL_EABORT);
  cr_assert_eq(dsql_future_error(rows)->app_code, 7);
  dsql_future_destroy(rows);
  peer_succeeds(&p, commit);
  cr_assert_eq(rows_shown, 1);
  dsql_conn_close(c);
}

Test(pipelines, a_paused_reader_with_a_commit_behind_it_is_canceled) {
  dsql_future *rows, *commit;
  int pause = DSQL_ROW_PAUSE;

  c = peer_connect(&p);
  for (int destroyed = 0; destroyed < 2; destroyed++) {
    rows_shown = 0;
    cr_assert_eq(dsql_pipeline_begin(c), 0);
    rows = dsql_query_each(c, "select", DSQL_NO_PARAMS, count_rows, &pause, NULL);
    commit = query("commit");
    cr_assert_eq(dsql_pipeline_end(c), 0);
    peer_expect(&p, "PBDEPBDES");
    peer_send(&p, "1 2 T:a D:1 D:2 D:3");
    cr_assert_eq(rows_shown, 1);
    if (destroyed)
      dsql_future_destroy(rows);
    else
      dsql_future_cancel(rows);
    peer_send(&p, "C:SELECT_3 1 2 n C:COMMIT Z:I");
    if (!destroyed) peer_fails(&p, rows, DSQL_ECANCELED, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE);
    peer_succeeds(&p, commit);
    cr_assert_eq(rows_shown, 1, "no row comes after the cancel");
  }
  dsql_conn_close(c);
}

/* ---- the connection goes while a pipeline is open ---- */

Test(pipelines, the_end_of_one_that_was_lost_is_no_mistake) {
  dsql_future *member;

  c = peer_connect(&p);
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  member = query("insert 1");
  peer_drop(&p.main);
  peer_fails(&p, member, DSQL_EIO, DSQL_NOT_SENT | DSQL_CONN_LOST | DSQL_CLIENT_SIDE);
  cr_assert_eq(dsql_pipeline_end(c), 0);
  cr_assert_eq(dsql_pipeline_end(c), DSQL_EINVAL);
  dsql_conn_close(c);
}
