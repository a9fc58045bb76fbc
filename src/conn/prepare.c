/* prepare.c - what runs on a new session ahead of the user's calls, on a queue of its own: the probe that
 * target_session_attrs needs where the server does not report what it is (before PostgreSQL 14, poolers), then the
 * after_connect hook.
 *
 *   state    event                         next
 *   NOTHING  session ready, unknown kind   PROBE
 *            judged, and there is a hook   HOOK
 *   PROBE    its answer                    NOTHING: conn_session_judged()
 *            failed, connection lost       NOTHING: the attempt has failed, as in connect.h
 *   HOOK     its future succeeded          NOTHING: conn_session_open()
 *            its future failed, deadline   the connection is lost with that error: on a session that is not as its owner
 *                                          wants it nothing may run */
#include <stdio.h>

#include "conn/conn.h"
#include "conn/startup.h"

static void begin(struct dsql_conn *c, enum conn_preparing what) {
  c->preparing = what;
  c->session.queue = &c->prepare_queue;
  session_release(&c->session);
}

static void end(struct dsql_conn *c) {
  dsql_future *f = c->prepare_future;
  c->prepare_future = NULL;
  c->preparing = PREPARING_NOTHING;
  dsql_future_destroy(f);
}

void conn_prepare_stop(struct dsql_conn *c) {
  if (c->preparing) end(c);
}

/* What is called from here goes ahead of what the user has queued, whatever pipeline is open there. */
static dsql_future *call_ahead(struct dsql_conn *c, dsql_future *(*call)(struct dsql_conn *c)) {
  bool grouping = c->grouping, group_broken = c->group_broken;
  uint64_t group_number = c->group_number;
  dsql_future *f;

  c->grouping = c->group_broken = false;
  c->in_prepare_call = true;
  f = call(c);
  if (c->grouping && dsql_pipeline_end(c) == DSQL_ENOMEM) c->group_broken = true;
  c->in_prepare_call = false;
  c->grouping = grouping;
  c->group_broken = group_broken;
  c->group_number = group_number + 1;
  return f;
}

/* ---- the probe ---- */

static const char probe_sql[] =
    "SELECT pg_catalog.pg_is_in_recovery()::text, pg_catalog.current_setting('transaction_read_only')";

static bool says(dsql_str v, const char *word) { return v.len == strlen(word) && memcmp(v.ptr, word, v.len) == 0; }

static void on_probed(dsql_future *f, void *arg) {
  struct dsql_conn *c = arg;
  const dsql_result *r;
  struct fault verdict = {0};
  dsql_str standby, read_only;
  int rc = dsql_future_result(f, &r);

  if (rc == 0) rc = dsql_get_text(r, 0, 0, &standby);
  if (rc == 0) rc = dsql_get_text(r, 0, 1, &read_only);
  if (rc == 0)
    (void)startup_judge(c, says(standby, "true"), says(standby, "true") || says(read_only, "on"), &verdict);
  else
    fault_set(&verdict, DSQL_EIO, "target_session_attrs: the server could not be asked what it is: %.*s",
              dsql_future_error(f) ? (int)dsql_future_error(f)->message.len : 0,
              dsql_future_error(f) ? dsql_future_error(f)->message.ptr : "");
  conn_enter(c);
  end(c);
  conn_session_judged(c, &verdict);
  conn_leave(c);
}

/* A host that does not answer leaves nothing in doubt: the next one's turn comes. */
static dsql_future *start_probe(struct dsql_conn *c) {
  dsql_call o;
  dsql_call_init(&o);
  o.read_only = true;
  return dsql_query(c, probe_sql, DSQL_NO_PARAMS, &o);
}

void conn_prepare_probe(struct dsql_conn *c) {
  struct fault f = {0};

  begin(c, PREPARING_PROBE);
  c->prepare_future = call_ahead(c, start_probe);
  if (c->prepare_future && dsql_future_on_ready(c->prepare_future, on_probed, c) == 0) return;
  fault_set(&f, DSQL_ENOMEM, "out of memory while the server is asked what it is");
  end(c);
  conn_session_judged(c, &f);
}

/* ---- the hook ---- */

static void hook_failed(struct dsql_conn *c, int code, const dsql_error *e, const char *text) {
  struct fault f = {0};

  if (e) memcpy(f.sqlstate, e->sqlstate, sizeof f.sqlstate);
  fault_set(&f, code, "after_connect failed: %.*s", e ? (int)e->message.len : (int)strlen(text),
            e ? e->message.ptr : text);
  end(c);
  conn_lose(c, &f);
}

static void on_hook_done(dsql_future *f, void *arg) {
  struct dsql_conn *c = arg;
  int code = dsql_future_code(f);

  conn_enter(c);
  if (code) {
    hook_failed(c, code, dsql_future_error(f), dsql_strerror(code));
  } else {
    end(c);
    conn_session_open(c);
  }
  conn_leave(c);
}

static dsql_future *start_hook(struct dsql_conn *c) {
  return c->target->after_connect(c, c->target->after_connect_arg);
}

void conn_prepare_hook(struct dsql_conn *c) {
  dsql_future *f;
  int rc;

  if (!c->target->after_connect) {
    conn_session_open(c);
    return;
  }
  begin(c, PREPARING_HOOK);
  f = call_ahead(c, start_hook);
  if (c->closing || !c->session_live) {
    dsql_future_destroy(f);
    return;
  }
  c->prepare_future = f;
  rc = f ? dsql_future_on_ready(f, on_hook_done, c) : DSQL_ENOMEM;
  if (rc) hook_failed(c, rc, NULL, f ? "its future has a callback already" : "out of memory");
}
