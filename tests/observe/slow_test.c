/* The log of slow calls. */
#include <stdio.h>

#include "peer.h"
#include "spy.h"

static struct peer p;
static struct spy spy;
static dsql_conn *c;

static void open_with(uint32_t slow_ms, uint32_t per_s, uint32_t sql_bytes) {
  peer_open(&p, "password=hunter2");
  spy_init(&spy);
  spy.secret = "hunter2";
  spy.hooks.slow_query_ms = slow_ms;
  spy.hooks.slow_lines_per_s = per_s;
  spy.hooks.slow_sql_bytes = sql_bytes;
  spy_on(&spy, p.x.rt);
  c = peer_connect(&p);
}

static void close_all(void) {
  dsql_conn_close(c);
  peer_close(&p);
  spy_settled(&spy);
}

static void run(const char *sql, dsql_params params, unsigned ms) {
  dsql_future *f = dsql_query(c, sql, params, NULL);
  peer_expect(&p, "PBDES");
  peer_turn_ms(&p, ms);
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
  (void)peer_settle(&p, f);
  dsql_future_destroy(f);
}

static bool has(const char *line, const char *part) { return strstr(line, part) != NULL; }

Test(slow, a_line_for_each_slow_call_and_none_for_others) {
  open_with(500, 0, 0);
  run("select 1", DSQL_NO_PARAMS, 0);
  cr_assert_eq(spy.line_count, 0);
  close_all();

  open_with(20, 0, 0);
  run("select a from t where b = $1 and c = $2", DSQL_PARAMS(dsql_text("hunter2"), dsql_int4(5)), 25);
  cr_assert_eq(spy.line_count, 1);
  for (size_t i = 0; i < 8; i++) {
    static const char *const parts[] = {"level=warn msg=\"slow query\" duration_ms=",
                                        " db.system.name=postgresql ",
                                        " server.address=@dsql-peer-",
                                        " db.namespace=d ",
                                        " db.query.summary=SELECT ",
                                        " db.query.text=\"select a from t where b = $1 and c = $2\" ",
                                        " dsql.attempt=1 ",
                                        " db.response.returned_rows=1 "};
    cr_expect(has(spy.lines[0], parts[i]), "%s: %s", parts[i], spy.lines[0]);
  }
  cr_assert_not(has(spy.lines[0], "error.type"));
  close_all();
}

Test(slow, failures_are_named) {
  dsql_future *f;
  open_with(20, 0, 0);
  f = dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL);
  peer_expect(&p, "PBDES");
  peer_turn_ms(&p, 25);
  peer_send(&p, "E:40001 Z:I");
  (void)peer_settle(&p, f);
  dsql_future_destroy(f);
  cr_assert(has(spy.lines[0], " db.response.status_code=40001 error.type=40001 ") &&
                has(spy.lines[0], " dsql.conflict=data"),
            "%s", spy.lines[0]);
  close_all();
}

/* A line is one line, whatever is in the text. */
Test(slow, texts_are_cut_between_characters_and_escaped) {
  static const struct {
    const char *sql, *text;
    uint32_t bytes;
  } cases[] = {
      {"select '\xc3\xa9\xc3\xa9\xc3\xa9'", "\"select '\xc3\xa9\xc3\xa9...\"", 13},
      {"select '\xc3\xa9\xc3\xa9\xc3\xa9'", "\"select '\xc3\xa9\xc3\xa9...\"", 12},
      {"select '\xf0\x9f\x90\x98'", "\"select '...\"", 11},
      {"select '\xf0\x9f\x90\x98'", "\"select '\xf0\x9f\x90\x98'\"", 100},
      {"select '\n\t\r\"\\\x01\x1b[2J\x7f'", "\"select '\\n\\t\\r\\\"\\\\\\u0001\\u001b[2J\\u007f'\"", 100},
      {"select '\xc2\x85 \xc2\x9b \xc2\xa0'", "\"select '\\u0085 \\u009b \xc2\xa0'\"", 100},
      {"analyze", "analyze", 100},
      {"analyze", "\"ana...\"", 3},
  };
  char expected[200];

  for (size_t i = 0; i < COUNT(cases); i++) {
    dsql_future *f;
    open_with(1, 0, cases[i].bytes);
    f = dsql_query(c, cases[i].sql, DSQL_NO_PARAMS, NULL);
    peer_turn_ms(&p, 3);
    dsql_future_destroy(f);
    (void)snprintf(expected, sizeof expected, " db.query.text=%s ", cases[i].text);
    cr_assert_eq(spy.line_count, 1);
    cr_expect(has(spy.lines[0], expected), "%s, not %s", spy.lines[0], expected);
    close_all();
  }
}

/* The library refuses such a text, but nobody has looked at the name of the database. */
Test(slow, bytes_that_are_no_text) {
  dsql_future *f;

  peer_open(&p, "dbname=a\xff\xc3");
  spy_init(&spy);
  spy.hooks.slow_query_ms = 1;
  spy_on(&spy, p.x.rt);
  c = peer_connect(&p);
  f = dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL);
  peer_turn_ms(&p, 3);
  dsql_future_destroy(f);
  cr_assert_eq(spy.line_count, 1);
  cr_assert(has(spy.lines[0], " db.namespace=\"a\\ufffd\\ufffd\" "), "%s", spy.lines[0]);
  close_all();
}

static void storm(unsigned n) {
  dsql_future *f[32];

  for (unsigned i = 0; i < n; i++) f[i] = dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL);
  peer_turn_ms(&p, 3);
  for (unsigned i = 0; i < n; i++) dsql_future_destroy(f[i]);
}

Test(slow, a_storm_is_counted_and_told) {
  dsql_observe_stats stats;

  open_with(1, 3, 0);
  storm(20);
  cr_assert_eq(spy.line_count, 3);
  peer_turn_ms(&p, 1100);
  cr_assert_eq(spy.line_count, 4);
  cr_assert_str_eq(spy.lines[3], "level=warn msg=\"slow queries were not logged\" count=17 slow_lines_per_s=3");
  storm(2);
  cr_assert_eq(spy.line_count, 6, "another second");
  dsql_observe_stats_get(p.x.rt, &stats, sizeof stats);
  cr_assert(stats.slow == 22 && stats.slow_suppressed == 17);
  close_all();
  cr_assert_eq(spy.line_count, 6);
}

Test(slow, what_was_not_logged_is_told_at_the_end) {
  open_with(1, 3, 0);
  storm(5);
  cr_assert_eq(spy.line_count, 3);
  close_all();
  cr_assert_eq(spy.line_count, 4);
  cr_assert(has(spy.lines[3], "count=2"), "%s", spy.lines[3]);
}

/* Without memory for a line it counts as not logged, and is told later. */
Test(slow, each_allocation_failing_in_turn) {
  bool fired = true;

  for (size_t n = 1; fired; n++) {
    dsql_observe_stats stats;
    dsql_future *f;
    open_with(1, 0, 0);
    f = dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL);
    peer_turn_ms(&p, 3);
    test_alloc_arm(&p.x.heap, n, false);
    dsql_future_destroy(f);
    fired = test_alloc_fired(&p.x.heap);
    test_alloc_arm(&p.x.heap, 0, false);
    dsql_observe_stats_get(p.x.rt, &stats, sizeof stats);
    cr_assert_eq(stats.slow, 1);
    cr_assert_eq(stats.slow_suppressed + spy.line_count, 1);
    close_all();
    cr_assert_eq(spy.line_count, 1);
  }
}
