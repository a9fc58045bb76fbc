/* Between the link below and the session above: bytes in, events out, one write per loop turn. */
#include <assert.h>

#include "conn/conn.h"
#include "conn/copy.h"

void conn_enter(struct dsql_conn *c) { c->busy++; }

void conn_leave(struct dsql_conn *c) {
  assert(c->busy > 0);
  if (--c->busy == 0 && c->closing) conn_finish_close(c);
}

bool conn_draining(const struct dsql_conn *c) {
  return c->session_live && c->status == DSQL_CONN_READY && (c->session.abandoned || c->cancel);
}

void conn_tell_owner(struct dsql_conn *c) {
  if (c->owner && c->owner->watching) rt_ready(c->rt, &c->owner->task);
}

void conn_flush_later(struct dsql_conn *c) {
  if (!c->link || !c->session_live) return;
  link_flush_later(c->link);
  /* Data of a COPY that the server has refused may be in the way, and nobody has waited for it to leave. */
  if (link_write_blocked(c->link)) conn_update(c);
}

static inline bool stopped(const struct dsql_conn *c) { return c->paused || c->held; }

/* A loop that nobody waits in shall end: the link keeps it alive only while operations are under way and can move. */
void conn_update(struct dsql_conn *c) {
  if (c->closing || !c->link || c->status == DSQL_CONN_CONNECTING) return;
  link_ref(c->link, (c->queue.ops > 0 || c->preparing) && !stopped(c));
  c->active_ms = rt_now_ms(c->rt);
  if (c->connect.over_tls && !c->idle_timer.node.linked) conn_arm_idle(c);
}

/* ---- events ---- */

static void on_notice(struct dsql_conn *c, const uint8_t *body, size_t n) {
  struct arena arena;
  const struct error *notice;

  if (!c->notice_fn) return;
  arena_init(&arena, rt_chunks(c->rt));
  notice = error_from_server(&arena, body, n);
  if (notice != &error_nomem) c->notice_fn(c, &notice->pub, c->notice_arg);
  arena_deinit(&arena);
}

/* The server's answer to a CancelRequest. */
static bool is_canceled(const struct dsql_conn *c) {
  return c->group_error && strcmp(c->group_error->pub.sqlstate, "57014") == 0;
}

static void on_error(struct dsql_conn *c, const struct session_event *ev) {
  if (!list_empty(&c->session.inflight) && c->session.was_ready && !(c->session.fatal_seen && c->group_error)) {
    arena_deinit(&c->group_arena);
    c->group_error = error_from_server(&c->group_arena, ev->body, ev->len);
  }
  if (ev->op && !ev->op->abandoned) query_on_error(query_of_op(ev->op), ev->body, ev->len);
  if (c->cancels_sent && ev->op && ev->op->abandoned && is_canceled(c)) c->cancels_hit++;
  if (!c->session.was_ready || c->session.fatal_seen) {
    arena_deinit(&c->error_arena);
    c->server_error = error_from_server(&c->error_arena, ev->body, ev->len);
  }
  conn_judge_error(c, ev->body, ev->len);
  if (c->session.fatal_seen) conn_await_end(c);
}

static void on_group_done(struct dsql_conn *c) {
  c->group_error = NULL;
  if (c->group_arena.bytes) arena_deinit(&c->group_arena);
  if (c->drain_timer.node.linked || c->session.abandoned || c->cancel) conn_drain_step(c, true);
  if (!list_empty(&c->queue.list)) conn_flush_later(c);
  if (c->statements_closing) statement_sweep(c);
  conn_tell_owner(c);
}

static void on_group_ok(struct dsql_conn *c) {
  struct op *op;
  while ((op = session_take_ended(&c->session)) != NULL) query_on_success(query_of_op(op));
  on_group_done(c);
}

static void handle(struct dsql_conn *c, const struct session_event *ev) {
  struct query *q = ev->op ? query_of_op(ev->op) : NULL;

  switch (ev->type) {
    case EVENT_NONE: break;
    case EVENT_DERIVE: conn_derive(c); break;
    case EVENT_READY: conn_session_ready(c); break;
    case EVENT_COLUMNS: query_on_columns(q, ev->body, ev->len, false); break;
    case EVENT_STMT_COLUMNS: query_on_columns(q, ev->body, ev->len, true); break;
    case EVENT_STMT_PARAMS: query_on_params(q, ev->body, ev->len); break;
    case EVENT_PARSED: break;
    case EVENT_ROWS: session_rows_done(&c->session, query_on_rows(q, ev)); break;
    case EVENT_ANSWER: query_on_answer(q, ev); break;
    case EVENT_COPY: copy_on_begin(q, ev->body, ev->len); break;
    case EVENT_COPY_DATA: session_rows_done(&c->session, copy_on_data(q, ev->body, ev->len)); break;
    case EVENT_RESULT: query_on_result(q, (dsql_str){(const char *)ev->body, ev->len}); break;
    case EVENT_ERROR: on_error(c, ev); break;
    case EVENT_NOTICE: on_notice(c, ev->body, ev->len); break;
    case EVENT_NOTIFY: conn_on_notify(c, ev->body, ev->len); break;
    case EVENT_OP_DONE: query_on_done(q); break;
    case EVENT_GROUP_OK: on_group_ok(c); break;
    case EVENT_GROUP_DONE: on_group_done(c); break;
    case EVENT_FAILED: conn_session_failed(c); break;
  }
}

void conn_pump(struct dsql_conn *c) {
  struct session_event ev;

  conn_enter(c);
  /* A session that fails by itself tells what was sent: on_turn may still have to come. */
  if (c->session_live) session_sent(&c->session, link_sent(c->link) - c->stream_base);
  while (!c->closing && c->session_live && !stopped(c) && session_next(&c->session, &ev)) handle(c, &ev);
  if (c->session.retold) conn_judge_parameters(c);
  if (c->status == DSQL_CONN_CONNECTING) conn_tell_owner(c);
  conn_leave(c);
}

/* ---- the link's events ---- */

static void pause_reading(struct dsql_conn *c, const uint8_t *rest, size_t n) {
  if (session_store(&c->session, rest, n)) {
    c->paused = NULL; /* out of memory: the pump reports it */
    c->held = false;
    return;
  }
  link_pause(c->link);
  conn_update(c);
}

static void on_data(void *owner, const uint8_t *p, size_t n) {
  struct dsql_conn *c = owner;

  conn_enter(c);
  while (n && c->session_live && !c->closing && !stopped(c)) {
    size_t taken = session_feed(&c->session, p, n);
    p += taken;
    n -= taken;
    conn_pump(c);
  }
  if (stopped(c) && c->session_live && !c->closing) pause_reading(c, p, n);
  if (c->session_live && !c->closing && c->session.phase == SESSION_FAILED) conn_pump(c);
  conn_leave(c);
}

static bool on_flush(void *owner) {
  struct dsql_conn *c = owner;
  bool more = c->copying != NULL; /* its source is asked again, and behind it the queue may go on */

  if (!c->session_live || c->closing) return false;
  conn_enter(c);
  if (c->statements_closing) statement_sweep(c);
  if (!c->cancel && !session_gather(&c->session)) {
    struct fault f = {0};
    fault_set(&f, DSQL_ENOMEM, "out of memory for output");
    conn_lose(c, &f);
  }
  if (c->copying) copy_pull(c);
  if (c->session_live && c->session.out->len >= SESSION_GATHER_SOFT_MAX) more = true;
  conn_leave(c);
  return more;
}

static void on_turn(void *owner) {
  struct dsql_conn *c = owner;

  if (!c->session_live || c->closing) return;
  session_sent(&c->session, link_sent(c->link) - c->stream_base);
  /* What the session itself wrote: authentication, the end of a COPY. */
  if (link_out(c->link)->len && !link_write_blocked(c->link)) link_flush_later(c->link);
  conn_update(c);
}

static void on_tls(void *owner) { (void)owner; /* before the session: the transport's */ }

static void on_end(void *owner, const struct fault *f) {
  struct dsql_conn *c = owner;

  if (!c->session_live || c->closing) return;
  conn_enter(c);
  session_sent(&c->session, link_sent(c->link) - c->stream_base);
  conn_lose(c, f);
  conn_leave(c);
}

const struct link_events conn_link_events = {on_data, on_tls, on_flush, on_turn, on_end};
