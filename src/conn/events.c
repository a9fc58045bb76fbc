/* What the session reports about an operation, turned into rows, errors and the future's completion. */
#include <string.h>

#include "conn/conn.h"
#include "conn/encode.h"
#include "conn/portal.h"
#include "conn/reader.h"

/* A failure of our own, while the server goes on: reported when the group has ended. */
static void fail_locally(struct query *q, int code, const char *text) {
  struct error *e;
  if (q->error) return;
  e = error_printf(&q->arena, code, "%s", text);
  q->error = e ? e : &error_nomem;
}

/* As it was before its columns were known. */
static void forget_columns(struct query *q) {
  columns_unref(q->shared);
  q->shared = NULL;
  result_init(&q->result, &q->arena);
  q->current = q->last = NULL;
}

/* The result that rows belong to: a script makes another one for each statement. */
static struct dsql_result *open_result(struct query *q) {
  struct dsql_result *r;

  if (q->current) return q->current;
  if (!q->last) {
    r = &q->result;
  } else {
    r = arena_alloc(&q->arena, sizeof *r);
    if (!r) {
      fail_locally(q, DSQL_ENOMEM, "out of memory for a result");
      return NULL;
    }
    result_init(r, &q->arena);
    q->last->next = r;
  }
  q->current = r;
  return r;
}

static void prepare_stream(struct query *q, struct dsql_result *r) {
  if (!q->each) return;
  r->offsets = arena_alloc(&q->arena, r->count * sizeof *r->offsets);
  r->arena = &q->row_arena;
  if (!r->offsets) fail_locally(q, DSQL_ENOMEM, "out of memory for a row");
}

static bool same_types(const struct columns *a, const struct columns *b) {
  return a->count == b->count && memcmp(a->oids, b->oids, a->count * sizeof *a->oids) == 0;
}

/* A repaired statement has overtaken executions that were encoded for its old columns. Read as those, values of new types
 * would be wrong, silently where the widths agree; so they ask for text and take the columns as they are now. */
static void refit_queued(struct statement *on) {
  struct op_queue *queue = &on->conn->queue;

  for (struct list *n = queue->list.next; n != &queue->list; n = n->next) {
    struct query *q = query_of_op(LIST_ENTRY(n, struct op, node));
    size_t before = q->op.bytes.len;
    if (q->statement != on || !q->shared) continue;
    if (encode_as_text(q)) {
      struct fault f = {0};
      fault_set(&f, DSQL_ENOMEM, "out of memory for encoding a request once more");
      session_end(&on->conn->session, &f);
      return;
    }
    queue->bytes += q->op.bytes.len - before;
    forget_columns(q);
  }
}

static void describe_statement(struct query *q, const uint8_t *body, size_t n) {
  struct statement *on = q->statement;
  struct columns *old = on->columns;

  on->columns = columns_new(rt_alloc(on->conn->rt), body, n);
  if (!on->columns)
    fail_locally(q, DSQL_ENOMEM, "out of memory for the columns of a statement");
  else if (statement_prepare_tail(on))
    fail_locally(q, DSQL_ENOMEM, "out of memory for a prepared statement");
  else
    on->state = STATEMENT_READY;
  if (q->retried && old && !(on->columns && same_types(old, on->columns))) refit_queued(on);
  columns_unref(old);
}

static void keep_params(struct query *q, const uint8_t *oids, size_t n) {
  struct query_params *params = arena_alloc(&q->arena, sizeof *params + n);

  if (!params) {
    fail_locally(q, DSQL_ENOMEM, "out of memory for the parameters of a statement");
    return;
  }
  params->count = n / 4;
  for (size_t i = 0; i < n / 4; i++) params->oids[i] = load_be32(oids + 4 * i);
  q->params = params;
}

void query_on_params(struct query *q, const uint8_t *oids, size_t n) {
  struct statement *on = q->statement;
  const dsql_alloc *a;
  uint32_t *copy;

  if (q->params) {
    keep_params(q, oids, n);
    return;
  }
  a = rt_alloc(on->conn->rt);
  copy = n ? mem_alloc(a, n) : NULL;
  if (n && !copy) return; /* what was declared stays: the check is weaker, not wrong */
  for (size_t i = 0; i < n / 4; i++) copy[i] = load_be32(oids + 4 * i);
  mem_free(a, on->param_oids);
  on->param_oids = copy;
  on->param_count = n / 4;
}

/* As this use without a name has had them: the next one asks for binary. Without memory for it, it asks for text. */
static void remember_columns(struct query *q, const struct columns *now, const uint8_t *body, size_t n) {
  struct statement *on = q->statement;

  if (!on || (conn_names(q->conn, on->stmt) && on->state != STATEMENT_ABSENT)) return;
  if (now && on->columns && same_types(now, on->columns)) return;
  columns_unref(on->columns);
  on->columns = now ? columns_new(rt_alloc(q->conn->rt), body, n) : NULL;
}

void query_on_columns(struct query *q, const uint8_t *body, size_t n, bool of_statement) {
  struct dsql_result *r;
  struct columns *columns;

  if (of_statement && !q->params) {
    describe_statement(q, body, n);
    return;
  }
  if (!body) {
    remember_columns(q, NULL, NULL, 0);
    return;
  }
  r = open_result(q);
  columns = r ? columns_new_in(&q->arena, body, n) : NULL;
  if (!columns) {
    fail_locally(q, DSQL_ENOMEM, "out of memory for the columns of a result");
    return;
  }
  result_set_columns(r, columns, false);
  remember_columns(q, columns, body, n);
  prepare_stream(q, r);
}

/* Columns that an earlier member of the group, or a later Describe, has brought. */
static struct dsql_result *describe_late(struct query *q) {
  struct dsql_result *r = open_result(q);
  if (!r || r->columns || !q->statement || !q->statement->columns) {
    if (r && q->each && !r->offsets && r->count) prepare_stream(q, r);
    return r;
  }
  q->shared = columns_ref(q->statement->columns);
  result_set_columns(r, q->shared, false);
  prepare_stream(q, r);
  return r;
}

static inline struct dsql_result *described_result(struct query *q) {
  struct dsql_result *r = q->current;
  return r && r->columns && !q->each ? r : describe_late(q);
}

void query_violation(struct query *q) {
  struct fault f = {0};
  fault_set(&f, DSQL_EPROTO, "protocol violation: a DataRow does not fit the columns that were described");
  session_end(&q->conn->session, &f);
}

/* The member that brought them had no memory for them. */
static void lack_columns(struct query *q) {
  fail_locally(q, DSQL_ENOMEM, "out of memory for the columns of a statement");
}

/* rc: what storing rows ended with. */
static __attribute__((noinline, cold)) void rows_not_stored(struct query *q, int rc) {
  if (!rc)
    query_give_up(q, DSQL_ETOOBIG,
                  "the result is larger than result_bytes_max; raise it, or stream with "
                  "dsql_query_each()");
  else if (rc == DSQL_EPROTO)
    query_violation(q);
  else
    fail_locally(q, rc, rc == DSQL_ENOMEM ? "out of memory for a result's rows" : "the result has too many rows");
}

/* False: they are not all there, or too many. */
static inline bool store_rows(struct query *q, struct dsql_result *r, const struct session_event *ev) {
  int rc;

  if (!r->columns) {
    lack_columns(q);
    return false;
  }
  rc = result_append(r, ev->body, ev->len);
  if (__builtin_expect(rc == 0 && q->arena.bytes <= q->bytes_max, 1)) return true;
  rows_not_stored(q, rc);
  return false;
}

static size_t stream_rows(struct query *q, struct dsql_result *r, const uint8_t *run, size_t n) {
  struct dsql_conn *c = q->conn;

  if (!r->columns) {
    lack_columns(q);
    return n;
  }
  if (q->each == portal_marks_rows) return portal_on_rows(q, run, n);
  q->paused = true;
  for (size_t at = 0; at < n;) {
    size_t total = (size_t)load_be32(run + at + 1) + 1;
    enum reader said;
    int rc;
    if (result_show(r, run + at + WIRE_HEADER_SIZE, total - WIRE_HEADER_SIZE)) {
      query_violation(q);
      return n;
    }
    at += total;
    rc = q->each(r, q->each_arg);
    if (q->row_arena.bytes) arena_deinit(&q->row_arena);
    said = reader_said(q, c, rc, "the row callback");
    if (said != READER_GOES_ON) return said == READER_WAITS ? at : n;
  }
  q->paused = false;
  return n;
}

size_t query_on_rows(struct query *q, const struct session_event *ev) {
  struct dsql_result *r = described_result(q);
  if (!r || q->error) return ev->len;
  if (q->each) return stream_rows(q, r, ev->body, ev->len);
  (void)store_rows(q, r, ev);
  return ev->len;
}

static bool tag_is(dsql_str tag, const char *text) {
  return tag.len == strlen(text) && memcmp(tag.ptr, text, tag.len) == 0;
}

static inline void end_result(struct query *q, struct dsql_result *r, dsql_str tag) {
  /* The tag's first letter rules out nearly all. */
  if (tag.len && *tag.ptr == 'D' &&
      (tag_is(tag, "DEALLOCATE") || tag_is(tag, "DEALLOCATE ALL") || tag_is(tag, "DISCARD ALL")))
    statement_stale_all(q->conn);
  if (!r) return;
  if (r->streamed) r->rows = 0; /* they were shown one by one and are gone */
  result_set_tag(r, tag.ptr, tag.len);
  q->last = r;
  q->current = NULL;
}

void query_on_result(struct query *q, dsql_str tag) { end_result(q, described_result(q), tag); }

void query_on_answer(struct query *q, const struct session_event *ev) {
  struct dsql_result *r = described_result(q);

  if (ev->len && r && !q->error && !store_rows(q, r, ev))
    if (q->op.abandoned || q->conn->session.phase == SESSION_FAILED) return;
  end_result(q, r, ev->tag);
}

void query_on_error(struct query *q, const uint8_t *body, size_t n) {
  if (q->copy && q->error) return; /* it was told to fail, and says that it did */
  q->error = error_from_server(&q->arena, body, n);
}

/* ---- the end ---- */

enum blame {
  BLAME_NOTHING,
  BLAME_LOST,     /* our named statement is gone */
  BLAME_OUTDATED, /* its result type has changed */
  BLAME_POOLER,   /* something is wrong with the statement that the pooler has made of ours */
  BLAME_TAKEN,    /* its name was there before us: the session is not ours alone */
  BLAME_FORMATS   /* the columns are not those of the last use */
};

static bool failed_in(const struct error *e, const char *sqlstate, const char *routine) {
  return strcmp(e->pub.sqlstate, sqlstate) == 0 && tag_is(dsql_error_field(&e->pub, 'R'), routine);
}

/* A server complains of the name that it was given. When that is not ours, a pooler keeps track of statements, and has lost
 * it: of this one, on this server connection. */
static bool complains_of_anothers(const struct query *q) {
  dsql_str text = q->error->pub.message;
  return q->conn->pooled && !memmem(text.ptr, text.len, q->statement->name, q->statement->name_len);
}

/* We may have seen it go ourselves: then all that it takes is to prepare it anew. */
static bool expected_it(const struct query *q) { return q->parses || q->statement->state == STATEMENT_READY; }

/* What of a failure is our business, and not the user's. */
static enum blame what_is_to_blame(const struct query *q) {
  const struct error *e = q->error;

  if (!q->statement || !e || !e->fields) return BLAME_NOTHING;
  if (encode_guessed_formats(q)) {
    bool formats = failed_in(e, "08P01", "exec_bind_message") || failed_in(e, "42883", "getTypeBinaryOutputInfo");
    return formats ? BLAME_FORMATS : BLAME_NOTHING;
  }
  if (strcmp(e->pub.sqlstate, "26000") == 0)
    return complains_of_anothers(q) && expected_it(q) ? BLAME_POOLER : BLAME_LOST;
  if (strcmp(e->pub.sqlstate, "42P05") == 0)
    return complains_of_anothers(q) ? BLAME_POOLER : q->parses ? BLAME_TAKEN : BLAME_NOTHING;
  if (!failed_in(e, "0A000", "RevalidateCachedQuery")) return BLAME_NOTHING;
  return q->conn->pooled ? BLAME_POOLER : BLAME_OUTDATED;
}

/* A name that is there already proves that others use the session. One that is gone may have been deallocated in a way
 * that we did not see, but hardly twice. */
static void count_surprises(struct dsql_conn *c, unsigned n) {
  c->surprises += n;
  if (c->surprises >= 2 && c->target->target->statement_names == TARGET_NAMES_AUTO) c->named = false;
}

static void void_parse(const struct query *q) {
  struct statement *on = q->statement;
  if (!q->parses) return;
  statement_replaced(on, q);
  if (on->parser == q) on->state = STATEMENT_STALE;
}

static void take_blame(const struct query *q, enum blame blame) {
  struct statement *on = q->statement;

  switch (blame) {
    case BLAME_NOTHING: break;
    case BLAME_LOST:
      if (!q->parses) count_surprises(q->conn, 1);
      statement_stale_everywhere(on->stmt);
      statement_stale_all(q->conn); /* the others hardly fared better */
      break;
    case BLAME_OUTDATED: statement_stale_everywhere(on->stmt); break;
    case BLAME_POOLER:
      statement_lose_name(on);
      void_parse(q);
      break;
    case BLAME_TAKEN:
      count_surprises(q->conn, 2);
      void_parse(q);
      break;
    case BLAME_FORMATS:
      columns_unref(on->columns);
      on->columns = NULL;
      break;
  }
}

/* Nothing has happened that another run would repeat or overtake. Once; and, where a pooler had a hand in it, once more
 * without a name, which cannot fail by a name again. */
static bool can_run_again(const struct query *q, enum blame blame) {
  const struct dsql_conn *c = q->conn;
  return (!q->retried || (blame == BLAME_POOLER && !q->went_nameless)) && !q->grouped && query_pending(q) &&
         !q->op.rows_seen && c->session.tx_status == 'I' && list_empty(&c->session.inflight);
}

static int encode_repaired(struct query *q) {
  struct statement *on = q->statement;
  int rc = encode_again(q);

  if (rc) return rc;
  q->parses = true;
  on->state = STATEMENT_PARSING;
  on->parser = q;
  on->group = 0;
  q->op.barrier = true; /* what waits may have to be encoded for other columns */
  return 0;
}

static bool retry(struct query *q) {
  struct statement *on = q->statement;
  enum blame blame = what_is_to_blame(q);

  if (blame == BLAME_NOTHING) return false;
  take_blame(q, blame);
  if (!can_run_again(q, blame)) return false;
  if (blame == BLAME_FORMATS) {
    if (encode_flight_as_text(q)) return false;
  } else if (blame == BLAME_POOLER) {
    if (encode_again_unnamed(q)) return false;
    q->parses = false;
    q->went_nameless = true;
  } else if ((q->parses && blame != BLAME_TAKEN) || on->state != STATEMENT_STALE || encode_repaired(q)) {
    return false;
  }
  forget_columns(q);
  q->error = NULL;
  q->retried = true;
  op_queue_push_first(q->conn->session.queue, &q->op);
  return true;
}

static const struct error *with_flags(struct query *q, const struct error *e, unsigned flags) {
  struct error *copy = error_clone(&q->arena, e);
  if (!copy) return query_nomem(flags);
  copy->pub.flags |= flags;
  copy->pub.cause_index = q->op.cause_index;
  return copy;
}

static const struct error *group_failure(struct query *q, unsigned flags) {
  const struct error *cause = q->conn->group_error;
  bool undone = q->op.outcome == OP_UNDONE;
  struct error *e = error_printf(&q->arena, DSQL_ESKIPPED, "%s: statement %d of its group failed: %.*s",
                                 undone ? "undone" : "not run", q->op.cause_index,
                                 cause ? (int)cause->pub.message.len : 0, cause ? cause->pub.message.ptr : "");
  if (!e) return query_nomem(flags);
  e->pub.cause_index = q->op.cause_index;
  e->pub.flags |= flags | (cause ? cause->pub.flags & DSQL_RETRYABLE : 0);
  return e;
}

static const struct error *own_failure(struct query *q, int code, const char *text) {
  struct error *e = error_printf(&q->arena, code, "%s", text);
  if (!e) return query_nomem(q->op.flags);
  e->pub.flags |= q->op.flags;
  return e;
}

/* The server has done it, and we could not take the answer. Outside a transaction that means that it is committed. */
static const struct error *failure_of_success(struct query *q) {
  bool lasting = q->conn->session.tx_status == 'I' && !q->op.read_only && !q->op.reverted;
  return with_flags(q, q->error, lasting ? DSQL_IN_DOUBT : 0);
}

static const struct error *outcome_error(struct query *q) {
  switch (q->op.outcome) {
    case OP_SUCCEEDED: return q->error ? failure_of_success(q) : NULL;
    case OP_FAILED:
      if (!q->error && !q->conn->group_error) return conn_lost_error(q->conn, q);
      return with_flags(q, q->error ? q->error : q->conn->group_error, q->op.flags);
    case OP_UNDONE:
    case OP_SKIPPED: return group_failure(q, q->op.flags);
    case OP_ROLLED_BACK:
      q->op.flags |= DSQL_ROLLED_BACK;
      return own_failure(q, DSQL_EROLLBACK,
                         "the server answered COMMIT with ROLLBACK: a statement of the transaction "
                         "had failed before, so nothing of it was committed");
    case OP_COPY_REFUSED:
      return own_failure(
          q, q->copy ? DSQL_EINVAL : DSQL_EUNSUPPORTED,
          q->copy ? "this COPY goes in the other direction, or is the second one of its script: "
                    "dsql_copy_in() takes one COPY FROM STDIN, dsql_copy_out() one COPY TO STDOUT; nothing was copied"
                  : "COPY FROM STDIN and COPY TO STDOUT are not supported by this call, but by "
                    "dsql_copy_in() and dsql_copy_out(); nothing was copied");
    case OP_LOST: return conn_lost_error(q->conn, q);
    case OP_PENDING: break;
  }
  return &error_nomem;
}

void query_on_done(struct query *q) {
  if (q->op.outcome == OP_FAILED && retry(q)) return;
  if (q->conn->session.finishing && !q->conn->session.loss_marked) q->tx_status = q->conn->session.tx_status;
  if (query_pending(q)) query_complete(q, outcome_error(q));
  query_op_done(q);
}

void query_on_success(struct query *q) {
  q->tx_status = q->conn->session.tx_status;
  if (query_pending(q)) query_complete(q, q->error ? failure_of_success(q) : NULL);
  query_op_done(q);
}
