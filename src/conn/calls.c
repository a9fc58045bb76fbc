/* The calls that start work: dsql_query() and its kin. Every failure is reported through the future. */
#include <stddef.h>
#include <string.h>

#include "conn/calls.h"
#include "conn/conn.h"
#include "conn/encode.h"
#include "conn/observe.h"

/* The hook that prepares a session goes ahead of what waits. */
static struct op_queue *queue_of(struct dsql_conn *c) { return c->in_prepare_call ? &c->prepare_queue : &c->queue; }

/* A member that can't be started takes its whole pipeline with it: the others alone would not be what was asked for. */
static void break_group(struct dsql_conn *c) {
  if (!c->grouping) return;
  c->group_broken = true;
  if (queue_of(c)->group_open) query_skip_group(query_of_op(queue_of(c)->group_open));
}

__attribute__((noinline, cold)) dsql_future *calls_no_memory(struct dsql_conn *c) {
  break_group(c);
  return NULL;
}

__attribute__((noinline, cold)) dsql_future *calls_refuse(struct query *q, const struct fault *f) {
  struct fault told = *f;
  const struct error *e;
  told.flags |= DSQL_NOT_SENT;
  break_group(q->conn);
  if (rt_observer(q->conn->rt)) query_observe_start(q);
  e = error_from_fault(&q->arena, &told);
  query_complete(q, e == &error_nomem ? query_nomem(told.flags) : e);
  dsql_future *future = &q->future;
  query_op_done(q);
  return future;
}

/* A call without what it is about. */
__attribute__((noinline, cold)) static dsql_future *refuse_null(struct query *q, const char *text) {
  struct fault f;
  fault_clear(&f);
  fault_set(&f, DSQL_EINVAL, "%s", text);
  return calls_refuse(q, &f);
}

/* The oldest struct had all that is looked at below. */
int calls_check_options(const dsql_call *o, struct fault *f) {
  if (!o || o->size >= offsetof(dsql_call, text_results) + sizeof o->text_results) return 0;
  return fault_set(f, DSQL_EINVAL, "dsql_call.size is %zu: initialise the struct with dsql_call_init()", o->size);
}

/* Nearly every call: nothing of calls_check_open() can be. */
static inline bool plainly_open(const struct dsql_conn *c, const dsql_call *o) {
  const struct target *t = c->target->target;
  return !o && c->status != DSQL_CONN_FAILED && !c->closing && !c->group_broken && c->queue.ops < t->queue_ops_max &&
         c->queue.bytes < t->queue_bytes_max;
}

__attribute__((noinline)) int calls_check_open(const struct dsql_conn *c, const dsql_call *o, struct fault *f) {
  const struct target *t = c->target->target;

  if (calls_check_options(o, f)) return f->code;
  if (c->status == DSQL_CONN_FAILED || c->closing)
    return fault_set(f, DSQL_ECLOSED, "the connection is closed: %.*s", c->error ? (int)c->error->pub.message.len : 0,
                     c->error ? c->error->pub.message.ptr : "");
  if (c->grouping && c->group_broken)
    return fault_set(f, DSQL_ESKIPPED,
                     "a member of this pipeline was canceled or refused, so the whole pipeline is not sent");
  if (c->queue.ops >= t->queue_ops_max)
    return fault_set(f, DSQL_EBUSY, "%zu operations are queued on this connection; the limit is %u (queue_ops_max)",
                     c->queue.ops, t->queue_ops_max);
  if (c->queue.bytes >= t->queue_bytes_max)
    return fault_set(f, DSQL_EBUSY,
                     "%zu bytes of requests are queued on this connection; the limit is %zu "
                     "(queue_bytes_max)",
                     c->queue.bytes, t->queue_bytes_max);
  return 0;
}

static inline __attribute__((always_inline)) dsql_future *push(struct dsql_conn *c, struct query *q) {
  q->op.whole = !q->each;
  q->grouped = c->grouping;
  q->group = c->group_number;
  if (q->op.effect == SQL_COPY) q->op.barrier = true;
  op_queue_push(queue_of(c), &q->op);
  conn_flush_later(c);
  return &q->future;
}

/* The start hook is the last thing that the call does: whatever it may look at is in order. */
__attribute__((noinline, cold)) static dsql_future *push_observed(struct dsql_conn *c, struct query *q) {
  struct fault f;

  fault_clear(&f);
  if (rt_in_hook(c->rt) && observe_refuse(&f)) return calls_refuse(q, &f);
  (void)push(c, q);
  query_observe_start(q);
  return &q->future;
}

static inline __attribute__((always_inline)) dsql_future *enqueue(struct dsql_conn *c, struct query *q) {
  return __builtin_expect(rt_observer(c->rt) != NULL, 0) ? push_observed(c, q) : push(c, q);
}

dsql_future *calls_enqueue(struct dsql_conn *c, struct query *q) { return enqueue(c, q); }

static dsql_future *start_unnamed(struct dsql_conn *c, const char *sql, dsql_params p, dsql_row_fn each, void *arg,
                                  const dsql_call *o) {
  struct query *q = query_new(c, o);
  struct fault f;

  if (!q) return calls_no_memory(c);
  fault_clear(&f);
  if (!sql || (p.n && !p.v)) return refuse_null(q, "no SQL text, or parameters, was given (NULL)");
  if ((!plainly_open(c, o) && calls_check_open(c, o, &f)) || encode_unnamed(q, sql, p, !c->grouping, &f))
    return calls_refuse(q, &f);
  q->op.effect = sql_effect_of(sql, strlen(sql));
  q->each = each;
  q->each_arg = arg;
  return enqueue(c, q);
}

static dsql_future *start_statement(struct dsql_conn *c, dsql_stmt *s, dsql_params p, dsql_row_fn each, void *arg,
                                    const dsql_call *o) {
  struct query *q = query_new(c, o);
  struct fault f;

  if (!q) return calls_no_memory(c);
  fault_clear(&f);
  if (!s || (p.n && !p.v)) return refuse_null(q, "no statement, or parameters, was given (NULL)");
  if ((!plainly_open(c, o) && calls_check_open(c, o, &f)) || encode_statement(q, s, p, !c->grouping, &f))
    return calls_refuse(q, &f);
  q->op.effect = s->effect;
  q->each = each;
  q->each_arg = arg;
  return enqueue(c, q);
}

dsql_future *calls_command(struct dsql_conn *c, const char *sql, const dsql_call *o) {
  struct query *q = query_new(c, o);
  struct fault f;

  if (!q) return calls_no_memory(c);
  fault_clear(&f);
  if (calls_check_open(c, o, &f) || encode_command(q, sql, !c->grouping, &f)) return calls_refuse(q, &f);
  q->op.effect = sql_effect_of(sql, strlen(sql));
  return calls_enqueue(c, q);
}

dsql_future *dsql_query(dsql_conn *c, const char *sql, dsql_params p, const dsql_call *o) {
  return start_unnamed(c, sql, p, NULL, NULL, o);
}

dsql_future *dsql_query_each(dsql_conn *c, const char *sql, dsql_params p, dsql_row_fn fn, void *arg,
                             const dsql_call *o) {
  return start_unnamed(c, sql, p, fn, arg, o);
}

dsql_future *dsql_query_stmt(dsql_conn *c, dsql_stmt *s, dsql_params p, const dsql_call *o) {
  return start_statement(c, s, p, NULL, NULL, o);
}

dsql_future *dsql_query_stmt_each(dsql_conn *c, dsql_stmt *s, dsql_params p, dsql_row_fn fn, void *arg,
                                  const dsql_call *o) {
  return start_statement(c, s, p, fn, arg, o);
}

dsql_future *dsql_exec(dsql_conn *c, const char *script, const dsql_call *o) {
  struct query *q = query_new(c, o);
  struct fault f;

  if (!q) return calls_no_memory(c);
  fault_clear(&f);
  if (!script) return refuse_null(q, "no script was given (NULL)");
  if (c->grouping)
    fault_set(&f, DSQL_EINVAL, "dsql_exec() has no place in a pipeline: the simple protocol ends its group by itself");
  if (f.code || calls_check_open(c, o, &f) || encode_script(q, script, &f)) return calls_refuse(q, &f);
  return calls_enqueue(c, q);
}

/* ---- pipelines ---- */

int dsql_pipeline_begin(dsql_conn *c) {
  if (!c || c->grouping || rt_in_hook(c->rt)) return DSQL_EINVAL;
  c->grouping = true;
  c->group_broken = false;
  c->group_number++;
  op_queue_group_begin(queue_of(c));
  return 0;
}

int dsql_pipeline_end(dsql_conn *c) {
  struct op_queue *queue;
  struct query *q;

  if (!c || !c->grouping || rt_in_hook(c->rt)) return DSQL_EINVAL;
  c->grouping = false;
  queue = queue_of(c);
  queue->grouping = false;
  if (!queue->group_open) return 0; /* empty, or dropped */
  q = query_new_own(c);
  if (!q) {
    /* Without a Sync the group can't end: none of it is sent. */
    query_skip_group(query_of_op(queue->group_open));
    return DSQL_ENOMEM;
  }
  wire_sync(&q->op.bytes);
  q->op.sync = true;
  op_queue_push(queue, &q->op);
  conn_flush_later(c);
  return 0;
}
