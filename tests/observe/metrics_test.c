/* dsql_metrics_write(), on a real pool. What it writes is parsed strictly by examples/test/http_server_test.py. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pooled.h"
#include "spy.h"

static struct pooled p;
static struct spy spy;
static char text[64 * 1024];

static void open_all(void) {
  pooled_open(&p);
  spy_init(&spy);
  spy_on(&spy, p.x.rt);
  pooled_make(&p);
}
static void close_all(void) { pooled_close(&p); }

TestSuite(metrics, .init = open_all, .fini = close_all, .timeout = 60);

static void write_text(const char *name) {
  dsql_metrics_pool pools[] = {{name, p.pool}};
  size_t len = 0;
  cr_assert_eq(dsql_metrics_write(p.x.rt, pools, 1, text, sizeof text, &len), 0);
  cr_assert_eq(strlen(text), len);
}

static bool has_line(const char *line) {
  const char *at = strstr(text, line);
  return at && (at == text || at[-1] == '\n') && at[strlen(line)] == '\n';
}

Test(metrics, counts_move) {
  write_text("main");
  cr_assert(has_line("# TYPE db_client_connection_count gauge"));
  cr_assert(has_line("db_client_connection_max{db_client_connection_pool_name=\"main\"} 10"));
  cr_assert(has_line("dsql_pool_acquires_total{db_client_connection_pool_name=\"main\"} 0"));
  cr_assert(has_line("dsql_spans_total{kind=\"query\"} 0"));
  for (int i = 0; i < 3; i++) cr_assert_eq(client_settle(dsql_pool_query(p.pool, "select 1", DSQL_NO_PARAMS, NULL)), 0);
  cr_assert_eq(client_settle(dsql_retry_statement(p.pool, "select 1", DSQL_NO_PARAMS, NULL)), 0);
  write_text("main");
  cr_assert(has_line("dsql_pool_acquires_total{db_client_connection_pool_name=\"main\"} 4"));
  cr_assert(has_line("dsql_transaction_commits_total{db_client_connection_pool_name=\"main\"} 1"));
  cr_assert(has_line("dsql_transaction_attempts_total{db_client_connection_pool_name=\"main\"} 1"));
  cr_assert(has_line("db_client_connection_count{db_client_connection_pool_name=\"main\","
                     "db_client_connection_state=\"idle\"} 1"));
  cr_assert(has_line("db_client_connection_wait_time_seconds_count{db_client_connection_pool_name=\"main\"} 4"));
  cr_assert(has_line("db_client_connection_wait_time_seconds_bucket{db_client_connection_pool_name=\"main\","
                     "le=\"+Inf\"} 4"));
  cr_assert(has_line("db_client_operation_duration_seconds_count{db_system_name=\"postgresql\"} 4"));
  cr_assert(has_line("dsql_spans_total{kind=\"query\"} 4"));
  cr_assert_null(strstr(text, "dsql_token_age_seconds"), "there is no token");
}

Test(metrics, names_are_escaped) {
  write_text("a\\b\"c\nd");
  cr_assert(has_line("db_client_connection_max{db_client_connection_pool_name=\"a\\\\b\\\"c\\nd\"} 10"));
}

/* A locale with a decimal comma, made on the spot; false where the tools for that are missing. */
static bool use_decimal_comma(void) {
  char dir[] = "/tmp/dsql-locale-XXXXXX", command[256];
  bool set;

  cr_assert_not_null(mkdtemp(dir));
  (void)snprintf(command, sizeof command, "localedef --no-archive -i de_DE -f UTF-8 %s/de_DE.UTF-8 >&2 2>/dev/null",
                 dir);
  set = system(command) == 0 && setenv("LOCPATH", dir, 1) == 0 && setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
  (void)snprintf(command, sizeof command, "rm -rf %s", dir);
  cr_assert_eq(system(command), 0);
  return set;
}

Test(metrics, the_program_s_locale_does_not_matter) {
  char number[8];

  write_text("main");
  cr_assert_not_null(strstr(text, "le=\"0.000001\"}"));
  if (!use_decimal_comma()) cr_skip_test("no localedef, or nothing to make a locale of");
  (void)snprintf(number, sizeof number, "%.1f", 0.5);
  cr_assert_str_eq(number, "0,5");
  write_text("main");
  cr_assert_not_null(strstr(text, "le=\"0.000001\"}"));
  cr_assert_null(strstr(text, "le=\"0,"));
}

Test(metrics, a_buffer_that_is_too_small_tells_what_it_takes) {
  dsql_metrics_pool pools[] = {{"one", p.pool}, {"two", p.pool}, {"one", p.pool}};
  size_t len = 0, again = 0;

  cr_assert_eq(dsql_metrics_write(p.x.rt, pools, 2, NULL, 0, &len), DSQL_ETOOBIG);
  cr_assert(len > 1000 && len < sizeof text);
  cr_assert_eq(dsql_metrics_write(p.x.rt, pools, 2, text, len, &again), DSQL_ETOOBIG, "its NUL needs room");
  cr_assert_eq(again, len);
  cr_assert_eq(dsql_metrics_write(p.x.rt, pools, 2, text, len + 1, &again), 0);
  cr_assert_eq(dsql_metrics_write(p.x.rt, pools, 3, text, sizeof text, &len), DSQL_EINVAL, "two of one name");
  cr_assert_eq(dsql_metrics_write(p.x.rt, NULL, 1, text, sizeof text, &len), DSQL_EINVAL);
  cr_assert_eq(dsql_metrics_write(NULL, NULL, 0, text, sizeof text, &len), 0);
  cr_assert_eq(len, 0);
  pools[0].name = NULL;
  cr_assert_eq(dsql_metrics_write(p.x.rt, pools, 1, text, sizeof text, &len), DSQL_EINVAL);
}
