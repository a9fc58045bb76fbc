#include "zoo.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static EVP_PKEY *make_key(enum zoo_key kind) {
  switch (kind) {
    case ZOO_P384: return EVP_EC_gen("P-384");
    case ZOO_RSA: return EVP_RSA_gen(2048);
    case ZOO_ED25519: return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    default: return EVP_EC_gen("P-256");
  }
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value) {
  X509V3_CTX ctx;
  X509_EXTENSION *ext;

  X509V3_set_ctx_nodb(&ctx);
  X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
  ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
  cr_assert(ext && X509_add_ext(cert, ext, -1), "extension %s", value);
  X509_EXTENSION_free(ext);
}

static void sign(X509 *cert, EVP_PKEY *key, const char *digest) {
  const EVP_MD *md = EVP_get_digestbyname(digest ? digest : "SHA256");
  if (EVP_PKEY_is_a(key, "ED25519")) md = NULL;
  cr_assert(X509_sign(cert, key, md) > 0);
}

struct identity zoo_make(const struct zoo_spec *spec, const struct identity *issuer) {
  static long serial;
  struct identity id = {X509_new(), make_key(spec->key)};
  X509_NAME *name = X509_get_subject_name(id.cert);

  cr_assert(id.cert && id.key);
  X509_set_version(id.cert, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(id.cert), ++serial + 1000L * getpid());
  X509_gmtime_adj(X509_getm_notBefore(id.cert), spec->begins_s ? spec->begins_s : -3600);
  X509_gmtime_adj(X509_getm_notAfter(id.cert), spec->ends_s ? spec->ends_s : 86400);
  if (spec->cn) X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)spec->cn, -1, -1, 0);
  X509_set_issuer_name(id.cert, issuer ? X509_get_subject_name(issuer->cert) : name);
  X509_set_pubkey(id.cert, id.key);
  if (spec->ca) {
    add_extension(id.cert, id.cert, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(id.cert, id.cert, NID_key_usage, "critical,keyCertSign,cRLSign");
  }
  if (spec->san) add_extension(id.cert, id.cert, NID_subject_alt_name, spec->san);
  sign(id.cert, issuer ? issuer->key : id.key, spec->digest);
  return id;
}

void zoo_drop(struct identity *id) {
  X509_free(id->cert);
  EVP_PKEY_free(id->key);
  *id = (struct identity){0};
}

void zoo_init(struct zoo *z) {
  *z = (struct zoo){.dir = "/tmp/dsql-zoo-XXXXXX"};
  cr_assert(mkdtemp(z->dir));
  z->ca = zoo_make(&(struct zoo_spec){.cn = "Test CA", .ca = true}, NULL);
  z->other_ca = zoo_make(&(struct zoo_spec){.cn = "Other CA", .ca = true}, NULL);
  (void)snprintf(z->ca_file, sizeof z->ca_file, "%s", zoo_write_cert(z, "ca.crt", z->ca.cert));
  (void)snprintf(z->other_ca_file, sizeof z->other_ca_file, "%s", zoo_write_cert(z, "other.crt", z->other_ca.cert));
}

void zoo_deinit(struct zoo *z) {
  DIR *dir = opendir(z->dir);
  struct dirent *e;

  while (dir && (e = readdir(dir)))
    if (e->d_name[0] != '.') (void)remove(zoo_path(z, e->d_name));
  if (dir) closedir(dir);
  cr_expect(rmdir(z->dir) == 0);
  zoo_drop(&z->ca);
  zoo_drop(&z->other_ca);
}

const char *zoo_path(const struct zoo *z, const char *name) {
  static char ring[16][320];
  static unsigned next;
  char *path = ring[next++ % 16];

  (void)snprintf(path, sizeof ring[0], "%s/%s", z->dir, name);
  return path;
}

const char *zoo_write(const struct zoo *z, const char *name, const void *p, size_t n) {
  const char *path = zoo_path(z, name);
  FILE *file = fopen(path, "w");

  cr_assert(file && fwrite(p, 1, n, file) == n && fclose(file) == 0);
  return path;
}

static FILE *create(const char *path) {
  FILE *file = fopen(path, "w");
  cr_assert(file, "%s", path);
  cr_assert(chmod(path, 0600) == 0);
  return file;
}

const char *zoo_write_cert(const struct zoo *z, const char *name, X509 *cert) {
  const char *path = zoo_path(z, name);
  FILE *file = create(path);

  cr_assert(PEM_write_X509(file, cert) && fclose(file) == 0);
  return path;
}

const char *zoo_write_key(const struct zoo *z, const char *name, EVP_PKEY *key, const char *password) {
  const char *path = zoo_path(z, name);
  FILE *file = create(path);
  const EVP_CIPHER *cipher = password ? EVP_aes_128_cbc() : NULL;
  int n = password ? (int)strlen(password) : 0;

  cr_assert(PEM_write_PrivateKey(file, key, cipher, (const unsigned char *)password, n, NULL, NULL));
  cr_assert(fclose(file) == 0);
  return path;
}

const char *zoo_write_key_der(const struct zoo *z, const char *name, EVP_PKEY *key) {
  const char *path = zoo_path(z, name);
  FILE *file = create(path);

  cr_assert(i2d_PrivateKey_fp(file, key) && fclose(file) == 0);
  return path;
}

static void add_revoked(X509_CRL *crl, X509 *cert) {
  X509_REVOKED *entry = X509_REVOKED_new();
  ASN1_TIME *when = X509_gmtime_adj(NULL, -60);

  cr_assert(entry && when);
  X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(cert));
  X509_REVOKED_set_revocationDate(entry, when);
  cr_assert(X509_CRL_add0_revoked(crl, entry));
  ASN1_TIME_free(when);
}

const char *zoo_write_crl(const struct zoo *z, const char *name, const struct identity *ca, X509 *revoked,
                          long ends_s) {
  const char *path = zoo_path(z, name);
  FILE *file = create(path);
  X509_CRL *crl = X509_CRL_new();
  ASN1_TIME *begins = X509_gmtime_adj(NULL, -7200), *ends = X509_gmtime_adj(NULL, ends_s ? ends_s : 86400);

  X509_CRL_set_version(crl, X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert));
  X509_CRL_set1_lastUpdate(crl, begins);
  X509_CRL_set1_nextUpdate(crl, ends);
  if (revoked) add_revoked(crl, revoked);
  cr_assert(X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0);
  cr_assert(PEM_write_X509_CRL(file, crl) && fclose(file) == 0);
  ASN1_TIME_free(begins);
  ASN1_TIME_free(ends);
  X509_CRL_free(crl);
  return path;
}
