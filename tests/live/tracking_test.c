/* Behind a PgBouncer that keeps track of named statements (1.21 and later, max_prepared_statements), and behind the same
 * one when it does not. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "load.h"

#define NAMED "statement_cache_size=256"
enum { TRANSACTIONS = 2500, USES = 100 };

static void open_all(void) { load_open("PGBOUNCER_PORT_TRACKING"); }

TestSuite(tracking, .init = open_all, .fini = load_close, .timeout = 60);

/* It could not be built here: scripts/deps has said why. */
int main(int argc, char **argv) {
  struct criterion_test_set *tests;
  int failed;

  if (load_port("PGBOUNCER_PORT_TRACKING") == 0) {
    puts("skipped: there is no PgBouncer 1.24 (scripts/deps builds it where it can)");
    return 77;
  }
  tests = criterion_initialize();
  failed = criterion_handle_args(argc, argv, true) && !criterion_run_all_tests(tests);
  criterion_finalize(tests);
  return failed;
}

/* ---- loads, each query of which succeeds ---- */

static void open_untracking(void) { load_open("PGBOUNCER_PORT_UNTRACKING"); }
static void open_short(void) {
  load_open("PGBOUNCER_PORT_SHORT");
  load_queries = 1500;
}
static void open_counted(void) { load_open("PGBOUNCER_PORT_COUNTED"); }

TestSuite(untracking, .init = open_untracking, .fini = load_close, .timeout = 60);
TestSuite(short_lived, .init = open_short, .fini = load_close, .timeout = 60);
TestSuite(counted, .init = open_counted, .fini = load_close, .timeout = 60);

Test(tracking, named_statements_of_three_pools) { load_statements(NAMED, 3); }
Test(tracking, named_transactions_of_three_pools) {
  load_queries = TRANSACTIONS;
  load_transactions(NAMED, 3);
}
Test(tracking, named_pipelines) { load_pipelines(NAMED); }
Test(tracking, statements_without_names_beside_them) { load_statements("", 3); }
Test(tracking, pipelines_without_names_beside_them) { load_pipelines(""); }

Test(untracking, statements_of_three_pools) { load_statements("", 3); }
Test(untracking, transactions_of_three_pools) {
  load_queries = TRANSACTIONS;
  load_transactions("", 3);
}
Test(untracking, pipelines) { load_pipelines(""); }
/* Not in transactions and pipelines: see docs/statements.md. */
Test(untracking, named_statements) { load_statements(NAMED, 1); }

/* It keeps three statements on a server connection, of sixteen. */
Test(short_lived, named_statements_of_two_pools) { load_statements(NAMED, 2); }
Test(short_lived, named_transactions_of_two_pools) { load_transactions(NAMED, 2); }

/* And replaces a server connection when it is a second old. */
Test(short_lived, named_pipelines_until_the_first_server_connection_is_gone) {
  char gone[128];
  dsql_conn *c = client_connect(&load_x, "%s", load_conninfo);

  (void)snprintf(gone, sizeof gone, "select count(*) = 0 from pg_stat_activity where pid = %s",
                 client_value(c, "select pg_backend_pid()"));
  do load_pipelines(NAMED);
  while (strcmp(client_value(c, gone), "t") != 0);
  dsql_conn_close(c);
}

/* ---- what it answers differently from a server ---- */

/* Opens a connection that names its statements. */
static dsql_conn *named(void) { return client_connect(&load_x, "%s %s", load_conninfo, NAMED); }

static dsql_future *use(dsql_conn *c, dsql_stmt *s) { return dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL); }

static void works(dsql_conn *c, dsql_stmt *s, int32_t want) {
  dsql_future *f = use(c, s);
  int32_t v;
  cr_assert(dsql_get_int4(client_rows(f), 0, 0, &v) == 0 && v == want);
  dsql_future_destroy(f);
}

/* It takes the name of a Parse that fails for prepared, and closes the connection of who prepares it again. */
Test(tracking, a_statement_that_could_not_be_prepared) {
  dsql_conn *c = named();
  dsql_stmt *s = load_prepare("select v from tracking_late");

  for (int i = 0; i < 2; i++) assert_fails(use(c, s), DSQL_ESERVER, 0, "tracking_late");
  client_exec(c, "create table tracking_late (v int4); insert into tracking_late values (7)");
  works(c, s, 7);
  works(c, s, 7);
  client_exec(c, "drop table tracking_late");
  dsql_stmt_free(s);
  dsql_conn_close(c);
}

Test(tracking, statements_of_a_pipeline_that_failed) {
  dsql_conn *c = named();
  dsql_stmt *s = load_prepare("select 7");

  for (int i = 0; i < 2; i++) {
    dsql_future *culprit, *f;
    cr_assert_eq(dsql_pipeline_begin(c), 0);
    culprit = dsql_query(c, "select 1/0", DSQL_NO_PARAMS, NULL);
    f = use(c, s);
    cr_assert_eq(dsql_pipeline_end(c), 0);
    assert_fails(culprit, DSQL_ESERVER, 0, "division by zero");
    assert_fails(f, DSQL_ESKIPPED, DSQL_CLIENT_SIDE, "division by zero");
  }
  works(c, s, 7);
  works(c, s, 7);
  dsql_stmt_free(s);
  dsql_conn_close(c);
}

Test(tracking, columns_that_change) {
  static const char *const changes[] = {"alter table tracking_columns add c text",
                                        "alter table tracking_columns drop a",
                                        "alter table tracking_columns alter b type float4 using 1.5",
                                        "alter table tracking_columns alter b type int4 using 7"};
  dsql_conn *c[3];
  dsql_stmt *s = load_prepare("select * from tracking_columns");
  for (size_t i = 0; i < COUNT(c); i++) c[i] = named();
  client_exec(c[0], "create table tracking_columns (a int4, b text); insert into tracking_columns values (1, 'x')");
  for (size_t change = 0; change <= COUNT(changes); change++) {
    for (size_t n = 0; n < 3 * COUNT(c); n++) {
      dsql_future *f = use(c[n % COUNT(c)], s);
      (void)client_rows(f);
      dsql_future_destroy(f);
    }
    if (change < COUNT(changes)) client_exec(c[0], changes[change]);
  }
  client_exec(c[0], "drop table tracking_columns");
  dsql_stmt_free(s);
  for (size_t i = 0; i < COUNT(c); i++) dsql_conn_close(c[i]);
}

/* In a transaction nothing can be repaired: the whole is run again. */
static dsql_step read_all(dsql_tx *tx, const void *in, void *scratch) {
  dsql_stmt *s = *(dsql_stmt *const *)in;
  (void)scratch;
  if (dsql_tx_step(tx) == 2) return DSQL_COMMIT;
  (void)dsql_tx_query_stmt(tx, s, DSQL_NO_PARAMS);
  return DSQL_WAIT;
}

Test(tracking, columns_that_change_under_transactions) {
  dsql_pool *pool = load_pool(NAMED, 2);
  dsql_conn *c = named();
  dsql_stmt *s = load_prepare("select * from tracking_tx");
  client_exec(c, "create table tracking_tx (a int4); insert into tracking_tx values (1)");
  for (int change = 0; change < 4; change++) {
    for (int n = 0; n < 6; n++) cr_assert_eq(client_settle(dsql_run_transaction(pool, read_all, &s, NULL)), 0);
    client_exec(c, "alter table tracking_tx add b text");
    client_exec(c, "alter table tracking_tx rename b to c");
    client_exec(c, change % 2 ? "alter table tracking_tx drop c" : "alter table tracking_tx drop c, alter a type int8");
  }
  client_exec(c, "drop table tracking_tx");
  dsql_stmt_free(s);
  cr_assert_eq(client_settle(dsql_pool_close(pool, 1000)), 0);
  dsql_conn_close(c);
}

/* The use that is under way behind the DEALLOCATE is prepared on the server, and forgotten by the pooler, which from then on
 * prepares it there in vain. */
Test(tracking, deallocated_ahead_of_a_use) {
  dsql_conn *c = named(), *other = named();
  dsql_stmt *s = load_prepare("select 8");
  for (int i = 0; i < 20; i++) {
    dsql_future *f, *g;
    dsql_stmt *t = load_prepare("select 8");
    works(c, t, 8);
    works(other, t, 8);
    f = dsql_exec(c, "deallocate all", NULL);
    g = use(c, t);
    cr_assert_eq(client_settle(f), 0);
    cr_assert_eq(dsql_future_run(g), 0, "%s", client_error_text(g));
    dsql_future_destroy(g);
    works(other, t, 8);
    works(c, s, 8);
    dsql_stmt_free(t);
  }
  dsql_stmt_free(s);
  dsql_conn_close(c);
  dsql_conn_close(other);
}

Test(tracking, statements_that_are_gone) {
  static const char *const ways[] = {"discard all", "deallocate all", "do $$begin execute 'deallocate all'; end$$",
                                     "select 1; deallocate all"};
  dsql_conn *c = named();
  dsql_stmt *s = load_prepare("select 7"), *t = load_prepare("select 8");
  for (size_t i = 0; i < COUNT(ways); i++) {
    works(c, s, 7);
    works(c, t, 8);
    client_exec(c, ways[i]);
    for (int n = 0; n < 3; n++) {
      works(c, s, 7);
      works(c, t, 8);
    }
  }
  dsql_stmt_free(s);
  dsql_stmt_free(t);
  dsql_conn_close(c);
}

Test(tracking, freed_and_made_again) {
  dsql_conn *c = named();
  for (int i = 0; i < 10; i++) {
    dsql_stmt *s = load_prepare("select 7"), *t = load_prepare("select 7");
    works(c, s, 7);
    works(c, t, 7);
    dsql_stmt_free(s);
    if (i % 2) cr_assert_str_eq(client_value(c, "select 1"), "1");
    dsql_stmt_free(t);
  }
  dsql_conn_close(c);
}

Test(tracking, few_of_ours) {
  dsql_conn *c = client_connect(&load_x, "%s statement_cache_size=2", load_conninfo);
  dsql_stmt *s[5];
  char sql[32];
  for (int i = 0; i < 5; i++) {
    (void)snprintf(sql, sizeof sql, "select %d", i);
    s[i] = load_prepare(sql);
  }
  for (int i = 0; i < 50; i++) works(c, s[i * 7 % 5], i * 7 % 5);
  for (int i = 0; i < 5; i++) dsql_stmt_free(s[i]);
  dsql_conn_close(c);
}

Test(tracking, long_text) {
  enum { LEN = 100000 };
  dsql_conn *c[2] = {named(), named()};
  char *sql = malloc(LEN);
  dsql_stmt *s;
  memset(sql, ' ', LEN);
  memcpy(sql, "select 7", 8);
  sql[LEN - 1] = 0;
  s = load_prepare(sql);
  free(sql);
  for (int i = 0; i < 10; i++) works(c[i % 2], s, 7);
  dsql_stmt_free(s);
  for (int i = 0; i < 2; i++) dsql_conn_close(c[i]);
}

/* ---- its console ---- */

static dsql_conn *console(const char *port_key) {
  return client_connect(&load_x, "hostaddr=127.0.0.1 port=%d user=postgres dbname=pgbouncer sslmode=disable",
                        load_port(port_key));
}

static struct counts { int64_t client_parses, server_parses, binds; } counts;

static int64_t count_of(const dsql_result *r, size_t row, const char *name) {
  dsql_str digits;
  int col = dsql_result_col_find(r, name);
  cr_assert(col >= 0 && dsql_get_text(r, row, (unsigned)col, &digits) == 0, "%s", name);
  return strtoll(digits.ptr, NULL, 10);
}

/* What has come to them since the last time. */
static struct counts count_since(dsql_conn *admin) {
  dsql_future *f = dsql_exec(admin, "SHOW STATS", NULL);
  const dsql_result *r = client_rows(f);
  struct counts now = {0}, since;
  dsql_str database;

  for (size_t row = 0; row < dsql_result_rows(r); row++) {
    if (dsql_get_text(r, row, 0, &database) || !str_has(database, "postgres")) continue;
    now = (struct counts){.client_parses = count_of(r, row, "total_client_parse_count"),
                          .server_parses = count_of(r, row, "total_server_parse_count"),
                          .binds = count_of(r, row, "total_bind_count")};
  }
  dsql_future_destroy(f);
  since = (struct counts){now.client_parses - counts.client_parses, now.server_parses - counts.server_parses,
                          now.binds - counts.binds};
  counts = now;
  return since;
}

static struct { int parses, flights; } sent;

static void count_sent(const char *line, size_t len, void *arg) {
  dsql_str text = {line, len};
  (void)arg;
  if (len == 0 || line[0] != 'F') return;
  sent.parses += str_has(text, "\tParse\t");
  sent.flights += str_has(text, "\tSync");
}

/* Two connections on two server connections, of which the second is taken away every other time; what a use costs. */
static struct counts use_in_turn(const char *options, dsql_conn *admin) {
  dsql_conn *c[2];
  dsql_stmt *s = load_prepare("select 7");

  for (int i = 0; i < 2; i++) {
    c[i] = client_connect(&load_x, "%s %s", load_conninfo, options);
    dsql_conn_on_trace(c[i], count_sent, NULL);
  }
  (void)count_since(admin);
  sent.parses = sent.flights = 0;
  for (int n = 0; n < USES; n++) {
    dsql_conn *user = c[n % 2], *other = c[1 - n % 2];
    if (n % 4 < 2) client_exec(other, "begin");
    works(user, s, 7);
    if (n % 4 < 2) client_exec(other, "commit");
  }
  dsql_stmt_free(s);
  for (int i = 0; i < 2; i++) dsql_conn_close(c[i]);
  return count_since(admin);
}

static void check_that_a_name_saves_the_parse(dsql_conn *admin) {
  struct counts n = use_in_turn(NAMED, admin);

  cr_expect_eq(sent.flights, USES, "%d", sent.flights);
  cr_expect_eq(sent.parses, 2, "%d: one per connection", sent.parses);
  cr_expect(n.client_parses == 2 && n.binds == USES, "%d, %d", (int)n.client_parses, (int)n.binds);
  cr_expect(n.server_parses >= 1 && n.server_parses <= 2, "%d: one per server connection", (int)n.server_parses);

  n = use_in_turn("", admin);
  cr_expect_eq(sent.flights, USES, "%d", sent.flights);
  cr_expect_eq(sent.parses, USES, "%d", sent.parses);
  cr_expect(n.client_parses == 0 && n.server_parses == 0 && n.binds == 0, "no name was sent");
}

/* Each is prepared by the pooler; we do not notice. Nobody else may be logging in: RECONNECT makes that fail. */
static void replace_server_connections(dsql_conn *admin) {
  dsql_conn *c = named();
  dsql_stmt *s = load_prepare("select 7");
  works(c, s, 7);
  (void)count_since(admin);
  for (int i = 0; i < 3; i++) {
    struct counts n;
    client_exec(admin, "RECONNECT");
    do {
      works(c, s, 7);
      n = count_since(admin);
      cr_assert_eq(n.client_parses, 0);
    } while (n.server_parses == 0);
  }
  dsql_stmt_free(s);
  dsql_conn_close(c);
}

/* One test, because nobody else may be on it. */
Test(counted, a_name_saves_the_parse_and_outlives_server_connections) {
  dsql_conn *admin = console("PGBOUNCER_PORT_COUNTED");
  check_that_a_name_saves_the_parse(admin);
  replace_server_connections(admin);
  dsql_conn_close(admin);
}

/* ---- the start of a session ---- */

Test(tracking, protocol_3_2_goes_down_to_3_0) {
  dsql_conn *c = client_connect(&load_x, "%s max_protocol_version=3.2", load_conninfo);
  cr_assert_str_eq(client_value(c, "select 7"), "7");
  dsql_conn_close(c);
  c = client_dial(&load_x, "%s min_protocol_version=3.2", load_conninfo);
  assert_fails(dsql_conn_ready(c), DSQL_EUNSUPPORTED, DSQL_CONN_LOST | DSQL_CLIENT_SIDE,
               "the server speaks protocol 3.0 at most; min_protocol_version asks for 3.2");
  dsql_conn_close(c);
}

Test(tracking, over_tls_if_it_is_asked_for) {
  const struct server *server = server_default();
  const char *const conninfo =
      "hostaddr=127.0.0.1 host=localhost port=%d user=trust_user dbname=postgres sslmode=verify-full sslrootcert=%s %s";
  int port = load_port("PGBOUNCER_PORT_TRACKING");
  dsql_conn *c = client_connect(&load_x, conninfo, port, server->ca, NAMED " sslnegotiation=postgres");
  dsql_stmt *s = load_prepare("select 7");

  for (int i = 0; i < 3; i++) works(c, s, 7);
  dsql_stmt_free(s);
  dsql_conn_close(c);
  /* It waits for 50 MB of what it takes for a StartupMessage. */
  c = client_dial(&load_x, conninfo, port, server->ca, "sslnegotiation=direct connect_timeout=1");
  assert_fails(dsql_conn_ready(c), DSQL_ETIMEDOUT, DSQL_CONN_LOST | DSQL_CLIENT_SIDE,
               "else use sslnegotiation=postgres");
  dsql_conn_close(c);
}
