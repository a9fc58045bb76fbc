/* Everything that user code may do, in every callback, in every state of a connection. Each cell of the table is a
 * runtime of its own: the state is reached, the trigger makes the library call user code, which acts; then all is closed.
 * Every future that was not destroyed has called back exactly once, nothing leaks, nothing is used after its end. */
#include <stdio.h>

#include "base/cursor.h"
#include "peer.h"

enum future_name { ROWS, QUERY, PREPARED, READY, COMMIT, FUTURES };

static struct world {
  struct peer p;
  dsql_target *target;
  dsql_conn *conn;
  dsql_stmt *stmt;
  dsql_future *futures[FUTURES];
  dsql_future *extra[8]; /* started by the action */
  unsigned extras;
  unsigned calls[FUTURES];
  bool armed, acted, rt_closing, pause, answered;
  dsql_future *own; /* whose callback it is */
  void (*action)(void);
  uv_timer_t awake; /* the user's own work: the loop turns although nobody waits for us */
} w;

/* ---- user code ---- */

static void act(dsql_future *own) {
  if (!w.armed) return;
  w.armed = false;
  w.acted = true;
  w.own = own;
  w.action();
}

static void on_ready(dsql_future *f, void *arg) {
  unsigned *calls = arg;
  ++*calls;
  cr_assert(dsql_future_ready(f));
  act(f);
}

static int on_row(const dsql_result *row, void *arg) {
  (void)row;
  (void)arg;
  act(w.futures[ROWS]);
  return w.pause ? DSQL_ROW_PAUSE : 0;
}

static void on_notice(dsql_conn *c, const dsql_error *notice, void *arg) {
  (void)c;
  (void)notice;
  (void)arg;
  act(NULL);
}

static void on_post(void *arg) {
  (void)arg;
  act(NULL);
}

/* ---- actions ---- */

static void keep_extra(dsql_future *f) {
  cr_assert_lt(w.extras, COUNT(w.extra));
  w.extra[w.extras++] = f;
}

static void forget(enum future_name i) {
  dsql_future_destroy(w.futures[i]);
  w.futures[i] = NULL;
}

static void nothing(void) {}
static void destroy_own(void) {
  for (int i = 0; i < FUTURES; i++)
    if (w.own && w.futures[i] == w.own) forget((enum future_name)i);
}
static void destroy_others(void) {
  for (int i = 0; i < FUTURES; i++)
    if (w.futures[i] && w.futures[i] != w.own) forget((enum future_name)i);
}
static void destroy_all(void) {
  destroy_others();
  destroy_own();
}
static void cancel_own(void) { dsql_future_cancel(w.own); }
static void cancel_all(void) {
  for (int twice = 0; twice < 2; twice++)
    for (int i = 0; i < FUTURES; i++)
      if (w.futures[i]) dsql_future_cancel(w.futures[i]);
}
static void detach_all(void) {
  for (int i = 0; i < FUTURES; i++) {
    if (w.futures[i]) dsql_future_detach(w.futures[i]);
    w.futures[i] = NULL;
  }
}
static void start_work(void) {
  if (!w.conn) return;
  keep_extra(dsql_query(w.conn, "select 2", DSQL_NO_PARAMS, NULL));
  keep_extra(dsql_query_each(w.conn, "select 3", DSQL_NO_PARAMS, on_row, NULL, NULL));
  keep_extra(dsql_exec(w.conn, "commit", NULL));
  if (w.stmt) keep_extra(dsql_query_stmt(w.conn, w.stmt, DSQL_NO_PARAMS, NULL));
  keep_extra(dsql_conn_ready(w.conn));
}
static void close_conn(void) {
  dsql_conn_close(w.conn);
  w.conn = NULL;
}
static void free_stmt(void) {
  dsql_stmt_free(w.stmt);
  w.stmt = NULL;
}
static void free_target(void) {
  dsql_target_free(w.target);
  w.target = NULL;
}
static void close_rt(void) {
  w.rt_closing = true;
  client_begin_close(&w.p.x);
  w.p.x.rt = NULL;
  free_stmt(); /* before the runtime's callback */
  free_target();
}
static void close_rt_and_conn(void) {
  close_rt();
  close_conn();
}
static void pipeline(void) {
  if (!w.conn) return;
  if (dsql_pipeline_begin(w.conn)) cr_assert_eq(dsql_pipeline_end(w.conn), 0);
  if (w.extras == 0) keep_extra(dsql_query(w.conn, "insert", DSQL_NO_PARAMS, NULL));
  if (dsql_pipeline_end(w.conn)) return;
}
static void open_pipeline(void) {
  if (!w.conn) return;
  if (dsql_pipeline_begin(w.conn)) return;
  keep_extra(dsql_query(w.conn, "insert", DSQL_NO_PARAMS, NULL));
}
static void resume(void) {
  for (int i = 0; i < FUTURES; i++)
    if (w.futures[i]) dsql_resume(w.futures[i]);
}
static void cancel_and_close(void) {
  cancel_all();
  close_conn();
}
static void close_and_destroy(void) {
  close_conn();
  destroy_all();
}
static void gather(void) { /* the futures are dsql_all()'s now */
  dsql_future *some[FUTURES];
  size_t n = 0;
  for (int i = 0; i < FUTURES; i++)
    if (w.futures[i] && w.calls[i] == 0 && w.futures[i] != w.own) {
      some[n++] = w.futures[i];
      w.futures[i] = NULL;
    }
  if (w.p.x.rt) keep_extra(dsql_all(w.p.x.rt, some, n));
}

static const struct {
  const char *name;
  void (*run)(void);
} actions[] = {{"nothing", nothing},
               {"destroy its own future", destroy_own},
               {"destroy the others", destroy_others},
               {"destroy all", destroy_all},
               {"cancel its own", cancel_own},
               {"cancel all twice", cancel_all},
               {"detach all", detach_all},
               {"gather them", gather},
               {"start work", start_work},
               {"close the connection", close_conn},
               {"cancel, then close", cancel_and_close},
               {"close, then destroy", close_and_destroy},
               {"free the statement", free_stmt},
               {"free the target", free_target},
               {"a whole pipeline", pipeline},
               {"a pipeline left open", open_pipeline},
               {"resume", resume},
               {"close the runtime", close_rt},
               {"close the runtime and the connection", close_rt_and_conn}};

/* ---- states ---- */

static void watch(enum future_name i, dsql_future *f) {
  w.futures[i] = f;
  cr_assert_eq(dsql_future_on_ready(f, on_ready, &w.calls[i]), 0);
}

static void dial(void) {
  w.target = client_target_config(&w.p.x, &w.p.config);
  cr_assert_eq(dsql_conn_open(&w.conn, w.p.x.rt, w.target), 0);
  cr_assert_eq(dsql_stmt_new(&w.stmt, w.p.x.rt, "select 1", NULL, 0), 0);
  dsql_conn_on_notice(w.conn, on_notice, NULL);
  watch(READY, dsql_conn_ready(w.conn));
}

static void ask(void) {
  watch(ROWS, dsql_query_each(w.conn, "select a", DSQL_NO_PARAMS, on_row, NULL, NULL));
  watch(QUERY, dsql_query(w.conn, "select b", DSQL_NO_PARAMS, NULL));
  watch(PREPARED, dsql_query_stmt(w.conn, w.stmt, DSQL_NO_PARAMS, NULL));
}

static void lookup(void) {
  peer_open(&w.p, "");
  w.p.config.target = "host=localhost port=1 user=u dbname=d sslmode=disable";
  dial();
  ask();
  peer_turn(&w.p);
}
static void dialing(void) {
  peer_open(&w.p, "");
  dial();
  ask();
}
static void trust_store(void) {
  peer_open_tcp(&w.p, "sslmode=require");
  dial();
  ask();
}
static void tls_asked(void) {
  uint8_t request[8];
  trust_store();
  peer_accept(&w.p, &w.p.main);
  while (recv(w.p.main.fd, request, sizeof request, MSG_PEEK) < (ssize_t)sizeof request) peer_turn_ms(&w.p, 1);
}
static void tls_handshake(void) {
  tls_asked();
  cr_assert_eq(send(w.p.main.fd, "S", 1, MSG_NOSIGNAL), 1);
  peer_turn_ms(&w.p, 2);
}
static void greeted(void) {
  peer_open(&w.p, "password=secret statement_cache_size=256");
  dial();
  ask();
  peer_accept(&w.p, &w.p.main);
  cr_assert_not(peer_startup(&w.p, &w.p.main));
}
static void deriving(void) {
  char first[256];
  const uint8_t *body;
  const char *nonce;
  size_t n;
  greeted();
  peer_send(&w.p, "SASL:SCRAM-SHA-256");
  peer_expect(&w.p, "p");
  body = peer_body(&w.p, 0, &n);
  nonce = memmem(body, n, "r=", 2);
  cr_assert_not_null(nonce);
  (void)snprintf(first, sizeof first, "R11:%.*sxyz,s=c2FsdHNhbHRzYWx0,i=20000", (int)((const char *)body + n - nonce),
                 nonce);
  peer_send(&w.p, first);
}
static void riding(void) {
  greeted();
  peer_send(&w.p, "R3");
  peer_expect(&w.p, "pPBDESPBDESPDBES");
}
static void ready(void) {
  peer_open(&w.p, "");
  dial();
  peer_accept(&w.p, &w.p.main);
  cr_assert_not(peer_startup(&w.p, &w.p.main));
  peer_send(&w.p, "R0 K Z:I");
  peer_turn(&w.p);
  cr_assert_eq(dsql_conn_status(w.conn), DSQL_CONN_READY);
}
static void queued(void) {
  ready();
  ask();
}
static void sent(void) {
  queued();
  peer_expect(&w.p, "PBDESPBDESPDBES");
}
static void group_sent(void) {
  ready();
  cr_assert_eq(dsql_pipeline_begin(w.conn), 0);
  ask();
  cr_assert_eq(dsql_pipeline_end(w.conn), 0);
  peer_expect(&w.p, "PBDEPBDEPDBES");
}
static void group_open(void) {
  ready();
  cr_assert_eq(dsql_pipeline_begin(w.conn), 0);
  ask();
  peer_turn(&w.p);
}
static void commit_sent(void) {
  ready();
  cr_assert_eq(dsql_pipeline_begin(w.conn), 0);
  watch(ROWS, dsql_query_each(w.conn, "select a", DSQL_NO_PARAMS, on_row, NULL, NULL));
  watch(COMMIT, dsql_query(w.conn, "commit", DSQL_NO_PARAMS, NULL));
  cr_assert_eq(dsql_pipeline_end(w.conn), 0);
  peer_expect(&w.p, "PBDEPBDES");
}
static void paused(void) {
  sent();
  w.pause = true;
  peer_send(&w.p, "1 2 T:a D:1");
  w.pause = false;
}
static void draining(void) {
  ready();
  watch(ROWS, dsql_query_each(w.conn, "select a", DSQL_NO_PARAMS, on_row, NULL, NULL));
  peer_expect(&w.p, "PBDES");
  forget(ROWS);
  peer_accept(&w.p, &w.p.cancel);
  cr_assert(peer_startup(&w.p, &w.p.cancel));
  cr_assert_eq(dsql_conn_status(w.conn), DSQL_CONN_DRAINING);
  ask();
}
static void answered(void) { /* ... and the CancelRequest's end is awaited */
  draining();
  peer_send(&w.p, "1 2 E:57014 Z:I");
  w.answered = true;
  cr_assert_eq(dsql_conn_status(w.conn), DSQL_CONN_DRAINING);
}
static void lost(void) {
  sent();
  peer_drop(&w.p.main);
  peer_turn(&w.p);
  cr_assert_eq(dsql_conn_status(w.conn), DSQL_CONN_FAILED);
}

static const struct {
  const char *name;
  void (*reach)(void);
} states[] = {{"lookup", lookup},
              {"dialing", dialing},
              {"trust store", trust_store},
              {"SSLRequest", tls_asked},
              {"handshake", tls_handshake},
              {"authenticating", greeted},
              {"deriving", deriving},
              {"riding", riding},
              {"ready", ready},
              {"queued", queued},
              {"sent", sent},
              {"group sent", group_sent},
              {"group open", group_open},
              {"commit sent", commit_sent},
              {"paused", paused},
              {"draining", draining},
              {"answered", answered},
              {"lost", lost}};

enum { CONNECTED = 8 /* the first such state */ };

/* ---- triggers: false where there is none ---- */

static bool at_once(void) {
  act(NULL);
  return true;
}
static bool by_post(void) {
  cr_assert_eq(dsql_rt_post(w.p.x.rt, on_post, NULL), 0);
  return true;
}
static bool by_cancel(void) {
  for (int i = 0; i < FUTURES; i++)
    if (w.futures[i] && !dsql_future_ready(w.futures[i])) {
      dsql_future_cancel(w.futures[i]);
      return true;
    }
  return false;
}
static bool by_loss(void) {
  if (w.p.main.fd < 0) return false;
  peer_drop(&w.p.main);
  return true;
}
static bool by_violation(void) {
  if (w.p.main.fd < 0) return false;
  peer_send(&w.p, "raw:00ffffffff");
  return true;
}
static bool by_notice(void) {
  if (w.p.main.fd < 0) return false;
  peer_send(&w.p, "N:hello N:again");
  return true;
}
static bool by_answer(void) {
  if (w.p.main.fd < 0) return false;
  peer_send(&w.p, "1 2 T:a D:1 D:2 D:3 C:SELECT_3 Z:I");
  return true;
}
static bool by_failure(void) {
  if (w.p.main.fd < 0) return false;
  peer_send(&w.p, "E:40001 Z:I");
  return true;
}
static bool by_fatal(void) {
  if (w.p.main.fd < 0) return false;
  peer_send(&w.p, "F:57P01");
  return true;
}
static bool by_resume(void) {
  if (!w.futures[ROWS]) return false;
  dsql_resume(w.futures[ROWS]);
  return true;
}
static bool by_close(void) {
  close_conn();
  return true;
}
static bool by_rt_close(void) {
  close_rt();
  return true;
}
static bool by_cancel_end(void) {
  if (w.p.cancel.fd < 0) return false;
  if (!w.answered) peer_send(&w.p, "1 2 E:57014 Z:I");
  peer_drop(&w.p.cancel);
  peer_turn(&w.p);
  peer_expect(&w.p, "PBDES");
  peer_send(&w.p, "1 2 T:a D:1 C:SELECT_1 Z:I");
  return true;
}

static const struct {
  const char *name;
  bool (*pull)(void);
} triggers[] = {{"at once", at_once},
                {"a post", by_post},
                {"a cancel", by_cancel},
                {"the end of stream", by_loss},
                {"nonsense", by_violation},
                {"a notice", by_notice},
                {"an answer", by_answer},
                {"an error", by_failure},
                {"a FATAL error", by_fatal},
                {"a resume", by_resume},
                {"a close", by_close},
                {"the runtime's end", by_rt_close},
                {"a cancel's end", by_cancel_end}};

/* ---- a cell ---- */

/* What the user has not given back - futures, at times the connection - goes with the runtime. */
static void end(const char *name, size_t trigger_number) {
  if (!w.rt_closing && trigger_number % 2) close_conn();
  if (!w.rt_closing) close_rt();
  uv_run(&w.p.x.loop, UV_RUN_DEFAULT);
  for (int i = 0; i < FUTURES; i++)
    if (w.futures[i]) cr_assert_eq(w.calls[i], 1, "%s: future %d called back %u times", name, i, w.calls[i]);
  w.p.x.rt = NULL;
  peer_close(&w.p);
}

static void on_awake(uv_timer_t *t) { (void)t; }

/* -1: there is no such trigger in this state; 1: user code was called. */
static int run_cell(size_t state, size_t trigger, size_t action, const char *name) {
  bool pulled;

  w = (struct world){.action = actions[action].run};
  states[state].reach();
  cr_assert_eq(uv_timer_init(&w.p.x.loop, &w.awake), 0);
  cr_assert_eq(uv_timer_start(&w.awake, on_awake, 60000, 0), 0);
  w.armed = true;
  pulled = triggers[trigger].pull();
  for (int i = 0; i < 3 && !w.p.x.closed; i++) (void)uv_run(&w.p.x.loop, UV_RUN_NOWAIT);
  w.armed = false;
  uv_close((uv_handle_t *)&w.awake, NULL);
  end(name, trigger);
  return pulled ? w.acted : -1;
}

static void run_state(size_t state) {
  size_t cells = 0, called = 0;

  for (size_t t = 0; t < COUNT(triggers); t++)
    for (size_t a = 0; a < COUNT(actions); a++) {
      char name[128];
      int rc;
      (void)snprintf(name, sizeof name, "%s, %s: %s", states[state].name, triggers[t].name, actions[a].name);
      if (getenv("DSQL_CELLS")) fprintf(stderr, "%s\n", name);
      rc = run_cell(state, t, a, name);
      if (rc < 0) break;
      cells++;
      called += (size_t)rc;
    }
  cr_log_info("%s: %zu cells; user code was called in %zu", states[state].name, cells, called);
  cr_assert_geq(called, 2 * COUNT(actions));
}

Test(actions, while_connecting) {
  for (size_t s = 0; s < CONNECTED; s++) run_state(s);
}

Test(actions, when_connected) {
  for (size_t s = CONNECTED; s < COUNT(states); s++) run_state(s);
}
