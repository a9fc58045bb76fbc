#include "local/certs.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "diagnostics.h"

enum { PATH_SIZE = 4096, CA_DAYS = 3650, SERVER_DAYS = 365, SERIAL_BYTES = 16, X509_V3 = 2 };
enum { BACKDATED_S = 3600 }; /* for containers whose clocks differ a little */

struct issued {
  EVP_PKEY *key;
  X509 *cert;
};

static bool fail(const char *what) {
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  diagnostics_say("local: cannot %s: %s", what, text);
  return false;
}

/* ---- files ---- */

static FILE *open_pem(const char *dir, const char *name, bool write, bool private) {
  char path[PATH_SIZE];
  int fd;
  FILE *file = NULL;

  snprintf(path, sizeof path, "%s/%s", dir, name);
  if (!write) return fopen(path, "re");
  (void)unlink(path); /* so that the new file's mode is what is asked for here */
  fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, private ? 0600 : 0644);
  if (fd >= 0) {
    (void)fchmod(fd, private ? 0600 : 0644); /* whatever the umask */
    file = fdopen(fd, "w");
  }
  if (!file) diagnostics_say("local: cannot write %s: %s", path, strerror(errno));
  return file;
}

static bool save(const struct issued *i, const char *dir, const char *cert_name, const char *key_name) {
  FILE *cert = open_pem(dir, cert_name, true, false), *key = cert ? open_pem(dir, key_name, true, true) : NULL;
  bool ok =
      cert && key && PEM_write_X509(cert, i->cert) && PEM_write_PrivateKey(key, i->key, NULL, NULL, 0, NULL, NULL);
  bool written = ok;

  if (cert && fclose(cert)) ok = false;
  if (key && fclose(key)) ok = false;
  if (cert && key && !ok) diagnostics_say("local: cannot write %s/%s", dir, written ? cert_name : key_name);
  return ok;
}

static bool load(struct issued *i, const char *dir, const char *cert_name, const char *key_name) {
  FILE *cert = open_pem(dir, cert_name, false, false), *key = open_pem(dir, key_name, false, true);

  if (cert) i->cert = PEM_read_X509(cert, NULL, NULL, NULL);
  if (key) i->key = PEM_read_PrivateKey(key, NULL, NULL, NULL);
  if (cert) (void)fclose(cert);
  if (key) (void)fclose(key);
  ERR_clear_error();
  return i->cert && i->key && X509_check_private_key(i->cert, i->key) == 1;
}

static void release(struct issued *i) {
  X509_free(i->cert);
  EVP_PKEY_free(i->key);
  *i = (struct issued){NULL, NULL};
}

/* ---- certificates ---- */

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value) {
  X509V3_CTX context;
  X509_EXTENSION *extension;
  bool ok;

  X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
  extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
  ok = extension && X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
  return ok;
}

static bool set_serial(X509 *cert) {
  unsigned char bytes[SERIAL_BYTES];
  BIGNUM *n = NULL;
  bool ok = RAND_bytes(bytes, sizeof bytes) == 1;

  bytes[0] &= 0x7f; /* positive (RFC 5280, 4.1.2.2) */
  ok = ok && (n = BN_bin2bn(bytes, sizeof bytes, NULL)) != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
  BN_free(n);
  return ok;
}

static bool set_basics(X509 *cert, EVP_PKEY *key, const char *name, long days) {
  X509_NAME *subject = X509_get_subject_name(cert);

  return X509_set_version(cert, X509_V3) && set_serial(cert) &&
         X509_gmtime_adj(X509_getm_notBefore(cert), -BACKDATED_S) &&
         X509_time_adj_ex(X509_getm_notAfter(cert), (int)days, 0, NULL) && X509_set_pubkey(cert, key) &&
         X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
}

static bool start(struct issued *i, const char *name, long days) {
  i->key = EVP_EC_gen("P-256");
  i->cert = X509_new();
  return i->key && i->cert && set_basics(i->cert, i->key, name, days);
}

static bool make_ca(struct issued *ca) {
  return start(ca, "dsql local CA", CA_DAYS) && X509_set_issuer_name(ca->cert, X509_get_subject_name(ca->cert)) &&
         add_extension(ca->cert, ca->cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
         add_extension(ca->cert, ca->cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
         add_extension(ca->cert, ca->cert, NID_subject_key_identifier, "hash") &&
         X509_sign(ca->cert, ca->key, EVP_sha256());
}

/* The common name is no place for a host name of more than 64 bytes; clients look at the subjectAltName. */
static bool make_server(struct issued *server, const struct issued *ca, const char *host) {
  char names[300];

  snprintf(names, sizeof names, "DNS:%s", host);
  return start(server, "dsql local", SERVER_DAYS) &&
         X509_set_issuer_name(server->cert, X509_get_subject_name(ca->cert)) &&
         add_extension(server->cert, ca->cert, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(server->cert, ca->cert, NID_key_usage, "critical,digitalSignature") &&
         add_extension(server->cert, ca->cert, NID_ext_key_usage, "serverAuth") &&
         add_extension(server->cert, ca->cert, NID_subject_alt_name, names) &&
         add_extension(server->cert, ca->cert, NID_authority_key_identifier, "keyid") &&
         X509_sign(server->cert, ca->key, EVP_sha256());
}

bool certs_make(const char *dir, const char *host) {
  struct issued ca = {NULL, NULL}, server = {NULL, NULL};
  bool ok = load(&ca, dir, "ca.pem", "ca.key");

  if (!ok) {
    release(&ca);
    ok = make_ca(&ca) ? save(&ca, dir, "ca.pem", "ca.key") : fail("make a certificate authority");
  }
  if (ok) ok = make_server(&server, &ca, host) ? true : fail("make a server certificate");
  ok = ok && save(&server, dir, "server.pem", "server.key");
  release(&server);
  release(&ca);
  return ok;
}
