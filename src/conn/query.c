/* The life of a query block: made, completed, freed by whoever lets go last. */
#include "conn/query.h"

#include <assert.h>
#include <string.h>

#include "conn/conn.h"

enum { OP_BYTES_MAX = 0x7fffffff };

_Static_assert(sizeof(struct query) + QUERY_REQUEST_SIZE + 128 <= RT_BLOCK_SIZE, "a small query must fit its block");
_Static_assert(sizeof(struct query) % 8 == 0 && QUERY_REQUEST_SIZE % 8 == 0, "rows are aligned");

static void query_free_if_over(struct query *q) {
  struct dsql_rt *rt = q->future.rt;

  if (q->op_live || q->future_live) return;
  if (!q->op.bytes.fixed) op_deinit(&q->op); /* else it never left the block */
  if (q->arena.chunks) arena_deinit(&q->arena);
  if (q->row_arena.chunks) arena_deinit(&q->row_arena);
  if (q->shared) columns_unref(q->shared);
  rt_block_put(rt, q);
}

static void on_future_free(struct dsql_future *f) {
  struct query *q = query_of_future(f);
  q->future_live = false;
  query_free_if_over(q);
}

static void on_cancel(struct dsql_future *f) {
  query_give_up(query_of_future(f), DSQL_ECANCELED, "canceled by the caller");
}

static int on_get_result(struct dsql_future *f, const dsql_result **out) {
  *out = &query_of_future(f)->result;
  return 0;
}

static void on_resume(struct dsql_future *f) {
  struct query *q = query_of_future(f);
  if (!q->paused || !q->conn) return;
  q->paused = false;
  if (q->conn->paused == q) {
    q->conn->paused = NULL;
    rt_ready(q->conn->rt, &q->conn->pump_task);
  }
}

static const struct future_class query_class = {on_cancel, on_future_free, on_get_result, on_resume};

static void on_deadline(struct rt_timer *t) {
  query_give_up(LIST_ENTRY(t, struct query, timer), DSQL_ETIMEDOUT, "the call's timeout passed");
}

struct query *query_new(struct dsql_conn *c, const dsql_call *o) {
  const struct target *t = c->target->target;
  struct query *q = rt_block_get(c->rt);
  uint32_t timeout_ms = t->query_timeout_ms;
  uint8_t *storage;

  if (!q) return NULL;
  memset(&q->timer, 0, offsetof(struct query, result) - offsetof(struct query, timer));
  future_init(&q->future, c->rt, &query_class);
  storage = (uint8_t *)(q + 1);
  op_init(&q->op, rt_alloc(c->rt), OP_BYTES_MAX, storage, QUERY_REQUEST_SIZE);
  arena_init_on(&q->arena, rt_chunks(c->rt), storage + QUERY_REQUEST_SIZE,
                RT_BLOCK_SIZE - sizeof *q - QUERY_REQUEST_SIZE);
  arena_init(&q->row_arena, rt_chunks(c->rt));
  result_init(&q->result, &q->arena);
  q->future_live = q->op_live = true;
  q->conn = c;
  q->bytes_max = t->result_bytes_max;
  if (o) {
    if (o->timeout_ms) timeout_ms = o->timeout_ms;
    if (o->result_bytes_max) q->bytes_max = o->result_bytes_max;
    q->text_results = o->text_results;
    q->op.read_only = o->read_only;
  }
  if (timeout_ms) {
    q->timer.fire = on_deadline;
    rt_timer_start(c->rt, &q->timer, rt_now_ms(c->rt) + timeout_ms);
  }
  return q;
}

void query_op_done(struct query *q) {
  assert(q->op_live);
  if (q->statement) statement_release(q->statement);
  q->statement = NULL;
  if (q->conn && q->conn->paused == q) q->conn->paused = NULL;
  q->conn = NULL;
  q->op_live = false;
  query_free_if_over(q);
}

void query_complete(struct query *q, const struct error *error) {
  if (!query_pending(q)) return;
  if (q->timer.node.linked) rt_timer_stop(q->future.rt, &q->timer);
  future_complete(&q->future, error); /* may free the future's end; the block stays while the operation is live */
}

/* ---- giving up ---- */

static void complete_given_up(struct query *q, int code, const char *reason, unsigned flags, bool asked) {
  struct error *e;

  if (!query_pending(q)) return;
  e = error_printf(&q->arena, code, "%s%s",
                   asked ? reason : "another member of its group was given up: ", asked ? "" : reason);
  if (e) e->pub.flags |= flags;
  if (e && code == DSQL_EABORT) e->pub.app_code = q->stop_code;
  query_complete(q, e ? e : &error_nomem);
}

static void complete_dropped(struct query *q, struct list *dropped, int code, const char *reason) {
  struct list *node;
  while ((node = list_pop_front(dropped)) != NULL) {
    struct query *member = query_of_op(LIST_ENTRY(node, struct op, node));
    complete_given_up(member, code, reason, DSQL_NOT_SENT, member == q);
    query_op_done(member);
  }
}

/* The members of q's group stand next to each other; the last one has the Sync. lost: the connection goes now, so that
 * what is not sent yet never will be. */
static void complete_in_flight(struct query *q, int code, const char *reason, bool lost) {
  struct session *s = &q->conn->session;
  struct list *n = &q->op.node;

  while (n->prev != &s->inflight && !LIST_ENTRY(n->prev, struct op, node)->sync) n = n->prev;
  for (;; n = n->next) {
    struct op *op = LIST_ENTRY(n, struct op, node);
    struct query *member = query_of_op(op);
    complete_given_up(member, code, reason, lost ? session_loss_flags(s, op) : session_abandon_flags(s, op),
                      member == q);
    member->paused = false;
    if (op->sync) return;
  }
}

void query_give_up(struct query *q, int code, const char *reason) {
  struct dsql_conn *c = q->conn;
  struct list dropped;

  if (!query_pending(q) || !q->op_live || !c) return;
  list_init(&dropped);
  if (q->op.end == 0) {
    if (q->grouped && c->queue.group_open) c->group_broken = c->group_broken || q->group == c->group_number;
    op_queue_drop(&c->queue, &q->op, &dropped);
    complete_dropped(q, &dropped, code, reason);
    conn_update(c);
    return;
  }
  /* A COMMIT on its way is waited for: only its answer tells what happened. At its deadline the doubt is reported, and
   * the socket goes. */
  if (q->op.effect == SQL_COMMIT && code == DSQL_ECANCELED) return;
  conn_enter(c);
  complete_in_flight(q, code, reason, q->op.effect == SQL_COMMIT);
  (void)session_abandon(&c->session, &q->op, &dropped);
  if (q->op.effect == SQL_COMMIT) {
    struct fault f = {0};
    fault_set(&f, DSQL_ETIMEDOUT, "the answer to a COMMIT did not come in time");
    conn_lose(c, &f);
  } else {
    conn_start_draining(c);
  }
  conn_leave(c);
}
