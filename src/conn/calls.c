/* The calls that start work: dsql_query() and its kin. Every failure is reported through the future. */
#include <string.h>

#include "conn/conn.h"
#include "conn/encode.h"

/* Completes q, which is in no queue yet, with a fault. */
__attribute__((noinline, cold)) static dsql_future *refuse(struct query *q, const struct fault *f, unsigned flags) {
  struct fault told = *f;
  told.flags |= flags | DSQL_NOT_SENT;
  query_complete(q, error_from_fault(&q->arena, &told));
  dsql_future *future = &q->future;
  query_op_done(q);
  return future;
}

static int check_open(struct dsql_conn *c, const struct query *q, struct fault *f) {
  const struct target *t = c->target->target;

  if (c->status == DSQL_CONN_FAILED || c->closing)
    return fault_set(f, DSQL_ECLOSED, "the connection is closed: %.*s", c->error ? (int)c->error->pub.message.len : 0,
                     c->error ? c->error->pub.message.ptr : "");
  if (c->grouping && c->group_broken)
    return fault_set(f, DSQL_ESKIPPED, "a member of this pipeline was canceled, so the whole pipeline is not sent");
  if (c->queue.ops >= t->queue_ops_max)
    return fault_set(f, DSQL_EBUSY, "%zu operations are queued on this connection; the limit is %u (queue_ops_max)",
                     c->queue.ops, t->queue_ops_max);
  if (c->queue.bytes >= t->queue_bytes_max)
    return fault_set(f, DSQL_EBUSY,
                     "%zu bytes of requests are queued on this connection; the limit is %zu "
                     "(queue_bytes_max)",
                     c->queue.bytes, t->queue_bytes_max);
  (void)q;
  return 0;
}

static dsql_future *enqueue(struct dsql_conn *c, struct query *q) {
  q->grouped = c->grouping;
  q->group = c->group_number;
  if (q->op.effect == SQL_COPY) q->op.barrier = true;
  op_queue_push(&c->queue, &q->op);
  conn_flush_later(c);
  return &q->future;
}

static dsql_future *start_unnamed(struct dsql_conn *c, const char *sql, dsql_params p, dsql_row_fn each, void *arg,
                                  const dsql_call *o) {
  struct query *q = query_new(c, o);
  struct fault f;

  if (!q) return NULL;
  fault_clear(&f);
  if (!sql || (p.n && !p.v)) fault_set(&f, DSQL_EINVAL, "no SQL text, or parameters, was given (NULL)");
  if (f.code || check_open(c, q, &f) || encode_unnamed(q, sql, p, !c->grouping, &f)) return refuse(q, &f, 0);
  q->op.effect = sql_effect_of(sql, strlen(sql));
  q->each = each;
  q->each_arg = arg;
  return enqueue(c, q);
}

static dsql_future *start_statement(struct dsql_conn *c, dsql_stmt *s, dsql_params p, dsql_row_fn each, void *arg,
                                    const dsql_call *o) {
  struct query *q = query_new(c, o);
  struct fault f;

  if (!q) return NULL;
  fault_clear(&f);
  if (!s || (p.n && !p.v)) fault_set(&f, DSQL_EINVAL, "no statement, or parameters, was given (NULL)");
  if (f.code || check_open(c, q, &f) || encode_statement(q, s, p, !c->grouping, &f)) return refuse(q, &f, 0);
  q->op.effect = s->effect;
  q->each = each;
  q->each_arg = arg;
  return enqueue(c, q);
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

  if (!q) return NULL;
  fault_clear(&f);
  if (!script) fault_set(&f, DSQL_EINVAL, "no script was given (NULL)");
  if (!f.code && c->grouping)
    fault_set(&f, DSQL_EINVAL, "dsql_exec() has no place in a pipeline: the simple protocol ends its group by itself");
  if (f.code || check_open(c, q, &f) || encode_script(q, script, &f)) return refuse(q, &f, 0);
  return enqueue(c, q);
}

/* ---- pipelines ---- */

int dsql_pipeline_begin(dsql_conn *c) {
  if (!c || c->grouping) return DSQL_EINVAL;
  c->grouping = true;
  c->group_broken = false;
  c->group_number++;
  op_queue_group_begin(&c->queue);
  return 0;
}

int dsql_pipeline_end(dsql_conn *c) {
  struct query *q;

  if (!c || !c->grouping) return DSQL_EINVAL;
  c->grouping = false;
  c->queue.grouping = false;
  if (!c->queue.group_open) return 0; /* empty, or dropped */
  q = query_new(c, NULL);
  if (!q) {
    /* Without a Sync the group can't end: none of it is sent. */
    struct query *first = query_of_op(c->queue.group_open);
    query_give_up(first, DSQL_ENOMEM, "out of memory for the end of the pipeline");
    return DSQL_ENOMEM;
  }
  wire_sync(&q->op.bytes);
  q->op.sync = true;
  op_queue_push(&c->queue, &q->op);
  dsql_future_detach(&q->future);
  conn_flush_later(c);
  return 0;
}
