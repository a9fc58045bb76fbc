/* Behind PgBouncer, by transaction: many clients on few server connections, which each of them sees in turn; and with a
 * configuration that ignores no startup parameter, as the default one. */
#include "load.h"

static void open_all(void) { load_open("PGBOUNCER_PORT_TRANSACTION"); }

TestSuite(pooler, .init = open_all, .fini = load_close, .timeout = 60);

Test(pooler, ten_thousand_statements_over_32_clients) {
  load_statements("", 1);
  cr_assert_gt(load_binary_results, LOAD_QUERIES - 2 * LOAD_CLIENTS * LOAD_STATEMENTS, "%u came as binary",
               load_binary_results);
}

/* PgBouncer 1.18 does not keep track of statements. Names of their content never mean another statement, and what is
 * missing, or there already, is repaired. */
Test(pooler, ten_thousand_named_statements_over_32_clients) { load_statements("statement_cache_size=100", 1); }

Test(pooler, ten_thousand_transactions_over_32_clients) { load_transactions("", 1); }

/* ---- what a connection knows ---- */

static unsigned names_sent;
static void count_names(const char *line, size_t len, void *arg) {
  (void)arg;
  names_sent += len > 0 && line[0] == 'F' && str_has((dsql_str){line, len}, "dsql_");
}

Test(pooler, one_connection_sends_no_names_from_the_first_to_the_last) {
  dsql_stmt *s = load_prepare("select $1::int4 + 1");
  dsql_conn *c = client_dial(&load_x, "%s", load_conninfo);
  dsql_conn_on_trace(c, count_names, NULL);
  for (int i = 0; i < 50; i++) {
    int64_t v;
    dsql_future *f = dsql_query_stmt(c, s, DSQL_PARAMS(dsql_int4(i)), NULL);
    cr_assert(dsql_get_int8(client_rows(f), 0, 0, &v) == 0 && v == i + 1);
    dsql_future_destroy(f);
  }
  cr_assert_eq(names_sent, 0);
  cr_assert_str_eq(client_value(c, "select count(*) from pg_prepared_statements"), "0");
  dsql_stmt_free(s);
  dsql_conn_close(c);
}

/* A result type that changes under the statement: no error outside a transaction, whatever changed. */
Test(pooler, columns_that_change) {
  static const char *const changes[] = {"alter table pooler_columns add c text", "alter table pooler_columns drop a",
                                        "alter table pooler_columns alter b type float4 using 1.5",
                                        "alter table pooler_columns alter b type regclass using 'pg_class'::regclass"};
  dsql_conn *c = client_connect(&load_x, "%s", load_conninfo), *other = client_connect(&load_x, "%s", load_conninfo);
  dsql_stmt *s = load_prepare("select * from pooler_columns");

  client_exec(c, "create table pooler_columns (a int4, b text); insert into pooler_columns values (1, 'x')");
  for (size_t i = 0; i <= COUNT(changes); i++) {
    for (int n = 0; n < 2; n++) {
      cr_assert_eq(client_settle(dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL)), 0);
      cr_assert_eq(client_settle(dsql_query_stmt(other, s, DSQL_NO_PARAMS, NULL)), 0);
    }
    if (i < COUNT(changes)) client_exec(c, changes[i]);
  }
  client_exec(c, "drop table pooler_columns");
  dsql_stmt_free(s);
  dsql_conn_close(c);
  dsql_conn_close(other);
}

/* ---- cancel ---- */

/* A request that came too late could hit whoever is served next. Either it has hit, or the connection is given up; what
 * the others run is never hit. */
Test(pooler, a_cancel_hits_nobody_else) {
  dsql_pool *pool = load_pool("", 8);
  for (int i = 0; i < 60; i++) {
    dsql_future *canceled = dsql_pool_query(pool, i % 2 ? "select pg_sleep(10)" : "select pg_sleep(0.003)",
                                            DSQL_NO_PARAMS, NULL),
                *others[4];
    for (int k = 0; k < i % 5 + 1; k++) {
      dsql_future *f = dsql_pool_query(pool, "select 1", DSQL_NO_PARAMS, NULL);
      cr_assert_eq(client_settle(f), 0);
    }
    dsql_future_destroy(canceled);
    for (size_t k = 0; k < COUNT(others); k++) others[k] = dsql_pool_query(pool, "select 2", DSQL_NO_PARAMS, NULL);
    for (size_t k = 0; k < COUNT(others); k++) {
      cr_assert_eq(dsql_future_run(others[k]), 0, "%s", client_error_text(others[k]));
      dsql_future_destroy(others[k]);
    }
  }
  cr_assert_eq(client_settle(dsql_pool_close(pool, 3000)), 0);
}
