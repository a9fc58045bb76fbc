/* Draining: operations that were given up after they had been sent. Their answers are swallowed; meanwhile nothing new
 * is written, so that a CancelRequest can hit nothing but them.
 *
 *   state     event                          next
 *   IDLE      an operation is given up       DRAINING (timer and CancelRequest, once nothing stands before it)
 *   DRAINING  its group's ReadyForQuery      IDLE, once the CancelRequest's end of stream was seen as well; behind a
 *                                            pooler the connection is lost, unless each request has shown its effect
 *             a group before it ended        DRAINING (timer and CancelRequest now, if nothing stands before it)
 *             CancelRequest without effect   DRAINING (sent again after a while)
 *             the timer                      the connection is lost
 *   any       FATAL, the server's last word  ENDING (timer, unless it runs)
 *   ENDING    end of stream, or the timer    the connection is lost, because of what the server has said */
#include "conn/conn.h"

enum { CANCEL_AGAIN_MS = 20, CANCEL_DOUBLINGS = 4 };

static void on_drain_timeout(struct rt_timer *t) {
  struct dsql_conn *c = LIST_ENTRY(t, struct dsql_conn, drain_timer);
  struct fault f = {0};

  conn_enter(c);
  fault_set(&f, DSQL_ETIMEDOUT, "the server did not end a canceled operation within %u ms (drain_timeout_ms)",
            c->target->target->drain_timeout_ms);
  conn_lose(c, &f);
  conn_leave(c);
}

static void start_timer(struct dsql_conn *c) {
  if (c->drain_timer.node.linked) return;
  c->drain_timer.fire = on_drain_timeout;
  rt_timer_start(c->rt, &c->drain_timer, rt_now_ms(c->rt) + c->target->target->drain_timeout_ms);
}

void conn_await_end(struct dsql_conn *c) { start_timer(c); }

/* Unless what it runs for is the end of the stream. */
static void stop_timer(struct dsql_conn *c) {
  if (!c->session.fatal_seen) rt_timer_stop(c->rt, &c->drain_timer);
}

static void try_cancel(struct dsql_conn *c);

static void on_cancel_again(struct rt_timer *t) {
  struct dsql_conn *c = LIST_ENTRY(t, struct dsql_conn, cancel_timer);

  conn_enter(c);
  c->canceled_group = false;
  try_cancel(c);
  conn_leave(c);
}

/* The server drops a request that comes before it has begun with the query. Asking again can hit nothing else; but
 * through a pooler it could. */
static void cancel_again_later(struct dsql_conn *c) {
  unsigned doublings = c->cancel_tries < CANCEL_DOUBLINGS ? c->cancel_tries : CANCEL_DOUBLINGS;
  uint64_t delay_ms = (uint64_t)CANCEL_AGAIN_MS << doublings;

  if (c->cancel_timer.node.linked || c->pooled) return;
  c->cancel_tries++;
  c->cancel_timer.fire = on_cancel_again;
  rt_timer_start(c->rt, &c->cancel_timer, rt_now_ms(c->rt) + delay_ms);
}

static bool head_is_abandoned(const struct dsql_conn *c) {
  const struct list *inflight = &c->session.inflight;
  return !list_empty(inflight) && LIST_ENTRY(inflight->next, const struct op, node)->abandoned;
}

static void try_cancel(struct dsql_conn *c) {
  if (c->cancel || !c->session.abandoned || !head_is_abandoned(c) || c->session.backend_pid == 0) return;
  if (!session_cancelable(&c->session, LIST_ENTRY(c->session.inflight.next, const struct op, node))) return;
  if (c->canceled_group) {
    cancel_again_later(c);
    return;
  }
  /* Best effort: without memory or a connection for it the drain timer decides. */
  c->canceled_group = cancel_send(c) == 0;
  if (c->canceled_group) c->cancels_sent++;
}

/* The time counts from when the server can have begun with what was given up: not while it works on somebody's query
 * before it. */
static void watch(struct dsql_conn *c) {
  if (head_is_abandoned(c) && c->status == DSQL_CONN_READY) start_timer(c);
}

void conn_start_draining(struct dsql_conn *c) {
  if (c->paused && c->paused->op.abandoned) {
    c->paused = NULL;
    rt_ready(c->rt, &c->pump_task);
  }
  watch(c);
  try_cancel(c);
}

/* A pooler ends the request's stream before it has delivered it: one that has hit nothing yet may still hit what comes
 * next, which need not even be ours. So this session is not used any more. */
static bool stray_cancel(struct dsql_conn *c) {
  struct fault f = {0};
  bool stray = c->pooled && c->cancels_sent > c->cancels_hit && c->status == DSQL_CONN_READY;

  c->cancels_sent = c->cancels_hit = 0;
  if (!stray) return false;
  fault_set(&f, DSQL_EIO,
            "a CancelRequest through the pooler had no effect in time and may still come: the "
            "connection was given up");
  conn_lose(c, &f);
  return true;
}

void conn_drain_step(struct dsql_conn *c, bool group_ended) {
  if (group_ended) stop_timer(c); /* the next one has its own time */
  if (c->session.abandoned == 0) {
    c->canceled_group = false;
    c->cancel_tries = 0;
    rt_timer_stop(c->rt, &c->cancel_timer);
    if (c->cancel) return; /* its end of stream comes first; then this is called again */
    if (stray_cancel(c)) return;
    stop_timer(c);
    conn_tell_owner(c);
    return;
  }
  watch(c);
  try_cancel(c);
}
