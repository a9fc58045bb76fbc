/* Start-up and authentication: a table of handlers by phase and kind of authentication message (Protocol, "Start-up").
 * An impossible pair points to a handler that fails the session. */
#include <assert.h>
#include <string.h>

#include "auth/md5.h"
#include "auth/printable.h"
#include "auth/require_auth.h"
#include "auth/sasl_choice.h"
#include "session/internal.h"

static enum handled fail_with(struct session *s, const struct fault *f) {
  return session_fail(s, f->code, "%s", f->text);
}

/* Output of one message: checks it, accounts for it, and lets the operations ride when it was the last one. */
enum handled startup_sent(struct session *s, size_t from, enum session_phase next, bool last) {
  if (!buf_ok(s->out)) return session_fail(s, s->out->error, "out of memory while authenticating");
  session_trace_output(s, from);
  s->appended += s->out->len - from;
  s->phase = next;
  if (last) s->may_send = !s->config.hold;
  return HANDLED;
}

/* The server chose this method: do the user's rules allow it? */
bool startup_allowed(struct session *s, enum auth_method method) {
  struct fault f = {0};
  s->method = method;
  if (require_auth_check(s->config.require_auth, method, &f) == 0 &&
      channel_binding_check(s->config.channel_binding, method, &f) == 0)
    return true;
  (void)fail_with(s, &f);
  return false;
}

static bool have_password(struct session *s) {
  if (s->config.password && s->config.password[0]) return true;
  session_fail(s, DSQL_EAUTH,
               "the server asks for a password and none was given (user \"%s\"; set password=, PGPASSWORD "
               "or a password file)",
               s->config.user);
  return false;
}

enum handled startup_ok(struct session *s, const struct wire_authentication *a) {
  (void)a;
  if (!startup_allowed(s, s->saw_auth_request ? s->method : AUTH_NONE)) return HANDLED_FAIL;
  s->phase = SESSION_STARTING;
  s->may_send = !s->config.hold;
  return HANDLED;
}

static enum handled on_cleartext(struct session *s, const struct wire_authentication *a) {
  size_t from = s->out->len;
  (void)a;
  if (!startup_allowed(s, AUTH_PASSWORD) || !have_password(s)) return HANDLED_FAIL;
  if (!s->config.tls && !s->config.local && !s->config.cleartext_without_tls)
    return session_fail(s, DSQL_EAUTH,
                        "the server asks for a cleartext password over an unencrypted connection; use TLS, or allow it "
                        "with cleartext_without_tls in the configuration");
  s->saw_auth_request = true;
  wire_password(s->out, s->config.password, strlen(s->config.password));
  return startup_sent(s, from, SESSION_AUTH_RESULT, true);
}

static enum handled on_md5(struct session *s, const struct wire_authentication *a) {
  char answer[MD5_RESPONSE_SIZE];
  struct fault f = {0};
  size_t from = s->out->len;
  dsql_str user = {s->config.user, strlen(s->config.user)}, password;

  if (!startup_allowed(s, AUTH_MD5) || !have_password(s)) return HANDLED_FAIL;
  s->saw_auth_request = true;
  password = (dsql_str){s->config.password, strlen(s->config.password)};
  if (md5_response(user, password, a->data, answer, &f)) return fail_with(s, &f);
  wire_password(s->out, answer, MD5_RESPONSE_SIZE - 1);
  mem_cleanse(answer, sizeof answer);
  return startup_sent(s, from, SESSION_AUTH_RESULT, true);
}

int startup_choose(struct session *s, const struct wire_authentication *a, struct sasl_choice *out, struct fault *f) {
  const struct session_config *c = &s->config;
  struct sasl_offer offer = {.list = a->data,
                             .list_len = a->len,
                             .tls = c->tls,
                             .binding_available = c->binding_len > 0,
                             .policy = c->channel_binding,
                             .have_password = c->scram_client_key || (c->password && c->password[0]),
                             .have_token = c->token != NULL,
                             .require_auth = c->require_auth};
  return sasl_choose(&offer, out, f);
}

const struct session_config *startup_find_binding(struct session *s) {
  struct session_config *c = &s->config;
  if (c->find_binding) c->find_binding(c->find_binding_arg, &c->binding_data, &c->binding_len);
  return c;
}

enum handled startup_begin_scram(struct session *s, const struct sasl_choice *choice) {
  const struct session_config *c = &s->config;
  struct scram_params p = {.mechanism = choice->mechanism,
                           .binding_supported = choice->binding_supported,
                           .binding = c->binding_data,
                           .binding_len = c->binding_len,
                           .client_key = c->scram_client_key,
                           .server_key = c->scram_server_key,
                           .nonce = c->nonce,
                           .cache = c->scram_cache};
  struct fault f = {0};
  struct buf first;
  size_t from = s->out->len;

  if (c->password) p.password = (dsql_str){c->password, strlen(c->password)};
  assert(!s->scram);
  s->scram = mem_alloc(c->alloc, sizeof *s->scram);
  if (!s->scram) return session_fail(s, DSQL_ENOMEM, "out of memory while authenticating");
  if (scram_begin(s->scram, c->alloc, &p, &f)) {
    mem_free_secret(c->alloc, s->scram, sizeof *s->scram);
    s->scram = NULL;
    return fail_with(s, &f);
  }
  s->method = p.mechanism == SCRAM_SHA_256_PLUS ? AUTH_SCRAM_PLUS : AUTH_SCRAM;
  buf_init(&first, c->alloc, SCRAM_MESSAGE_MAX);
  if (scram_client_first(s->scram, &first, &f) == 0 && !buf_ok(&first))
    fault_set(&f, first.error, "out of memory while authenticating");
  if (!f.code) wire_sasl_initial_response(s->out, sasl_mechanism_name(p.mechanism), first.data, first.len);
  buf_deinit(&first);
  if (f.code) return fail_with(s, &f);
  return startup_sent(s, from, SESSION_SASL_CONTINUE, false);
}

static enum handled on_sasl(struct session *s, const struct wire_authentication *a) {
  const struct session_config *c = startup_find_binding(s);
  struct sasl_choice choice;
  struct fault f = {0};

  if (startup_choose(s, a, &choice, &f)) return fail_with(s, &f);
  if (choice.oauth) return oauth_begin(s);
  if (!c->scram_client_key && !have_password(s)) return HANDLED_FAIL;
  s->saw_auth_request = true;
  return startup_begin_scram(s, &choice);
}

static enum handled send_client_final(struct session *s) {
  struct fault f = {0};
  struct buf final;
  size_t from = s->out->len;

  buf_init(&final, s->config.alloc, SCRAM_MESSAGE_MAX * 2);
  final.secret = true; /* the proof invites guessing */
  if (scram_client_final(s->scram, &final, &f) == 0 && !buf_ok(&final))
    fault_set(&f, final.error, "out of memory while authenticating");
  if (!f.code) wire_sasl_response(s->out, final.data, final.len);
  buf_deinit(&final);
  if (f.code) return fail_with(s, &f);
  return startup_sent(s, from, SESSION_SASL_FINAL, true);
}

static enum handled on_sasl_continue(struct session *s, const struct wire_authentication *a) {
  struct fault f = {0};
  uint32_t iterations;

  if (scram_server_first(s->scram, a->data, a->len, &f)) return fail_with(s, &f);
  if (!scram_needs_derivation(s->scram, &iterations)) return send_client_final(s);
  if (iterations > SCRAM_ITERATIONS_INLINE_MAX) {
    s->phase = SESSION_SASL_DERIVE;
    return HANDLED_EVENT;
  }
  if (scram_derive_inline(s->scram, &f)) return fail_with(s, &f);
  return send_client_final(s);
}

int session_derivation_init(struct session *s, struct scram_derivation *d) {
  struct fault f = {0};
  return scram_derivation_init(d, s->scram, &f);
}

void session_derived(struct session *s, const struct scram_derivation *d) {
  struct fault f = {0};
  if (s->phase != SESSION_SASL_DERIVE) return;
  if (scram_keys_set(s->scram, d, &f))
    (void)fail_with(s, &f);
  else
    (void)send_client_final(s);
}

static enum handled on_sasl_final(struct session *s, const struct wire_authentication *a) {
  struct fault f = {0};
  if (scram_server_final(s->scram, a->data, a->len, &f)) return fail_with(s, &f);
  s->phase = SESSION_AUTH_RESULT;
  return HANDLED;
}

static enum handled on_unsupported(struct session *s, const struct wire_authentication *a) {
  static const enum auth_method methods[] = {[WIRE_AUTH_GSS] = AUTH_GSS, [WIRE_AUTH_SSPI] = AUTH_SSPI};
  const char *name = "an authentication method that this library does not know";
  if (a->code == WIRE_AUTH_KERBEROS_V5) name = "Kerberos V5";
  if (a->code == WIRE_AUTH_SCM_CREDENTIAL) name = "SCM credentials";
  if (a->code == WIRE_AUTH_GSS || a->code == WIRE_AUTH_SSPI) name = auth_method_describe(methods[a->code]);
  return session_fail(s, DSQL_EAUTH, "the server asks for %s (authentication request %u), which is not supported", name,
                      a->code);
}

enum handled startup_impossible(struct session *s, const struct wire_authentication *a) {
  return session_fail(s, DSQL_EPROTO, "protocol violation: authentication message %u is out of order", a->code);
}

static const auth_handler handlers[SESSION_READY][KINDS] = {
    [SESSION_AUTHENTICATE] = {startup_ok, on_cleartext, on_md5, on_sasl, startup_impossible, startup_impossible,
                              on_unsupported},
    [SESSION_OAUTH_SENT] = {oauth_ok, startup_impossible, startup_impossible, startup_impossible, oauth_refused,
                            startup_impossible, startup_impossible},
    [SESSION_OAUTH_REFUSED] = {startup_impossible, startup_impossible, startup_impossible, startup_impossible,
                               startup_impossible, startup_impossible, startup_impossible},
    [SESSION_SASL_CONTINUE] = {startup_impossible, startup_impossible, startup_impossible, startup_impossible,
                               on_sasl_continue, startup_impossible, startup_impossible},
    [SESSION_SASL_DERIVE] = {startup_impossible, startup_impossible, startup_impossible, startup_impossible,
                             startup_impossible, startup_impossible, startup_impossible},
    [SESSION_SASL_FINAL] = {startup_impossible, startup_impossible, startup_impossible, startup_impossible,
                            startup_impossible, on_sasl_final, startup_impossible},
    [SESSION_AUTH_RESULT] = {startup_ok, startup_impossible, startup_impossible, startup_impossible, startup_impossible,
                             startup_impossible, startup_impossible},
    [SESSION_STARTING] = {startup_impossible, startup_impossible, startup_impossible, startup_impossible,
                          startup_impossible, startup_impossible, startup_impossible},
};

static enum auth_kind kind_of(uint32_t code) {
  switch (code) {
    case WIRE_AUTH_OK: return KIND_OK;
    case WIRE_AUTH_CLEARTEXT_PASSWORD: return KIND_CLEARTEXT;
    case WIRE_AUTH_MD5_PASSWORD: return KIND_MD5;
    case WIRE_AUTH_SASL: return KIND_SASL;
    case WIRE_AUTH_SASL_CONTINUE: return KIND_CONTINUE;
    case WIRE_AUTH_SASL_FINAL: return KIND_FINAL;
    default: return KIND_OTHER;
  }
}

enum handled startup_authentication(struct session *s, const struct wire_authentication *a) {
  const auth_handler *of_phase = s->phase < SESSION_AUTHENTICATE ? ahead_handlers[s->phase] : handlers[s->phase];
  return of_phase[kind_of(a->code)](s, a);
}

static enum handled on_authentication(struct session *s, const struct wire_frame *m, struct session_event *ev) {
  struct wire_authentication a;
  enum handled rc;

  if (wire_decode_authentication(m->body, m->len, &a)) return session_fail_malformed(s, m->type);
  rc = startup_authentication(s, &a);
  if (rc == HANDLED_EVENT) *ev = (struct session_event){.type = EVENT_DERIVE};
  return rc;
}

static enum handled on_negotiate_version(struct session *s, const struct wire_frame *m) {
  struct wire_negotiate_version v;

  if (wire_decode_negotiate_version(m->body, m->len, &v)) return session_fail_malformed(s, m->type);
  if (s->phase > SESSION_AUTHENTICATE || s->negotiated) return session_fail_unexpected(s, m->type);
  if (v.version > s->config.protocol)
    return session_fail(s, DSQL_EPROTO, "protocol violation: the server goes from protocol %u.%u up to %u.%u",
                        s->config.protocol >> 16, s->config.protocol & 0xffff, v.version >> 16, v.version & 0xffff);
  if (v.option_count) { /* none are ever sent */
    dsql_str option = cursor_cstr(&v.options);
    return session_fail(s, DSQL_EPROTO,
                        "protocol violation: the server does not know the protocol option \"%s\", which was not asked "
                        "for",
                        printable_of(option.ptr, option.len).text);
  }
  s->negotiated = true;
  if (v.version < s->config.protocol_min)
    return session_fail(
        s, DSQL_EUNSUPPORTED, "the server speaks protocol %u.%u at most; min_protocol_version asks for %u.%u",
        v.version >> 16, v.version & 0xffff, s->config.protocol_min >> 16, s->config.protocol_min & 0xffff);
  s->protocol = v.version;
  return HANDLED;
}

static enum handled on_backend_key(struct session *s, const struct wire_frame *m) {
  struct wire_backend_key key;
  if (wire_decode_backend_key(m->body, m->len, &key)) return session_fail_malformed(s, m->type);
  if (s->phase != SESSION_STARTING) return session_fail_unexpected(s, m->type);
  if (s->protocol < WIRE_PROTOCOL_3_2 && key.key_len != WIRE_CANCEL_KEY_MIN)
    return session_fail(s, DSQL_EPROTO, "protocol violation: a cancel key of %zu bytes, but protocol 3.0 has 4",
                        key.key_len);
  s->backend_pid = key.pid;
  startup_forget_key(s);
  s->cancel_key = mem_alloc(s->config.alloc, key.key_len);
  if (!s->cancel_key) return session_fail(s, DSQL_ENOMEM, "out of memory for the key that cancels");
  memcpy(s->cancel_key, key.key, key.key_len);
  s->cancel_key_len = key.key_len;
  return HANDLED;
}

void startup_end_scram(struct session *s) {
  if (!s->scram) return;
  scram_end(s->scram);
  mem_free(s->config.alloc, s->scram);
  s->scram = NULL;
}

void startup_forget_key(struct session *s) {
  mem_free_secret(s->config.alloc, s->cancel_key, s->cancel_key_len);
  s->cancel_key = NULL;
  s->cancel_key_len = 0;
}

enum handled startup_become_ready(struct session *s, struct session_event *ev) {
  s->phase = SESSION_READY;
  s->was_ready = true;
  s->ahead_open = false;
  startup_end_scram(s);
  *ev = (struct session_event){.type = EVENT_READY};
  return HANDLED_EVENT;
}

static enum handled on_first_ready(struct session *s, const struct wire_frame *m, struct session_event *ev) {
  if (wire_decode_ready(m->body, m->len, &s->tx_status)) return session_fail_malformed(s, m->type);
  if (s->phase != SESSION_STARTING) return session_fail_unexpected(s, m->type);
  return s->ahead_open ? ahead_unasked(s) : startup_become_ready(s, ev);
}

/* The text of an error is shown as the server's; the session's own fault is short. Class 28 is authentication. */
static enum handled on_startup_error(struct session *s, const struct wire_frame *m, struct session_event *ev) {
  dsql_str state;
  if (wire_check_error(m->body, m->len)) return session_fail_malformed(s, m->type);
  state = error_body_field(m->body, m->len, 'C');
  *ev = (struct session_event){.type = EVENT_ERROR, .body = m->body, .len = m->len};
  s->refused = true;
  ahead_learn_error(s, m->body, m->len);
  session_fail(s, state.len == 5 && memcmp(state.ptr, "28", 2) == 0 ? DSQL_EAUTH : DSQL_ESERVER,
               "the server refuses the connection");
  return HANDLED_EVENT;
}

enum handled startup_message(struct session *s, const struct wire_frame *m, struct session_event *ev) {
  switch (m->type) {
    case WIRE_AUTHENTICATION: return on_authentication(s, m, ev);
    case WIRE_NEGOTIATE_PROTOCOL_VERSION: return on_negotiate_version(s, m);
    case WIRE_BACKEND_KEY_DATA: return on_backend_key(s, m);
    case WIRE_READY_FOR_QUERY: return on_first_ready(s, m, ev);
    case WIRE_ERROR_RESPONSE: return on_startup_error(s, m, ev);
    case WIRE_PARAMETER_STATUS:
    case WIRE_NOTICE_RESPONSE:
      /* Nobody that has not authenticated itself may tell us parameters; a notice before is odd but harmless. */
      if (m->type == WIRE_PARAMETER_STATUS && s->phase != SESSION_STARTING) break;
      return async_message(s, m, ev);
    default: break;
  }
  return session_fail_unexpected(s, m->type);
}
