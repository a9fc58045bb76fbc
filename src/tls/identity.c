/* identity.c - the client's own certificate and private key. */
#include "tls/internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>

struct password {
  const char *text;
  bool asked;
};

/* Stands in for OpenSSL's default, which asks on the terminal. */
static int give_password(char *out, int size, int writing, void *arg) {
  struct password *p = arg;
  size_t n;

  (void)writing;
  p->asked = true;
  n = p->text ? strlen(p->text) : 0;
  if (n == 0 || n > (size_t)size) return -1;
  memcpy(out, p->text, n);
  return (int)n;
}

/* PostgreSQL's rule: nobody else may read the key, but a key of root's may be readable to a group. */
static int check_key_mode(BIO *bio, const char *path, struct fault *f) {
  struct stat st;
  mode_t others;
  int fd = -1;

  (void)BIO_get_fd(bio, &fd);
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
    return fault_set(f, DSQL_EINVAL, "private key file \"%.200s\" is not a regular file", path);
  others = st.st_uid == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;
  if ((st.st_mode & others) == 0) return 0;
  return fault_set(f, DSQL_EINVAL,
                   "private key file \"%.200s\" has group or world access (mode %04o); run chmod 0600 on it, or "
                   "chmod 0640 if root owns it",
                   path, (unsigned)(st.st_mode & 07777));
}

static int key_fault(const struct password *p, const char *path, struct fault *f) {
  if (tls_lacked_memory(f, path)) return f->code;
  if (p->asked && (!p->text || !*p->text))
    return fault_set(f, DSQL_EINVAL, "private key file \"%.200s\" is encrypted; give its password as sslpassword",
                     path);
  if (p->asked) return fault_set(f, DSQL_EINVAL, "sslpassword does not open the private key file \"%.200s\"", path);
  return fault_set(f, DSQL_EINVAL, "private key file \"%.200s\" holds no private key in PEM or DER form", path);
}

static EVP_PKEY *read_key(const char *path, const char *password_text, struct fault *f) {
  struct password password = {password_text, false};
  EVP_PKEY *key;
  BIO *bio = tls_file_open(path, "sslkey", "private key file", f);

  if (!bio) return NULL;
  if (check_key_mode(bio, path, f)) {
    BIO_free(bio);
    return NULL;
  }
  key = PEM_read_bio_PrivateKey(bio, NULL, give_password, &password);
  if (!key && !password.asked && BIO_seek(bio, 0) == 0) key = d2i_PrivateKey_bio(bio, NULL);
  if (!key) key_fault(&password, path, f);
  BIO_free(bio);
  return key;
}

static int load_cert(struct tls_context *ctx, const char *path, struct fault *f) {
  BIO *probe = tls_file_open(path, "sslcert", "client certificate file", f);

  if (!probe) return f->code;
  BIO_free(probe);
  if (SSL_CTX_use_certificate_chain_file(ctx->ssl_ctx, path)) return 0;
  if (tls_lacked_memory(f, path)) return f->code;
  return fault_set(f, DSQL_EINVAL, "client certificate file \"%.200s\" holds no usable PEM certificate (%s)", path,
                   ERR_reason_error_string(ERR_peek_last_error()));
}

int tls_identity_load(struct tls_context *ctx, const struct tls_config *c, struct fault *f) {
  EVP_PKEY *key;
  bool fits;
  int rc;

  if (c->cert_mode == TLS_CERT_DISABLE) return 0;
  if (!c->cert_file) {
    if (c->cert_mode != TLS_CERT_REQUIRE) return 0;
    return fault_set(f, DSQL_EINVAL, "sslcertmode=require needs a client certificate; set sslcert and sslkey");
  }
  if (!c->key_file)
    return fault_set(f, DSQL_EINVAL, "client certificate \"%.200s\" has no private key; set sslkey", c->cert_file);
  rc = load_cert(ctx, c->cert_file, f);
  if (rc) return rc;
  key = read_key(c->key_file, c->key_password, f);
  if (!key) return f->code;
  fits = SSL_CTX_use_PrivateKey(ctx->ssl_ctx, key) && SSL_CTX_check_private_key(ctx->ssl_ctx);
  EVP_PKEY_free(key);
  if (fits) return 0;
  return fault_set(f, DSQL_EINVAL,
                   "private key file \"%.150s\" does not belong to the certificate in \"%.150s\"; sslcert and sslkey "
                   "must be a pair",
                   c->key_file, c->cert_file);
}
