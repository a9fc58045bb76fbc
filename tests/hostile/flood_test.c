/* Both socket buffers full, and consumers that pause: no deadlock, memory stays bounded. */
#include <stdio.h>
#include <stdlib.h>

#include "client.h"
#include "fake_server.h"

/* Freed memory must go back at once, or the address sanitizer's quarantine is what is measured. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "quarantine_size_mb=0:thread_local_quarantine_size_kb=0"; }

enum { QUERIES = 10000, ROW = 64 * 1024, PADDING = 900, RSS_MAX_KB = 64 * 1024 };

static struct client x;
static struct fake_server *server;
static const struct fake_step script[] = {FAKE_TRUSTED, FAKE_FN(fake_serve)};

static void open_all(void) {
  client_open(&x);
  server = fake_start(FAKE_TCP);
  fake_plan_set(server, &(struct fake_plan){.steps = script, .row_len = ROW});
}

static void close_all(void) {
  client_close(&x);
  fake_stop(server);
}

TestSuite(flood, .init = open_all, .fini = close_all, .timeout = 100);

static long memory_kb(const char *field) {
  char line[256];
  long kb = -1;
  FILE *file = fopen("/proc/self/status", "r");
  cr_assert_not_null(file);
  while (fgets(line, sizeof line, file))
    if (strncmp(line, field, strlen(field)) == 0) kb = strtol(line + strlen(field) + 1, NULL, 10);
  (void)fclose(file);
  cr_assert_gt(kb, 0);
  return kb;
}

/* From here on VmHWM is the peak since now. */
static long begin_peak(void) {
  FILE *file = fopen("/proc/self/clear_refs", "w");
  cr_assert(file && fputs("5", file) >= 0 && fclose(file) == 0);
  return memory_kb("VmRSS");
}

static void check_peak(long idle_kb, const char *what) {
  long peak_kb = memory_kb("VmHWM");
  cr_log_info(
      "%s: %d queries of %d bytes each, the server's buffer was full %u times; peak RSS %ld KiB above idle, hook "
      "peak %zu KiB",
      what, QUERIES, ROW, fake_counts(server).blocked, peak_kb - idle_kb, x.heap.peak_bytes / 1024);
#ifndef __SANITIZE_THREAD__ /* its shadow is several times as large */
  cr_assert_leq(peak_kb - idle_kb, RSS_MAX_KB);
#endif
  cr_assert_gt(fake_counts(server).blocked, 100, "the buffers were never full: this proves nothing");
}

/* Long enough that the requests fill the client's buffer, too. */
static const char *padded_sql(void) {
  static char sql[PADDING + 64];
  (void)snprintf(sql, sizeof sql, "select x -- %0*d", PADDING, 0);
  return sql;
}

struct tally {
  size_t rows, bytes, done;
};

static int on_row(const dsql_result *row, void *arg) {
  struct tally *t = arg;
  dsql_str text;
  cr_assert_eq(dsql_get_text(row, 0, 0, &text), 0);
  t->rows++;
  t->bytes += text.len;
  return 0;
}

static void on_done(dsql_future *f, void *arg) {
  struct tally *t = arg;
  const dsql_result *r;
  cr_assert_eq(dsql_future_code(f), 0, "%s", client_error_text(f));
  cr_assert_eq(dsql_future_result(f, &r), 0);
  if (dsql_result_rows(r)) (void)on_row(r, t);
  t->done++;
  dsql_future_destroy(f);
}

static void flood(bool each, const char *what) {
  dsql_conn *c;
  struct tally t = {0};
  long idle_kb;

  fake_shrink_buffers(server);
  c = client_connect(&x, "%s", fake_conninfo(server));
  idle_kb = begin_peak();
  for (int i = 0; i < QUERIES; i++) {
    dsql_future *f = each ? dsql_query_each(c, padded_sql(), DSQL_NO_PARAMS, on_row, &t, NULL)
                          : dsql_query(c, padded_sql(), DSQL_NO_PARAMS, NULL);
    cr_assert_eq(dsql_future_on_ready(f, on_done, &t), 0);
  }
  while (t.done < QUERIES) client_turn(&x);
  cr_assert_eq(t.rows, QUERIES);
  cr_assert_eq(t.bytes, (size_t)QUERIES * ROW);
  check_peak(idle_kb, what);
  dsql_conn_close(c);
}

Test(flood, ten_thousand_pipelined_queries_streamed) { flood(true, "query_each"); }
Test(flood, ten_thousand_pipelined_queries_destroyed_in_their_callbacks) { flood(false, "query + destroy"); }

/* ---- a paused consumer ---- */

struct pausing {
  size_t rows;
  bool paused;
};

static int pause_always(const dsql_result *row, void *arg) {
  struct pausing *p = arg;
  dsql_str text;
  cr_assert_eq(dsql_get_text(row, 0, 0, &text), 0);
  cr_assert_eq(text.len, ROW);
  cr_assert_not(p->paused, "a row came while paused");
  p->paused = true;
  p->rows++;
  return DSQL_ROW_PAUSE;
}

/* Nobody reads: the server runs full. Some more turns then show that nothing comes in any more. */
static void turn_until_blocked(void) {
  while (!fake_counts(server).blocking) (void)uv_run(&x.loop, UV_RUN_NOWAIT);
  for (int i = 0; i < 100; i++) (void)uv_run(&x.loop, UV_RUN_NOWAIT);
}

Test(flood, a_paused_consumer_with_1000_queries_behind_it) {
  enum { BEHIND = 1000, ROWS = 5 };
  struct pausing p = {0};
  struct tally t = {0};
  dsql_conn *c;
  dsql_future *first;
  size_t idle;

  fake_plan_set(server, &(struct fake_plan){.steps = script, .row_len = ROW, .rows = ROWS});
  c = client_connect(&x, "%s", fake_conninfo(server));
  first = dsql_query_each(c, "select x", DSQL_NO_PARAMS, pause_always, &p, NULL);
  for (int i = 0; i < BEHIND; i++) {
    dsql_future *f = dsql_query_each(c, "select x", DSQL_NO_PARAMS, on_row, &t, NULL);
    cr_assert_eq(dsql_future_on_ready(f, on_done, &t), 0);
  }
  idle = x.heap.live_bytes;
  while (!p.paused) client_turn(&x);
  turn_until_blocked();
  cr_log_info("paused: %zu KiB live, %zu KiB before; peak %zu KiB", x.heap.live_bytes / 1024, idle / 1024,
              x.heap.peak_bytes / 1024);
  cr_assert_leq(x.heap.peak_bytes, idle + 2 * 1024 * 1024);
  cr_assert_eq(t.done, 0);
  while (!dsql_future_ready(first)) {
    if (p.paused) {
      p.paused = false;
      dsql_resume(first);
    }
    client_turn(&x);
  }
  cr_assert_eq(dsql_future_code(first), 0, "%s", client_error_text(first));
  cr_assert_eq(p.rows, ROWS);
  dsql_future_destroy(first);
  while (t.done < BEHIND) client_turn(&x);
  cr_assert_eq(t.rows, BEHIND * ROWS);
  cr_assert_leq(x.heap.peak_bytes, idle + 2 * 1024 * 1024);
  dsql_conn_close(c);
}

/* Closing, canceling and destroying while paused. */
Test(flood, a_paused_consumer_goes_away) {
  for (int way = 0; way < 4; way++) {
    struct pausing p = {0};
    dsql_conn *c = client_connect(&x, "%s", fake_conninfo(server));
    dsql_future *f = dsql_query_each(c, "select x", DSQL_NO_PARAMS, pause_always, &p, NULL), *behind;
    behind = dsql_query(c, "select x", DSQL_NO_PARAMS, NULL);
    while (!p.paused) client_turn(&x);
    if (way == 0) dsql_conn_close(c);
    if (way == 1) dsql_future_cancel(f);
    if (way == 2) dsql_future_destroy(f);
    if (way == 3) dsql_future_cancel(behind);
    if (way == 0) cr_assert_eq(dsql_future_code(f), DSQL_ECLOSED, "%s", client_error_text(f));
    if (way == 1) cr_assert_eq(dsql_future_code(f), DSQL_ECANCELED, "%s", client_error_text(f));
    if (way == 3) {
      cr_assert_eq(dsql_future_code(behind), DSQL_ECANCELED);
      dsql_resume(f);
      cr_assert_eq(dsql_future_run(f), 0, "%s", client_error_text(f));
    }
    if (way == 1 || way == 2) cr_assert_eq(dsql_future_run(behind), 0, "way %d: %s", way, client_error_text(behind));
    if (way == 1 || way == 2) cr_assert_eq(dsql_conn_status(c), DSQL_CONN_READY);
    if (way != 2) dsql_future_destroy(f);
    dsql_future_destroy(behind);
    if (way != 0) dsql_conn_close(c);
  }
}
