/* What happens to calls, and to the connection, when the start-up takes a turn. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

static struct peer p;
static dsql_conn *c;

static void open_all(void) { peer_open(&p, "password=secret"); }
static void close_all(void) { peer_close(&p); }

TestSuite(connecting, .init = open_all, .fini = close_all);

static dsql_future *query(const char *sql) { return dsql_query(c, sql, DSQL_NO_PARAMS, NULL); }

static void two_hosts(void) {
  char host[256];
  (void)snprintf(host, sizeof host, "%.*s", (int)strcspn(p.conninfo, " "), p.conninfo);
  (void)snprintf(p.conninfo, sizeof p.conninfo,
                 "%s,%s port=5432,5432 user=u dbname=d password=secret "
                 "statement_cache_size=256",
                 host, strchr(host, '=') + 1);
}

static bool somebody_connects(void) {
  int fd = accept(p.listener, NULL, NULL);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

/* As far as the password, with a query riding along. */
static dsql_future *ride(const char *sql) {
  dsql_future *f;
  c = peer_dial(&p);
  f = query(sql);
  peer_accept(&p, &p.main);
  cr_assert_not(peer_startup(&p, &p.main));
  peer_send(&p, "R3");
  peer_expect(&p, "pPBDES");
  return f;
}

Test(connecting, a_connection_lost_in_doubt_stays_lost) {
  dsql_future *f, *ready;

  two_hosts();
  p.config.connect_timeout_ms = 200;
  f = ride("insert 1");
  ready = dsql_conn_ready(c);
  peer_drop(&p.main);
  peer_fails(&p, f, DSQL_EIO, DSQL_IN_DOUBT | DSQL_CONN_LOST | DSQL_CLIENT_SIDE);
  peer_fails(&p, ready, DSQL_EIO, DSQL_CONN_LOST | DSQL_CLIENT_SIDE);
  peer_turn_ms(&p, 300);
  cr_assert_not(somebody_connects(), "the next host was tried for a connection that had failed");
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_FAILED);
  dsql_conn_close(c);
}

Test(connecting, a_slow_start_is_no_slow_cancel) {
  dsql_future *f;

  p.config.drain_timeout_ms = 50;
  f = ride("insert 1");
  dsql_future_destroy(f);
  peer_turn_ms(&p, 120);
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_CONNECTING);
  f = query("select 1");
  peer_send(&p, "R0 K Z:I");
  peer_accept(&p, &p.cancel);
  cr_assert(peer_startup(&p, &p.cancel), "the CancelRequest waits for the key");
  peer_expect_nothing(&p);
  peer_drop(&p.cancel);
  peer_send(&p, "1 2 n C:INSERT_0_1 Z:I");
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, f);
  dsql_conn_close(c);
}

Test(connecting, a_cancel_is_forgotten_with_the_attempt_that_it_was_for) {
  dsql_call o;
  dsql_future *f, *ready;

  two_hosts();
  p.config.drain_timeout_ms = 50;
  dsql_call_init(&o);
  f = ride("insert 1");
  ready = dsql_conn_ready(c);
  dsql_future_destroy(f);
  peer_drop(&p.main);
  peer_accept(&p, &p.main);
  cr_assert_not(peer_startup(&p, &p.main));
  peer_send(&p, "R0 K Z:I");
  peer_succeeds(&p, ready);
  peer_turn_ms(&p, 120);
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_READY);
  f = query("select 1");
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, f);
  dsql_conn_close(c);
}

/* A prepared statement whose Parse went to a host that did not take us is parsed by the next one. */
Test(connecting, what_rode_along_moves_to_the_next_host_as_it_is) {
  dsql_call o;
  dsql_stmt *s;
  dsql_future *f, *g;

  two_hosts();
  dsql_call_init(&o);
  o.read_only = true;
  c = peer_dial(&p);
  cr_assert_eq(dsql_stmt_new(&s, p.x.rt, "select 1", NULL, 0), 0);
  f = dsql_query_stmt(c, s, DSQL_NO_PARAMS, &o);
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  g = dsql_query(c, "select 2", DSQL_NO_PARAMS, &o);
  cr_assert_eq(dsql_pipeline_end(c), 0);
  for (int host = 0; host < 2; host++) {
    peer_accept(&p, &p.main);
    cr_assert_not(peer_startup(&p, &p.main));
    peer_send(&p, "R3");
    peer_expect(&p, "pPDBESPBDES");
    if (host == 0) peer_send(&p, "F:57P03");
    if (host == 0) peer_drop(&p.main);
  }
  peer_send(&p, "R0 K Z:I 1 t: T:a 2 D:1 C:SELECT_1 Z:I 1 2 T:a D:2 C:SELECT_1 Z:I");
  peer_succeeds(&p, f);
  peer_succeeds(&p, g);
  f = dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL);
  peer_expect(&p, "BES");
  peer_send(&p, "2 D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, f);
  dsql_stmt_free(s);
  dsql_conn_close(c);
}

/* Hosts that fail at once, in numbers: one after the other, without recursion. */
Test(connecting, many_hosts_fail_one_after_the_other) {
  enum { HOSTS = 2000 };
  char *target = malloc(HOSTS * 8 + 100);
  dsql_future *f;

  cr_assert_not_null(target);
  (void)snprintf(target, 100, "user=u dbname=d port=5432 host=");
  for (int i = 0; i < HOSTS; i++) (void)snprintf(target + strlen(target), 8, "%s@n%d", i ? "," : "", i % 100);
  p.config.target = target;
  c = peer_dial(&p);
  f = query("select 1");
  cr_assert_eq(peer_settle(&p, f), DSQL_EIO, "%s", client_error_text(f));
  dsql_future_destroy(f);
  dsql_conn_close(c);
  free(target);
}

Test(connecting, timeouts_of_calls_run_from_the_call) {
  dsql_call o;
  dsql_future *queued, *riding;

  dsql_call_init(&o);
  o.timeout_ms = 40;
  c = peer_dial(&p);
  queued = dsql_query(c, "insert", DSQL_NO_PARAMS, &o);
  peer_accept(&p, &p.main);
  cr_assert_not(peer_startup(&p, &p.main));
  peer_fails(&p, queued, DSQL_ETIMEDOUT, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  riding = dsql_query(c, "insert", DSQL_NO_PARAMS, &o);
  peer_send(&p, "R3");
  peer_expect(&p, "pPBDES");
  peer_fails(&p, riding, DSQL_ETIMEDOUT, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE);
  dsql_conn_close(c);
}

/* What a callback does before it calls is not part of the call's time: the loop's clock stands still meanwhile. */
static dsql_future *begun;

static void begin_late(void) {
  dsql_call o;

  (void)poll(NULL, 0, 150);
  dsql_call_init(&o);
  o.timeout_ms = 100;
  begun = dsql_query(c, "select 1", DSQL_NO_PARAMS, &o);
}

static void begin_late_when_ready(dsql_future *f, void *arg) {
  (void)arg;
  dsql_future_destroy(f);
  begin_late();
}

static int begin_late_at_row(const dsql_result *row, void *arg) {
  (void)row;
  (void)arg;
  begin_late();
  return 0;
}

Test(connecting, timeouts_of_calls_run_from_the_call_in_a_callback_too) {
  for (int at_row = 0; at_row < 2; at_row++) {
    dsql_future *f;

    c = peer_connect(&p);
    f = at_row ? dsql_query_each(c, "select 1", DSQL_NO_PARAMS, begin_late_at_row, NULL, NULL) : query("select 1");
    if (!at_row) cr_assert_eq(dsql_future_on_ready(f, begin_late_when_ready, NULL), 0);
    peer_expect(&p, "PBDES");
    peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
    if (at_row) peer_succeeds(&p, f);
    peer_expect(&p, "PBDES");
    peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
    peer_succeeds(&p, begun);
    dsql_conn_close(c);
  }
}

static void dial_late(dsql_future *f, void *arg) {
  (void)arg;
  dsql_future_destroy(f);
  (void)poll(NULL, 0, 300);
  c = peer_dial(&p);
  begun = dsql_conn_ready(c);
}

Test(connecting, so_does_the_connect_timeout) {
  dsql_conn *first = peer_connect(&p);
  dsql_future *ready = dsql_conn_ready(first);

  p.config.connect_timeout_ms = 200;
  cr_assert_eq(dsql_future_on_ready(ready, dial_late, NULL), 0);
  (void)uv_run(&p.x.loop, UV_RUN_NOWAIT);
  peer_accept(&p, &p.main);
  cr_assert_not(peer_startup(&p, &p.main));
  peer_send(&p, "R0 K Z:I");
  peer_succeeds(&p, begun);
  dsql_conn_close(c);
  dsql_conn_close(first);
}

/* Closed at each step, by its owner or with the runtime. */
Test(connecting, closing_tells_what_may_have_happened) {
  static const struct {
    bool sent, read_only;
    unsigned flags;
  } cases[] = {{false, false, DSQL_NOT_SENT}, {true, false, DSQL_IN_DOUBT}, {true, true, 0}};

  for (size_t i = 0; i < COUNT(cases); i++) {
    dsql_call o;
    dsql_future *f, *ready;
    dsql_call_init(&o);
    o.read_only = cases[i].read_only;
    c = peer_dial(&p);
    ready = dsql_conn_ready(c);
    f = dsql_query(c, "insert", DSQL_NO_PARAMS, &o);
    peer_accept(&p, &p.main);
    cr_assert_not(peer_startup(&p, &p.main));
    if (cases[i].sent) {
      peer_send(&p, "R3");
      peer_expect(&p, "pPBDES");
    }
    dsql_conn_close(c);
    cr_assert_eq(dsql_future_code(f), DSQL_ECLOSED);
    cr_assert_eq(dsql_future_error(f)->flags & ~(unsigned)DSQL_CONN_LOST, cases[i].flags | DSQL_CLIENT_SIDE, "%zu: %s",
                 i, client_error_text(f));
    dsql_future_destroy(f);
    cr_assert_eq(dsql_future_code(ready), DSQL_ECLOSED);
    dsql_future_destroy(ready);
  }
}
