/* The end of a connection that nobody asked for. */
#include <stdio.h>

#include "conn/conn.h"
#include "conn/copy.h"
#include "conn/observe.h"

void conn_drop_session(struct dsql_conn *c) {
  if (!c->session_live) return;
  c->session_live = false;
  rt_timer_stop(c->rt, &c->drain_timer);
  copy_shut(c);
  session_deinit(&c->session);
}

static void settle_ready_futures(struct dsql_conn *c) {
  struct list *node;
  while ((node = list_pop_front(&c->ready_futures)) != NULL) conn_ready_complete(node, c->error);
}

void conn_lose(struct dsql_conn *c, const struct fault *f) {
  if (!c->session_live) return;
  conn_enter(c);
  session_end(&c->session, f);
  c->paused = NULL;
  c->held = false;
  conn_pump(c);
  conn_leave(c);
}

void conn_cut(struct dsql_conn *c, const struct fault *f) {
  struct fault told = *f;

  if (c->status == DSQL_CONN_FAILED) return;
  told.flags |= DSQL_CONN_LOST;
  conn_enter(c);
  if (c->status == DSQL_CONN_CONNECTING && !(c->session_live && session_ride_in_doubt(&c->session))) {
    conn_connect_reset(c);
    conn_connect_failed(c, &told);
  } else {
    c->error = error_from_fault(&c->error_arena, &told); /* or the end would be taken for the server's */
    if (c->status == DSQL_CONN_CONNECTING)
      conn_abandon_ride(c, &told);
    else
      conn_lose(c, &told);
  }
  conn_leave(c);
}

/* The server's own words, when it said why it was about to close, tell more than the end of stream. */
static const struct error *loss_reason(struct dsql_conn *c, const struct fault *f) {
  if (c->server_error && c->session.fatal_seen) {
    struct error *e = error_clone(&c->error_arena, c->server_error);
    if (e) e->pub.flags |= DSQL_CONN_LOST;
    return e ? e : &error_nomem;
  }
  return error_from_fault(&c->error_arena, f);
}

static const struct error *reason_now(struct dsql_conn *c) {
  if (!c->error) {
    struct fault f = *session_fault(&c->session);
    if (f.code == DSQL_ECLOSED) {
      f.code = 0;
      fault_set(&f, DSQL_EIO, "the server closed the connection unexpectedly");
    }
    f.flags |= DSQL_CONN_LOST;
    c->error = loss_reason(c, &f);
  }
  return c->error;
}

const struct error *conn_lost_error(struct dsql_conn *c, struct query *q) {
  const struct error *why = c->session_live ? reason_now(c) : c->error;
  struct error *e = why ? error_clone(&q->arena, why) : NULL;

  if (!e) return query_nomem(q->op.flags | DSQL_CONN_LOST);
  e->pub.flags |= q->op.flags;
  e->pub.cause_index = q->op.cause_index;
  return e;
}

void conn_session_failed(struct dsql_conn *c) {
  if (c->status == DSQL_CONN_CONNECTING) {
    c->error =
        NULL; /* the probe was told of it; another attempt, which begins with an empty arena, may still succeed */
    conn_attempt_session_failed(c);
    return;
  }
  conn_fail(c, reason_now(c));
}

void conn_fail(struct dsql_conn *c, const struct error *e) {
  struct op *op;

  if (c->connect_span) conn_observe_end(c, e);
  c->error = e;
  c->status = DSQL_CONN_FAILED;
  c->paused = NULL;
  c->held = false;
  rt_timer_stop(c->rt, &c->drain_timer);
  rt_timer_stop(c->rt, &c->cancel_timer);
  rt_timer_stop(c->rt, &c->idle_timer);
  if (c->cancel) cancel_stop(c);
  conn_connect_stop(c); /* its timer, too: a connection that has failed must not try the next host */
  c->queue.grouping = false;
  c->group_broken = true; /* for the rest of a pipeline that is open */
  while ((op = op_queue_pop(&c->prepare_queue)) != NULL || (op = op_queue_pop(&c->queue)) != NULL) {
    op->outcome = OP_LOST;
    op->flags |= DSQL_NOT_SENT;
    query_on_done(query_of_op(op));
  }
  settle_ready_futures(c);
  conn_tell_owner(c);
}
