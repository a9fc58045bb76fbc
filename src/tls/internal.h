/* internal.h - what the files of this layer share and nobody else sees. */
#ifndef DSQL_TLS_INTERNAL_H
#define DSQL_TLS_INTERNAL_H

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "tls/tls.h"

enum { TLS_NAME_SIZE = 96, TLS_SOURCE_SIZE = 128, TLS_HOST_SIZE = 256, TLS_RESUME_MAX = 16 };

/* One per server name; see resume.c. */
struct tls_resumable {
  char *key; /* OpenSSL's memory */
  SSL_SESSION *session;
  uint64_t age; /* higher is younger */
};

struct tls_context {
  const dsql_alloc *alloc;
  atomic_uint refs;
  SSL_CTX *ssl_ctx; /* NULL until loaded */
  enum tls_verify verify;
  enum tls_cert_mode cert_mode;
  bool groups_given;
  int key_log_fd;              /* -1: none */
  uint64_t stamp;              /* of the files, see files.c */
  char roots[TLS_SOURCE_SIZE]; /* for error texts: where trust comes from */
  char crl[TLS_SOURCE_SIZE];   /* and revocation */
  char versions[32];           /* "TLSv1.2 or newer" */
  struct tls_resumable resumable[TLS_RESUME_MAX];
  uint64_t resumable_clock;
};

/* config.c: parses versions and sets what does not come from files. */
int tls_config_apply(struct tls_context *ctx, const struct tls_config *c, struct fault *f);
/* "*P-256:*X25519:..." in the given order, in the syntax of the OpenSSL at hand. */
const char *tls_group_list(enum tls_group first);

/* files.c */
/* Opens a file to be read, telling precisely why it can't be; NULL then. */
BIO *tls_file_open(const char *path, const char *option, const char *what, struct fault *f);
int tls_dir_check(const char *path, const char *option, struct fault *f);
uint64_t tls_files_stamp(const struct tls_config *c);
const char *tls_system_file(void); /* the system's bundle and directory, as SSL_CERT_FILE and SSL_CERT_DIR say */
const char *tls_system_dir(void);

/* EINVAL unless the system has roots; settings: what may be set instead. trust.c */
int tls_system_store_check(const char *settings, struct fault *f);
int tls_trust_load(struct tls_context *ctx, const struct tls_config *c, struct fault *f);    /* trust.c */
int tls_identity_load(struct tls_context *ctx, const struct tls_config *c, struct fault *f); /* identity.c */
int tls_keylog_open(struct tls_context *ctx, const struct tls_config *c, struct fault *f);   /* keylog.c */
void tls_keylog_close(struct tls_context *ctx);

BIO *tls_bio_new(struct tls *t); /* bio.c; NULL: no memory */

/* verify.c: OpenSSL's verification callback. */
int tls_verify_callback(int ok, X509_STORE_CTX *store);
bool tls_is_ip_literal(const char *host);
/* The host without a trailing dot or a %zone; false when it doesn't fit or is empty. */
bool tls_host_clean(char out[TLS_HOST_SIZE], const char *host);

/* names.c: texts for people, from untrusted certificates. */
void tls_name_print(const X509_NAME *name, char out[TLS_NAME_SIZE]);
/* `"a.example", "b.example" and 3 more` */
void tls_cert_names_print(const X509 *cert, char *out, size_t size);
bool tls_cert_has_ip_san(const X509 *cert);
void tls_time_print(const ASN1_TIME *time, char out[32]);

/* error.c: turns OpenSSL's verdict on the last call into a status, and a fault when it failed. `doing`: "handshake". */
enum tls_status tls_outcome(struct tls *t, int ssl_result, const char *doing);
enum tls_status tls_refuse_failed(struct fault *f); /* a call on a session that failed before */
/* The fault of an OpenSSL call that failed outside of a session: ENOMEM or ETLS. */
int tls_openssl_fault(struct fault *f, const char *doing);
/* Sets a fault and returns true when OpenSSL's last failure was for want of memory. */
bool tls_lacked_memory(struct fault *f, const char *path);

/* resume.c */
void tls_resume_init(SSL_CTX *ssl_ctx);
void tls_resume_deinit(struct tls_context *ctx);
void tls_resume_try(struct tls *t);

#endif
