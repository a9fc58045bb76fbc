/* Draining: operations that were given up after they had been sent. Their answers are swallowed; meanwhile nothing new
 * is written, so that a CancelRequest can hit nothing but them.
 *
 *   state     event                          next
 *   IDLE      an operation is given up       DRAINING (timer started; CancelRequest if nothing stands before it)
 *   DRAINING  its group's ReadyForQuery      IDLE, once the CancelRequest's end of stream was seen as well
 *             a group before it ended        DRAINING (CancelRequest now, if nothing stands before it)
 *             the timer                      the connection is lost */
#include "conn/conn.h"

static void on_drain_timeout(struct rt_timer *t) {
  struct dsql_conn *c = LIST_ENTRY(t, struct dsql_conn, drain_timer);
  struct fault f = {0};

  conn_enter(c);
  fault_set(&f, DSQL_ETIMEDOUT, "the server did not end a canceled operation within %u ms (drain_timeout_ms)",
            c->target->target->drain_timeout_ms);
  conn_lose(c, &f);
  conn_leave(c);
}

static void try_cancel(struct dsql_conn *c) {
  const struct op *first;
  if (c->cancel || c->canceled_group || !c->session.abandoned || list_empty(&c->session.inflight)) return;
  first = LIST_ENTRY(c->session.inflight.next, const struct op, node);
  if (!first->abandoned || !session_cancelable(&c->session, first) || c->session.backend_pid == 0) return;
  /* Best effort: without memory or a connection for it the drain timer decides. */
  c->canceled_group = cancel_send(c) == 0;
}

void conn_start_draining(struct dsql_conn *c) {
  if (c->paused && c->paused->op.abandoned) {
    c->paused = NULL;
    rt_ready(c->rt, &c->pump_task);
  }
  if (!c->drain_timer.node.linked) {
    c->drain_timer.fire = on_drain_timeout;
    rt_timer_start(c->rt, &c->drain_timer, rt_now_ms(c->rt) + c->target->target->drain_timeout_ms);
  }
  try_cancel(c);
}

void conn_drain_step(struct dsql_conn *c) {
  if (c->session.abandoned == 0) {
    c->canceled_group = false;
    if (c->cancel) return; /* its end of stream comes first; then this is called again */
    rt_timer_stop(c->rt, &c->drain_timer);
    return;
  }
  try_cancel(c);
}
