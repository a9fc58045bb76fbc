/* verify.c - is the server who it should be? OpenSSL checks the chain; the name is compared here, in the handshake, so
 * that a wrong server gets an alert instead of our certificate. */
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "tls/internal.h"

/* As libpq decides it for SNI: a colon, or nothing but digits and dots. */
bool tls_is_ip_literal(const char *host) { return strchr(host, ':') || strspn(host, "0123456789.") == strlen(host); }

bool tls_host_clean(char out[TLS_HOST_SIZE], const char *host) {
  size_t n = tls_is_ip_literal(host) ? strcspn(host, "%") : strlen(host);

  if (n > 1 && host[n - 1] == '.' && !tls_is_ip_literal(host)) n--;
  if (n == 0 || n >= TLS_HOST_SIZE) return false;
  memcpy(out, host, n);
  out[n] = '\0';
  return true;
}

/* libpq's rules (pgtls_verify_peer_name_matches_certificate_guts): a name is compared with the dNSNames, or with the
 * common name if there is none; an address with the iPAddresses and, literally, with the dNSNames; and with the common
 * name if there is no iPAddress. A wildcard stands for the whole left-most label, and never in an address. */
static bool is_for_host(X509 *cert, const char *verify_host) {
  char host[TLS_HOST_SIZE];
  unsigned flags = X509_CHECK_FLAG_NO_WILDCARDS;

  if (!tls_host_clean(host, verify_host)) return false;
  if (host[0] == '.') return false; /* to OpenSSL: any name below */
  if (!tls_is_ip_literal(host)) return X509_check_host(cert, host, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
  if (X509_check_ip_asc(cert, host, 0) == 1) return true;
  flags |= tls_cert_has_ip_san(cert) ? X509_CHECK_FLAG_NEVER_CHECK_SUBJECT : X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT;
  return X509_check_host(cert, host, 0, flags, NULL) == 1;
}

static void report_wrong_host(struct tls *t, X509 *cert) {
  char names[200];

  tls_cert_names_print(cert, names, sizeof names);
  fault_set(t->fault, DSQL_ETLS,
            "the server's certificate is for %s, not for \"%.100s\"; connect with a name that it has (hostaddr= sets "
            "the address apart from the name), or have one issued for this name",
            names, t->verify_host);
}

/* Whose certificate an error is about: the server's own (depth 0), or a CA's above it. */
struct subject {
  const char *role;
  char name[TLS_NAME_SIZE], issuer[TLS_NAME_SIZE];
};

static void describe_subject(X509_STORE_CTX *store, struct subject *s) {
  X509 *cert = X509_STORE_CTX_get_current_cert(store);

  s->role = X509_STORE_CTX_get_error_depth(store) == 0 ? "the server's certificate" : "the CA certificate";
  if (!cert) {
    (void)snprintf(s->name, sizeof s->name, "(no name)");
    memcpy(s->issuer, s->name, sizeof s->issuer);
    return;
  }
  tls_name_print(X509_get_subject_name(cert), s->name);
  tls_name_print(X509_get_issuer_name(cert), s->issuer);
}

static void report_unknown_issuer(struct tls *t, int error, const struct subject *s) {
  const char *roots = t->context->roots;

  if (error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT)
    fault_set(t->fault, DSQL_ETLS,
              "the server's certificate \"%s\" is self-signed and not in %s; save it to a file and set sslrootcert= to "
              "it, or install one issued by a CA on the server",
              s->name, roots);
  else if (error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN)
    fault_set(t->fault, DSQL_ETLS,
              "the server's certificate leads to the root \"%s\", which is not in %s; set sslrootcert= to a file with "
              "that root",
              s->name, roots);
  else
    fault_set(t->fault, DSQL_ETLS,
              "%s \"%s\" was issued by \"%s\", which is not in %s; set sslrootcert= to the issuer's root certificate "
              "(or have the server send the intermediate certificates)",
              s->role, s->name, s->issuer, roots);
}

static void report_dates(struct tls *t, int error, const struct subject *s, const X509 *cert) {
  char date[32];

  tls_time_print(error == X509_V_ERR_CERT_HAS_EXPIRED ? X509_get0_notAfter(cert) : X509_get0_notBefore(cert), date);
  if (error == X509_V_ERR_CERT_HAS_EXPIRED)
    fault_set(t->fault, DSQL_ETLS, "%s \"%s\" expired at %s; renew it on the server, or set this machine's clock",
              s->role, s->name, date);
  else
    fault_set(t->fault, DSQL_ETLS, "%s \"%s\" is not valid before %s; set the clock of this machine or of its issuer",
              s->role, s->name, date);
}

static void report_revocation(struct tls *t, int error, const struct subject *s) {
  const char *crl = t->context->crl;

  if (error == X509_V_ERR_CERT_REVOKED)
    fault_set(t->fault, DSQL_ETLS, "%s \"%s\" is revoked by the list %s; install a new certificate on the server",
              s->role, s->name, crl);
  else if (error == X509_V_ERR_UNABLE_TO_GET_CRL)
    fault_set(t->fault, DSQL_ETLS,
              "%s has no revocation list of \"%s\", the issuer of \"%s\"; add it there, or leave "
              "sslcrl and sslcrldir out",
              crl, s->issuer, s->name);
  else
    fault_set(t->fault, DSQL_ETLS, "the revocation list of \"%s\" in %s can't be used: %s; fetch a current one",
              s->issuer, crl, X509_verify_cert_error_string(error));
}

static void report(struct tls *t, X509_STORE_CTX *store) {
  int error = X509_STORE_CTX_get_error(store);
  struct subject s;

  describe_subject(store, &s);
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: report_dates(t, error, &s, X509_STORE_CTX_get_current_cert(store)); break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: report_unknown_issuer(t, error, &s); break;
    case X509_V_ERR_CERT_REVOKED:
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE: report_revocation(t, error, &s); break;
    default:
      fault_set(t->fault, DSQL_ETLS, "%s \"%s\" can't be verified with %s: %s", s.role, s.name, t->context->roots,
                X509_verify_cert_error_string(error));
  }
}

/* Called with ok for each certificate that passed, the server's own last, and without for the first that didn't. */
int tls_verify_callback(int ok, X509_STORE_CTX *store) {
  SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
  struct tls *t = SSL_get_app_data(ssl);

  if (!ok) {
    report(t, store);
    return 0;
  }
  if (t->context->verify != TLS_VERIFY_FULL || X509_STORE_CTX_get_error_depth(store) != 0) return 1;
  if (is_for_host(X509_STORE_CTX_get_current_cert(store), t->verify_host)) {
    t->name_verified = true;
    return 1;
  }
  report_wrong_host(t, X509_STORE_CTX_get_current_cert(store));
  X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
  return 0;
}
