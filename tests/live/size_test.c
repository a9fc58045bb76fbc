/* Many rows, many parameters, big values: bounded memory where it is promised, and nothing lost on the way. */
#include <stdio.h>
#include <sys/resource.h>

#include "one_connection.h"

enum { ROWS = 1000000, BIG = 16 << 20, MIB = 1 << 20 };

TestSuite(size, .init = open_all, .fini = close_all, .timeout = 100);

static size_t peak_rss_kib(void) {
  struct rusage usage;
  cr_assert_eq(getrusage(RUSAGE_SELF, &usage), 0);
  return (size_t)usage.ru_maxrss;
}

/* ---- a million rows ---- */

struct sum {
  int64_t total;
  size_t rows, pauses, pause_every;
  bool paused;
};

static int add_row(const dsql_result *row, void *arg) {
  struct sum *s = arg;
  int32_t v;
  if (dsql_get_int4(row, 0, 0, &v)) return -1;
  s->total += v;
  s->rows++;
  if (!s->pause_every || s->rows % s->pause_every) return 0;
  s->pauses++;
  s->paused = true;
  return DSQL_ROW_PAUSE;
}

static void stream(struct sum *s, const char *sql, size_t heap_max, size_t rss_max_kib) {
  size_t rss_kib = peak_rss_kib(), heap = x.heap.live_bytes;
  dsql_future *f = dsql_query_each(c, sql, DSQL_NO_PARAMS, add_row, s, NULL);

  x.heap.peak_bytes = heap;
  while (!dsql_future_ready(f)) {
    if (s->paused) {
      s->paused = false;
      dsql_resume(f);
    }
    client_turn(&x);
  }
  cr_assert_eq(dsql_future_code(f), 0, "%s", client_error_text(f));
  cr_assert_eq(s->rows, ROWS);
  cr_assert_eq(s->total, (int64_t)ROWS * (ROWS + 1) / 2);
  dsql_future_destroy(f);
  cr_log_info("%zu rows, %zu pauses: %zu KiB of heap, %zu KiB of resident memory", s->rows, s->pauses,
              (x.heap.peak_bytes - heap) / 1024, peak_rss_kib() - rss_kib);
  cr_assert_lt(x.heap.peak_bytes - heap, heap_max);
  cr_assert_lt(peak_rss_kib() - rss_kib, rss_max_kib);
}

#define MILLION "select g from generate_series(1, 1000000) g"

Test(size, a_million_rows_are_streamed_in_little_memory) {
  struct sum s = {0};
  stream(&s, MILLION, MIB, 16 * 1024);
}

Test(size, a_million_rows_with_pauses) {
  struct sum s = {.pause_every = 997};
  stream(&s, MILLION, 2 * MIB, 32 * 1024);
  cr_assert_eq(s.pauses, ROWS / 997);
}

Test(size, a_hundred_thousand_rows_are_kept) {
  dsql_future *f = dsql_query(c, "select g, 'row ' || g from generate_series(1, 100000) g", DSQL_NO_PARAMS, NULL);
  const dsql_result *r = client_rows(f);
  cr_assert_eq(dsql_result_rows(r), 100000);
  for (size_t i = 0; i < 100000; i++) {
    char want[24];
    int32_t v = 0;
    dsql_str text = {"", 0};
    (void)snprintf(want, sizeof want, "row %zu", i + 1);
    if (dsql_get_int4(r, i, 0, &v) || (size_t)v != i + 1 || dsql_get_text(r, i, 1, &text) || text.len != strlen(want) ||
        memcmp(text.ptr, want, text.len) != 0)
      cr_assert_fail("row %zu is %d, \"%.*s\"", i, v, (int)text.len, text.ptr);
  }
  dsql_future_destroy(f);
  cr_assert_lt(x.heap.live_bytes, 16 * MIB, "the free lists are bounded");
}

/* ---- 65,535 parameters ---- */

static char *in_list(size_t n) {
  size_t size = 64 + n * 10, at;
  char *sql = malloc(size);
  cr_assert_not_null(sql);
  at = (size_t)snprintf(sql, size, "select sum(v)::int8, count(*) from (values ");
  for (size_t i = 1; i <= n; i++) at += (size_t)snprintf(sql + at, size - at, "%s($%zu)", i > 1 ? "," : "", i);
  (void)snprintf(sql + at, size - at, ") t(v)");
  return sql;
}

static dsql_param many[65535];

static void check_many(dsql_future *f) {
  const dsql_result *r = client_rows(f);
  int64_t total, count;
  cr_assert(dsql_get_int8(r, 0, 0, &total) == 0 && dsql_get_int8(r, 0, 1, &count) == 0);
  cr_assert(count == 65535 && total == INT64_C(65535) * 65534 / 2, "%lld of %lld", (long long)total, (long long)count);
  dsql_future_destroy(f);
}

Test(size, as_many_parameters_as_the_protocol_has) {
  char *sql = in_list(COUNT(many));
  dsql_stmt *s;
  for (size_t i = 0; i < COUNT(many); i++) many[i] = dsql_int4((int32_t)i);
  check_many(dsql_query(c, sql, (dsql_params){many, COUNT(many)}, NULL));
  cr_assert_eq(dsql_stmt_new(&s, x.rt, sql, NULL, 0), 0);
  for (int i = 0; i < 2; i++) check_many(dsql_query_stmt(c, s, (dsql_params){many, COUNT(many)}, NULL));
  dsql_stmt_free(s);
  free(sql);
}

Test(size, as_many_columns_as_the_server_has) {
  enum { COLUMNS = 1664 };
  static char sql[COLUMNS * 6 + 16];
  size_t at = (size_t)snprintf(sql, sizeof sql, "select ");
  dsql_future *f;
  const dsql_result *r;
  for (int i = 0; i < COLUMNS; i++) at += (size_t)snprintf(sql + at, sizeof sql - at, "%s%d", i ? "," : "", i);
  f = dsql_query(c, sql, DSQL_NO_PARAMS, NULL);
  r = client_rows(f);
  cr_assert_eq(dsql_result_cols(r), COLUMNS);
  for (unsigned i = 0; i < COLUMNS; i++) {
    int32_t v;
    cr_assert(dsql_get_int4(r, 0, i, &v) == 0 && (unsigned)v == i);
  }
  dsql_future_destroy(f);
}

/* ---- big values ---- */

static void there_and_back(dsql_conn *conn) {
  char *big = malloc(BIG);
  unsigned seed = 7;
  dsql_future *f;
  dsql_str text;

  cr_assert_not_null(big);
  for (size_t i = 0; i < BIG; i++) {
    seed = seed * 1103515245u + 12345u;
    big[i] = (char)('a' + (seed >> 16) % 26);
  }
  for (int bytea = 0; bytea < 2; bytea++) {
    f = bytea ? dsql_query(conn, "select $1::bytea", DSQL_PARAMS(dsql_bytes(big, BIG)), NULL)
              : dsql_query(conn, "select $1::text", DSQL_PARAMS(dsql_text_n(big, BIG)), NULL);
    cr_assert_eq(bytea ? dsql_get_bytes(client_rows(f), 0, 0, &text) : dsql_get_text(client_rows(f), 0, 0, &text), 0);
    cr_assert(text.len == BIG && memcmp(text.ptr, big, BIG) == 0);
    dsql_future_destroy(f);
  }
  free(big);
}

Test(size, big_values_there_and_back) { there_and_back(c); }

Test(size, big_values_there_and_back_through_tls) {
  dsql_conn *secure = client_connect(&x,
                                     "host=localhost hostaddr=127.0.0.1 port=%d user=trust_user dbname=postgres "
                                     "sslnegotiation=direct sslrootcert=%s",
                                     server_default()->port, server_default()->ca);
  there_and_back(secure);
  dsql_conn_close(secure);
}

/* One message over the cap is a violation; the server need not have meant harm. */
Test(size, a_message_over_the_cap) {
  dsql_config config;
  dsql_conn *small;
  dsql_config_init(&config);
  config.target = server_conninfo(server_default());
  config.message_bytes_max = MIB;
  small = client_connect_config(&x, &config);
  cr_assert_str_eq(client_value(small, "select length(repeat('x', 2000000))"), "2000000");
  cr_assert_eq(client_settle(dsql_query(small, "select repeat('x', 1000000)", DSQL_NO_PARAMS, NULL)), 0);
  cr_assert_eq(client_settle(dsql_query(small, "select repeat('x', 2000000)", DSQL_NO_PARAMS, NULL)), DSQL_EPROTO);
  cr_assert_eq(dsql_conn_status(small), DSQL_CONN_FAILED);
  dsql_conn_close(small);
}
