/* COPY FROM STDIN and COPY TO STDOUT. The simple protocol carries them: there an error ends the statement by itself, and
 * what was sent behind it is dropped by the server. */
#include "conn/copy.h"

#include <string.h>

#include "conn/calls.h"
#include "conn/conn.h"
#include "conn/encode.h"
#include "conn/portal.h"
#include "conn/reader.h"

/* ---- the calls ---- */

static const char *find_word(const char *at, const char *word) {
  size_t n = strlen(word);
  char both[] = {word[0], (char)(word[0] & ~32), '\0'};

  while ((at = strpbrk(at, both)) != NULL) {
    size_t same = 0;
    while (same < n && (at[same] | 32) == word[same]) same++;
    if (same == n) return at + n;
    at++;
  }
  return NULL;
}

/* A table or a column may have any name, so only what stands behind the direction is looked at. */
bool copy_mentions(const char *sql, const char *word) {
  const char *behind = NULL;
  static const char *const directions[] = {"stdin", "stdout"};

  for (size_t i = 0; i < 2; i++)
    for (const char *at = sql; (at = find_word(at, directions[i])) != NULL;)
      behind = behind && behind > at ? behind : at;
  return behind && find_word(behind, word);
}

static struct dsql_copy *attach(struct query *q, const char *sql) {
  struct dsql_copy *copy = arena_alloc(&q->arena, sizeof *copy);
  if (!copy) return NULL;
  memset(copy, 0, sizeof *copy);
  copy->q = q;
  copy->csv = copy_mentions(sql, "csv");
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

static dsql_copy_next next_piece(dsql_copy *copy, void *arg) {
  size_t left = (size_t)(copy->data_end - copy->data);
  size_t n = left < SESSION_GATHER_SOFT_MAX ? left : SESSION_GATHER_SOFT_MAX;
  struct buf *out = copy->q->conn->session.out;

  (void)arg;
  if (copy->framed && copy->binary && !copy->rows) wire_copy_signature(out);
  if (copy->framed)
    copy->rows = true;
  else
    copy->raw = true;
  buf_put(out, copy->data, n);
  copy->data += n;
  return n == left ? DSQL_COPY_END : DSQL_COPY_MORE;
}

static void fill(struct dsql_copy *copy, const struct copy_how *how) {
  copy->source = how->data ? next_piece : how->source;
  copy->sink = how->sink;
  copy->arg = how->arg;
  copy->data = how->data;
  copy->data_end = how->data ? copy->data + how->data_len : NULL;
  copy->in_block = how->in_block;
  copy->framed = copy->format_is_due = how->framed;
  copy->binary = how->binary;
}

dsql_future *copy_start(struct dsql_conn *c, const struct copy_how *how, const dsql_call *o) {
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
  fill(copy, how);
  q->op.copy_plan = how->plan;
  q->op.barrier = true;
  return calls_enqueue(c, q);
}

dsql_future *dsql_copy_in(dsql_conn *c, const char *sql, dsql_copy_source source, void *arg, const dsql_call *o) {
  struct copy_how how = {.name = "dsql_copy_in()", .sql = sql, .plan = COPY_PLAN_IN, .source = source, .arg = arg};
  return copy_start(c, &how, o);
}

dsql_future *dsql_copy_in_bytes(dsql_conn *c, const char *sql, const void *data, size_t n, const dsql_call *o) {
  struct copy_how how = {
      .name = "dsql_copy_in_bytes()", .sql = sql, .plan = COPY_PLAN_IN, .data = data || n ? data : "", .data_len = n};
  return copy_start(c, &how, o);
}

dsql_future *dsql_copy_out(dsql_conn *c, const char *sql, dsql_copy_sink sink, void *arg, const dsql_call *o) {
  struct copy_how how = {.name = "dsql_copy_out()", .sql = sql, .plan = COPY_PLAN_OUT, .sink = sink, .arg = arg};
  return copy_start(c, &how, o);
}

/* ---- data to the server ---- */

static void fail(struct dsql_conn *c, struct query *q, const char *reason) {
  c->copying = NULL;
  (void)session_copy_fail(&c->session, &q->op, reason); /* a failure of the output is the link's to report */
  conn_flush_later(c);
}

/* The fault decides what the future ends with; the server's answer, that it was told to fail, only ends the COPY. */
static void fail_with_fault(struct dsql_conn *c, struct query *q) {
  const struct fault *f = &q->copy->fault;
  struct error *e = error_printf(&q->arena, f->code, "%s", f->text);

  if (e && f->code == DSQL_EABORT) e->pub.app_code = q->copy->app_code;
  q->error = e ? e : query_nomem(0);
  fail(c, q, "the source of the data has failed");
}

/* The block that it was to run in is not there (its BEGIN has failed), or its data are of another format. */
static int check_begin(struct query *q, bool binary) {
  struct dsql_copy *copy = q->copy;

  if (copy->in_block && q->conn->session.tx_status != DSQL_TX_OPEN)
    return fault_set(&copy->fault, DSQL_EINVAL, "no transaction was open any more when its COPY came");
  if (copy->format_is_due && copy->binary != binary)
    return fault_set(&copy->fault, DSQL_EINVAL,
                     "the rows were written for FORMAT %s, but the server expects FORMAT %s; name the format in the "
                     "options",
                     copy->binary ? "binary" : "text", binary ? "binary" : "text or csv");
  return 0;
}

void copy_on_begin(struct query *q, const uint8_t *body, size_t n) {
  struct wire_copy_response response;

  if (wire_decode_copy_response(body, n, &response)) return; /* the session has checked it */
  if (check_begin(q, response.binary)) {
    if (q->op.copy == COPY_SENDING)
      fail_with_fault(q->conn, q);
    else
      query_give_up(q, q->copy->fault.code, q->copy->fault.text);
    return;
  }
  q->copy->binary = response.binary;
  q->copy->columns = response.cols;
  if (q->op.copy != COPY_SENDING) return;
  q->conn->copying = q;
  conn_flush_later(q->conn);
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
  size_t from = copy->from = session_copy_open(&c->session);

  copy->asking = copy->waits = true;
  copy->quick = copy->rows && copy->binary && copy->columns ? c->session.out : NULL;
  *next = copy->source(copy, copy->arg);
  copy->asking = false;
  copy->quick = NULL;
  if (!c->session_live || c->session.phase == SESSION_FAILED) return false;
  if (c->closing) { /* a half message must not stay */
    buf_truncate(c->session.out, from);
    return false;
  }
  *wrote = c->session.out->len > from + WIRE_HEADER_SIZE;
  if (copy->fault.code || q->op.abandoned || *next == DSQL_COPY_FAIL)
    buf_truncate(c->session.out, from);
  else {
    copy->written += c->session.out->len - from - WIRE_HEADER_SIZE;
    return session_copy_close(&c->session, from);
  }
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
    copy->waits = copy->waits && next == DSQL_COPY_LATER; /* unless it was resumed meanwhile */
}

void copy_pull(struct dsql_conn *c) {
  if (!c->copying->copy) {
    portal_on_flush(c);
    return;
  }
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
    if (next == DSQL_COPY_LATER) return; /* if it was resumed, the flush is asked for */
  }
}

void copy_stop(struct dsql_conn *c) {
  struct query *q = c->copying;
  if (!q->op.abandoned || (q->copy && q->copy->asking)) return; /* the source is told when it returns */
  if (q->op.copy == COPY_SENDING)
    fail(c, q, "canceled");
  else
    c->copying = NULL;
}

void copy_shut(struct dsql_conn *c) {
  if (c->copying && c->copying->copy) c->copying->copy->quick = NULL;
}

void copy_resume(struct query *q) {
  if (!q->copy->waits || !q->conn) return;
  q->copy->waits = false;
  if (q->conn->copying == q) conn_flush_later(q->conn);
}

/* ---- data from the server ---- */

size_t copy_on_data(struct query *q, const uint8_t *run, size_t n) {
  struct dsql_conn *c = q->conn;

  q->paused = true;
  for (size_t at = 0; at < n;) {
    size_t total = (size_t)load_be32(run + at + 1) + 1;
    int rc = q->copy->sink(run + at + WIRE_HEADER_SIZE, total - WIRE_HEADER_SIZE, q->copy->arg);
    enum reader said = reader_said(q, c, rc, "the sink of the COPY's data");

    at += total;
    if (said != READER_GOES_ON) return said == READER_WAITS ? at : n;
  }
  q->paused = false;
  return n;
}
