#include "tls/internal.h"

#include <assert.h>
#include <openssl/err.h>

/* What a failure most likely means, and what to do, in place of OpenSSL's terse reasons. */
static const struct {
  int reason;
  const char *text;
} explanations[] = {
    {SSL_R_WRONG_VERSION_NUMBER,
     "the server's answer is not TLS; if it does not take direct TLS (PostgreSQL before 17, most poolers), use "
     "sslnegotiation=postgres, else check host and port"},
    {SSL_R_BAD_EXTENSION,
     "the server answered with something that was not asked for (such as another ALPN protocol than \"postgresql\"); "
     "host and port may lead to another service"},
    {SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL,
     "the server does not speak \"postgresql\" (ALPN); host and port lead to another service"},
    {SSL_R_TLSV1_UNRECOGNIZED_NAME,
     "the server knows no host of the name sent (SNI); check host, or the endpoint's status"},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
     "the server found no common cipher or group, or wants a client certificate; check its ssl_ciphers and sslcert"},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "the server wants a client certificate; set sslcert and sslkey"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA,
     "the server does not trust the issuer of the client certificate; check sslcert and the server's ssl_ca_file"},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "the server refused the client certificate; check sslcert"},
    {SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, "the server refused the client certificate's kind; check sslcert"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "the client certificate has expired; renew sslcert"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "the client certificate is revoked; renew sslcert"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "the server refused the client certificate; check sslcert"},
    {SSL_R_TLSV1_ALERT_DECRYPT_ERROR, "the server could not check the client certificate's signature"},
    {SSL_R_TLSV1_ALERT_ACCESS_DENIED, "the server denied access to this client certificate"},
    {SSL_R_TLSV1_ALERT_INTERNAL_ERROR, "the server had an internal error; see its log"},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, "received data was altered on its way"},
    {SSL_R_SSLV3_ALERT_BAD_RECORD_MAC, "sent data was altered on its way"},
};

static const int version_reasons[] = {SSL_R_UNSUPPORTED_PROTOCOL,   SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
                                      SSL_R_VERSION_TOO_LOW,        SSL_R_VERSION_TOO_HIGH,
                                      SSL_R_NO_PROTOCOLS_AVAILABLE, SSL_R_UNKNOWN_SSL_VERSION,
                                      SSL_R_WRONG_SSL_VERSION,      SSL_R_BAD_PROTOCOL_VERSION_NUMBER};

static bool about_version(int reason) {
  for (size_t i = 0; i < sizeof version_reasons / sizeof version_reasons[0]; i++)
    if (version_reasons[i] == reason) return true;
  return false;
}

static const char *explain(int reason) {
  for (size_t i = 0; i < sizeof explanations / sizeof explanations[0]; i++)
    if (explanations[i].reason == reason) return explanations[i].text;
  return NULL;
}

static bool out_of_memory(unsigned long e) { return ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE; }

static void describe(const struct tls *t, unsigned long e, const char *doing, struct fault *f) {
  int reason = ERR_GET_LIB(e) == ERR_LIB_SSL ? ERR_GET_REASON(e) : 0;
  const char *name = ERR_reason_error_string(e), *text = reason ? explain(reason) : NULL;

  if (!name) name = e ? "unknown reason" : "no reason given";
  if (reason && about_version(reason))
    fault_set(f, DSQL_ETLS,
              "TLS %s failed (%s): the server has no TLS version in common with %s; update the server, or lower "
              "ssl_min_protocol_version",
              doing, name, t->context->versions);
  else if (text)
    fault_set(f, DSQL_ETLS, "TLS %s failed (%s): %s", doing, name, text);
  else
    fault_set(f, DSQL_ETLS, "TLS %s failed: %s", doing, name);
}

static enum tls_status fail(struct tls *t, const char *doing) {
  struct fault *f = t->fault;
  unsigned long e = ERR_peek_error(); /* the first cause; what follows are its consequences */

  t->failed = true;
  t->fault = NULL;
  if (!buf_ok(t->out))
    fault_set(f, t->out->error,
              t->out->error == DSQL_ENOMEM ? "out of memory during the TLS %s"
                                           : "the TLS output buffer is full during the %s",
              doing);
  else if (e && out_of_memory(e))
    fault_set(f, DSQL_ENOMEM, "out of memory during the TLS %s", doing);
  else
    describe(t, e, doing, f); /* unless the verification callback told more: the first fault counts */
  ERR_clear_error();
  assert(f->code);
  return TLS_FAILED;
}

enum tls_status tls_outcome(struct tls *t, int ssl_result, const char *doing) {
  switch (SSL_get_error(t->ssl, ssl_result)) {
    case SSL_ERROR_WANT_READ:
      assert(t->in_len == 0);
      t->fault = NULL;
      return TLS_WANT;
    case SSL_ERROR_ZERO_RETURN:
      if (!t->established) break;
      t->fault = NULL;
      return TLS_CLOSED;
    default: return fail(t, doing);
  }
  fault_set(t->fault, DSQL_ETLS, "the server ended the TLS handshake without giving a reason; see its log");
  t->failed = true;
  t->fault = NULL;
  return TLS_CLOSED;
}

enum tls_status tls_refuse_failed(struct fault *f) {
  fault_set(f, DSQL_ETLS, "the TLS session failed earlier");
  return TLS_FAILED;
}

int tls_openssl_fault(struct fault *f, const char *doing) {
  unsigned long e = ERR_peek_error();
  const char *name = ERR_reason_error_string(e);

  if (!e || out_of_memory(e)) return fault_set(f, DSQL_ENOMEM, "out of memory while %s", doing);
  return fault_set(f, DSQL_ETLS, "%s failed: %s", doing, name ? name : "unknown reason");
}

bool tls_lacked_memory(struct fault *f, const char *path) {
  if (!out_of_memory(ERR_peek_error()) && !out_of_memory(ERR_peek_last_error())) return false;
  fault_set(f, DSQL_ENOMEM, "out of memory while reading \"%.200s\"", path);
  return true;
}
