/* The life of a query block: made, completed, freed by whoever lets go last. */
#include "conn/query.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/zero.h"
#include "conn/conn.h"
#include "conn/copy.h"
#include "conn/observe.h"

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

void query_on_free(struct dsql_future *f) {
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
  if (q->copy) copy_resume(q);
  if (!q->paused || !q->conn) return;
  q->paused = false;
  if (q->conn->paused == q) {
    q->conn->paused = NULL;
    rt_ready(q->conn->rt, &q->conn->pump_task);
  }
}

static const struct future_class query_class = {on_cancel, query_on_free, on_get_result, on_resume};

static void on_deadline(struct rt_timer *t) {
  query_give_up(LIST_ENTRY(t, struct query, timer), DSQL_ETIMEDOUT, "the call's timeout passed");
}

bool query_is(const struct dsql_future *f) { return f->class == &query_class; }

static inline __attribute__((always_inline)) struct query *new_block(struct dsql_conn *c) {
  struct query *q = rt_block_get(c->rt);
  uint8_t *storage;

  if (!q) return NULL;
  zero_words(&q->timer, offsetof(struct query, result) - offsetof(struct query, timer));
  future_init(&q->future, c->rt, &query_class);
  storage = (uint8_t *)(q + 1);
  op_init(&q->op, rt_alloc(c->rt), OP_BYTES_MAX, storage, QUERY_REQUEST_SIZE);
  arena_init_on(&q->arena, rt_chunks(c->rt), storage + QUERY_REQUEST_SIZE,
                RT_BLOCK_SIZE - sizeof *q - QUERY_REQUEST_SIZE);
  arena_init(&q->row_arena, rt_chunks(c->rt));
  result_init(&q->result, &q->arena);
  q->future_live = q->op_live = true;
  q->conn = c;
  q->bytes_max = c->target->target->result_bytes_max;
  return q;
}

struct query *query_new_own(struct dsql_conn *c) {
  struct query *q = new_block(c);
  if (q) dsql_future_detach(&q->future);
  return q;
}

struct query *query_new(struct dsql_conn *c, const dsql_call *o) {
  struct query *q = new_block(c);
  uint32_t timeout_ms = c->target->target->query_timeout_ms;

  if (!q) return NULL;
  if (o && o->size >= offsetof(dsql_call, text_results) + sizeof o->text_results) { /* else it is refused */
    if (o->timeout_ms) timeout_ms = o->timeout_ms;
    if (o->result_bytes_max) q->bytes_max = o->result_bytes_max;
    q->text_results = o->text_results;
    q->op.read_only = o->read_only;
  }
  if (timeout_ms) {
    q->watched = true;
    q->timer.fire = on_deadline;
    rt_timer_start(c->rt, &q->timer, rt_after_ms(c->rt, timeout_ms));
  }
  return q;
}

void query_op_done(struct query *q) {
  assert(q->op_live);
  if (q->statement) statement_release(q->statement, q);
  q->statement = NULL;
  if (q->conn && q->conn->paused == q) q->conn->paused = NULL;
  if (q->conn && q->conn->copying == q) {
    copy_shut(q->conn);
    q->conn->copying = NULL;
  }
  q->conn = NULL;
  q->op_live = false;
  query_free_if_over(q);
}

static __attribute__((noinline, cold)) void end_watch(struct query *q, const struct error *error) {
  if (q->timer.node.linked) rt_timer_stop(q->future.rt, &q->timer);
  if (q->span) query_observe_end(q, error);
}

void query_complete(struct query *q, const struct error *error) {
  if (!query_pending(q)) return;
  if (__builtin_expect(q->watched, 0)) end_watch(q, error);
  future_complete(&q->future, error); /* may free the future's end; the block stays while the operation is live */
}

/* ---- giving up ---- */

static const struct error *given_up(struct query *q, int code, const char *reason, unsigned flags, bool asked) {
  struct error *e = error_printf(&q->arena, code, "%s%s",
                                 asked ? reason : "another member of its group was given up: ", asked ? "" : reason);
  if (!e) return query_nomem(flags);
  e->pub.flags |= flags;
  if (code == DSQL_EABORT) e->pub.app_code = q->stop_code;
  return e;
}

static void complete_given_up(struct query *q, int code, const char *reason, unsigned flags, bool asked) {
  if (query_pending(q)) query_complete(q, given_up(q, code, reason, flags, asked));
}

/* q, which gives up, and its whole group, none of which was sent. */
static void drop_group(struct query *in, const struct query *q, int code, const char *reason) {
  struct dsql_conn *c = in->conn;
  struct list dropped, *node;

  list_init(&dropped);
  op_queue_drop(&in->op, &dropped);
  while ((node = list_pop_front(&dropped)) != NULL) {
    struct query *member = query_of_op(LIST_ENTRY(node, struct op, node));
    complete_given_up(member, code, reason, DSQL_NOT_SENT, member == q);
    query_op_done(member);
  }
  conn_update(c);
  if (c->queue.ops == 0) conn_tell_owner(c); /* no group ends that would tell it */
}

void query_skip_group(struct query *q) { drop_group(q, NULL, DSQL_ESKIPPED, "it could not be started"); }

void query_put_off_all(struct dsql_conn *c) {
  struct op *op;

  if (c->grouping) c->group_broken = true;
  c->queue.grouping = false;
  while ((op = op_queue_pop(&c->queue)) != NULL) {
    struct query *q = query_of_op(op);
    complete_given_up(q, DSQL_EIO, "the connection that it was called on did not come up",
                      DSQL_NOT_SENT | DSQL_CONN_LOST, true);
    query_op_done(q);
  }
}

/* The members of a group that is in flight stand next to each other; the last one has the Sync. */
static struct op *group_first(struct query *q) {
  struct list *n = &q->op.node;
  while (n->prev != &q->conn->session.inflight && !LIST_ENTRY(n->prev, struct op, node)->sync) n = n->prev;
  return LIST_ENTRY(n, struct op, node);
}

static bool group_commits(struct query *q) {
  for (struct op *op = group_first(q);; op = LIST_ENTRY(op->node.next, struct op, node)) {
    if (op->effect == SQL_COMMIT) return true;
    if (op->sync) return false;
  }
}

/* lost: the connection goes now, so that what is not sent yet never will be. */
static void complete_in_flight(struct query *q, int code, const char *reason, bool lost) {
  struct session *s = &q->conn->session;

  for (struct op *op = group_first(q);; op = LIST_ENTRY(op->node.next, struct op, node)) {
    struct query *member = query_of_op(op);
    unsigned flags = lost ? session_loss_flags(s, op) : session_abandon_flags(s, op);
    complete_given_up(member, code, reason, flags | session_settled_flags(op), member == q);
    member->paused = false;
    if (op->sync) return;
  }
}

/* Only the answer to the COMMIT tells what happened, so the group goes on; but this reader has seen its last row. */
static void wait_for_commit(struct query *q, int code, const char *reason) {
  if ((q->each || code != DSQL_ECANCELED) && !q->error) q->error = given_up(q, code, reason, 0, true);
  on_resume(&q->future);
}

void query_give_up(struct query *q, int code, const char *reason) {
  struct dsql_conn *c = q->conn;
  struct list none;
  bool commits;

  if (!query_pending(q) || !q->op_live || !c) return;
  if (q->op.end == 0) {
    if (q->grouped && c->queue.group_open) c->group_broken = c->group_broken || q->group == c->group_number;
    drop_group(q, q, code, reason);
    return;
  }
  commits = group_commits(q);
  if (commits && code != DSQL_ETIMEDOUT) {
    wait_for_commit(q, code, reason);
    return;
  }
  list_init(&none);
  conn_enter(c);
  session_sent(&c->session, link_sent(c->link) - c->stream_base);
  complete_in_flight(q, code, reason, commits);
  (void)session_abandon(&c->session, &q->op, &none);
  if (c->copying) copy_stop(c);
  if (commits) {
    struct fault f = {0};
    fault_set(&f, DSQL_ETIMEDOUT, "the answer to a COMMIT did not come in time");
    conn_lose(c, &f);
  } else {
    conn_start_draining(c);
  }
  conn_leave(c);
}
