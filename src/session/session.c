#include "session/session.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "session/internal.h"

int session_init(struct session *s, const struct session_config *c, struct op_queue *queue, struct buf *out) {
  size_t from = out->len;

  *s = (struct session){
      .config = *c, .queue = queue, .out = out, .phase = SESSION_AUTHENTICATE, .protocol = c->protocol};
  buf_init(&s->carry, c->alloc, c->message_max + SESSION_STORE_MAX);
  parameters_init(&s->parameters, c->alloc);
  list_init(&s->inflight);
  list_init(&s->ended);
  s->cause_index = -1;
  wire_startup(out, c->protocol, c->startup, c->startup_count);
  if (!buf_ok(out)) return out->error;
  session_trace_output(s, from);
  s->appended = out->len - from;
  return c->ahead ? ahead_begin(s) : 0;
}

void session_deinit(struct session *s) {
  assert(list_empty(&s->inflight));
  startup_end_scram(s);
  buf_deinit(&s->carry);
  parameters_deinit(&s->parameters);
  startup_forget_key(s);
  oauth_forget_document(s);
  mem_cleanse(s->config.nonce, sizeof s->config.nonce);
  session_forget_fault(s);
}

const struct fault *session_fault(const struct session *s) {
  static const struct fault none;
  return s->fault ? s->fault : &none;
}

void session_forget_fault(struct session *s) {
  fault_drop(s->config.alloc, s->fault);
  s->fault = NULL;
}

void session_release(struct session *s) {
  s->config.hold = false;
  if (s->phase == SESSION_READY) s->may_send = true;
}

void session_terminate(struct session *s) {
  size_t from = s->out->len;
  if (s->phase != SESSION_READY || !buf_ok(s->out)) return; /* the start-up knows no Terminate */
  wire_terminate(s->out);
  if (!buf_ok(s->out)) return;
  session_trace_output(s, from);
  s->appended += s->out->len - from;
}

/* ---- failures ---- */

enum handled session_fail(struct session *s, int code, const char *format, ...) {
  char text[FAULT_TEXT_SIZE];
  struct fault f = {.flags = DSQL_CONN_LOST};
  va_list args;

  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  fault_set(&f, code, "%s", text);
  if (!s->fault) s->fault = fault_keep(s->config.alloc, &f); /* the first is the one to tell */
  s->phase = SESSION_FAILED;
  return HANDLED_FAIL;
}

enum handled session_fail_unexpected(struct session *s, uint8_t type) {
  char shown[8];
  (void)snprintf(shown, sizeof shown, type >= 0x21 && type < 0x7f ? "'%c'" : "0x%02x", type);
  return session_fail(s, DSQL_EPROTO, "protocol violation: the server sent a message of type %s that is %s", shown,
                      wire_type_known(type) ? "not expected now" : "unknown");
}

enum handled session_fail_malformed(struct session *s, uint8_t type) {
  return session_fail(s, DSQL_EPROTO, "protocol violation: the server sent a malformed message of type '%c'", type);
}

void session_end(struct session *s, const struct fault *f) {
  ahead_learn_end(s, f->code);
  if (s->phase != SESSION_FAILED || !s->fault) {
    struct fault lost = *f; /* may be the one that is forgotten */
    lost.flags |= DSQL_CONN_LOST;
    session_forget_fault(s);
    s->fault = fault_keep(s->config.alloc, &lost);
  }
  s->phase = SESSION_FAILED;
  s->view = s->view_end;
  s->carry_pos = s->carry.len;
  s->rows_len = 0;
}

void session_surrender(struct session *s) {
  assert(s->phase == SESSION_FAILED);
  s->was_ready = true;
  s->reported_failure = false;
}

bool session_ride_in_doubt(struct session *s) {
  for (struct list *n = s->inflight.next; n != &s->inflight; n = n->next) {
    const struct op *op = op_of(n);
    if (!op->abandoned && (session_loss_flags(s, op) & DSQL_IN_DOUBT)) return true; /* who abandoned it was told */
  }
  return false;
}

/* ---- input ---- */

static size_t carried(const struct session *s) { return s->carry.len - s->carry_pos; }

static void drop_carry(struct session *s) {
  buf_reset(&s->carry);
  s->carry_pos = 0;
  if (s->carry.cap > 2 * SESSION_GATHER_SOFT_MAX) buf_trim(&s->carry);
}

bool session_has_input(const struct session *s) { return carried(s) > 0 || s->view != s->view_end; }

/* Before its AuthenticationOk the other end may be anybody: it gets little memory. */
static size_t message_max(const struct session *s) {
  bool stranger = s->phase < SESSION_STARTING && s->config.message_max > SESSION_STRANGER_MESSAGE_MAX;
  return stranger ? SESSION_STRANGER_MESSAGE_MAX : s->config.message_max;
}

/* Bytes that the incomplete message in carry still lacks, as far as its header tells; 0 when it is whole. */
static size_t carry_lacks(const struct session *s) {
  struct wire_frame m;
  size_t have = carried(s);
  int rc = wire_frame_cut(s->carry.data + s->carry_pos, have, message_max(s), &m);
  if (rc != 0) return 0; /* whole, or wrong: session_next() tells */
  return m.total ? m.total - have : WIRE_HEADER_SIZE - have;
}

static int keep(struct session *s, const uint8_t *p, size_t n) {
  if (s->carry_pos) {
    buf_consume(&s->carry, s->carry_pos);
    s->carry_pos = 0;
  }
  buf_put(&s->carry, p, n);
  if (buf_ok(&s->carry)) return 0;
  session_fail(s, DSQL_ENOMEM, "out of memory for a message of the server");
  return DSQL_ENOMEM;
}

size_t session_feed(struct session *s, const uint8_t *p, size_t n) {
  size_t take;

  if (s->phase == SESSION_FAILED || n == 0) return n;
  assert(s->view == s->view_end);
  if (carried(s) == 0) {
    s->view = p;
    s->view_end = p + n;
    return n;
  }
  take = s->phase == SESSION_SASL_DERIVE ? n : carry_lacks(s);
  if (take > n) take = n;
  (void)keep(s, p, take);
  return take;
}

int session_park(struct session *s) {
  int rc = 0;
  if (s->view != s->view_end && s->phase != SESSION_FAILED) {
    rc = keep(s, s->view, (size_t)(s->view_end - s->view));
  }
  s->view = s->view_end = NULL;
  return rc;
}

int session_store(struct session *s, const uint8_t *p, size_t n) {
  int rc = session_park(s);
  return rc || s->phase == SESSION_FAILED ? rc : keep(s, p, n);
}

static void consume(struct session *s, size_t n) {
  if (carried(s) == 0) {
    s->view += n;
    return;
  }
  s->carry_pos += n;
  if (carried(s) == 0) drop_carry(s);
}

void session_rows_done(struct session *s, size_t n) {
  if (s->phase == SESSION_FAILED) {
    s->rows_len = 0;
    return;
  }
  assert(n <= s->rows_len);
  s->rows_traced = s->rows_len - n;
  s->rows_len = 0;
  consume(s, n);
}

/* No whole message is left: keep the beginning of one for the next feed. */
static bool starve(struct session *s) {
  if (carried(s) == 0 && s->view != s->view_end) (void)session_park(s);
  return s->phase == SESSION_FAILED;
}

static int cut(struct session *s, const uint8_t **p, size_t *left, struct wire_frame *m) {
  bool from_carry = carried(s) > 0;
  int rc;
  *p = from_carry ? s->carry.data + s->carry_pos : s->view;
  *left = from_carry ? carried(s) : (size_t)(s->view_end - s->view);
  if (*left == 0) return 0;
  rc = wire_frame_cut(*p, *left, message_max(s), m);
  if (rc == DSQL_EPROTO)
    session_fail(s, rc, "protocol violation: a message of the server has a length below 4: %d", (int)load_be32(*p + 1));
  if (rc == DSQL_ETOOBIG)
    session_fail(s, DSQL_EPROTO, "protocol violation: a message of the server has %zu bytes; the limit is %zu",
                 m->total, message_max(s));
  return rc;
}

static bool report_failure(struct session *s, struct session_event *ev) {
  if (s->reported_failure) return false;
  if (s->was_ready && ops_report_lost(s, ev)) return true;
  s->reported_failure = true;
  *ev = (struct session_event){.type = EVENT_FAILED};
  return true;
}

static enum handled ready_message(struct session *s, const struct wire_frame *m, size_t left,
                                  struct session_event *ev) {
  if (m->type == WIRE_DATA_ROW) return query_rows(s, m->body - WIRE_HEADER_SIZE, left, ev);
  if (m->type == WIRE_COPY_DATA) return copy_data(s, m->body - WIRE_HEADER_SIZE, left, ev);
  if (s->config.trace) s->config.trace(s->config.trace_arg, true, m->body - WIRE_HEADER_SIZE, m->total);
  return query_message(s, m, ev);
}

static enum handled start_message(struct session *s, const struct wire_frame *m, struct session_event *ev) {
  if (s->phase == SESSION_UNASKED) {
    enum handled done = ahead_unasked_message(s, m, ev);
    if (done == HANDLED_LATER) return done; /* and it is traced there */
    if (s->config.trace) s->config.trace(s->config.trace_arg, true, m->body - WIRE_HEADER_SIZE, m->total);
    return done;
  }
  if (s->config.trace) s->config.trace(s->config.trace_arg, true, m->body - WIRE_HEADER_SIZE, m->total);
  return startup_message(s, m, ev);
}

/* What stands before the next message: an end to report, or a wait. */
static bool next_is_message(const struct session *s) {
  return s->phase != SESSION_FAILED && s->phase != SESSION_SASL_DERIVE && !s->finishing;
}

/* While the keys are derived it is our turn to speak: a server that goes on all the same is not buffered without end. */
static void wait_for_keys(struct session *s) {
  (void)session_park(s);
  if (s->phase != SESSION_FAILED && carried(s) > 2 * SESSION_STRANGER_MESSAGE_MAX)
    (void)session_fail(s, DSQL_EPROTO, "protocol violation: the server did not wait for the client's authentication");
}

/* 1: ev is filled; 0: more input is needed; -1: look again. */
static int next_other(struct session *s, struct session_event *ev) {
  if (s->finishing) { /* also when the session has failed meanwhile: what was read counts */
    ops_report_finished(s, ev);
    return 1;
  }
  if (s->phase == SESSION_FAILED) return report_failure(s, ev);
  wait_for_keys(s);
  return s->phase == SESSION_FAILED ? -1 : 0;
}

static __attribute__((noinline)) bool next_of_any(struct session *s, struct session_event *ev) {
  for (;;) {
    struct wire_frame m;
    const uint8_t *p;
    size_t left;
    enum handled done;
    int rc;

    if (!next_is_message(s)) {
      rc = next_other(s, ev);
      if (rc < 0) continue;
      return rc > 0;
    }
    rc = cut(s, &p, &left, &m);
    if (rc < 0) continue;
    if (rc == 0) {
      if (starve(s)) continue;
      return false;
    }
    done = s->phase == SESSION_READY ? ready_message(s, &m, left, ev) : start_message(s, &m, ev);
    if (done == HANDLED_ROWS || done == HANDLED_LATER) return true;
    if (done == HANDLED_FAIL) continue;
    if (s->rows_len) m.total = s->rows_len; /* rows that nobody waits for */
    s->rows_len = 0;
    /* The view of an event stays readable: only the position moves, and carry is not reused before the next call. */
    if (carried(s) == 0)
      s->view += m.total;
    else
      s->carry_pos += m.total;
    if (done == HANDLED_EVENT) return true;
  }
}

bool session_next(struct session *s, struct session_event *ev) {
  assert(s->rows_len == 0 && list_empty(&s->ended));
  if (s->finishing) {
    ops_report_finished(s, ev);
    return true;
  }
  if (s->carry.len) {
    if (carried(s) == 0) drop_carry(s);
  } else if (s->phase == SESSION_READY && !s->config.trace) {
    if (next_fast(s, ev)) return true;
    if (s->view == s->view_end) return false;
  }
  return next_of_any(s, ev);
}
