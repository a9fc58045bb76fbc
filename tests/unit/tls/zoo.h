/* zoo.h - certificates of every kind, made on the spot, and a directory to keep their files in. */
#ifndef DSQL_TEST_ZOO_H
#define DSQL_TEST_ZOO_H

#include <openssl/x509.h>
#include <stdbool.h>

enum zoo_key { ZOO_P256, ZOO_P384, ZOO_RSA, ZOO_ED25519 };

struct identity {
  X509 *cert;
  EVP_PKEY *key;
};

/* Zero means: P-256, SHA-256, valid from an hour ago for a day, not a CA, no SANs. */
struct zoo_spec {
  const char *cn;
  const char *san;    /* OpenSSL's syntax: "DNS:a.example,IP:127.0.0.1" */
  const char *digest; /* "SHA384" */
  enum zoo_key key;
  long begins_s, ends_s; /* relative to now */
  bool ca;
};

struct zoo {
  char dir[64];
  struct identity ca, other_ca;
  char ca_file[128], other_ca_file[128];
};

void zoo_init(struct zoo *z); /* two CAs and a temporary directory with their certificates */
void zoo_deinit(struct zoo *z);

/* issuer NULL: self-signed. */
struct identity zoo_make(const struct zoo_spec *spec, const struct identity *issuer);
void zoo_drop(struct identity *id);

/* All of these return the file's path in a ring of static buffers. */
const char *zoo_path(const struct zoo *z, const char *name);
const char *zoo_write(const struct zoo *z, const char *name, const void *p, size_t n);
const char *zoo_write_cert(const struct zoo *z, const char *name, X509 *cert);
/* password NULL: not encrypted. Mode 0600. */
const char *zoo_write_key(const struct zoo *z, const char *name, EVP_PKEY *key, const char *password);
const char *zoo_write_key_der(const struct zoo *z, const char *name, EVP_PKEY *key);
/* A list of the CA's that revokes `revoked` (NULL: nobody); valid for ends_s from now (0: a day). */
const char *zoo_write_crl(const struct zoo *z, const char *name, const struct identity *ca, X509 *revoked, long ends_s);

#endif
