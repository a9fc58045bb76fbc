#include "tls/trust_store.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "tls/internal.h"

struct trust_store {
  const dsql_alloc *alloc;
  X509_STORE *roots; /* NULL until loaded */
  uint64_t stamp;    /* of the files, see files.c */
  bool system;
  char ca_file[]; /* "" for the system's */
};

bool trust_store_fits(const char *ssl_version) {
  char ours[64];
  (void)snprintf(ours, sizeof ours, "OpenSSL/%s", OpenSSL_version(OPENSSL_VERSION_STRING));
  return ssl_version && strcmp(ssl_version, ours) == 0;
}

struct trust_store *trust_store_new(const dsql_alloc *a, const char *ca_file) {
  size_t n = ca_file ? strlen(ca_file) : 0;
  struct trust_store *s = mem_zalloc(a, sizeof *s + n + 1);
  if (!s) return NULL;
  s->alloc = a;
  s->system = ca_file == NULL;
  if (n) memcpy(s->ca_file, ca_file, n);
  return s;
}

static uint64_t stamp_of(const struct trust_store *s) {
  return tls_files_stamp(&(struct tls_config){.ca_file = s->system ? NULL : s->ca_file});
}

static int load_system(struct trust_store *s, struct fault *f) {
  if (tls_system_store_check("SSL_CERT_FILE", f)) return f->code;
  return X509_STORE_set_default_paths(s->roots) ? 0 : tls_openssl_fault(f, "loading the system's trusted roots");
}

static int load_file(struct trust_store *s, struct fault *f) {
  BIO *probe = tls_file_open(s->ca_file, "the file of trusted roots", "certificate file", f);

  if (!probe) return f->code;
  BIO_free(probe);
  if (X509_STORE_load_file(s->roots, s->ca_file)) return 0;
  if (tls_lacked_memory(f, s->ca_file)) return f->code;
  return fault_set(f, DSQL_EINVAL,
                   "certificate file \"%.200s\" holds no PEM certificate (%s); it needs one or more \"-----BEGIN "
                   "CERTIFICATE-----\" blocks",
                   s->ca_file, ERR_reason_error_string(ERR_peek_last_error()));
}

/* The first lookup sorts the roots: here rather than in somebody's handshake. That nothing is found is no matter. */
static void warm_up(X509_STORE *roots) {
  X509_STORE_CTX *lookup = X509_STORE_CTX_new();
  X509_NAME *nobody = X509_NAME_new();
  X509_OBJECT *found = NULL;
  if (lookup && nobody && X509_STORE_CTX_init(lookup, roots, NULL, NULL))
    found = X509_STORE_CTX_get_obj_by_subject(lookup, X509_LU_X509, nobody);
  X509_OBJECT_free(found);
  X509_NAME_free(nobody);
  X509_STORE_CTX_free(lookup);
}

static int load(struct trust_store *s, struct fault *f) {
  /* Before the files are read: a change in between is then seen at the next check. */
  s->stamp = stamp_of(s);
  s->roots = X509_STORE_new();
  if (!s->roots || !X509_STORE_set_flags(s->roots, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN))
    return tls_openssl_fault(f, "creating the store of trusted roots");
  if (s->system ? load_system(s, f) : load_file(s, f)) return f->code;
  warm_up(s->roots);
  return 0;
}

int trust_store_load(struct trust_store *s, struct fault *f) {
  int rc;

  assert(!s->roots);
  ERR_clear_error();
  rc = load(s, f);
  /* Nothing of ours stays in the queue of a thread that others use, too. */
  ERR_clear_error();
  return rc;
}

bool trust_store_is_of(const struct trust_store *s, const char *ca_file) {
  return ca_file ? !s->system && strcmp(s->ca_file, ca_file) == 0 : s->system;
}

bool trust_store_changed(const struct trust_store *s) { return stamp_of(s) != s->stamp; }

void trust_store_install(const struct trust_store *s, void *ssl_ctx) {
  assert(s->roots);
  SSL_CTX_set1_cert_store(ssl_ctx, s->roots);
}

void trust_store_free(struct trust_store *s) {
  if (!s) return;
  X509_STORE_free(s->roots);
  mem_free(s->alloc, s);
}
