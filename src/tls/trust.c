#include "tls/internal.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <unistd.h>

/* SSL_CERT_DIR may list several directories; only the first needs to be there for a promising start. */
static bool system_store_exists(void) {
  char first[TLS_HOST_SIZE];

  if (access(tls_system_file(), R_OK) == 0) return true;
  (void)snprintf(first, sizeof first, "%s", tls_system_dir());
  for (char *p = first; *p; p++)
    if (*p == ':') *p = '\0';
  return access(first, R_OK | X_OK) == 0;
}

int tls_system_store_check(const char *settings, struct fault *f) {
  if (system_store_exists()) return 0;
  return fault_set(f, DSQL_EINVAL,
                   "no trusted root certificates: neither \"%.150s\" nor \"%.150s\" can be read; install the "
                   "package ca-certificates, or set %s",
                   tls_system_file(), tls_system_dir(), settings);
}

static int load_system(struct tls_context *ctx, struct fault *f) {
  (void)snprintf(ctx->roots, sizeof ctx->roots, "the system's trusted roots");
  if (tls_system_store_check("sslrootcert= or SSL_CERT_FILE", f)) return f->code;
  if (SSL_CTX_set_default_verify_paths(ctx->ssl_ctx)) return 0;
  return tls_openssl_fault(f, "loading the system's trusted roots");
}

static int load_ca_file(struct tls_context *ctx, const char *path, struct fault *f) {
  BIO *probe = tls_file_open(path, "sslrootcert", "root certificate file", f);

  if (!probe) return f->code;
  BIO_free(probe);
  (void)snprintf(ctx->roots, sizeof ctx->roots, "\"%.100s\"", path);
  if (SSL_CTX_load_verify_file(ctx->ssl_ctx, path)) return 0;
  if (tls_lacked_memory(f, path)) return f->code;
  return fault_set(f, DSQL_EINVAL,
                   "root certificate file \"%.200s\" holds no PEM certificate (%s); sslrootcert needs one or more "
                   "\"-----BEGIN CERTIFICATE-----\" blocks, or the word system",
                   path, ERR_reason_error_string(ERR_peek_last_error()));
}

static int load_crl_file(X509_STORE *store, const char *path, struct fault *f) {
  X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
  BIO *probe;

  if (!lookup) return tls_openssl_fault(f, "loading the certificate revocation list");
  probe = tls_file_open(path, "sslcrl", "certificate revocation list", f);
  if (!probe) return f->code;
  BIO_free(probe);
  if (X509_load_crl_file(lookup, path, X509_FILETYPE_PEM) > 0) return 0;
  if (tls_lacked_memory(f, path)) return f->code;
  return fault_set(f, DSQL_EINVAL,
                   "certificate revocation list \"%.200s\" holds no PEM list (%s); sslcrl needs \"-----BEGIN X509 "
                   "CRL-----\" blocks",
                   path, ERR_reason_error_string(ERR_peek_last_error()));
}

/* Every certificate of a chain is then looked up, as libpq does. */
static int load_crls(struct tls_context *ctx, const struct tls_config *c, struct fault *f) {
  X509_STORE *store = SSL_CTX_get_cert_store(ctx->ssl_ctx);
  int rc = 0;

  if (!c->crl_file && !c->crl_dir) return 0;
  (void)snprintf(ctx->crl, sizeof ctx->crl, "\"%.100s\"", c->crl_file ? c->crl_file : c->crl_dir);
  if (c->crl_file) rc = load_crl_file(store, c->crl_file, f);
  if (!rc && c->crl_dir) rc = tls_dir_check(c->crl_dir, "sslcrldir", f);
  if (!rc && c->crl_dir && !X509_STORE_load_path(store, c->crl_dir)) rc = tls_openssl_fault(f, "opening sslcrldir");
  if (!rc && !X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL))
    rc = tls_openssl_fault(f, "turning revocation checks on");
  return rc;
}

int tls_trust_load(struct tls_context *ctx, const struct tls_config *c, struct fault *f) {
  int rc;

  if (c->verify == TLS_VERIFY_NONE) {
    SSL_CTX_set_verify(ctx->ssl_ctx, SSL_VERIFY_NONE, NULL);
    return 0;
  }
  SSL_CTX_set_verify(ctx->ssl_ctx, SSL_VERIFY_PEER, tls_verify_callback);
  rc = c->ca_file ? load_ca_file(ctx, c->ca_file, f) : load_system(ctx, f);
  return rc ? rc : load_crls(ctx, c, f);
}
