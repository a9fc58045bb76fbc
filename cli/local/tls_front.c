#include "local/tls_front.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "diagnostics.h"

static const unsigned char alpn[] = "\012postgresql";
enum { ALPN_LEN = sizeof alpn - 1 };

/* A client that names protocols must name this one (PostgreSQL documentation, "Protocol Flow", "SSL Session
 * Encryption"). */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                   unsigned int in_len, void *arg) {
  unsigned char *chosen;
  (void)ssl;
  (void)arg;
  if (SSL_select_next_proto(&chosen, out_len, alpn, ALPN_LEN, in, in_len) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

static bool load(SSL_CTX *c, const char *dir) {
  char cert[4096], key[4096];

  snprintf(cert, sizeof cert, "%s/server.pem", dir);
  snprintf(key, sizeof key, "%s/server.key", dir);
  return SSL_CTX_use_certificate_chain_file(c, cert) == 1 &&
         SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) == 1 && SSL_CTX_check_private_key(c) == 1;
}

SSL_CTX *tls_front_context(const char *dir) {
  SSL_CTX *c = SSL_CTX_new(TLS_server_method());
  char text[256];

  if (c && SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) && load(c, dir)) {
    SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(c, on_alpn, NULL);
    /* Sessions are resumed by tickets, as the service's front ends do; no state is kept. */
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    return c;
  }
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  diagnostics_say("local: cannot set up TLS with the certificate in %s: %s", dir, text);
  SSL_CTX_free(c);
  return NULL;
}

bool tls_front_init(struct tls_front *t, SSL_CTX *context) {
  *t = (struct tls_front){.ssl = SSL_new(context), .in = BIO_new(BIO_s_mem()), .out = BIO_new(BIO_s_mem())};
  if (!t->ssl || !t->in || !t->out) {
    SSL_free(t->ssl);
    BIO_free(t->in);
    BIO_free(t->out);
    t->ssl = NULL;
    return false;
  }
  BIO_set_mem_eof_return(t->in, -1); /* empty is not the end */
  SSL_set_bio(t->ssl, t->in, t->out);
  SSL_set_accept_state(t->ssl);
  return true;
}

void tls_front_deinit(struct tls_front *t) {
  SSL_free(t->ssl); /* and its BIOs */
  *t = (struct tls_front){NULL, NULL, NULL, false, false};
}

bool tls_front_feed(struct tls_front *t, const uint8_t *p, size_t n) {
  size_t written = 0;
  return BIO_write_ex(t->in, p, n, &written) == 1 && written == n;
}

static enum tls_front_status outcome(struct tls_front *t, int rc) {
  switch (SSL_get_error(t->ssl, rc)) {
    case SSL_ERROR_WANT_READ: return TLS_FRONT_WANT;
    case SSL_ERROR_ZERO_RETURN: return TLS_FRONT_CLOSED;
    default: t->failed = true; return TLS_FRONT_FAILED;
  }
}

enum tls_front_status tls_front_handshake(struct tls_front *t) {
  int rc;

  ERR_clear_error();
  rc = SSL_do_handshake(t->ssl);
  if (rc != 1) return outcome(t, rc);
  t->established = true;
  return TLS_FRONT_OK;
}

enum tls_front_status tls_front_read(struct tls_front *t, void *dst, size_t cap, size_t *n) {
  int rc;

  *n = 0;
  if (t->failed) return TLS_FRONT_FAILED;
  ERR_clear_error();
  rc = SSL_read_ex(t->ssl, dst, cap, n);
  return rc == 1 ? TLS_FRONT_OK : outcome(t, rc);
}

bool tls_front_write(struct tls_front *t, const void *p, size_t n) {
  size_t written = 0;

  if (n == 0) return true;
  if (t->failed) return false;
  ERR_clear_error();
  if (SSL_write_ex(t->ssl, p, n, &written) == 1 && written == n) return true;
  t->failed = true;
  return false;
}

void tls_front_close_notify(struct tls_front *t) {
  if (!t->established || t->failed) return;
  ERR_clear_error();
  (void)SSL_shutdown(t->ssl);
}

void tls_front_take(struct tls_front *t, struct buf *out) {
  size_t pending = BIO_ctrl_pending(t->out), n = 0;

  if (pending == 0 || !buf_reserve(out, pending)) return;
  if (BIO_read_ex(t->out, out->data + out->len, pending, &n)) out->len += n;
}

const char *tls_front_sni(const struct tls_front *t) { return SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name); }

bool tls_front_alpn(const struct tls_front *t) {
  const unsigned char *name;
  unsigned len;
  SSL_get0_alpn_selected(t->ssl, &name, &len);
  return len == ALPN_LEN - 1 && memcmp(name, alpn + 1, len) == 0;
}
