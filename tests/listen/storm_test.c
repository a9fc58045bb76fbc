/* 100,000 notifications while the server is restarted twice under them: within a session each comes once and in order,
 * none is left out; what is missing, is missing where a gap was announced, and was sent before it was. */
#include <stdio.h>
#include <stdlib.h>

#include "heard.h"

enum { TOTAL = 100000, BATCH = 2000, RESTARTS = 2 };

static struct client x;
static dsql_target *target;
static dsql_listener *l;
static char dir[512];

/* What was sent, and what was heard of it. Numbers begin with 1. */
static long begun, heard_last, received, left_out, outside_of_gaps, fresh_from;
static unsigned sessions, gaps, losses;
static bool first_of_session;

static void pg(const char *arguments, bool wait) {
  char command[1400];
  (void)snprintf(command, sizeof command, "%s/scripts/pg %s >/dev/null 2>&1 %s", getenv("DSQL_SOURCE_DIR"), arguments,
                 wait ? "" : "&");
  cr_assert_eq(system(command), 0, "%s", command);
}

static void pg_at(const char *verb, bool wait) {
  char arguments[700];
  (void)snprintf(arguments, sizeof arguments, "%s '%s'", verb, dir);
  pg(arguments, wait);
}

static void on_number(long n) {
  if (n <= heard_last) outside_of_gaps++; /* twice, or out of order */
  if (n != heard_last + 1) {
    left_out += n - heard_last - 1;
    if (!first_of_session || n > fresh_from) outside_of_gaps++;
  }
  first_of_session = false;
  heard_last = n;
  received++;
}

static void on_event(dsql_listener *at, const dsql_listen_event *event, void *arg) {
  char text[16];
  (void)at;
  (void)arg;
  switch (event->what) {
    case DSQL_LISTEN_STARTED:
    case DSQL_LISTEN_GAP:
      sessions++;
      gaps += event->what == DSQL_LISTEN_GAP;
      first_of_session = true;
      fresh_from = begun + 1;
      break;
    case DSQL_LISTEN_NOTIFY:
      (void)snprintf(text, sizeof text, "%.*s", (int)event->payload.len, event->payload.ptr);
      on_number(strtol(text, NULL, 10));
      break;
    case DSQL_LISTEN_LOST: losses++; break;
    case DSQL_LISTEN_ENDED: cr_assert(false, "%.*s", (int)event->error->message.len, event->error->message.ptr);
  }
}

static dsql_conn *connect_somehow(void) {
  for (int i = 0; i < 500; i++) {
    dsql_conn *c = NULL;
    cr_assert_eq(dsql_conn_open(&c, x.rt, target), 0);
    if (client_settle(dsql_conn_ready(c)) == 0) return c;
    dsql_conn_close(c);
    uv_sleep(10);
  }
  cr_assert(false, "the server does not come back");
  return NULL;
}

static dsql_conn *send_batch(dsql_conn *c) {
  long from = begun + 1;
  dsql_future *f =
      dsql_query(c, "select count(pg_notify('storm', i::text)) from generate_series($1::bigint, $2::bigint) i",
                 DSQL_PARAMS(dsql_int8(from), dsql_int8(from + BATCH - 1)), NULL);
  begun += BATCH;
  if (client_settle(f) == 0) return c;
  dsql_conn_close(c);
  return connect_somehow();
}

static void find_server(void) {
  struct server s;
  char arguments[700];

  (void)snprintf(dir, sizeof dir, "%s/pg/storm", getenv("DSQL_BUILD_DIR"));
  (void)snprintf(arguments, sizeof arguments, "start 18 '%s'", dir);
  pg(arguments, true);
  cr_assert(server_find("storm", &s));
  target = client_target(&x, "%s", server_conninfo(&s));
}

Test(storm, a_hundred_thousand_over_two_restarts, .timeout = 100) {
  dsql_conn *c;
  dsql_listen_options o;
  unsigned restarts = 0;

  client_open(&x);
  find_server();
  dsql_listen_options_init(&o);
  o.backoff_ms = 20;
  cr_assert_eq(dsql_listen(&l, x.rt, target, "storm", on_event, NULL, &o, NULL), 0);
  while (!sessions) client_turn(&x);
  c = connect_somehow();
  while (begun < TOTAL) {
    if (restarts < RESTARTS && begun >= (long)(restarts + 1) * TOTAL / 3) {
      unsigned before = losses;
      pg_at("restart", false);
      restarts++;
      while (losses == before && begun < TOTAL) c = send_batch(c); /* under load */
      while (sessions <= restarts) client_turn(&x);
      dsql_conn_close(c); /* it may be one to the server that was: what it loses now is behind the gap */
      c = connect_somehow();
    }
    c = send_batch(c);
  }
  while (heard_last < begun) client_turn(&x); /* a slow restart takes a batch more */
  cr_log_info("%ld received, %ld left out at %u gaps", received, left_out, gaps);
  cr_assert_eq(gaps, RESTARTS);
  cr_assert_eq(outside_of_gaps, 0);
  cr_assert_eq(received + left_out, begun);
  cr_assert_gt(received, TOTAL / 2);
  dsql_conn_close(c);
  dsql_listener_close(l);
  dsql_target_free(target);
  client_close(&x);
  pg_at("stop", true);
}
