/* The calls around portals: made, fetched from, closed. */
#include "conn/portal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "conn/calls.h"
#include "conn/conn.h"
#include "rt/observe.h"

/* ---- will a transaction block be open when it is run? ---- */

static void pass(const struct list *l, bool *open) {
  for (const struct list *n = l->next; n != l; n = n->next) {
    enum sql_effect effect = LIST_ENTRY(n, const struct op, node)->effect;
    if (effect == SQL_BEGIN) *open = true;
    if (effect == SQL_COMMIT || effect == SQL_ROLLBACK || effect == SQL_UNKNOWN) *open = false;
  }
}

/* When unsure: no, because a stream works in a block as well. */
static bool block_is_expected(const struct dsql_conn *c) {
  bool open = c->session_live && c->session.tx_status == 'T';
  if (c->session_live) pass(&c->session.inflight, &open);
  pass(&c->queue.list, &open);
  return open;
}

/* ---- chunks ---- */

static struct portal_chunk *chunk_of(struct dsql_future *f) { return query_of_future(f)->each_arg; }

static void chunk_free(struct dsql_future *f) {
  struct dsql_portal *p = chunk_of(f)->portal;
  query_on_free(f);
  portal_unref(p);
}

/* Its run is given up; or the stream, which is everybody's. */
static void give_up(struct portal_chunk *chunk, int code, const char *reason) {
  struct dsql_portal *p = chunk->portal;
  struct portal_run *run = chunk->run ? chunk->run : p->stream;

  if (!run) return;
  p->refs++;
  query_give_up(run->q, code, reason);
  /* What is not given up has just ended, or is a COMMIT of the same group: its end will tell. */
  if (run->q->future.ready && run->q->future.error) portal_fail(p, run->q->future.error);
  portal_unref(p);
}

static void chunk_cancel(struct dsql_future *f) { give_up(chunk_of(f), DSQL_ECANCELED, "canceled by the caller"); }

static int chunk_result(struct dsql_future *f, const dsql_result **out) {
  *out = &query_of_future(f)->result;
  return 0;
}

static const struct future_class chunk_class = {chunk_cancel, chunk_free, chunk_result, NULL};

static void on_deadline(struct rt_timer *t) {
  struct query *q = LIST_ENTRY(t, struct query, timer);
  give_up(q->each_arg, DSQL_ETIMEDOUT, "the call's timeout passed");
}

static struct portal_chunk *chunk_new(struct dsql_portal *p, int32_t rows_max, const dsql_call *o) {
  struct query *q = query_new(p->conn, o);
  struct portal_chunk *chunk = q ? arena_alloc(&q->arena, sizeof *chunk) : NULL;

  if (!chunk) {
    if (q) {
      dsql_future_detach(&q->future);
      query_complete(q, &error_nomem);
      query_op_done(q);
    }
    return NULL;
  }
  *chunk = (struct portal_chunk){.portal = p, .q = q, .rows_max = (size_t)rows_max};
  list_init(&chunk->node);
  p->refs++;
  q->each_arg = chunk;
  q->future.class = &chunk_class;
  q->timer.fire = on_deadline;
  q->conn = NULL;
  q->op_live = false; /* it has none */
  return chunk;
}

/* ---- runs ---- */

static struct portal_run *run_new(struct dsql_portal *p, const dsql_call *o) {
  struct query *q = query_new(p->conn, o);
  struct portal_run *run = q ? arena_alloc(&q->arena, sizeof *run) : NULL;

  if (!run) {
    if (q) {
      dsql_future_detach(&q->future);
      query_complete(q, &error_nomem);
      query_op_done(q);
    }
    return NULL;
  }
  if (q->timer.node.linked) rt_timer_stop(p->rt, &q->timer); /* the deadlines are those of the chunks */
  list_remove(&q->future.open);                              /* we free it, not the end of the runtime */
  *run = (struct portal_run){.portal = p, .q = q};
  list_push_back(&p->runs, &run->node);
  p->refs++;
  q->each = portal_marks_rows;
  q->each_arg = run;
  return run;
}

/* Encoded; or refused with f, which the chunk tells at once. */
static void run_go(struct portal_run *run, const struct fault *f) {
  struct query *q = run->q;
  dsql_future *future = f->code ? calls_refuse(q, f) : calls_enqueue(q->conn, q);
  int rc = dsql_future_on_ready(future, portal_on_run, run);

  assert(rc == 0);
  (void)rc;
  if (f->code) portal_fail(run->portal, q->future.error);
}

/* ---- the first fetch ---- */

static struct dsql_portal *portal_new(struct dsql_conn *c, const struct portal_how *how) {
  struct dsql_portal *p = mem_zalloc(rt_alloc(c->rt), sizeof *p);

  if (!p) return NULL;
  p->rt = c->rt;
  p->conn = c;
  p->refs = 1;
  p->owned = how->owned;
  p->in_block = how->owned || block_is_expected(c);
  p->state = p->in_block ? PORTAL_LIMITED : PORTAL_STREAM;
  list_init(&p->runs);
  list_init(&p->waiting);
  arena_init(&p->arena, rt_chunks(c->rt));
  buf_init(&p->ahead, rt_alloc(c->rt), c->target->target->result_bytes_max);
  list_push_back(&c->portals, &p->node);
  if (p->in_block) (void)snprintf(p->name, sizeof p->name, "dsql_p%u", ++c->portal_number);
  return p;
}

static int check_first(struct dsql_conn *c, const struct portal_how *how, const dsql_call *o, struct fault *f) {
  if (how->rows_max < 1)
    return fault_set(f, DSQL_EINVAL, "%s: a chunk of %d rows was asked for; it takes at least 1", how->name,
                     (int)how->rows_max);
  if (c->grouping && !how->owned)
    return fault_set(f, DSQL_EINVAL, "%s has no place in a pipeline: its chunks are waited for", how->name);
  return calls_check_open(c, o, f);
}

static int encode_first(struct query *q, const struct dsql_portal *p, const struct portal_how *how, struct fault *f) {
  struct portal_at at = {p->name, (uint32_t)how->rows_max};
  bool sync = !q->conn->grouping;

  if ((!how->sql && !how->s) || (how->params.n && !how->params.v))
    return fault_set(f, DSQL_EINVAL, "%s: no statement, or parameters, was given (NULL)", how->name);
  q->op.effect = how->s ? how->s->effect : sql_effect_of(how->sql, strlen(how->sql));
  if (p->state == PORTAL_LIMITED) return encode_portal(q, how->sql, how->s, how->params, &at, sync, f);
  return how->s ? encode_statement(q, how->s, how->params, sync, f) : encode_unnamed(q, how->sql, how->params, sync, f);
}

/* A refused call breaks a pipeline, where it has one. */
static dsql_future *no_memory(struct dsql_conn *c, struct dsql_portal *p, dsql_portal **out) {
  *out = NULL;
  if (p) portal_unref(p);
  return calls_no_memory(c);
}

/* Lets go of a chunk that never came to wait. */
static void chunk_drop(struct portal_chunk *chunk) {
  struct query *q = chunk->q;
  dsql_future_detach(&q->future);
  query_complete(q, &error_nomem);
}

dsql_future *portal_start(struct dsql_conn *c, const struct portal_how *how, const dsql_call *o, dsql_portal **out) {
  struct dsql_portal *p = portal_new(c, how);
  struct portal_chunk *chunk = p ? chunk_new(p, how->rows_max, o) : NULL;
  struct portal_run *run = chunk ? run_new(p, o) : NULL;
  struct fault f;

  if (!run) {
    if (chunk) chunk_drop(chunk);
    return no_memory(c, p, out);
  }
  p->ahead.max = chunk->q->bytes_max;
  list_push_back(&p->waiting, &chunk->node);
  p->first = run->q;
  if (p->state == PORTAL_STREAM) {
    p->stream = run;
  } else {
    run->chunk = chunk;
    chunk->run = run;
  }
  fault_clear(&f);
  if (!check_first(c, how, o, &f)) (void)encode_first(run->q, p, how, &f);
  run_go(run, &f);
  *out = p;
  return &chunk->q->future;
}

dsql_future *dsql_query_fetch(dsql_conn *c, const char *sql, dsql_params p, int32_t rows_max, const dsql_call *o,
                              dsql_portal **portal) {
  struct portal_how how = {.name = "dsql_query_fetch()", .sql = sql, .params = p, .rows_max = rows_max};
  return portal_start(c, &how, o, portal);
}

dsql_future *dsql_query_stmt_fetch(dsql_conn *c, dsql_stmt *s, dsql_params p, int32_t rows_max, const dsql_call *o,
                                   dsql_portal **portal) {
  struct portal_how how = {.name = "dsql_query_stmt_fetch()", .s = s, .params = p, .rows_max = rows_max};
  return portal_start(c, &how, o, portal);
}

/* ---- further ones ---- */

/* An Execute of its own. */
static dsql_future *fetch_more(struct dsql_portal *p, struct portal_chunk *chunk) {
  const struct query *first = p->first;
  dsql_call call = {.size = sizeof call, .read_only = first->op.read_only, .text_results = first->text_results};
  struct portal_run *run = run_new(p, &call);
  struct portal_at at = {p->name, (uint32_t)chunk->rows_max};
  struct dsql_conn *c = p->conn;
  struct query *q;
  struct fault f;

  if (!run) {
    chunk_drop(chunk);
    return calls_no_memory(c);
  }
  q = run->q;
  run->chunk = chunk;
  chunk->run = run;
  list_push_back(&p->waiting, &chunk->node);
  fault_clear(&f);
  if (first->result.columns) {
    result_set_like(&q->result, &first->result);
    q->current = &q->result;
  }
  if (!calls_check_open(c, NULL, &f)) (void)encode_more(q, &at, !first->result.columns, !c->grouping, &f);
  q->op.effect = first->op.effect;
  run_go(run, &f);
  return &chunk->q->future;
}

/* Nobody wants the rest any more. A block is kept alive by swallowing what a cancel would end. */
static void stop(struct dsql_portal *p, int code, const char *reason, bool keep_block) {
  struct query *stream = p->stream ? p->stream->q : NULL;

  if (stream && !(keep_block && p->in_block)) query_give_up(stream, code, reason);
  if (stream && stream->future.ready && stream->future.error)
    portal_fail(p, stream->future.error);
  else
    portal_fail_with(p, code, "%s", reason);
  if (!stream) return;
  if (p->conn && p->conn->copying == stream) p->conn->copying = NULL;
  dsql_resume(&stream->future);
}

/* From what is there already, and what comes of the stream. */
static dsql_future *fetch_rest(struct dsql_portal *p, struct portal_chunk *chunk) {
  struct dsql_conn *c = p->conn;

  list_push_back(&p->waiting, &chunk->node);
  if (!portal_fill(p, chunk)) {
    stop(p, DSQL_ECANCELED, "its portal has failed", true);
  } else if (p->state == PORTAL_ENDED || (portal_chunk_is_full(chunk) && portal_has_ahead(p))) {
    chunk->q->tx_status = c->session_live ? c->session.tx_status : 0;
    portal_chunk_complete(chunk, NULL);
  } else {
    if (c->copying == p->stream->q) c->copying = NULL;
    dsql_resume(&p->stream->q->future);
  }
  return &chunk->q->future;
}

static int check_next(const struct dsql_portal *p, int32_t rows_max, const dsql_call *o, struct fault *f) {
  const struct dsql_conn *c = p->conn;

  if (rows_max < 1)
    return fault_set(f, DSQL_EINVAL, "dsql_portal_fetch(): a chunk of %d rows was asked for; it takes at least 1",
                     (int)rows_max);
  if (calls_check_options(o, f)) return f->code;
  if (p->state == PORTAL_FAILED) {
    const dsql_error *e = &p->error->pub;
    memcpy(f->sqlstate, e->sqlstate, sizeof f->sqlstate);
    f->flags = e->flags & DSQL_CONN_LOST;
    return fault_set(f, e->code, "the portal has ended before: %.*s", (int)e->message.len, e->message.ptr);
  }
  if (!c) return fault_set(f, DSQL_ECLOSED, "the connection of the portal was closed");
  if (c->grouping && !p->owned)
    return fault_set(f, DSQL_EINVAL, "dsql_portal_fetch() has no place in a pipeline: its chunks are waited for");
  return 0;
}

dsql_future *dsql_portal_fetch(dsql_portal *p, int32_t rows_max, const dsql_call *o) {
  struct portal_chunk *chunk;
  struct fault f;

  if (!p) return NULL;
  fault_clear(&f);
  if (check_next(p, rows_max, o, &f)) {
    f.flags |= DSQL_NOT_SENT;
    return future_failed(p->rt, &f);
  }
  chunk = chunk_new(p, rows_max, o);
  if (!chunk) return calls_no_memory(p->conn);
  return p->state == PORTAL_LIMITED ? fetch_more(p, chunk) : fetch_rest(p, chunk);
}

bool dsql_portal_done(const dsql_portal *p) {
  return !p || (p->state == PORTAL_ENDED && list_empty(&p->waiting) && !portal_has_ahead(p));
}

/* ---- the end ---- */

/* Inside the group that is open on its connection when that is its owner's, behind fetches that stand there; else by
 * itself, ahead of a group of others. Without memory it stays until the end of the transaction. */
static void send_close(struct dsql_portal *p) {
  struct dsql_conn *c = p->conn;
  bool member = c->grouping && p->owned;
  struct query *q;

  if (c->status == DSQL_CONN_FAILED || c->closing || (member && c->group_broken)) return;
  q = query_new_own(c);
  if (!q) return;
  wire_close(&q->op.bytes, 'P', p->name);
  if (!member) wire_sync(&q->op.bytes);
  q->op.steps = STEP_CLOSE;
  q->op.read_only = true;
  q->op.sync = !member;
  if (member) {
    q->grouped = true;
    q->group = c->group_number;
    op_queue_push(&c->queue, &q->op);
  } else {
    op_queue_push_aside(&c->queue, &q->op);
  }
  conn_flush_later(c);
}

void dsql_portal_close(dsql_portal *p) {
  if (!p || p->closed || rt_in_hook(p->rt)) return;
  p->closed = true;
  if (p->conn && p->name[0] && (p->state == PORTAL_LIMITED || p->state == PORTAL_ENDED)) send_close(p);
  if (p->state != PORTAL_FAILED) stop(p, DSQL_ECANCELED, "its portal was closed", true);
  portal_unref(p);
}

static void leave(struct dsql_portal *p) {
  bool close = p->owned && !p->closed;
  p->conn = NULL;
  p->closed = p->closed || close;
  if (close) portal_unref(p);
}

__attribute__((noinline, cold)) void portals_drop(struct dsql_conn *c) {
  struct list *node;

  while ((node = list_pop_front(&c->portals)) != NULL) {
    struct dsql_portal *p = LIST_ENTRY(node, struct dsql_portal, node);
    p->refs++;
    if (p->state != PORTAL_FAILED)
      stop(p, DSQL_ECLOSED, "its connection was given back to the pool, or its transaction has ended", false);
    leave(p);
    portal_unref(p);
  }
}

void portals_forget(struct dsql_conn *c) {
  struct list *node;
  while ((node = list_pop_front(&c->portals)) != NULL) leave(LIST_ENTRY(node, struct dsql_portal, node));
}
