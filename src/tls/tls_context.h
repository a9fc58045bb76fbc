/* tls_context.h - what all connections of one TLS configuration share: the parsed trust store, the client's
 * certificate and key, versions, groups, and the sessions to resume. Parsing the system's trust store takes OpenSSL 3
 * tens of milliseconds, so that loading is meant for a worker thread and happens once.
 *
 *   loop:   tls_context_new()    memory from the hook
 *   worker: tls_context_load()   reads files; never calls the hook, which need not be thread-safe
 *   loop:   tls_init() ... any number of times; tls_context_unref()
 *
 * The owner hands the context over to the worker and takes it back; it is never used by both at once. */
#ifndef DSQL_TLS_CONTEXT_H
#define DSQL_TLS_CONTEXT_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/error.h"

/* Zero is the strictest. */
enum tls_verify {
  TLS_VERIFY_FULL, /* the chain, and that the certificate is for the host */
  TLS_VERIFY_CA,   /* the chain */
  TLS_VERIFY_NONE  /* nothing: encryption only */
};

enum tls_cert_mode {
  TLS_CERT_ALLOW,   /* sent when the server asks and cert_file is given */
  TLS_CERT_DISABLE, /* never sent; cert_file is not read */
  TLS_CERT_REQUIRE  /* the handshake fails unless the server asked for it */
};

/* Views, all optional, only needed while a call lasts. The names in the comments are libpq's keywords, which the
 * error texts use. A file that is named must be there: defaults that may be missing are the caller's to look for. */
struct tls_config {
  enum tls_verify verify;
  enum tls_cert_mode cert_mode; /* sslcertmode */
  const char *ca_file;          /* sslrootcert; NULL: the system's store, where SSL_CERT_FILE and SSL_CERT_DIR count */
  const char *crl_file;         /* sslcrl */
  const char *crl_dir;          /* sslcrldir, hashed by "openssl rehash" */
  const char *cert_file;        /* sslcert: the client's certificate, then its chain, PEM */
  const char *key_file;         /* sslkey: PEM or DER */
  const char *key_password;     /* sslpassword; never asked for on a terminal */
  const char *min_version;      /* ssl_min_protocol_version: "TLSv1" "TLSv1.1" "TLSv1.2" "TLSv1.3"; default 1.2 */
  const char *max_version;      /* ssl_max_protocol_version; default: the newest */
  const char *key_log_file;     /* sslkeylogfile: session secrets for debugging, appended in NSS format */
  const char *groups;           /* OpenSSL's list of key exchange groups; NULL: P-256 and X25519 first */
};

struct tls_context;

/* An empty context with one reference. a must outlive it. ENOMEM. */
int tls_context_new(struct tls_context **out, const dsql_alloc *a);
/* Any thread; blocks on files. Once per context. EINVAL (a bad option or file, named together with the mending),
 * ENOMEM, ETLS. After a failure the context can only be unreferenced. */
int tls_context_load(struct tls_context *ctx, const struct tls_config *c, struct fault *f);
/* Whether a file that c names (or the system's store) is another one than at the load: the time to load anew. Only
 * stat(2), some microseconds. */
bool tls_context_files_changed(const struct tls_context *ctx, const struct tls_config *c);

struct tls_context *tls_context_ref(struct tls_context *ctx);
/* NULL is allowed. The last one frees through the hook, so it belongs on the hook's thread. */
void tls_context_unref(struct tls_context *ctx);

#endif
