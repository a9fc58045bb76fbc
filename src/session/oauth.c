/* oauth.c - OAUTHBEARER in a session (auth/oauth.h). Operations do not ride behind the token: where it is refused, the
 * server wants one more message, and would take theirs for it. */
#include "auth/oauth.h"

#include <string.h>

#include "session/internal.h"

static bool may_send_token(struct session *s, dsql_str token) {
  struct fault f = {0};

  if (!s->config.tls && !s->config.local && !s->config.cleartext_without_tls) {
    session_fail(s, DSQL_EAUTH,
                 "the server asks for an OAuth token over an unencrypted connection; use TLS, or allow it with "
                 "cleartext_without_tls in the configuration");
    return false;
  }
  if (token.len == 0 || oauth_token_check(token, &f) == 0) return true;
  session_fail(s, f.code, "%s", f.text);
  return false;
}

enum handled oauth_begin(struct session *s) {
  dsql_str token = {s->config.token, strlen(s->config.token)};
  size_t from = s->out->len;
  struct buf first;
  bool failed;

  if (!startup_allowed(s, AUTH_OAUTH) || !may_send_token(s, token)) return HANDLED_FAIL;
  s->saw_auth_request = true;
  buf_init(&first, s->config.alloc, OAUTH_TOKEN_MAX + 64);
  first.secret = true;
  oauth_client_first(&first, token);
  failed = !buf_ok(&first);
  if (!failed) wire_sasl_initial_response(s->out, OAUTH_MECHANISM, first.data, first.len);
  buf_deinit(&first);
  if (failed) return session_fail(s, DSQL_ENOMEM, "out of memory while authenticating");
  return startup_sent(s, from, SESSION_OAUTH_SENT, false);
}

enum handled oauth_ok(struct session *s, const struct wire_authentication *a) {
  if (s->config.token[0]) return startup_ok(s, a);
  return session_fail(s, DSQL_EPROTO, "protocol violation: the server accepts an OAuth token that was not sent");
}

/* A document that is too long to be kept is not worth reading either; the ErrorResponse behind it tells enough. */
enum handled oauth_refused(struct session *s, const struct wire_authentication *a) {
  size_t from = s->out->len;

  if (a->len <= OAUTH_DOCUMENT_MAX && a->len > 0) {
    s->oauth_document = mem_alloc(s->config.alloc, a->len);
    if (!s->oauth_document) return session_fail(s, DSQL_ENOMEM, "out of memory while authenticating");
    memcpy(s->oauth_document, a->data, a->len);
    s->oauth_document_len = a->len;
  }
  wire_sasl_response(s->out, OAUTH_ACKNOWLEDGE, 1);
  return startup_sent(s, from, SESSION_OAUTH_REFUSED, false);
}

dsql_str session_oauth_document(const struct session *s) {
  return (dsql_str){(const char *)s->oauth_document, s->oauth_document_len};
}

void oauth_forget_document(struct session *s) {
  mem_free(s->config.alloc, s->oauth_document);
  s->oauth_document = NULL;
  s->oauth_document_len = 0;
}
