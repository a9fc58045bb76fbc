#include <assert.h>
#include <openssl/err.h>
#include <string.h>

#include "tls/internal.h"

static int check_alpn(const struct tls *t, struct fault *f) {
  static const char protocol[] = "postgresql";
  const unsigned char *chosen = NULL;
  unsigned n = 0;

  SSL_get0_alpn_selected(t->ssl, &chosen, &n);
  if (n == 0 && !t->require_alpn) return 0;
  if (n == 0)
    return fault_set(f, DSQL_ETLS,
                     "the server speaks TLS but did not choose ALPN protocol \"postgresql\", so it is not a PostgreSQL "
                     "17 or newer that takes direct TLS; use sslnegotiation=postgres, or correct host and port");
  if (n == sizeof protocol - 1 && memcmp(chosen, protocol, n) == 0) return 0;
  return fault_set(f, DSQL_ETLS,
                   "the server chose an ALPN protocol that was not offered (only \"postgresql\" was); "
                   "host and port lead to another service");
}

/* A resumed session asks for no certificate: it was checked when the session began. */
static int check_identity_sent(const struct tls *t, struct fault *f) {
  if (t->context->cert_mode != TLS_CERT_REQUIRE || t->cert_requested || SSL_session_reused(t->ssl)) return 0;
  return fault_set(f, DSQL_ETLS,
                   "sslcertmode=require, but the server did not ask for a client certificate; set "
                   "ssl_ca_file on the server, or use sslcertmode=allow");
}

/* The name is checked by tls_verify_callback(). That it ran is not left to trust in OpenSSL's order of calls. */
static int check_verified(const struct tls *t, struct fault *f) {
  if (t->context->verify == TLS_VERIFY_NONE) return 0;
  if (SSL_get_verify_result(t->ssl) == X509_V_OK &&
      (t->context->verify == TLS_VERIFY_CA || t->name_verified || SSL_session_reused(t->ssl)))
    return 0;
  return fault_set(f, DSQL_ETLS, "the server's certificate was not verified");
}

static enum tls_status established(struct tls *t, struct fault *f) {
  int rc = check_verified(t, f);

  if (!rc) rc = check_alpn(t, f);
  if (!rc) rc = check_identity_sent(t, f);
  if (rc) {
    t->failed = true;
    return TLS_FAILED;
  }
  SSL_set_msg_callback(t->ssl, NULL);
  t->established = true;
  return TLS_OK;
}

enum tls_status tls_handshake(struct tls *t, struct fault *f) {
  int rc;

  if (t->failed) return tls_refuse_failed(f);
  if (t->established) return TLS_OK;
  t->fault = f;
  ERR_clear_error();
  rc = SSL_do_handshake(t->ssl);
  if (rc != 1) return tls_outcome(t, rc, "handshake");
  t->fault = NULL;
  return established(t, f);
}
