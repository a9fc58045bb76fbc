/* A peer that resets the connection wherever it likes, with SIGPIPE at its default: a signal would end the test. */
#include <errno.h>
#include <signal.h>

#include "sweep.h"

static void default_sigpipe(void) { cr_assert(signal(SIGPIPE, SIG_DFL) != SIG_ERR); }

static void still_default(void) {
  struct sigaction now;
  cr_assert_eq(sigaction(SIGPIPE, NULL, &now), 0);
  cr_assert_eq(now.sa_handler, SIG_DFL, "the library touched the process's signals");
}

TestSuite(reset, .init = default_sigpipe, .fini = still_default);

/* What was sent before the reset may or may not have been read by then. */
static void check(size_t at, const struct sweep_outcome *o, size_t total) {
  static const int good[] = {0, DSQL_ESERVER, 0};
  cr_assert(o->ready == 0 || o->ready == DSQL_EIO, "reset at %zu: ready is %s", at, dsql_error_name(o->ready));
  for (int i = 0; i < 3; i++) {
    int code = o->code[i];
    bool over = i == 2 && code == DSQL_ECLOSED;
    cr_assert(code == good[i] || code == DSQL_EIO || over, "reset at %zu: query %d is %s", at, i,
              dsql_error_name(code));
    if (code != DSQL_EIO) continue;
    cr_assert(o->flags[i] & DSQL_CONN_LOST);
    cr_assert(o->os_error[i] == ECONNRESET || o->os_error[i] == EPIPE, "reset at %zu: errno %d", at, o->os_error[i]);
  }
  if (at < total) cr_assert_neq(o->code[2], 0, "reset at %zu: the last query can't have been answered", at);
}

Test(reset, at_every_byte_that_the_client_writes) {
  struct sweep s;
  size_t total, cases = 0, lost = 0, closed = 0;

  sweep_open(&s, FAKE_TCP);
  total = fake_counts(s.server).received - 5; /* without Terminate */
  for (size_t at = 0; at <= total; at++, cases++) {
    struct sweep_outcome o =
        sweep_run(&s, &(struct fake_plan){.steps = sweep_script, .has_reset = true, .reset_at = at});
    check(at, &o, total);
    lost += o.code[2] == DSQL_EIO;
    closed += o.code[2] == DSQL_ECLOSED;
  }
  cr_log_info("%zu resets; the last query: %zu times DSQL_EIO, %zu times DSQL_ECLOSED", cases, lost, closed);
  cr_assert_eq(cases, total + 1);
  cr_assert_geq(lost + closed, total);
  cr_assert_eq(fake_counts(s.server).resets, cases);
  sweep_close(&s);
}

/* ---- the write itself fails: the peer is gone before the client could read so ---- */

/* One query is answered; then the test says when. */
static bool wait_for_go(struct fake_conn *c) {
  uv_sem_wait(fake_arg(c));
  return true;
}

static const struct fake_step one_query_then_reset[] = {FAKE_TRUSTED,
                                                        FAKE_A('S'),
                                                        FAKE_INT4_COLUMN,
                                                        FAKE_M('D', "\0\1"
                                                                    "\0\0\0\2"
                                                                    "42"),
                                                        FAKE_SELECTED,
                                                        FAKE_FN(fake_flush),
                                                        FAKE_FN(wait_for_go),
                                                        FAKE_DO(FAKE_RESET)};

struct late {
  struct client x;
  struct fake_server *server;
  uv_sem_t go;
  dsql_conn *conn;
};

/* A connection whose peer has gone, which it can't have noticed: the loop has not turned since. */
static void late_open(struct late *l, enum fake_transport transport) {
  client_open(&l->x);
  cr_assert_eq(uv_sem_init(&l->go, 0), 0);
  l->server = fake_start(transport);
  fake_plan_set(l->server, &(struct fake_plan){.steps = one_query_then_reset, .arg = &l->go});
  l->conn = client_connect(&l->x, "%s", fake_conninfo(l->server));
  cr_assert_str_eq(client_value(l->conn, "select 42"), "42");
  uv_sem_post(&l->go);
  fake_wait_reset(l->server, 0);
}

static void late_close(struct late *l) {
  client_close(&l->x);
  fake_stop(l->server);
  uv_sem_destroy(&l->go);
}

static void check_late_write(enum fake_transport transport, int os_error) {
  struct late l;
  dsql_future *f;

  late_open(&l, transport);
  f = dsql_query(l.conn, "select 2", DSQL_NO_PARAMS, NULL);
  cr_assert_eq(dsql_future_run(f), DSQL_EIO, "%s", client_error_text(f));
  cr_assert_eq(dsql_future_error(f)->os_error, os_error, "errno %d", dsql_future_error(f)->os_error);
  cr_assert_eq(dsql_future_error(f)->flags, DSQL_CONN_LOST | DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "%s",
               client_error_text(f));
  dsql_future_destroy(f);
  dsql_conn_close(l.conn);
  late_close(&l);
}

Test(reset, a_write_to_a_reset_tcp_peer) { check_late_write(FAKE_TCP, ECONNRESET); }
Test(reset, a_write_to_a_closed_unix_peer) { check_late_write(FAKE_UNIX, EPIPE); }

/* dsql_conn_close() sends Terminate: to nobody. */
Test(reset, terminate_to_a_peer_that_is_gone) {
  const enum fake_transport transports[] = {FAKE_TCP, FAKE_UNIX};
  for (size_t i = 0; i < COUNT(transports); i++) {
    struct late l;
    late_open(&l, transports[i]);
    dsql_conn_close(l.conn);
    late_close(&l);
  }
}
