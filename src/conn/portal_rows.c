/* Rows from the server into chunks, and how chunks and runs end. */
#include <stdarg.h>
#include <stdio.h>

#include "conn/conn.h"
#include "conn/portal.h"

static struct portal_chunk *first_waiting(const struct dsql_portal *p) {
  struct list *node = list_first(&p->waiting);
  return node ? LIST_ENTRY(node, struct portal_chunk, node) : NULL;
}

/* ---- the ends ---- */

void portal_unref(struct dsql_portal *p) {
  if (--p->refs) return;
  list_remove(&p->node);
  if (p->first) dsql_future_destroy(&p->first->future);
  buf_deinit(&p->ahead);
  arena_deinit(&p->arena);
  mem_free(rt_alloc(p->rt), p);
}

void portal_chunk_complete(struct portal_chunk *chunk, const struct error *e) {
  struct query *q = chunk->q;
  const struct error *told = e ? error_clone(&q->arena, e) : NULL;

  if (e && !told) told = query_nomem(e->pub.flags);
  if (!e && !q->result.columns) result_set_like(&q->result, &chunk->portal->first->result);
  list_remove(&chunk->node);
  if (chunk->run) chunk->run->chunk = NULL;
  chunk->run = NULL;
  query_complete(q, told);
}

void portal_fail(struct dsql_portal *p, const struct error *e) {
  struct portal_chunk *chunk;

  if (!p->error) {
    struct error *kept = error_clone(&p->arena, e);
    p->error = kept ? kept : query_nomem(e->pub.flags);
  }
  p->state = PORTAL_FAILED;
  buf_deinit(&p->ahead);
  while ((chunk = first_waiting(p)) != NULL) portal_chunk_complete(chunk, e);
}

void portal_fail_with(struct dsql_portal *p, int code, const char *format, ...) {
  char text[FAULT_TEXT_SIZE];
  struct fault f;
  va_list args;

  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  fault_clear(&f);
  fault_set(&f, code, "%s", text);
  portal_fail(p, error_from_fault(&p->arena, &f));
}

/* ---- rows: what becomes of those that came ---- */

enum fate { TAKEN, PAUSED, STOPPED };

/* rc: what storing rows has ended with. In a block the rest is swallowed, because canceling would fail the block. */
static enum fate not_stored(struct dsql_portal *p, int rc) {
  if (rc == DSQL_ETOOBIG && p->spilling)
    portal_fail_with(p, rc,
                     "the server ignores row limits, other calls wait for this connection, and what is left of the "
                     "result is larger than result_bytes_max: fetch all of it before other calls, or raise that limit");
  else if (rc == DSQL_ETOOBIG)
    portal_fail_with(p, rc, "the chunk is larger than result_bytes_max; raise it, or fetch fewer rows at a time");
  else if (rc == DSQL_EPROTO)
    portal_fail_with(p, rc, "protocol violation: a DataRow does not fit the columns that were described");
  else
    portal_fail_with(p, rc, "out of memory for the rows of a chunk");
  return p->in_block ? TAKEN : STOPPED;
}

/* As many of these DataRow messages as the chunk has room for. 0, ENOMEM, ETOOBIG, EPROTO. */
static int store(struct portal_chunk *chunk, const uint8_t *rows, size_t n, size_t *taken) {
  struct query *q = chunk->q;
  size_t room = chunk->rows_max - q->result.rows, at = 0;
  int rc;

  for (; room && at < n; room--) at += (size_t)load_be32(rows + at + 1) + 1;
  *taken = at;
  if (!q->result.columns) result_set_like(&q->result, &chunk->portal->first->result);
  rc = result_append(&q->result, rows, at);
  return rc == 0 && q->arena.bytes > q->bytes_max ? DSQL_ETOOBIG : rc;
}

static int keep(struct dsql_portal *p, const uint8_t *rows, size_t n) {
  buf_put(&p->ahead, rows, n);
  return p->ahead.error;
}

bool portal_fill(struct dsql_portal *p, struct portal_chunk *chunk) {
  size_t taken = 0;
  int rc;

  if (!portal_has_ahead(p)) return true;
  rc = store(chunk, p->ahead.data + p->ahead_at, p->ahead.len - p->ahead_at, &taken);
  if (rc) {
    (void)not_stored(p, rc);
    return false;
  }
  p->ahead_at += taken;
  if (2 * p->ahead_at < p->ahead.len) return true; /* each byte moves once or so, however many chunks there are */
  buf_consume(&p->ahead, p->ahead_at);
  p->ahead_at = 0;
  return true;
}

/* Is somebody else's operation on the wire or in the queue? */
static bool others_wait(const struct portal_run *run) {
  const struct dsql_conn *c = run->portal->conn;
  return c && (run->q->op.node.next != &c->session.inflight || !list_empty(&c->queue.list));
}

void portal_on_flush(struct dsql_conn *c) {
  struct query *q = c->copying;
  struct portal_run *run = q->each_arg;

  if (!others_wait(run)) return;
  run->portal->spilling = true;
  c->copying = NULL;
  dsql_resume(&q->future);
}

/* To the chunk; what storing them ends with is judged: a row that does not fit its columns is the connection's end. */
static enum fate to_chunk(struct portal_chunk *chunk, const uint8_t *rows, size_t n, size_t *taken) {
  struct dsql_portal *p = chunk->portal;
  struct query *run = (chunk->run ? chunk->run : p->stream)->q;
  int rc = store(chunk, rows, n, taken);

  if (rc == DSQL_EPROTO) query_violation(run);
  if (rc == 0 || rc == DSQL_EPROTO) return TAKEN;
  return not_stored(p, rc);
}

/* Nobody has asked for the first of these yet. */
static enum fate to_nobody(struct dsql_portal *p, const uint8_t *rows, size_t n, size_t *taken) {
  int rc;

  *taken = p->spilling ? n : (size_t)load_be32(rows + 1) + 1;
  rc = keep(p, rows, *taken);
  if (rc) return not_stored(p, rc);
  if (p->spilling) return TAKEN;
  if (p->in_block && p->conn) p->conn->copying = p->stream->q;
  return PAUSED;
}

static enum fate to_stream(struct dsql_portal *p, const uint8_t *rows, size_t n, size_t *taken) {
  struct portal_chunk *chunk;

  while (!p->spilling && (chunk = first_waiting(p)) != NULL) {
    if (!portal_chunk_is_full(chunk)) return to_chunk(chunk, rows, n, taken);
    portal_chunk_complete(chunk, NULL);
  }
  return to_nobody(p, rows, n, taken);
}

static enum fate take(struct portal_run *run, const uint8_t *rows, size_t n, size_t *taken) {
  struct dsql_portal *p = run->portal;

  *taken = n;
  if (p->state == PORTAL_FAILED) return TAKEN;
  if (p->state != PORTAL_STREAM) {
    if (!run->chunk) return TAKEN;
    if (!portal_chunk_is_full(run->chunk)) return to_chunk(run->chunk, rows, n, taken);
    p->state = PORTAL_STREAM;
    p->stream = run;
    p->spilling = run->q->grouped || others_wait(run);
  }
  return to_stream(p, rows, n, taken);
}

int portal_marks_rows(const dsql_result *row, void *run) {
  (void)row, (void)run;
  return 0;
}

size_t portal_on_rows(struct query *q, const uint8_t *rows, size_t n) {
  struct dsql_conn *c = q->conn;
  enum fate fate = TAKEN;
  size_t at = 0, taken;

  while (fate == TAKEN && at < n && c->session.phase != SESSION_FAILED) {
    fate = take(q->each_arg, rows + at, n - at, &taken);
    at += taken;
  }
  if (fate == PAUSED) {
    q->paused = true;
    c->paused = q;
    return at;
  }
  if (fate == STOPPED) query_give_up(q, DSQL_EABORT, "its portal has failed");
  return n;
}

/* ---- the end of a run ---- */

static void complete_with(struct portal_chunk *chunk, const struct query *run) {
  dsql_str tag = run->result.tag;
  chunk->q->tx_status = run->tx_status;
  result_set_tag(&chunk->q->result, tag.ptr, tag.len);
  portal_chunk_complete(chunk, NULL);
}

/* The chunks that still wait share what is there. */
static void stream_ended(struct dsql_portal *p, const struct query *run) {
  struct portal_chunk *chunk;

  p->state = PORTAL_ENDED;
  while ((chunk = first_waiting(p)) != NULL) {
    if (!portal_fill(p, chunk)) return;
    complete_with(chunk, run);
  }
}

static void chunk_ended(struct dsql_portal *p, struct portal_run *run) {
  struct portal_chunk *chunk = run->chunk;
  bool suspended = run->q->op.limit == LIMIT_REACHED;

  if (suspended && chunk && !portal_chunk_is_full(chunk)) {
    portal_fail_with(p, DSQL_EPROTO, "protocol violation: the server suspended a portal after %zu of %zu rows",
                     chunk->q->result.rows, chunk->rows_max);
    return;
  }
  if (!suspended) p->state = PORTAL_ENDED;
  if (chunk) complete_with(chunk, run->q);
  if (suspended && run->q->tx_status != 'T' && p->state != PORTAL_FAILED)
    portal_fail_with(
        p, DSQL_EINVAL,
        "the portal was gone with its first chunk: the transaction block that was expected to be open when "
        "dsql_query_fetch() was called was not (its BEGIN has failed, perhaps)");
}

static void run_succeeded(struct dsql_portal *p, struct portal_run *run) {
  if (p->state == PORTAL_FAILED) return;
  if (p->state != PORTAL_STREAM)
    chunk_ended(p, run);
  else if (run != p->stream)
    return; /* it was on its way when the stream began, and had nothing to bring */
  else if (run->q->op.limit == LIMIT_REACHED)
    portal_fail_with(p, DSQL_EPROTO,
                     "protocol violation: the server suspended a portal behind more rows than its limit");
  else
    stream_ended(p, run->q);
}

void portal_on_run(dsql_future *f, void *arg) {
  struct portal_run *run = arg;
  struct dsql_portal *p = run->portal;

  list_remove(&run->node);
  if (!f->error)
    run_succeeded(p, run);
  else if (p->state != PORTAL_FAILED)
    portal_fail(p, f->error);
  if (run->chunk) run->chunk->run = NULL;
  if (p->stream == run) p->stream = NULL;
  if (p->first != run->q) dsql_future_destroy(f);
  portal_unref(p);
}
