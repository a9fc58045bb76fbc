/* 10,000 pipelined queries, each returning 64 KiB, from a real server: no deadlock, bounded memory. */
#include <stdio.h>
#include <stdlib.h>

#include "client.h"

/* Freed memory must go back at once, or the address sanitizer's quarantine is what is measured. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "quarantine_size_mb=0:thread_local_quarantine_size_kb=0"; }

enum { QUERIES = 10000, ROW = 64 * 1024, RSS_MAX_KB = 64 * 1024 };

static struct client x;

static void open_all(void) { client_open(&x); }
static void close_all(void) { client_close(&x); }

TestSuite(flood, .init = open_all, .fini = close_all, .timeout = 100);

static long memory_kb(const char *field) {
  char line[256];
  long kb = -1;
  FILE *file = fopen("/proc/self/status", "r");
  cr_assert_not_null(file);
  while (fgets(line, sizeof line, file))
    if (strncmp(line, field, strlen(field)) == 0) kb = strtol(line + strlen(field) + 1, NULL, 10);
  (void)fclose(file);
  return kb;
}

struct tally {
  size_t bytes, done;
};

static int on_row(const dsql_result *row, void *arg) {
  dsql_str text;
  cr_assert_eq(dsql_get_text(row, 0, 0, &text), 0);
  ((struct tally *)arg)->bytes += text.len;
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
  dsql_conn *c = client_connect(&x, "%s", server_conninfo(server_default()));
  struct tally t = {0};
  FILE *refs = fopen("/proc/self/clear_refs", "w");
  long idle_kb, peak_kb;

  cr_assert(refs && fputs("5", refs) >= 0 && fclose(refs) == 0);
  idle_kb = memory_kb("VmRSS");
  for (int i = 0; i < QUERIES; i++) {
    static const char sql[] = "select repeat('x', 65536)";
    dsql_future *f =
        each ? dsql_query_each(c, sql, DSQL_NO_PARAMS, on_row, &t, NULL) : dsql_query(c, sql, DSQL_NO_PARAMS, NULL);
    cr_assert_eq(dsql_future_on_ready(f, on_done, &t), 0);
  }
  while (t.done < QUERIES) client_turn(&x);
  cr_assert_eq(t.bytes, (size_t)QUERIES * ROW);
  peak_kb = memory_kb("VmHWM");
  cr_log_info("%s: peak RSS %ld KiB above idle", what, peak_kb - idle_kb);
#ifndef __SANITIZE_THREAD__ /* its shadow is several times as large */
  cr_assert_leq(peak_kb - idle_kb, RSS_MAX_KB);
#endif
  dsql_conn_close(c);
}

Test(flood, ten_thousand_pipelined_queries_streamed) { flood(true, "query_each"); }
Test(flood, ten_thousand_pipelined_queries_destroyed_in_their_callbacks) { flood(false, "query + destroy"); }
