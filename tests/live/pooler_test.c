/* Behind PgBouncer, by transaction: many clients on few server connections, which each of them sees in turn; and with a
 * configuration that ignores no startup parameter, as the default one. */
#include <stdio.h>
#include <stdlib.h>

#include "client.h"

static struct client x;
static char conninfo[256];

static int port_of(const char *key) {
  char path[512], line[512];
  int port = 0;
  FILE *env;

  (void)snprintf(path, sizeof path, "%s/pg/18/env", getenv("DSQL_BUILD_DIR"));
  env = fopen(path, "r");
  cr_assert_not_null(env, "%s", path);
  while (fgets(line, sizeof line, env))
    if (strncmp(line, key, strlen(key)) == 0) port = (int)strtol(line + strlen(key), NULL, 10);
  (void)fclose(env);
  cr_assert_gt(port, 0, "no %s in %s", key, path);
  return port;
}

static void open_all(void) {
  server_default();
  client_open(&x);
  (void)snprintf(conninfo, sizeof conninfo,
                 "hostaddr=127.0.0.1 port=%d user=trust_user dbname=postgres sslmode=disable",
                 port_of("PGBOUNCER_PORT_TRANSACTION="));
}
static void close_all(void) { client_close(&x); }

TestSuite(pooler, .init = open_all, .fini = close_all, .timeout = 60);

static dsql_stmt *prepare(const char *sql) {
  dsql_stmt *s;
  cr_assert_eq(dsql_stmt_new(&s, x.rt, sql, NULL, 0), 0);
  return s;
}

static dsql_pool *pool_of(const char *options, uint32_t conns) {
  dsql_target *t = client_target(&x, "%s %s", conninfo, options);
  dsql_pool_config config;
  dsql_pool *pool;
  dsql_pool_config_init(&config);
  config.conns_max = conns;
  cr_assert_eq(dsql_pool_new(&pool, x.rt, t, &config), 0);
  dsql_target_free(t);
  return pool;
}

/* ---- a load of queries, each of which must succeed with its own value ---- */

enum { CLIENTS = 32, QUERIES = 10000, STATEMENTS = 16 };

static struct load {
  dsql_pool *pool;
  dsql_stmt *statements[STATEMENTS];
  int started, done;
  dsql_future *(*start)(int n);
  void (*check)(dsql_future *f, int n);
  int numbers[CLIENTS];
  dsql_future *futures[CLIENTS];
} load;

static void go_on(int client);

static void on_ready(dsql_future *f, void *arg) {
  int client = (int)((int *)arg - load.numbers), n = load.numbers[client];
  cr_assert_eq(dsql_future_code(f), 0, "%d: %s", n, client_error_text(f));
  load.check(f, n);
  dsql_future_destroy(f);
  load.done++;
  go_on(client);
}

static void go_on(int client) {
  if (load.started == QUERIES) return;
  load.numbers[client] = load.started++;
  load.futures[client] = load.start(load.numbers[client]);
  cr_assert_eq(dsql_future_on_ready(load.futures[client], on_ready, &load.numbers[client]), 0);
}

static void run_load(const char *options, dsql_future *(*start)(int n), void (*check)(dsql_future *f, int n)) {
  char sql[64];
  load = (struct load){.start = start, .check = check, .pool = pool_of(options, CLIENTS)};
  for (int i = 0; i < STATEMENTS; i++) {
    (void)snprintf(sql, sizeof sql, "select $1::int4 + %d, 'text'", i);
    load.statements[i] = prepare(sql);
  }
  for (int i = 0; i < CLIENTS; i++) go_on(i);
  while (load.done < QUERIES) client_turn(&x);
  for (int i = 0; i < STATEMENTS; i++) dsql_stmt_free(load.statements[i]);
  cr_assert_eq(client_settle(dsql_pool_close(load.pool, 1000)), 0);
}

static void check_sum(const dsql_result *r, int n) {
  int32_t v;
  dsql_str text;
  cr_assert(dsql_get_int4(r, 0, 0, &v) == 0 && v == n + n % STATEMENTS, "%d", n);
  cr_assert(dsql_get_text(r, 0, 1, &text) == 0 && text.len == 4 && memcmp(text.ptr, "text", 4) == 0);
}

static dsql_future *start_statement(int n) {
  return dsql_pool_query_stmt(load.pool, load.statements[n % STATEMENTS], DSQL_PARAMS(dsql_int4(n)), NULL);
}

static int binary_results;
static void check_statement(dsql_future *f, int n) {
  const dsql_result *r;
  cr_assert_eq(dsql_future_result(f, &r), 0);
  binary_results += dsql_result_col_format(r, 0);
  check_sum(r, n);
}

Test(pooler, ten_thousand_statements_over_32_clients) {
  run_load("", start_statement, check_statement);
  cr_assert_gt(binary_results, QUERIES - 2 * CLIENTS * STATEMENTS, "%d came as binary", binary_results);
}

/* PgBouncer 1.18 does not keep track of statements. Names of their content never mean another statement, and what is
 * missing, or there already, is repaired. */
Test(pooler, ten_thousand_named_statements_over_32_clients) {
  run_load("statement_cache_size=100", start_statement, check_statement);
}

/* Two reads in one transaction, and a COMMIT. */
static dsql_step body(dsql_tx *tx, const void *in, void *scratch) {
  int n = *(const int *)in;
  (void)scratch;
  if (dsql_tx_step(tx) == 0) {
    (void)dsql_tx_query_stmt(tx, load.statements[n % STATEMENTS], DSQL_PARAMS(dsql_int4(n)));
    return DSQL_WAIT;
  }
  check_sum(dsql_tx_result(tx, 0), n);
  if (dsql_tx_step(tx) == 1) {
    (void)dsql_tx_query_stmt(tx, load.statements[(n + 1) % STATEMENTS],
                             DSQL_PARAMS(dsql_int4(n + n % STATEMENTS - (n + 1) % STATEMENTS)));
    return DSQL_WAIT;
  }
  return DSQL_COMMIT;
}

static void check_nothing(dsql_future *f, int n) {
  (void)f;
  (void)n;
}

static int inputs[QUERIES];
static dsql_future *start_transaction(int n) {
  inputs[n] = n;
  return dsql_run_transaction(load.pool, body, &inputs[n], NULL);
}

Test(pooler, ten_thousand_transactions_over_32_clients) { run_load("", start_transaction, check_nothing); }

/* ---- what a connection knows ---- */

static unsigned names_sent;
static void count_names(const char *line, size_t len, void *arg) {
  (void)arg;
  names_sent += len > 0 && line[0] == 'F' && str_has((dsql_str){line, len}, "dsql_");
}

Test(pooler, one_connection_sends_no_names_from_the_first_to_the_last) {
  dsql_stmt *s = prepare("select $1::int4 + 1");
  dsql_conn *c = client_dial(&x, "%s", conninfo);
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
  dsql_conn *c = client_connect(&x, "%s", conninfo), *other = client_connect(&x, "%s", conninfo);
  dsql_stmt *s = prepare("select * from pooler_columns");

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
  dsql_pool *pool = pool_of("", 8);
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
