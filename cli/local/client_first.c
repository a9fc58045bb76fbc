/* client_first.c - from the first byte to a TLS session. */
#include <openssl/err.h>
#include <stdio.h>

#include "local/client.h"

static void begin_tls(struct client *c) {
  if (!tls_front_init(&c->tls, c->front->tls)) {
    client_drop(c, "out of memory");
    return;
  }
  c->tls_on = true;
  c->phase = CLIENT_HANDSHAKE;
}

/* PostgreSQL wants ALPN where TLS begins at once, because a confused client of another protocol could reach it so
 * (PostgreSQL documentation, "SSL Session Encryption"). */
static void after_handshake(struct client *c) {
  c->phase = CLIENT_STARTUP;
  if (c->direct_tls && !tls_front_alpn(&c->tls)) client_drop(c, "direct TLS without ALPN \"postgresql\"");
}

static void handshake(struct client *c) {
  enum tls_front_status status = tls_front_handshake(&c->tls);
  char text[256];

  tls_front_take(&c->tls, &c->net.queued);
  flow_flush(&c->net);
  if (status == TLS_FRONT_OK) {
    after_handshake(c);
  } else if (status != TLS_FRONT_WANT) {
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    snprintf(text, sizeof text, "TLS handshake failed: %s", reason ? reason : "the client went away");
    client_drop(c, text);
  }
}

/* The answer to a request is one byte; what was sent along with the request was not meant for it, or was put there by
 * somebody in between (CVE-2021-23222). */
static bool answer(struct client *c, char byte, size_t total) {
  if (c->in.len != total) {
    client_drop(c, "unencrypted data behind an SSLRequest or GSSENCRequest");
    return false;
  }
  buf_reset(&c->in);
  client_send(c, &byte, 1);
  flow_flush(&c->net);
  return true;
}

static void answer_ssl(struct client *c, size_t total) {
  if (c->ssl_asked)
    client_drop(c, "a second SSLRequest");
  else if (answer(c, 'S', total))
    begin_tls(c);
  c->ssl_asked = true;
}

static void answer_gss(struct client *c, size_t total) {
  if (c->gss_asked)
    client_drop(c, "a second GSSENCRequest");
  else
    (void)answer(c, 'N', total);
  c->gss_asked = true;
}

static void begin_direct_tls(struct client *c) {
  struct buf first = c->in;

  buf_init(&c->in, c->front->alloc, SIZE_MAX / 2);
  c->in.secret = true;
  c->direct_tls = true;
  begin_tls(c);
  if (c->phase == CLIENT_HANDSHAKE) client_cipher(c, first.data, first.len);
  buf_deinit(&first);
}

static void look_at_first(struct client *c) {
  size_t total;

  switch (startup_first(c->in.data, c->in.len, &total)) {
    case FIRST_MORE: break;
    case FIRST_TLS: begin_direct_tls(c); break;
    case FIRST_SSL_REQUEST: answer_ssl(c, total); break;
    case FIRST_GSS_REQUEST: answer_gss(c, total); break;
    case FIRST_CANCEL: client_dial(c); break;
    case FIRST_STARTUP:
      client_refuse(c, "28000", "SSL is mandatory", "Connect with sslmode=verify-full.", "a connection without TLS");
      break;
    case FIRST_GARBAGE: client_drop(c, "no PostgreSQL start-up message"); break;
  }
}

/* p NULL: more ciphertext is there already. */
void client_first(struct client *c, const uint8_t *p, size_t n) {
  if (!p) {
    handshake(c);
    return;
  }
  buf_put(&c->in, p, n);
  if (buf_ok(&c->in))
    look_at_first(c);
  else
    client_drop(c, "out of memory");
}
