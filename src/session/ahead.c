/* ahead.c - what a server will ask for is sent before it asks: one round trip less. Its answers are then held against
 * what was guessed; see the second table in session.h.
 *
 * What makes a wrong guess harmless: a server that asks for something else reads what follows as the answer to that, and
 * gives the session up before it has authenticated anybody; one that asks for nothing meets a message of type 'p' where
 * none may stand. Only the second could, with a lenient server or pooler, let what rode along run after all, which is why
 * its words are awaited before the guess counts as wrong. */
#include <string.h>

#include "auth/sasl_choice.h"
#include "session/internal.h"

/* What rode along, if anything, was not run, because nobody was authenticated. */
static enum handled misled(struct session *s) {
  s->misled = s->ride_refused = true;
  return session_fail(s, DSQL_EAUTH, "the server does not ask for the authentication that was sent ahead");
}

/* ---- what is sent ---- */

static bool has_password(const struct session *s) { return s->config.password && s->config.password[0]; }

static bool binding_allows(const struct session *s, enum auth_method method) {
  struct fault ignored = {0};
  return channel_binding_check(s->config.channel_binding, method, &ignored) == 0;
}

static void open_ahead(struct session *s, enum session_phase phase, bool ride) {
  s->phase = phase;
  s->ahead_open = true;
  s->may_send = ride && !s->config.hold;
}

static int send_password(struct session *s) {
  size_t from = s->out->len;

  wire_password(s->out, s->config.password, strlen(s->config.password));
  if (!buf_ok(s->out)) return s->out->error;
  session_trace_output(s, from);
  s->appended += s->out->len - from;
  open_ahead(s, SESSION_AHEAD_PASSWORD, true);
  return 0;
}

/* A password that SASLprep or the machine refuses is complained of when the server asks for it. */
static int send_client_first(struct session *s) {
  const struct session_config *c = startup_find_binding(s);
  bool can_bind = c->tls && c->binding_len > 0 && c->channel_binding != CHANNEL_BINDING_DISABLE;
  bool plus = c->ahead_method == AUTH_SCRAM_PLUS;
  struct sasl_choice choice = {plus ? SCRAM_SHA_256_PLUS : SCRAM_SHA_256, can_bind, false};
  int rc = 0;

  if (plus && !can_bind) return 0;
  if (startup_begin_scram(s, &choice) == HANDLED) {
    open_ahead(s, SESSION_AHEAD_SASL, false);
    return 0;
  }
  rc = session_fault(s)->code == DSQL_ENOMEM || !buf_ok(s->out) ? session_fault(s)->code : 0;
  startup_end_scram(s);
  session_forget_fault(s);
  s->method = AUTH_NONE;
  s->phase = SESSION_AUTHENTICATE;
  return rc;
}

int ahead_begin(struct session *s) {
  const struct session_config *c = &s->config;
  enum auth_method method = c->ahead_method;

  if (!c->tls || !require_auth_allows(c->require_auth, method) || !binding_allows(s, method)) return 0;
  switch (method) {
    case AUTH_NONE:
      if (!c->hold) open_ahead(s, SESSION_AHEAD_NOTHING, true);
      return 0;
    case AUTH_PASSWORD: return has_password(s) ? send_password(s) : 0;
    case AUTH_SCRAM:
    case AUTH_SCRAM_PLUS: return has_password(s) || c->scram_client_key ? send_client_first(s) : 0;
    default: return 0;
  }
}

bool ahead_has_room(const struct session *s) {
  uint64_t size = s->appended;
  for (const struct list *n = s->queue->list.next; n != &s->queue->list; n = n->next) {
    const struct op *op = LIST_ENTRY(n, const struct op, node);
    size += op->bytes.len;
    if (size > SESSION_AHEAD_MAX) return false;
    if (op->sync) return true;
  }
  return true;
}

/* ---- what the server asks for ---- */

static enum handled confirmed(struct session *s, enum session_phase next) {
  s->saw_auth_request = s->ahead_used = true;
  s->ahead_open = false;
  s->phase = next;
  return HANDLED;
}

static enum handled on_nothing_asked(struct session *s, const struct wire_authentication *a) {
  s->ahead_open = false;
  return startup_ok(s, a);
}

/* While nothing has left, nothing was guessed. */
static enum handled on_something_asked(struct session *s, const struct wire_authentication *a) {
  if (!list_empty(&s->inflight)) return misled(s);
  s->ahead_open = s->may_send = false;
  s->phase = SESSION_AUTHENTICATE;
  return startup_authentication(s, a);
}

static enum handled on_password_asked(struct session *s, const struct wire_authentication *a) {
  (void)a;
  if (!startup_allowed(s, AUTH_PASSWORD)) return HANDLED_FAIL;
  return confirmed(s, SESSION_AUTH_RESULT);
}

/* No password was asked for. The server has still to read it: see on_first_ready(). */
static enum handled on_unasked(struct session *s, const struct wire_authentication *a) { return startup_ok(s, a); }

static enum handled on_sasl_asked(struct session *s, const struct wire_authentication *a) {
  struct sasl_choice choice;
  struct fault f = {0};
  int rc = startup_choose(s, a, &choice, &f);

  if (rc == DSQL_EPROTO) return session_fail(s, rc, "%s", f.text);
  if (rc || choice.oauth || choice.mechanism != s->scram->mechanism ||
      choice.binding_supported != s->scram->binding_supported)
    return misled(s);
  return confirmed(s, SESSION_SASL_CONTINUE);
}

static enum handled on_other(struct session *s, const struct wire_authentication *a) {
  (void)a;
  return misled(s);
}

const auth_handler ahead_handlers[SESSION_AUTHENTICATE][KINDS] = {
    [SESSION_AHEAD_NOTHING] = {on_nothing_asked, on_something_asked, on_something_asked, on_something_asked,
                               startup_impossible, startup_impossible, on_something_asked},
    [SESSION_AHEAD_PASSWORD] = {on_unasked, on_password_asked, on_other, on_other, startup_impossible,
                                startup_impossible, on_other},
    [SESSION_AHEAD_SASL] = {on_other, on_other, on_other, on_sasl_asked, startup_impossible, startup_impossible,
                            on_other},
};

/* ---- other ends ---- */

static bool state_has_class(dsql_str state, const char *class) {
  return state.len == 5 && memcmp(state.ptr, class, 2) == 0;
}

/* A server that has no room, or is not up, says so whatever it was sent. */
void ahead_learn_error(struct session *s, const uint8_t *body, size_t n) {
  dsql_str state = error_body_field(body, n, 'C');
  if (s->ahead_open && !state_has_class(state, "53") && !state_has_class(state, "57")) s->misled = true;
}

void ahead_learn_end(struct session *s, int code) {
  bool stream_ended = code == DSQL_ECLOSED || code == DSQL_EIO || code == DSQL_ETLS;
  if (s->ahead_open && s->phase != SESSION_FAILED && stream_ended) s->misled = true;
}

/* ---- a password that nobody asked for ---- */

enum handled ahead_unasked(struct session *s) {
  if (list_empty(&s->inflight)) return misled(s); /* what follows would have to be waited for */
  s->phase = SESSION_UNASKED;
  return HANDLED;
}

/* PostgreSQL's words for a message that can't stand there, and PgBouncer's: FATAL, and before it came to the rest. */
static bool stumbled(const uint8_t *body, size_t n) {
  dsql_str state = error_body_field(body, n, 'C');
  return severity_is_fatal(body, n) && state.len == 5 && memcmp(state.ptr, "08P01", 5) == 0;
}

enum handled ahead_unasked_message(struct session *s, const struct wire_frame *m, struct session_event *ev) {
  switch (m->type) {
    case WIRE_PARAMETER_STATUS:
    case WIRE_NOTICE_RESPONSE:
    case WIRE_NOTIFICATION_RESPONSE: return async_message(s, m, ev);
    case WIRE_ERROR_RESPONSE:
      if (wire_check_error(m->body, m->len)) return session_fail_malformed(s, m->type);
      if (stumbled(m->body, m->len)) return misled(s);
      break;
    default: break;
  }
  (void)startup_become_ready(s, ev);
  return HANDLED_LATER;
}
