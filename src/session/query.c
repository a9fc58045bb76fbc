/* Replies in phase READY: one handler per message type, against the steps of the current operation (see op.h). */
#include <assert.h>

#include "session/internal.h"

static enum handled done_with(struct session *s, enum op_step step) {
  s->at->steps &= (uint8_t)~step;
  ops_advance(s);
  return HANDLED;
}

static enum handled on_empty_step(struct session *s, const struct wire_frame *m, enum op_step step) {
  if (m->len) return session_fail_malformed(s, m->type);
  if (!session_expects(s, step)) return session_fail_unexpected(s, m->type);
  return done_with(s, step);
}

static enum handled on_parse_complete(struct session *s, const struct wire_frame *m, struct session_event *ev) {
  struct op *op = s->at;
  enum handled rc = on_empty_step(s, m, STEP_PARSE);
  if (rc != HANDLED) return rc;
  /* Also for an abandoned operation: its statement exists all the same. */
  *ev = (struct session_event){.type = EVENT_PARSED, .op = op, .body = NULL, .len = 0};
  return HANDLED_EVENT;
}

static enum handled on_parameter_description(struct session *s, const struct wire_frame *m, struct session_event *ev) {
  unsigned count;
  const uint8_t *oids;
  if (wire_decode_parameter_description(m->body, m->len, &count, &oids)) return session_fail_malformed(s, m->type);
  if (!session_expects(s, STEP_PARAMS)) return session_fail_unexpected(s, m->type);
  *ev = (struct session_event){.type = EVENT_STMT_PARAMS, .op = s->at, .body = oids, .len = 4 * (size_t)count};
  (void)done_with(s, STEP_PARAMS);
  return HANDLED_EVENT;
}

/* RowDescription or NoData, of a statement, a portal, or of the next result of a script. */
static enum handled on_columns(struct session *s, const struct wire_frame *m, struct session_event *ev) {
  struct op *op = s->at;
  unsigned cols;

  if (m->type == WIRE_NO_DATA ? m->len != 0 : wire_check_row_description(m->body, m->len, &cols) != 0)
    return session_fail_malformed(s, m->type);
  if (session_expects(s, STEP_STMT_COLUMNS)) {
    op->rows_open = m->type != WIRE_NO_DATA;
    *ev = (struct session_event){
        .type = EVENT_STMT_COLUMNS, .op = op, .body = m->type == WIRE_NO_DATA ? NULL : m->body, .len = m->len};
    (void)done_with(s, STEP_STMT_COLUMNS);
    return HANDLED_EVENT;
  }
  if (session_expects(s, STEP_COLUMNS)) {
    op->steps &= (uint8_t)~STEP_COLUMNS;
  } else if (!session_expects(s, STEP_SCRIPT) || m->type == WIRE_NO_DATA || op->rows_open || op->copy != COPY_NONE) {
    return session_fail_unexpected(s, m->type);
  }
  op->rows_open = m->type != WIRE_NO_DATA;
  if (op->abandoned) return HANDLED;
  *ev = (struct session_event){
      .type = EVENT_COLUMNS, .op = op, .body = m->type == WIRE_NO_DATA ? NULL : m->body, .len = m->len};
  return HANDLED_EVENT;
}

const uint8_t *query_run_end(const uint8_t *at, const uint8_t *end, size_t max) {
  uint8_t type = *at;
  do {
    size_t total = (size_t)load_be32(at + 1) + 1;
    if (total < WIRE_HEADER_SIZE || total > max || total > (size_t)(end - at)) break; /* the next cut judges it */
    at += total;
  } while (end - at >= WIRE_HEADER_SIZE && *at == type);
  return at;
}

void query_trace_run(struct session *s, const uint8_t *at, const uint8_t *end) {
  for (size_t total; at != end; at += total) {
    total = (size_t)load_be32(at + 1) + 1;
    s->config.trace(s->config.trace_arg, true, at, total);
  }
}

enum handled query_rows(struct session *s, const uint8_t *p, size_t left, struct session_event *ev) {
  struct op *op = s->at;
  const uint8_t *end;

  if (!session_expects_result(s) || !s->at->rows_open || s->at->copy != COPY_NONE)
    return session_fail_unexpected(s, WIRE_DATA_ROW);
  end = query_run_end(p, p + left, s->config.message_max);
  s->rows_len = (size_t)(end - p);
  if (s->config.trace) query_trace_run(s, p + (s->rows_traced < s->rows_len ? s->rows_traced : s->rows_len), end);
  s->rows_traced = 0;
  op->rows_seen = true;
  if (op->abandoned) return HANDLED;
  ev->type = EVENT_ROWS;
  ev->op = op;
  ev->body = p;
  ev->len = s->rows_len;
  return HANDLED_ROWS;
}

static bool tag_is(dsql_str tag, const char *text, size_t n) { return tag.len == n && memcmp(tag.ptr, text, n) == 0; }

/* An explicit COMMIT inside a group makes what stands before it lasting, whatever happens to the rest. */
static void settle_through(struct session *s, struct op *last) {
  for (struct list *n = &last->node; n != &s->inflight; n = n->prev) op_of(n)->settled = !op_of(n)->reverted;
}

/* A ROLLBACK, or a COMMIT that acts as one, undoes it; but not what a CALL may have committed before. */
static void revert_through(struct session *s, struct op *last) {
  for (struct list *n = &last->node; n != &s->inflight; n = n->prev) {
    if (op_of(n)->effect == SQL_COMMITS_ITSELF) return;
    op_of(n)->reverted = !op_of(n)->settled;
  }
}

static void on_tag(struct session *s, struct op *op, dsql_str tag) {
  bool rollback = tag_is(tag, "ROLLBACK", 8);
  bool commit = tag_is(tag, "COMMIT", 6) || tag_is(tag, "PREPARE TRANSACTION", 19);

  /* Only a script's first statement can be the COMMIT that gave it its effect. */
  if (rollback && op->effect == SQL_COMMIT && !op->result_seen) op->outcome = OP_ROLLED_BACK;
  if (op->first_steps == STEP_SCRIPT) return;
  if (commit) settle_through(s, op);
  if (rollback && (op->effect == SQL_COMMIT || op->effect == SQL_ROLLBACK)) revert_through(s, op);
}

static bool result_fits(const struct session *s, uint8_t type) {
  const struct op *op = s->at;
  if (!session_expects_result(s)) return false;
  if (type == WIRE_COMMAND_COMPLETE) return op->copy == COPY_NONE || op->copy == COPY_SENT || op->copy == COPY_ENDED;
  if (op->copy != COPY_NONE) return false;
  if (session_expects(s, STEP_SCRIPT)) return type == WIRE_EMPTY_QUERY_RESPONSE && !op->rows_open;
  /* It stands behind as many rows as the limit allows, and that is one at least. */
  return type == WIRE_PORTAL_SUSPENDED ? op->limit == LIMIT_SET && op->rows_seen : !op->rows_seen;
}

static enum handled on_result(struct session *s, const struct wire_frame *m, struct session_event *ev) {
  struct op *op = s->at;
  dsql_str tag = {"", 0};

  if (m->type == WIRE_COMMAND_COMPLETE) {
    if (wire_decode_command_complete(m->body, m->len, &tag)) return session_fail_malformed(s, m->type);
  } else if (m->len) {
    return session_fail_malformed(s, m->type);
  }
  if (!result_fits(s, m->type)) return session_fail_unexpected(s, m->type);
  if (m->type == WIRE_COMMAND_COMPLETE) on_tag(s, op, tag);
  if (m->type == WIRE_PORTAL_SUSPENDED) op->limit = LIMIT_REACHED;
  if (op->copy_refused && op->outcome == OP_PENDING) op->outcome = OP_COPY_REFUSED;
  op->copy = COPY_NONE;
  op->result_seen = true;
  if (op->first_steps == STEP_SCRIPT) op->rows_open = false;
  op->steps &= (uint8_t)~STEP_EXECUTE;
  ops_advance(s);
  if (op->abandoned) return HANDLED;
  *ev = (struct session_event){.type = EVENT_RESULT, .op = op, .body = (const uint8_t *)tag.ptr, .len = tag.len};
  return HANDLED_EVENT;
}

bool severity_is_fatal(const uint8_t *body, size_t n) {
  /* 'V' is never localised (9.6 and later); 'S' serves the servers and poolers that send no 'V'. */
  dsql_str severity = error_body_field(body, n, 'V');
  if (severity.len == 0) severity = error_body_field(body, n, 'S');
  return tag_is(severity, "FATAL", 5) || tag_is(severity, "PANIC", 5);
}

/* Between operations: the server says why it is about to close. */
static enum handled unsolicited_error(struct session *s, const struct wire_frame *m, struct session_event *ev) {
  *ev = (struct session_event){.type = EVENT_ERROR, .op = NULL, .body = m->body, .len = m->len};
  if (!s->fatal_seen) return session_fail_unexpected(s, m->type);
  return HANDLED_EVENT;
}

static enum handled on_error(struct session *s, const struct wire_frame *m, struct session_event *ev) {
  struct op *culprit = s->at;
  bool fatal;

  if (wire_check_error(m->body, m->len)) return session_fail_malformed(s, m->type);
  fatal = severity_is_fatal(m->body, m->len);
  s->fatal_seen = s->fatal_seen || fatal;
  if (list_empty(&s->inflight)) return unsolicited_error(s, m, ev);
  /* A second error in a group can only be the connection's end. */
  if (s->group_failed && !fatal) return session_fail_unexpected(s, m->type);
  doubt_learn(s, culprit, fatal, m->body, m->len);
  *ev = (struct session_event){
      .type = EVENT_ERROR, .op = s->group_failed ? NULL : culprit, .body = m->body, .len = m->len};
  if (s->group_failed) return HANDLED_EVENT;
  s->group_failed = true;
  s->group_failed_at_sync = !culprit;
  if (culprit) {
    s->cause_index = s->at_index;
    culprit->group_failed_here = true;
    culprit->outcome = OP_FAILED;
    if (culprit->copy == COPY_SENDING) culprit->copy = COPY_NONE;
  }
  return HANDLED_EVENT;
}

/* A script ends here; all else has ended before. */
static bool ready_fits(const struct session *s) {
  const struct op *op = s->at;
  if (list_empty(&s->inflight)) return false;
  if (!op || s->group_failed) return true;
  return op->steps == STEP_SCRIPT && op->result_seen && !op->rows_open && op->copy == COPY_NONE;
}

static enum handled on_ready(struct session *s, const struct wire_frame *m) {
  char status;

  if (wire_decode_ready(m->body, m->len, &status)) return session_fail_malformed(s, m->type);
  if (!ready_fits(s)) return session_fail_unexpected(s, m->type);
  ops_begin_finish(s, status);
  return HANDLED; /* session_next() reports the members */
}

enum handled query_message(struct session *s, const struct wire_frame *m, struct session_event *ev) {
  s->judged = false;
  switch (m->type) {
    case WIRE_CLOSE_COMPLETE: return on_empty_step(s, m, STEP_CLOSE);
    case WIRE_PARSE_COMPLETE: return on_parse_complete(s, m, ev);
    case WIRE_BIND_COMPLETE: return on_empty_step(s, m, STEP_BIND);
    case WIRE_PARAMETER_DESCRIPTION: return on_parameter_description(s, m, ev);
    case WIRE_ROW_DESCRIPTION:
    case WIRE_NO_DATA: return on_columns(s, m, ev);
    case WIRE_COMMAND_COMPLETE:
    case WIRE_EMPTY_QUERY_RESPONSE:
    case WIRE_PORTAL_SUSPENDED: return on_result(s, m, ev);
    case WIRE_READY_FOR_QUERY: return on_ready(s, m);
    case WIRE_ERROR_RESPONSE: return on_error(s, m, ev);
    case WIRE_COPY_IN_RESPONSE:
    case WIRE_COPY_OUT_RESPONSE: return copy_begin(s, m, ev);
    case WIRE_COPY_DONE: return copy_end(s, m);
    default: return async_message(s, m, ev);
  }
}
