/* COPY FROM STDIN and COPY TO STDOUT. The simple protocol carries them: there an error ends the statement by itself, and
 * what was sent behind it is dropped by the server. */
#include "conn/copy.h"

#include <string.h>

#include "conn/calls.h"
#include "conn/conn.h"
#include "conn/encode.h"

/* ---- the calls ---- */

static bool mentions_csv(const char *sql) {
  for (const char *at = strpbrk(sql, "cC"); at; at = strpbrk(at + 1, "cC"))
    if ((at[1] | 32) == 's' && (at[2] | 32) == 'v') return true;
  return false;
}

static struct dsql_copy *attach(struct query *q, const char *sql) {
  struct dsql_copy *copy = arena_alloc(&q->arena, sizeof *copy);
  if (!copy) return NULL;
  memset(copy, 0, sizeof *copy);
  copy->q = q;
  copy->csv = mentions_csv(sql);
  q->copy = copy;
  return copy;
}

static int check(struct dsql_conn *c, const char *sql, bool callback, const char *name, struct fault *f) {
  if (!sql || !callback) return fault_set(f, DSQL_EINVAL, "%s: no SQL text, data or callback was given (NULL)", name);
  if (c->grouping) return fault_set(f, DSQL_EINVAL, "%s has no place in a pipeline: a COPY travels alone", name);
  if (sql_effect_of(sql, strlen(sql)) != SQL_COPY)
    return fault_set(f, DSQL_EINVAL, "%s takes one COPY statement, and this is another one: %.40s", name, sql);
  return 0;
}

struct how {
  const char *name, *sql;
  enum op_copy_plan plan;
  dsql_copy_source source;
  dsql_copy_sink sink;
  void *arg;
  const void *data;
  size_t data_len;
};

static dsql_future *start(struct dsql_conn *c, const struct how *how, const dsql_call *o) {
  struct query *q = query_new(c, o);
  struct dsql_copy *copy;
  struct fault f;

  if (!q) return calls_no_memory(c);
  fault_clear(&f);
  if (check(c, how->sql, how->source || how->sink || how->data, how->name, &f) || calls_check_open(c, o, &f) ||
      encode_script(q, how->sql, &f))
    return calls_refuse(q, &f);
  copy = attach(q, how->sql);
  if (!copy) {
    fault_set(&f, DSQL_ENOMEM, "out of memory for a COPY");
    return calls_refuse(q, &f);
  }
  copy->source = how->source;
  copy->sink = how->sink;
  copy->arg = how->arg;
  copy->data = how->data;
  copy->data_end = how->data ? copy->data + how->data_len : NULL;
  q->op.copy_plan = how->plan;
  q->op.barrier = true;
  return calls_enqueue(c, q);
}

dsql_future *dsql_copy_in(dsql_conn *c, const char *sql, dsql_copy_source source, void *arg, const dsql_call *o) {
  struct how how = {.name = "dsql_copy_in()", .sql = sql, .plan = COPY_PLAN_IN, .source = source, .arg = arg};
  return start(c, &how, o);
}

static dsql_copy_next next_piece(dsql_copy *copy, void *arg) {
  size_t left = (size_t)(copy->data_end - copy->data);
  size_t n = left < SESSION_GATHER_SOFT_MAX ? left : SESSION_GATHER_SOFT_MAX;

  (void)arg;
  (void)dsql_copy_write(copy, copy->data, n);
  copy->data += n;
  return n == left ? DSQL_COPY_END : DSQL_COPY_MORE;
}

dsql_future *dsql_copy_in_bytes(dsql_conn *c, const char *sql, const void *data, size_t n, const dsql_call *o) {
  struct how how = {.name = "dsql_copy_in_bytes()",
                    .sql = sql,
                    .plan = COPY_PLAN_IN,
                    .source = next_piece,
                    .data = data || n ? data : "",
                    .data_len = n};
  if (n && !data) how.source = NULL;
  return start(c, &how, o);
}

dsql_future *dsql_copy_out(dsql_conn *c, const char *sql, dsql_copy_sink sink, void *arg, const dsql_call *o) {
  struct how how = {.name = "dsql_copy_out()", .sql = sql, .plan = COPY_PLAN_OUT, .sink = sink, .arg = arg};
  return start(c, &how, o);
}

/* ---- data to the server ---- */

void copy_on_begin(struct query *q, const uint8_t *body, size_t n) {
  struct wire_copy_response response;

  if (wire_decode_copy_response(body, n, &response)) return; /* the session has checked it */
  q->copy->binary = response.binary;
  q->copy->columns = response.cols;
  if (q->op.copy != COPY_SENDING) return;
  q->conn->copying = q;
  conn_flush_later(q->conn);
}

static void fail(struct dsql_conn *c, struct query *q, const char *reason) {
  c->copying = NULL;
  (void)session_copy_fail(&c->session, &q->op, reason); /* a failure of the output is the link's to report */
  conn_flush_later(c);
}

/* The fault decides what the future ends with; the server's answer, that it was told to fail, only ends the COPY. */
static void fail_with_fault(struct dsql_conn *c, struct query *q) {
  const struct fault *f = &q->copy->fault;
  struct error *e = error_printf(&q->arena, f->code, "%s", f->text);

  if (e && f->code == DSQL_EABORT) e->pub.app_code = q->stop_code;
  q->error = e ? e : query_nomem(0);
  fail(c, q, "the source of the data has failed");
}

static void finish(struct dsql_conn *c, struct query *q) {
  size_t from;

  c->copying = NULL;
  if (q->copy->binary && !q->copy->raw) {
    from = session_copy_open(&c->session);
    if (!q->copy->rows) wire_copy_signature(c->session.out);
    wire_copy_trailer(c->session.out);
    (void)session_copy_close(&c->session, from);
  }
  (void)session_copy_done(&c->session, &q->op);
  conn_flush_later(c);
}

/* One call of the source. User code runs here: false when c is not to be touched for this any more. */
static bool ask(struct dsql_conn *c, struct query *q, dsql_copy_next *next, bool *wrote) {
  struct dsql_copy *copy = q->copy;
  size_t from = session_copy_open(&c->session);

  copy->asking = true;
  *next = copy->source(copy, copy->arg);
  copy->asking = false;
  if (!c->session_live || c->session.phase == SESSION_FAILED) return false;
  if (c->closing) { /* a half message must not stay */
    buf_truncate(c->session.out, from);
    return false;
  }
  *wrote = c->session.out->len > from + WIRE_HEADER_SIZE;
  if (copy->fault.code || q->op.abandoned || *next == DSQL_COPY_FAIL)
    buf_truncate(c->session.out, from);
  else if (!session_copy_close(&c->session, from))
    return false;
  return true;
}

static void on_next(struct dsql_conn *c, struct query *q, dsql_copy_next next, bool wrote) {
  struct dsql_copy *copy = q->copy;

  if (q->op.abandoned) {
    fail(c, q, "canceled");
    return;
  }
  if (!copy->fault.code && next == DSQL_COPY_FAIL) {
    fault_set(&copy->fault, DSQL_EABORT, "stopped by the source of the COPY's data");
  } else if (!copy->fault.code && next == DSQL_COPY_MORE && !wrote) {
    fault_set(&copy->fault, DSQL_EINVAL,
              "the source of a COPY returned DSQL_COPY_MORE without having written anything; return DSQL_COPY_LATER, "
              "and call dsql_resume() when there is data");
  } else if (!copy->fault.code && (unsigned)next > DSQL_COPY_FAIL) {
    fault_set(&copy->fault, DSQL_EINVAL, "the source of a COPY returned %d, which is no dsql_copy_next", (int)next);
  }
  if (copy->fault.code)
    fail_with_fault(c, q);
  else if (next == DSQL_COPY_END)
    finish(c, q);
  else
    copy->waits = next == DSQL_COPY_LATER;
}

void copy_pull(struct dsql_conn *c) {
  while (c->copying && !c->copying->copy->waits && c->session.out->len < SESSION_GATHER_SOFT_MAX) {
    struct query *q = c->copying;
    dsql_copy_next next;
    bool wrote;

    if (q->op.copy != COPY_SENDING) { /* the server has refused the rest */
      c->copying = NULL;
      return;
    }
    if (!ask(c, q, &next, &wrote)) return;
    on_next(c, q, next, wrote);
  }
}

void copy_stop(struct dsql_conn *c) {
  struct query *q = c->copying;
  if (!q->op.abandoned || q->copy->asking) return; /* the source is told when it returns */
  if (q->op.copy == COPY_SENDING)
    fail(c, q, "canceled");
  else
    c->copying = NULL;
}

void copy_resume(struct query *q) {
  if (!q->copy->waits || !q->conn) return;
  q->copy->waits = false;
  if (q->conn->copying == q) conn_flush_later(q->conn);
}

/* ---- data from the server ---- */

/* User code runs here: whatever it did, nothing is touched afterwards but what `busy` keeps alive. */
size_t copy_on_data(struct query *q, const uint8_t *run, size_t n) {
  struct dsql_conn *c = q->conn;

  for (size_t at = 0; at < n;) {
    size_t total = (size_t)load_be32(run + at + 1) + 1;
    int rc = q->copy->sink(run + at + WIRE_HEADER_SIZE, total - WIRE_HEADER_SIZE, q->copy->arg);
    at += total;
    if (c->closing || !c->session_live || q->op.abandoned || q->error || c->session.phase == SESSION_FAILED) return n;
    if (rc == 0) continue;
    if (rc == DSQL_ROW_PAUSE) {
      q->paused = true;
      c->paused = q;
      return at;
    }
    q->stop_code = rc;
    query_give_up(q, DSQL_EABORT, "stopped by the sink of the COPY's data");
    return n;
  }
  return n;
}
