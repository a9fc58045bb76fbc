/* What runs on a session ahead of the user's calls: the after_connect hook, and the question what kind of server it is. */
#include <stdio.h>

#include "peer.h"

static struct peer p;
static dsql_conn *c;

static struct {
  unsigned calls;
  bool close, pipeline, no_future, twice;
  dsql_conn *conn;
} hook;

static void ignore(dsql_future *f, void *arg) {
  (void)f;
  (void)arg;
}

static dsql_future *on_connect(dsql_conn *conn, void *arg) {
  dsql_future *f;

  cr_assert_eq(arg, &hook);
  hook.calls++;
  hook.conn = conn;
  cr_assert_eq(dsql_conn_status(conn), DSQL_CONN_CONNECTING);
  if (hook.no_future) return NULL;
  if (hook.pipeline) cr_assert_eq(dsql_pipeline_begin(conn), 0, "the user's own pipeline is in the way");
  if (hook.pipeline) {
    f = dsql_query(conn, "set search_path to s", DSQL_NO_PARAMS, NULL);
    cr_assert_eq(dsql_pipeline_end(conn), 0);
  } else {
    f = dsql_exec(conn, "set search_path to s", NULL);
  }
  if (hook.twice) dsql_future_detach(dsql_query(conn, "set b to c", DSQL_NO_PARAMS, NULL));
  if (hook.close) dsql_conn_close(conn);
  return f;
}

static void open_all(void) {
  hook.calls = 0;
  peer_open(&p, "password=secret");
  p.config.after_connect = on_connect;
  p.config.after_connect_arg = &hook;
}

static void close_all(void) { peer_close(&p); }

TestSuite(preparing, .init = open_all, .fini = close_all);

static dsql_future *query(const char *sql) { return dsql_query(c, sql, DSQL_NO_PARAMS, NULL); }

/* As far as ReadyForQuery, with a call waiting. */
static dsql_future *reach_hook(void) {
  dsql_future *f;
  c = peer_dial(&p);
  f = query("select 1");
  peer_accept(&p, &p.main);
  cr_assert_not(peer_startup(&p, &p.main));
  peer_send(&p, "R3");
  peer_expect(&p, "p");
  peer_send(&p, "R0 K Z:I");
  return f;
}

Test(preparing, the_hook_goes_first_and_calls_wait_for_it) {
  dsql_future *ready, *f = reach_hook(), *g;

  ready = dsql_conn_ready(c);
  peer_expect(&p, "Q");
  cr_assert_eq(hook.calls, 1);
  g = query("select 2");
  peer_expect_nothing(&p);
  cr_assert_not(dsql_future_ready(ready));
  peer_send(&p, "C:SET Z:I");
  peer_expect(&p, "PBDESPBDES");
  peer_succeeds(&p, ready);
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_READY);
  peer_send(&p, "1 2 n C:SELECT_0 Z:I 1 2 n C:SELECT_0 Z:I");
  peer_succeeds(&p, f);
  peer_succeeds(&p, g);
  cr_assert_eq(hook.calls, 1);
  dsql_conn_close(c);
}

Test(preparing, a_failed_hook_fails_the_connection_and_nothing_else_is_sent) {
  dsql_future *ready, *f = reach_hook();

  ready = dsql_conn_ready(c);
  peer_expect(&p, "Q");
  peer_send(&p, "E:42704 Z:I");
  peer_fails(&p, f, DSQL_ESERVER, DSQL_NOT_SENT | DSQL_CONN_LOST | DSQL_CLIENT_SIDE);
  cr_assert_eq(peer_settle(&p, ready), DSQL_ESERVER);
  cr_assert(str_has(dsql_future_error(ready)->message, "after_connect failed"), "%s", client_error_text(ready));
  cr_assert_str_eq(dsql_future_error(ready)->sqlstate, "42704");
  dsql_future_destroy(ready);
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_FAILED);
  dsql_conn_close(c);
}

Test(preparing, the_deadline_holds_for_the_hook_too) {
  dsql_future *f;

  p.config.connect_timeout_ms = 150;
  f = reach_hook();
  peer_expect(&p, "Q");
  peer_fails(&p, f, DSQL_ETIMEDOUT, DSQL_NOT_SENT | DSQL_CONN_LOST | DSQL_CLIENT_SIDE);
  cr_assert(str_has(dsql_conn_error(c)->message, "preparing the session"));
  dsql_conn_close(c);
}

Test(preparing, what_a_hook_must_give) {
  dsql_future *f;

  hook.no_future = true;
  f = reach_hook();
  peer_fails(&p, f, DSQL_ENOMEM, DSQL_NOT_SENT | DSQL_CONN_LOST | DSQL_CLIENT_SIDE);
  cr_assert_eq(hook.calls, 1);
  dsql_conn_close(c);
}

static dsql_future *on_connect_registered(dsql_conn *conn, void *arg) {
  dsql_future *f = on_connect(conn, arg);
  cr_assert_eq(dsql_future_on_ready(f, ignore, NULL), 0);
  return f;
}

Test(preparing, a_future_with_a_callback_is_refused) {
  dsql_future *f;

  p.config.after_connect = on_connect_registered;
  f = reach_hook();
  peer_fails(&p, f, DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CONN_LOST | DSQL_CLIENT_SIDE);
  dsql_conn_close(c);
}

static dsql_future *on_connect_idle(dsql_conn *conn, void *arg) {
  (void)arg;
  return dsql_all(dsql_conn_rt(conn), NULL, 0);
}

Test(preparing, a_hook_may_have_nothing_to_do) {
  dsql_future *f;

  p.config.after_connect = on_connect_idle;
  f = reach_hook();
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 n C:SELECT_0 Z:I");
  peer_succeeds(&p, f);
  dsql_conn_close(c);
}

static dsql_future *on_connect_hasty(dsql_conn *conn, void *arg) {
  (void)arg;
  dsql_future_detach(dsql_query(conn, "set a to b", DSQL_NO_PARAMS, NULL));
  return dsql_all(dsql_conn_rt(conn), NULL, 0);
}

/* What nobody waits for is ahead of the user's calls all the same. */
Test(preparing, a_hook_that_is_over_before_its_work_has_left) {
  dsql_future *f;
  size_t n;

  p.config.after_connect = on_connect_hasty;
  f = reach_hook();
  peer_expect(&p, "PBDESPBDES");
  cr_assert_str_eq((const char *)peer_body(&p, 0, &n) + 1, "set a to b");
  cr_assert_str_eq((const char *)peer_body(&p, 5, &n) + 1, "select 1");
  peer_send(&p, "1 2 n C:SET Z:I 1 2 n C:SELECT_0 Z:I");
  peer_succeeds(&p, f);
  dsql_conn_close(c);
}

/* The user's pipeline is open while the hook has one of its own. */
Test(preparing, pipelines_do_not_meet) {
  dsql_future *f, *g;

  hook.pipeline = true;
  c = peer_dial(&p);
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  f = query("insert 1");
  peer_accept(&p, &p.main);
  cr_assert_not(peer_startup(&p, &p.main));
  peer_send(&p, "R3");
  peer_expect(&p, "p");
  peer_send(&p, "R0 K Z:I");
  peer_expect(&p, "PBDES");
  g = query("insert 2");
  peer_send(&p, "1 2 n C:SET Z:I");
  peer_expect_nothing(&p);
  cr_assert_eq(dsql_pipeline_end(c), 0);
  peer_expect(&p, "PBDEPBDES");
  peer_send(&p, "1 2 n C:INSERT_0_1 1 2 n C:INSERT_0_1 Z:I");
  peer_succeeds(&p, f);
  peer_succeeds(&p, g);
  dsql_conn_close(c);
}

/* More than the future waits for: it stays ahead of what the user has queued. */
Test(preparing, all_of_the_hook_goes_first) {
  dsql_future *f;

  hook.twice = true;
  f = reach_hook();
  peer_expect(&p, "QPBDES");
  peer_send(&p, "C:SET Z:I");
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 n C:SET Z:I 1 2 n C:SELECT_0 Z:I");
  peer_succeeds(&p, f);
  dsql_conn_close(c);
}

Test(preparing, the_hook_may_close_the_connection) {
  dsql_future *f;

  hook.close = true;
  f = reach_hook();
  peer_fails(&p, f, DSQL_ECLOSED, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
}

Test(preparing, closing_and_losing_the_connection_meanwhile) {
  dsql_future *f = reach_hook();

  peer_expect(&p, "Q");
  dsql_conn_close(c);
  cr_assert_eq(dsql_future_code(f), DSQL_ECLOSED);
  dsql_future_destroy(f);
  peer_drop(&p.main);
  f = reach_hook();
  peer_expect(&p, "Q");
  peer_drop(&p.main);
  peer_fails(&p, f, DSQL_EIO, DSQL_NOT_SENT | DSQL_CONN_LOST | DSQL_CLIENT_SIDE);
  dsql_conn_close(c);
}

Test(preparing, a_call_that_waits_can_be_given_up) {
  dsql_future *f = reach_hook(), *g = query("select 2");

  peer_expect(&p, "Q");
  dsql_future_cancel(f);
  peer_fails(&p, f, DSQL_ECANCELED, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  peer_send(&p, "C:SET Z:I");
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 n C:SELECT_0 Z:I");
  peer_succeeds(&p, g);
  dsql_conn_close(c);
}

static void on_end(dsql_future *f, void *code) {
  *(int *)code = dsql_future_code(f);
  dsql_future_destroy(f);
  dsql_conn_close(c);
}

Test(preparing, the_runtime_may_close_meanwhile) {
  dsql_future *f = reach_hook();
  int code = 0;

  peer_expect(&p, "Q");
  cr_assert_eq(dsql_future_on_ready(f, on_end, &code), 0);
  client_begin_close(&p.x);
  p.x.rt = NULL;
  while (code == 0) client_turn(&p.x);
  cr_assert_eq(code, DSQL_ECANCELED);
}

/* ---- target_session_attrs where the server does not report what it is ---- */

static void want(const char *attrs, bool two) {
  char old[256];
  (void)snprintf(old, sizeof old, "%.200s", p.conninfo);
  if (two)
    (void)snprintf(p.conninfo, sizeof p.conninfo,
                   "%.*s,%.*s port=5432,5432 user=u dbname=d password=secret target_session_attrs=%s",
                   (int)strcspn(old, " "), old, (int)strcspn(strchr(old, '=') + 1, " "), strchr(old, '=') + 1, attrs);
  else
    (void)snprintf(p.conninfo, sizeof p.conninfo, "%s target_session_attrs=%s", old, attrs);
  p.config.after_connect = NULL;
}

static void start_host(void) {
  peer_accept(&p, &p.main);
  cr_assert_not(peer_startup(&p, &p.main));
  peer_send(&p, "R3");
  peer_expect(&p, "p");
  peer_send(&p, "R0 K Z:I");
  peer_expect(&p, "PBDES");
}

Test(preparing, a_server_that_does_not_report_is_asked) {
  static const struct {
    const char *attrs, *answer;
    bool taken;
  } cases[] = {{"read-write", "D:false,off", true}, {"read-write", "D:false,on", false},
               {"read-write", "D:true,off", false}, {"read-only", "D:false,off", false},
               {"read-only", "D:false,on", true},   {"primary", "D:false,on", true},
               {"primary", "D:true,off", false},    {"standby", "D:true,on", true},
               {"standby", "D:false,off", false},   {"prefer-standby", "D:true,on", true}};
  char saved[sizeof p.conninfo], words[128];

  memcpy(saved, p.conninfo, sizeof saved);
  for (size_t i = 0; i < COUNT(cases); i++) {
    dsql_future *f;
    memcpy(p.conninfo, saved, sizeof saved);
    want(cases[i].attrs, false);
    c = peer_dial(&p);
    f = query("select 1");
    start_host();
    (void)snprintf(words, sizeof words, "1 2 T:a,b %s C:SELECT_1 Z:I", cases[i].answer);
    peer_send(&p, words);
    if (cases[i].taken) {
      peer_expect(&p, "PBDES");
      peer_send(&p, "1 2 n C:SELECT_0 Z:I");
      peer_succeeds(&p, f);
    } else {
      peer_fails(&p, f, DSQL_EIO, DSQL_NOT_SENT | DSQL_CONN_LOST | DSQL_CLIENT_SIDE);
    }
    dsql_conn_close(c);
    peer_drop(&p.main);
  }
}

Test(preparing, a_probe_that_fails_leads_to_the_next_host) {
  dsql_future *f;

  want("read-write", true);
  c = peer_dial(&p);
  f = query("select 1");
  start_host();
  peer_send(&p, "E:42501 Z:I");
  start_host();
  peer_drop(&p.main);
  peer_fails(&p, f, DSQL_EIO, DSQL_NOT_SENT | DSQL_CONN_LOST | DSQL_CLIENT_SIDE);
  dsql_conn_close(c);
}
