#include "tls/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *tls_system_file(void) {
  const char *path = getenv(X509_get_default_cert_file_env());
  return path ? path : X509_get_default_cert_file();
}

const char *tls_system_dir(void) {
  const char *path = getenv(X509_get_default_cert_dir_env());
  return path ? path : X509_get_default_cert_dir();
}

static void file_fault(struct fault *f, const char *path, const char *option, const char *what, int error) {
  const char *mend = "check the path";

  if (error == EACCES) mend = "make it readable to this user";
  if (error == EISDIR) mend = "name a file";
  f->os_error = error;
  if (error == ENOENT || error == ENOTDIR)
    fault_set(f, DSQL_EINVAL, "%s \"%.200s\" does not exist; create it or correct %s", what, path, option);
  else
    fault_set(f, DSQL_EINVAL, "%s \"%.200s\" can't be read: %s; %s given as %s", what, path, strerror(error), mend,
              option);
}

BIO *tls_file_open(const char *path, const char *option, const char *what, struct fault *f) {
  struct stat st;
  BIO *bio;
  int fd = open(path, O_RDONLY | O_CLOEXEC);

  if (fd < 0 || fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
    file_fault(f, path, option, what, fd >= 0 && S_ISDIR(st.st_mode) ? EISDIR : errno);
    if (fd >= 0) (void)close(fd);
    return NULL;
  }
  bio = BIO_new_fd(fd, BIO_CLOSE);
  if (!bio) {
    (void)close(fd);
    fault_set(f, DSQL_ENOMEM, "out of memory while opening \"%.200s\"", path);
  }
  return bio;
}

int tls_dir_check(const char *path, const char *option, struct fault *f) {
  struct stat st;

  if (stat(path, &st) == 0) {
    if (S_ISDIR(st.st_mode)) return 0;
    errno = ENOTDIR;
  }
  f->os_error = errno;
  return fault_set(f, DSQL_EINVAL, "%s \"%.200s\" is not a usable directory: %s", option, path, strerror(errno));
}

/* FNV-1a: the stamp guards against forgetting to reload, not against an attacker. */
static uint64_t mix(uint64_t hash, uint64_t value) {
  for (unsigned shift = 0; shift < 64; shift += 8) hash = (hash ^ ((value >> shift) & 0xff)) * UINT64_C(0x100000001b3);
  return hash;
}

static uint64_t mix_file(uint64_t hash, const char *path) {
  struct stat st;

  if (!path) return mix(hash, 1);
  if (stat(path, &st) != 0) return mix(hash, 2);
  hash = mix(hash, (uint64_t)st.st_dev);
  hash = mix(hash, (uint64_t)st.st_ino);
  hash = mix(hash, (uint64_t)st.st_size);
  hash = mix(hash, (uint64_t)st.st_mtim.tv_sec);
  return mix(hash, (uint64_t)st.st_mtim.tv_nsec);
}

uint64_t tls_files_stamp(const struct tls_config *c) {
  bool own_cert = c->cert_mode != TLS_CERT_DISABLE;
  uint64_t hash = UINT64_C(0xcbf29ce484222325);

  if (c->verify != TLS_VERIFY_NONE) {
    hash = mix_file(hash, c->ca_file ? c->ca_file : tls_system_file());
    hash = mix_file(hash, c->ca_file ? NULL : tls_system_dir());
    hash = mix_file(hash, c->crl_file);
    hash = mix_file(hash, c->crl_dir);
  }
  hash = mix_file(hash, own_cert ? c->cert_file : NULL);
  return mix_file(hash, own_cert ? c->key_file : NULL);
}
