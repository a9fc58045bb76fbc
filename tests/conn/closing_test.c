/* The ends of connections, cancels and runtimes, in any order. */
#include <sys/socket.h>
#include <unistd.h>

#include <dsql/listen.h>
#include <dsql/portal.h>

#include "peer.h"

static struct peer p;
static dsql_conn *c;

static void open_all(void) { peer_open(&p, ""); }
static void close_all(void) { peer_close(&p); }

TestSuite(closing, .init = open_all, .fini = close_all);

static dsql_future *query(const char *sql) { return dsql_query(c, sql, DSQL_NO_PARAMS, NULL); }

Test(closing, a_cancel_arrives_although_the_connection_is_closed_right_behind_it) {
  dsql_future *f;

  c = peer_connect(&p);
  f = query("select pg_sleep(100)");
  peer_expect(&p, "PBDES");
  dsql_future_cancel(f);
  dsql_conn_close(c);
  cr_assert_eq(dsql_future_code(f), DSQL_ECANCELED);
  dsql_future_destroy(f);
  peer_accept(&p, &p.cancel);
  cr_assert(peer_startup(&p, &p.cancel));
  peer_expect(&p, "X");
}

static unsigned called;
static void close_it(dsql_future *f, void *arg) {
  dsql_future *more;
  (void)arg;
  called++;
  cr_assert_eq(dsql_future_code(f), DSQL_ECANCELED);
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_FAILED);
  cr_assert_eq(dsql_conn_error(c)->code, DSQL_ECANCELED);
  cr_assert(!dsql_conn_tls(c) && dsql_conn_backend_pid(c) == 0);
  more = query("select 2");
  cr_assert_eq(dsql_future_code(more), DSQL_ECLOSED);
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  cr_assert_eq(dsql_pipeline_end(c), 0);
  dsql_conn_close(c);
}

Test(closing, a_connection_is_still_there_behind_the_end_of_its_runtime) {
  dsql_future *f;

  c = peer_connect(&p);
  f = query("select 1");
  cr_assert_eq(dsql_future_on_ready(f, close_it, NULL), 0);
  client_begin_close(&p.x);
  p.x.rt = NULL;
  (void)uv_run(&p.x.loop, UV_RUN_DEFAULT);
  cr_assert_eq(called, 1);
}

Test(closing, one_that_is_never_closed_goes_with_the_runtime) {
  dsql_future *f;
  c = peer_connect(&p);
  f = query("commit");
  peer_expect(&p, "PBDES");
  client_begin_close(&p.x);
  p.x.rt = NULL;
  peer_turn(&p);
  cr_assert_not_null(f);
}

Test(closing, a_commit_in_flight_is_in_doubt) {
  for (int by_runtime = 0; by_runtime < 2; by_runtime++) {
    int code = by_runtime ? DSQL_ECANCELED : DSQL_ECLOSED;
    dsql_future *f, *queued;
    const dsql_error *e;
    c = peer_connect(&p);
    f = query("commit");
    peer_expect(&p, "PBDES");
    dsql_future_cancel(f); /* waits */
    queued = query("select 1");
    if (by_runtime) {
      client_begin_close(&p.x);
      p.x.rt = NULL;
      (void)uv_run(&p.x.loop, UV_RUN_NOWAIT);
    } else {
      dsql_conn_close(c);
    }
    e = dsql_future_error(f);
    cr_assert_eq(e->code, code);
    cr_assert_eq(e->flags, DSQL_IN_DOUBT | DSQL_CONN_LOST | DSQL_CLIENT_SIDE, "%s", client_error_text(f));
    e = dsql_future_error(queued);
    cr_assert_eq(e->code, code);
    cr_assert(e->flags & DSQL_NOT_SENT || by_runtime, "%s", client_error_text(queued));
    if (!by_runtime) dsql_future_destroy(f);
    if (!by_runtime) dsql_future_destroy(queued);
  }
}

/* A loop in which nobody waits ends, whatever the connection is doing. */
Test(closing, an_idle_connection_does_not_keep_the_loop) {
  dsql_future *f;
  c = peer_connect(&p);
  cr_assert_eq(uv_run(&p.x.loop, UV_RUN_DEFAULT), 0);
  f = query("select 1");
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, f);
  cr_assert_eq(uv_run(&p.x.loop, UV_RUN_DEFAULT), 0);
  dsql_conn_close(c);
}

static int pause_always(const dsql_result *row, void *arg) {
  (void)row;
  (void)arg;
  return DSQL_ROW_PAUSE;
}

Test(closing, a_paused_query_can_not_be_waited_for) {
  dsql_future *f;
  c = peer_connect(&p);
  f = dsql_query_each(c, "select a", DSQL_NO_PARAMS, pause_always, NULL, NULL);
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 T:a D:1 D:2 C:SELECT_2 Z:I");
  cr_assert_eq(dsql_future_run(f), DSQL_ENOTREADY);
  dsql_resume(f);
  cr_assert_eq(dsql_future_run(f), DSQL_ENOTREADY);
  dsql_resume(f);
  cr_assert_eq(dsql_future_run(f), 0);
  dsql_future_destroy(f);
  dsql_conn_close(c);
}

/* Up to the very end of the runtime a connection can be called, whatever its calls take: it refuses them. */
static unsigned asked;
static void ask_with_timeout(uv_check_t *h) {
  dsql_call o;
  dsql_future *f;

  (void)h;
  dsql_call_init(&o);
  o.timeout_ms = 1000;
  f = dsql_query(c, "select 1", DSQL_NO_PARAMS, &o);
  if (dsql_conn_status(c) != DSQL_CONN_FAILED) {
    dsql_future_destroy(f);
    return;
  }
  cr_assert_eq(dsql_future_code(f), DSQL_ECLOSED);
  dsql_future_destroy(f);
  asked++;
}

Test(closing, a_call_with_a_timeout_until_the_runtime_has_gone) {
  static uv_check_t check; /* closed by the last turns of the loop, behind this test */

  c = peer_connect(&p);
  cr_assert_eq(uv_check_init(&p.x.loop, &check), 0);
  cr_assert_eq(uv_check_start(&check, ask_with_timeout), 0);
  client_begin_close(&p.x);
  p.x.rt = NULL;
  while (!p.x.closed) (void)uv_run(&p.x.loop, UV_RUN_NOWAIT);
  uv_close((uv_handle_t *)&check, NULL);
  cr_assert_gt(asked, 1);
}

/* As dsql.h says of everything that frees, closes, releases or destroys. The others of its kind have their own tests. */
Test(closing, what_ends_something_takes_null) {
  dsql_conn_close(NULL);
  dsql_pool_release(NULL, NULL);
  cr_assert_null(dsql_pool_close(NULL, 0));
  dsql_future_cancel(NULL);
  dsql_future_destroy(NULL);
  dsql_future_detach(NULL);
  dsql_target_free(NULL);
  dsql_stmt_free(NULL);
  dsql_batch_free(NULL);
  dsql_auth_free(NULL);
  dsql_credentials_free(NULL);
  dsql_listener_close(NULL);
  dsql_portal_close(NULL);
}
