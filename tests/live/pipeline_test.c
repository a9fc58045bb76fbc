/* Pipelines: one Sync, all or nothing, and who is told what. */
#include "client.h"

static struct client x;
static dsql_conn *c;

static void open_all(void) {
  client_open(&x);
  c = client_connect(&x, "%s", server_conninfo(server_default()));
  client_exec(c, "create temp table t (a int primary key)");
}

static void close_all(void) {
  dsql_conn_close(c);
  client_close(&x);
}

TestSuite(pipeline, .init = open_all, .fini = close_all);

static dsql_future *query(const char *sql) { return dsql_query(c, sql, DSQL_NO_PARAMS, NULL); }

static const char *count(void) { return client_value(c, "select count(*) from t"); }

Test(pipeline, all_of_it) {
  dsql_future *f[3];
  int64_t n;
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  f[0] = query("insert into t values (1)");
  f[1] = query("insert into t values (2)");
  f[2] = query("select count(*) from t");
  cr_assert_eq(dsql_pipeline_end(c), 0);
  cr_assert(dsql_get_int8(client_rows(f[2]), 0, 0, &n) == 0 && n == 2);
  for (int i = 0; i < 3; i++) {
    cr_assert_eq(dsql_future_code(f[i]), 0, "the members complete together");
    dsql_future_destroy(f[i]);
  }
}

Test(pipeline, nothing_of_it) {
  for (int culprit = 0; culprit < 5; culprit++) {
    dsql_future *f[5];
    cr_assert_eq(dsql_pipeline_begin(c), 0);
    for (int i = 0; i < 5; i++)
      f[i] = i == culprit ? query("select 1/0")
                          : dsql_query(c, "insert into t values ($1)", DSQL_PARAMS(dsql_int4(i)), NULL);
    cr_assert_eq(dsql_pipeline_end(c), 0);
    for (int i = 0; i < 5; i++) {
      const dsql_error *e;
      unsigned want = i == culprit ? 0 : DSQL_CLIENT_SIDE | (i < culprit ? DSQL_ROLLED_BACK : 0);
      cr_assert_eq(dsql_future_run(f[i]), i == culprit ? DSQL_ESERVER : DSQL_ESKIPPED, "culprit %d, member %d: %s",
                   culprit, i, client_error_text(f[i]));
      e = dsql_future_error(f[i]);
      cr_assert_eq(e->flags, want, "culprit %d, member %d: %s", culprit, i, client_error_text(f[i]));
      cr_assert_eq(e->cause_index, culprit);
      cr_assert(str_has(e->message, "division by zero"), "%s", client_error_text(f[i]));
    }
    for (int i = 0; i < 5; i++) dsql_future_destroy(f[i]);
    cr_assert_str_eq(count(), "0");
    cr_assert_eq(dsql_conn_tx_status(c), DSQL_TX_IDLE);
  }
}

Test(pipeline, a_failure_at_the_Sync_fails_all) {
  dsql_future *f[3];
  client_exec(c, "create temp table d (a int unique deferrable initially deferred); insert into d values (1)");
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  f[0] = query("insert into t values (1)");
  f[1] = query("insert into d values (1)");
  f[2] = query("select 1");
  cr_assert_eq(dsql_pipeline_end(c), 0);
  for (int i = 0; i < 3; i++) {
    const dsql_error *e;
    cr_assert_eq(dsql_future_run(f[i]), DSQL_ESERVER, "member %d: %s", i, client_error_text(f[i]));
    e = dsql_future_error(f[i]);
    cr_assert_str_eq(e->sqlstate, "23505");
    cr_assert_eq(e->flags, DSQL_ROLLED_BACK);
    cr_assert_eq(e->cause_index, -1);
    dsql_future_destroy(f[i]);
  }
  cr_assert_str_eq(count(), "0");
}

Test(pipeline, groups_and_single_queries_do_not_touch_each_other) {
  dsql_future *before = query("insert into t values (1)"), *in[2], *after;
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  in[0] = query("insert into t values (2)");
  in[1] = query("select 1/0");
  cr_assert_eq(dsql_pipeline_end(c), 0);
  after = query("insert into t values (3)");
  cr_assert_eq(client_settle(before), 0);
  assert_fails(in[0], DSQL_ESKIPPED, DSQL_ROLLED_BACK | DSQL_CLIENT_SIDE, "statement 1 of its group failed");
  assert_fails(in[1], DSQL_ESERVER, 0, "division");
  cr_assert_eq(client_settle(after), 0);
  cr_assert_str_eq(count(), "2");
}

Test(pipeline, misuse) {
  cr_assert_eq(dsql_pipeline_end(c), DSQL_EINVAL);
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  cr_assert_eq(dsql_pipeline_begin(c), DSQL_EINVAL);
  assert_fails(dsql_exec(c, "select 1", NULL), DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "no place in a pipeline");
  cr_assert_eq(dsql_pipeline_end(c), 0, "an empty one is fine");
  cr_assert_str_eq(client_value(c, "select 1"), "1");
}

/* Nothing leaves before the end of the group. */
Test(pipeline, canceled_before_it_was_ended) {
  dsql_future *f[3];
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  f[0] = query("insert into t values (1)");
  f[1] = query("insert into t values (2)");
  for (int i = 0; i < 3; i++) (void)uv_run(&x.loop, UV_RUN_NOWAIT);
  dsql_future_cancel(f[1]);
  assert_fails(f[0], DSQL_ECANCELED, DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "another member");
  assert_fails(f[1], DSQL_ECANCELED, DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "canceled by the caller");
  f[2] = query("insert into t values (3)");
  assert_fails(f[2], DSQL_ESKIPPED, DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "canceled");
  cr_assert_eq(dsql_pipeline_end(c), 0);
  cr_assert_str_eq(count(), "0");
}

Test(pipeline, canceled_on_its_way) {
  dsql_future *f[3];
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  f[0] = query("insert into t values (1)");
  f[1] = query("select pg_sleep(30)");
  f[2] = query("insert into t values (2)");
  cr_assert_eq(dsql_pipeline_end(c), 0);
  (void)uv_run(&x.loop, UV_RUN_NOWAIT);
  dsql_future_cancel(f[2]);
  for (int i = 0; i < 3; i++) {
    cr_assert_eq(dsql_future_run(f[i]), DSQL_ECANCELED, "%s", client_error_text(f[i]));
    cr_assert_eq(dsql_future_error(f[i])->flags & DSQL_IN_DOUBT, DSQL_IN_DOUBT);
    dsql_future_destroy(f[i]);
  }
  cr_assert_str_eq(count(), "0");
}

/* A named statement that is parsed inside a group, used twice there, and again behind it. */
Test(pipeline, prepared_statements_inside) {
  dsql_stmt *s;
  dsql_future *f[4];
  int64_t v;
  cr_assert_eq(dsql_stmt_new(&s, x.rt, "select $1::int4 + 1", NULL, 0), 0);
  for (int round = 0; round < 3; round++) {
    cr_assert_eq(dsql_pipeline_begin(c), 0);
    for (int i = 0; i < 3; i++) f[i] = dsql_query_stmt(c, s, DSQL_PARAMS(dsql_int4(i)), NULL);
    cr_assert_eq(dsql_pipeline_end(c), 0);
    f[3] = dsql_query_stmt(c, s, DSQL_PARAMS(dsql_int4(3)), NULL);
    for (int i = 0; i < 4; i++) {
      cr_assert(dsql_get_int8(client_rows(f[i]), 0, 0, &v) == 0 && v == i + 1);
      dsql_future_destroy(f[i]);
    }
  }
  cr_assert_eq(dsql_pipeline_begin(c), 0); /* a skipped Parse leaves nothing behind */
  f[0] = query("select 1/0");
  dsql_stmt_free(s);
  cr_assert_eq(dsql_stmt_new(&s, x.rt, "select $1::int4 + 2", NULL, 0), 0);
  f[1] = dsql_query_stmt(c, s, DSQL_PARAMS(dsql_int4(1)), NULL);
  cr_assert_eq(dsql_pipeline_end(c), 0);
  cr_assert_eq(client_settle(f[0]), DSQL_ESERVER);
  cr_assert_eq(client_settle(f[1]), DSQL_ESKIPPED);
  f[1] = dsql_query_stmt(c, s, DSQL_PARAMS(dsql_int4(1)), NULL);
  cr_assert(dsql_get_int8(client_rows(f[1]), 0, 0, &v) == 0 && v == 3);
  dsql_future_destroy(f[1]);
  dsql_stmt_free(s);
}

/* An explicit COMMIT in the middle: what stands before it lasts. */
Test(pipeline, a_commit_inside_settles_what_stands_before_it) {
  dsql_future *f[5];
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  f[0] = query("begin");
  f[1] = query("insert into t values (1)");
  f[2] = query("commit");
  f[3] = query("select 1/0");
  f[4] = query("insert into t values (2)");
  cr_assert_eq(dsql_pipeline_end(c), 0);
  for (int i = 0; i < 3; i++) cr_assert_eq(dsql_future_run(f[i]), 0, "member %d: %s", i, client_error_text(f[i]));
  cr_assert_eq(dsql_future_run(f[3]), DSQL_ESERVER);
  cr_assert_eq(dsql_future_run(f[4]), DSQL_ESKIPPED);
  for (int i = 0; i < 5; i++) dsql_future_destroy(f[i]);
  cr_assert_str_eq(count(), "1");
}

Test(pipeline, copy_ends_cleanly) {
  dsql_future *f[2];
  assert_fails(query("copy t from stdin"), DSQL_EUNSUPPORTED, DSQL_CLIENT_SIDE, "COPY FROM STDIN");
  assert_fails(query("copy (select generate_series(1, 10000)) to stdout"), DSQL_EUNSUPPORTED, DSQL_CLIENT_SIDE, "COPY");
  assert_fails(dsql_exec(c, "copy t from stdin", NULL), DSQL_EUNSUPPORTED, DSQL_CLIENT_SIDE, "COPY");
  assert_fails(dsql_exec(c, "copy (select 1) to stdout", NULL), DSQL_EUNSUPPORTED, DSQL_CLIENT_SIDE, "COPY");
  cr_assert_str_eq(count(), "0");
  /* It travels alone, so that what is queued behind it is safe. */
  f[0] = query("copy t from stdin");
  f[1] = query("insert into t values (1)");
  assert_fails(f[0], DSQL_EUNSUPPORTED, DSQL_CLIENT_SIDE, "COPY FROM STDIN");
  cr_assert_eq(client_settle(f[1]), 0);
  cr_assert_str_eq(count(), "1");
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_READY);
}

Test(pipeline, copy_inside_a_script) {
  dsql_future *f = dsql_exec(c, "insert into t values (1); copy t from stdin; insert into t values (2)", NULL);
  cr_assert_neq(client_settle(f), 0);
  cr_assert_str_eq(client_value(c, "select 1"), "1");
  cr_assert_str_eq(count(), "0");
}
