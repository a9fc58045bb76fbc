/* Statements described without being run, at a real server. */
#include <dsql/describe.h>

#include "client.h"

static struct client x;
static dsql_conn *c;

static void open_all(void) {
  const struct server *s = server_default();
  client_open(&x);
  c = client_connect(&x, "host=127.0.0.1 port=%d dbname=postgres user=trust_user sslmode=disable", s->port);
  client_exec(c, "create temp table described (a int primary key, b text)");
}

static void close_all(void) {
  dsql_conn_close(c);
  client_close(&x);
}

TestSuite(describe, .init = open_all, .fini = close_all);

struct described {
  const char *sql;
  uint32_t given[2];
  size_t given_n;
  size_t params;
  uint32_t param[3];
  unsigned cols;
  uint32_t col[2];
  const char *name;
};

static void check(const struct described *d) {
  dsql_future *f = dsql_describe(c, d->sql, d->given_n ? d->given : NULL, d->given_n, NULL);
  const dsql_result *r;
  const uint32_t *oids;
  size_t n;

  cr_assert_eq(dsql_future_params(f, &oids, &n), DSQL_ENOTREADY);
  cr_assert_eq(dsql_future_run(f), 0, "%s: %s", d->sql, client_error_text(f));
  cr_assert_eq(dsql_future_params(f, &oids, &n), 0);
  cr_assert_eq(n, d->params, "%s", d->sql);
  for (size_t i = 0; i < n; i++) cr_assert_eq(oids[i], d->param[i], "%s: $%zu is %u", d->sql, i + 1, oids[i]);
  cr_assert_eq(dsql_future_result(f, &r), 0);
  cr_assert_eq(dsql_result_cols(r), d->cols, "%s", d->sql);
  cr_assert_eq(dsql_result_rows(r), 0);
  cr_assert_eq(dsql_result_tag(r).len, 0);
  for (unsigned i = 0; i < d->cols; i++) cr_assert_eq(dsql_result_col_oid(r, i), d->col[i], "%s", d->sql);
  if (d->name) cr_assert(str_has(dsql_result_col_name(r, 0), d->name));
  dsql_future_destroy(f);
}

Test(describe, what_statements_take_and_give) {
  static const struct described rows[] = {
      {"select 1", {0}, 0, 0, {0}, 1, {DSQL_INT4}, "?column?"},
      {"select $1::int8 + $2 as x, $3::uuid",
       {0},
       0,
       3,
       {DSQL_INT8, DSQL_INT8, DSQL_UUID},
       2,
       {DSQL_INT8, DSQL_UUID},
       "x"},
      {"select $1 as y", {DSQL_DATE}, 1, 1, {DSQL_DATE}, 1, {DSQL_DATE}, "y"},
      {"select $1 as z, $2::text", {DSQL_BOOL, 0}, 2, 2, {DSQL_BOOL, DSQL_TEXT}, 2, {DSQL_BOOL, DSQL_TEXT}, "z"},
      {"insert into described values ($1, $2)", {0}, 0, 2, {DSQL_INT4, DSQL_TEXT}, 0, {0}, NULL},
      {"delete from described where b = $1 returning a", {0}, 0, 1, {DSQL_TEXT}, 1, {DSQL_INT4}, "a"},
      {"copy described from stdin", {0}, 0, 0, {0}, 0, {0}, NULL},
      {"begin", {0}, 0, 0, {0}, 0, {0}, NULL},
      {"", {0}, 0, 0, {0}, 0, {0}, NULL},
  };

  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) check(&rows[i]);
  cr_assert_eq(dsql_conn_tx_status(c), DSQL_TX_IDLE, "nothing was run");
  cr_assert_str_eq(client_value(c, "select count(*) from described"), "0");
  cr_assert_str_eq(client_value(c, "select count(*) from pg_prepared_statements"), "0");
}

Test(describe, failures) {
  dsql_future *f = dsql_describe(c, "select fooo", NULL, 0, NULL);
  const uint32_t *oids;
  size_t n;

  cr_assert_eq(dsql_future_run(f), DSQL_ESERVER);
  cr_assert_str_eq(dsql_future_error(f)->sqlstate, "42703");
  cr_assert(str_has(dsql_error_field(dsql_future_error(f), DSQL_FIELD_POSITION), "8"));
  cr_assert_eq(dsql_future_params(f, &oids, &n), DSQL_ESERVER);
  dsql_future_destroy(f);
  assert_fails(dsql_describe(c, NULL, NULL, 0, NULL), DSQL_EINVAL, DSQL_CLIENT_SIDE | DSQL_NOT_SENT, "NULL");
  assert_fails(dsql_describe(c, "select 1", NULL, 1, NULL), DSQL_EINVAL, DSQL_CLIENT_SIDE | DSQL_NOT_SENT, "NULL");
  assert_fails(dsql_describe(c, "select 1", (uint32_t[]){0}, 65536, NULL), DSQL_ETOOBIG,
               DSQL_CLIENT_SIDE | DSQL_NOT_SENT, "65,535");
  f = dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL);
  cr_assert_eq(dsql_future_run(f), 0);
  cr_assert_eq(dsql_future_params(f, &oids, &n), DSQL_ETYPE, "of a query");
  cr_assert_eq(dsql_future_params(f, NULL, &n), DSQL_EINVAL);
  dsql_future_destroy(f);
  f = dsql_all(x.rt, NULL, 0);
  cr_assert_eq(dsql_future_run(f), 0);
  cr_assert_eq(dsql_future_params(f, &oids, &n), DSQL_ETYPE, "of something else");
  dsql_future_destroy(f);
  cr_assert_eq(dsql_future_params(NULL, &oids, &n), DSQL_ENOMEM);
}

Test(describe, in_a_pipeline_and_canceled) {
  dsql_future *fs[3], *f;
  const uint32_t *oids;
  size_t n;

  cr_assert_eq(dsql_pipeline_begin(c), 0);
  fs[0] = dsql_query(c, "insert into described values (1)", DSQL_NO_PARAMS, NULL);
  fs[1] = dsql_describe(c, "select a from described where a = $1", NULL, 0, NULL);
  fs[2] = dsql_query(c, "select a from described", DSQL_NO_PARAMS, NULL);
  cr_assert_eq(dsql_pipeline_end(c), 0);
  for (int i = 0; i < 3; i++) cr_assert_eq(dsql_future_run(fs[i]), 0, "%s", client_error_text(fs[i]));
  cr_assert_eq(dsql_future_params(fs[1], &oids, &n), 0);
  cr_assert(n == 1 && oids[0] == DSQL_INT4);
  for (int i = 0; i < 3; i++) dsql_future_destroy(fs[i]);
  f = dsql_describe(c, "select $1::int4", NULL, 0, NULL);
  client_turn(&x); /* it is sent, and perhaps answered */
  dsql_future_destroy(f);
  cr_assert_str_eq(client_value(c, "select a from described"), "1");
}

Test(describe, each_allocation_fails_in_turn) {
  const uint32_t *oids;
  size_t n;
  bool fired = true;

  for (size_t at = 1; fired; at++) {
    dsql_conn *own = client_connect(&x, "host=127.0.0.1 port=%d dbname=postgres user=trust_user sslmode=disable",
                                    server_default()->port);
    dsql_future *f;
    int code;

    test_alloc_arm(&x.heap, at, false);
    f = dsql_describe(own, "select $1::int8", NULL, 0, NULL);
    code = dsql_future_run(f);
    fired = test_alloc_fired(&x.heap);
    test_alloc_arm(&x.heap, 0, false);
    cr_assert(code == DSQL_ENOMEM || code == 0, "%zu: %s", at, client_error_text(f));
    cr_assert(fired || code == 0);
    if (code == 0) cr_assert(dsql_future_params(f, &oids, &n) == 0 && n == 1 && oids[0] == DSQL_INT8);
    dsql_future_destroy(f);
    dsql_conn_close(own);
    cr_assert_lt(at, 100);
  }
}
