/* COPY (Protocol, "COPY Operations"): the states of op.h. What the owner did not plan is ended cleanly, without data. */
#include <assert.h>

#include "session/internal.h"

static bool fits(const struct session *s) {
  const struct op *op = s->at;
  if (!session_expects_result(s) || op->copy != COPY_NONE) return false;
  return session_expects(s, STEP_SCRIPT) ? !op->rows_open : !op->rows_seen;
}

/* Appends what has to go out now; false when out has failed. */
static bool appended(struct session *s, size_t from) {
  if (!buf_ok(s->out)) return false;
  s->appended += s->out->len - from;
  session_trace_output(s, from);
  return true;
}

/* The server reads on until CopyFail. A Sync that was sent along with an Execute it ignored, so another one follows; a
 * script needs none. With requests behind it on the wire the server gives the connection up by itself. */
static enum handled refuse_in(struct session *s) {
  size_t from = s->out->len;

  s->at->copy = COPY_FAILING;
  s->at->copy_refused = true;
  wire_copy_fail(s->out, s->at->abandoned ? "canceled" : "COPY FROM STDIN is not supported by this call");
  if (session_expects(s, STEP_EXECUTE)) wire_sync(s->out);
  if (!appended(s, from)) return session_fail(s, s->out->error, "out of memory for ending a COPY");
  return HANDLED;
}

enum handled copy_begin(struct session *s, const struct wire_frame *m, struct session_event *ev) {
  struct op *op = s->at;
  bool in = m->type == WIRE_COPY_IN_RESPONSE;
  struct wire_copy_response copy;

  if (wire_decode_copy_response(m->body, m->len, &copy)) return session_fail_malformed(s, m->type);
  if (!fits(s)) return session_fail_unexpected(s, m->type);
  if (!op->abandoned && !op->result_seen && op->copy_plan == (in ? COPY_PLAN_IN : COPY_PLAN_OUT)) {
    op->copy = in ? COPY_SENDING : COPY_RECEIVING;
    *ev = (struct session_event){.type = EVENT_COPY, .op = op, .body = m->body, .len = m->len};
    return HANDLED_EVENT;
  }
  if (in) return refuse_in(s);
  op->copy = COPY_SWALLOWING;
  op->copy_refused = true;
  return HANDLED;
}

enum handled copy_data(struct session *s, const uint8_t *p, size_t left, struct session_event *ev) {
  struct op *op = s->at;
  const uint8_t *end;

  if (!session_expects_result(s) || (op->copy != COPY_RECEIVING && op->copy != COPY_SWALLOWING))
    return session_fail_unexpected(s, WIRE_COPY_DATA);
  end = query_run_end(p, p + left, s->config.message_max);
  s->rows_len = (size_t)(end - p);
  if (s->config.trace) query_trace_run(s, p + (s->rows_traced < s->rows_len ? s->rows_traced : s->rows_len), end);
  s->rows_traced = 0;
  if (op->abandoned || op->copy == COPY_SWALLOWING) return HANDLED;
  *ev = (struct session_event){.type = EVENT_COPY_DATA, .op = op, .body = p, .len = s->rows_len};
  return HANDLED_ROWS;
}

enum handled copy_end(struct session *s, const struct wire_frame *m) {
  if (m->len) return session_fail_malformed(s, m->type);
  if (!session_expects_result(s) || (s->at->copy != COPY_RECEIVING && s->at->copy != COPY_SWALLOWING))
    return session_fail_unexpected(s, m->type);
  s->at->copy = COPY_ENDED;
  return HANDLED;
}

/* ---- the owner sends ---- */

size_t session_copy_open(struct session *s) {
  size_t from = s->out->len;
  static const uint8_t header[WIRE_HEADER_SIZE] = {'d'};
  buf_put(s->out, header, sizeof header);
  return from;
}

bool session_copy_close(struct session *s, size_t from) {
  size_t n;

  if (!buf_ok(s->out)) return false;
  n = s->out->len - from;
  assert(n >= WIRE_HEADER_SIZE);
  if (n == WIRE_HEADER_SIZE) {
    buf_truncate(s->out, from);
    return true;
  }
  store_be32(s->out->data + from + 1, (uint32_t)(n - 1));
  return appended(s, from);
}

bool session_copy_done(struct session *s, struct op *op) {
  size_t from = s->out->len;

  assert(op->copy == COPY_SENDING);
  op->copy = COPY_SENT;
  op->copy_done_at = s->appended;
  s->judged = false;
  wire_copy_done(s->out);
  return appended(s, from);
}

bool session_copy_fail(struct session *s, struct op *op, const char *reason) {
  size_t from = s->out->len;

  assert(op->copy == COPY_SENDING);
  op->copy = COPY_FAILING;
  wire_copy_fail(s->out, reason);
  return appended(s, from);
}
