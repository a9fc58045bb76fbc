#include "auth/sha1.h"

#include <openssl/err.h>
#include <openssl/evp.h>

enum { DIGEST_SIZE = 20 };

int sha1_hex(const void *p, size_t n, char out[SHA1_HEX_SIZE], struct fault *f) {
  static const char digits[] = "0123456789abcdef";
  uint8_t digest[EVP_MAX_MD_SIZE];
  size_t size = 0;
  int ok;

  ERR_set_mark();
  ok = EVP_Q_digest(NULL, "SHA1", NULL, p, n, digest, &size) == 1 && size == DIGEST_SIZE;
  ERR_pop_to_mark(); /* what is left in the queue would be taken for an error of the next TLS call */
  if (!ok) return fault_set(f, DSQL_EUNSUPPORTED, "OpenSSL offers no SHA-1 here, or is out of memory");
  for (size_t i = 0; i < DIGEST_SIZE; i++) {
    out[2 * i] = digits[digest[i] >> 4];
    out[2 * i + 1] = digits[digest[i] & 15];
  }
  out[SHA1_HEX_SIZE - 1] = '\0';
  return 0;
}
