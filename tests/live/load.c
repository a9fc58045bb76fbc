#include "load.h"

#include <stdio.h>
#include <stdlib.h>

int load_queries;
struct client load_x;
char load_conninfo[256];
unsigned load_binary_results;

int load_port(const char *key) {
  char path[512], line[512];
  size_t n = strlen(key);
  int port = 0;
  FILE *env;

  (void)snprintf(path, sizeof path, "%s/pg/18/env", getenv("DSQL_BUILD_DIR"));
  env = fopen(path, "r");
  while (env && fgets(line, sizeof line, env))
    if (strncmp(line, key, n) == 0 && line[n] == '=') port = (int)strtol(line + n + 1, NULL, 10);
  if (env) (void)fclose(env);
  return port;
}

void load_open(const char *port_key) {
  int port = load_port(port_key);
  cr_assert_gt(port, 0, "no %s: run by ctest", port_key);
  client_open(&load_x);
  (void)snprintf(load_conninfo, sizeof load_conninfo,
                 "hostaddr=127.0.0.1 port=%d user=trust_user dbname=postgres sslmode=disable", port);
  load_binary_results = 0;
  load_queries = LOAD_QUERIES;
}

void load_close(void) { client_close(&load_x); }

dsql_stmt *load_prepare(const char *sql) {
  dsql_stmt *s;
  cr_assert_eq(dsql_stmt_new(&s, load_x.rt, sql, NULL, 0), 0);
  return s;
}

dsql_pool *load_pool(const char *options, uint32_t conns) {
  dsql_target *t = client_target(&load_x, "%s %s", load_conninfo, options);
  dsql_pool_config config;
  dsql_pool *pool;
  dsql_pool_config_init(&config);
  config.conns_max = conns;
  cr_assert_eq(dsql_pool_new(&pool, load_x.rt, t, &config), 0);
  dsql_target_free(t);
  return pool;
}

/* ---- clients that go on as soon as they have their answer ---- */

static struct load {
  dsql_pool *pools[LOAD_POOLS_MAX];
  int pool_count;
  dsql_stmt *statements[LOAD_STATEMENTS];
  int started, done;
  dsql_future *(*start)(int n);
  void (*check)(dsql_future *f, int n);
  int numbers[LOAD_CLIENTS];
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
  if (load.started == load_queries) return;
  load.numbers[client] = load.started++;
  cr_assert_eq(dsql_future_on_ready(load.start(load.numbers[client]), on_ready, &load.numbers[client]), 0);
}

static void make_statements(void) {
  char sql[64];
  for (int i = 0; i < LOAD_STATEMENTS; i++) {
    (void)snprintf(sql, sizeof sql, "select $1::int4 + %d, 'text'", i);
    load.statements[i] = load_prepare(sql);
  }
}

static void free_statements(void) {
  for (int i = 0; i < LOAD_STATEMENTS; i++) dsql_stmt_free(load.statements[i]);
}

static void run(const char *options, int pools, dsql_future *(*start)(int n), void (*check)(dsql_future *f, int n)) {
  load = (struct load){.start = start, .check = check, .pool_count = pools};
  for (int i = 0; i < pools; i++) load.pools[i] = load_pool(options, LOAD_CLIENTS / (unsigned)pools);
  make_statements();
  for (int i = 0; i < LOAD_CLIENTS; i++) go_on(i);
  while (load.done < load_queries) client_turn(&load_x);
  free_statements();
  for (int i = 0; i < pools; i++) cr_assert_eq(client_settle(dsql_pool_close(load.pools[i], 1000)), 0);
}

static dsql_pool *pool_of(int n) { return load.pools[n % load.pool_count]; }

/* The nth query is for statement n, with n: sum is what it adds up to. */
static void check_sum(const dsql_result *r, int sum) {
  int32_t v;
  dsql_str text;
  cr_assert(dsql_get_int4(r, 0, 0, &v) == 0 && v == sum, "%d", sum);
  cr_assert(dsql_get_text(r, 0, 1, &text) == 0 && text.len == 4 && memcmp(text.ptr, "text", 4) == 0);
}

static dsql_future *start_statement(int n) {
  return dsql_pool_query_stmt(pool_of(n), load.statements[n % LOAD_STATEMENTS], DSQL_PARAMS(dsql_int4(n)), NULL);
}

static void check_statement(dsql_future *f, int n) {
  const dsql_result *r;
  cr_assert_eq(dsql_future_result(f, &r), 0);
  load_binary_results += dsql_result_col_format(r, 0) == 1;
  check_sum(r, n + n % LOAD_STATEMENTS);
}

void load_statements(const char *options, int pools) { run(options, pools, start_statement, check_statement); }

/* ---- transactions ---- */

static void read_in(dsql_tx *tx, int n) {
  (void)dsql_tx_query_stmt(tx, load.statements[n % LOAD_STATEMENTS], DSQL_PARAMS(dsql_int4(n)));
}

static dsql_step body(dsql_tx *tx, const void *in, void *scratch) {
  int n = *(const int *)in;
  (void)scratch;
  switch (dsql_tx_step(tx)) {
    case 0: read_in(tx, n); return DSQL_WAIT;
    case 1:
      check_sum(dsql_tx_result(tx, 0), n + n % LOAD_STATEMENTS);
      read_in(tx, n + 1);
      read_in(tx, n + 2);
      return DSQL_WAIT;
    default:
      for (int i = 0; i < 2; i++) check_sum(dsql_tx_result(tx, i), n + 1 + i + (n + 1 + i) % LOAD_STATEMENTS);
      return DSQL_COMMIT;
  }
}

static void check_nothing(dsql_future *f, int n) {
  (void)f;
  (void)n;
}

static dsql_future *start_transaction(int n) {
  static int inputs[LOAD_QUERIES];
  inputs[n] = n;
  return dsql_run_transaction(pool_of(n), body, &inputs[n], NULL);
}

void load_transactions(const char *options, int pools) { run(options, pools, start_transaction, check_nothing); }

/* ---- pipelines ---- */

enum { MEMBERS = 6 };

static void start_pipeline(dsql_conn *c, int first, dsql_future *f[MEMBERS]) {
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  for (int i = 0; i < MEMBERS; i++)
    f[i] = dsql_query_stmt(c, load.statements[(first + i) % LOAD_STATEMENTS], DSQL_PARAMS(dsql_int4(first + i)), NULL);
  cr_assert_eq(dsql_pipeline_end(c), 0);
}

static void end_pipeline(int first, dsql_future *f[MEMBERS]) {
  for (int i = 0; i < MEMBERS; i++) {
    check_sum(client_rows(f[i]), first + i + (first + i) % LOAD_STATEMENTS);
    dsql_future_destroy(f[i]);
  }
}

void load_pipelines(const char *options) {
  dsql_conn *conns[LOAD_CLIENTS];
  dsql_future *f[LOAD_CLIENTS][MEMBERS];

  load = (struct load){0};
  make_statements();
  for (int i = 0; i < LOAD_CLIENTS; i++) conns[i] = client_dial(&load_x, "%s %s", load_conninfo, options);
  for (int round = 0; round * LOAD_CLIENTS * MEMBERS < load_queries; round++) {
    for (int i = 0; i < LOAD_CLIENTS; i++) start_pipeline(conns[i], 7 * round + i, f[i]);
    for (int i = 0; i < LOAD_CLIENTS; i++) end_pipeline(7 * round + i, f[i]);
  }
  free_statements();
  for (int i = 0; i < LOAD_CLIENTS; i++) dsql_conn_close(conns[i]);
}
