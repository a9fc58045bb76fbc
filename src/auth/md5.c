#include "auth/md5.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

enum { DIGEST_SIZE = 16, HEX_SIZE = 32 };

static void write_hex(const uint8_t digest[DIGEST_SIZE], char *out) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < DIGEST_SIZE; i++) {
    out[2 * i] = digits[digest[i] >> 4];
    out[2 * i + 1] = digits[digest[i] & 15];
  }
}

static bool hash_pair(EVP_MD_CTX *ctx, const void *a, size_t a_len, const void *b, size_t b_len, char out[HEX_SIZE]) {
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned n = 0;
  bool ok = EVP_DigestInit_ex(ctx, EVP_md5(), NULL) == 1 && EVP_DigestUpdate(ctx, a, a_len) == 1 &&
            EVP_DigestUpdate(ctx, b, b_len) == 1 && EVP_DigestFinal_ex(ctx, digest, &n) == 1 && n == DIGEST_SIZE;
  if (ok) write_hex(digest, out);
  mem_cleanse(digest, sizeof digest);
  return ok;
}

int md5_response(dsql_str user, dsql_str password, const uint8_t salt[MD5_SALT_SIZE], char out[MD5_RESPONSE_SIZE],
                 struct fault *f) {
  char inner[HEX_SIZE];
  EVP_MD_CTX *ctx;
  bool ok;

  if (password.len == 0) return fault_set(f, DSQL_EAUTH, "the server asks for a password (md5) and none was given");
  ERR_set_mark();
  ctx = EVP_MD_CTX_new();
  ok = ctx && hash_pair(ctx, password.ptr, password.len, user.ptr, user.len, inner) &&
       hash_pair(ctx, inner, sizeof inner, salt, MD5_SALT_SIZE, out + 3);
  EVP_MD_CTX_free(ctx);
  ERR_pop_to_mark(); /* what is left in the queue would be taken for an error of the next TLS call */
  mem_cleanse(inner, sizeof inner);
  if (!ctx) return fault_set(f, DSQL_ENOMEM, "out of memory");
  if (!ok)
    return fault_set(f, DSQL_EUNSUPPORTED,
                     "the server asks for an md5 password, and OpenSSL offers no MD5 here (FIPS mode?); "
                     "let the server use scram-sha-256");
  memcpy(out, "md5", 3);
  out[MD5_RESPONSE_SIZE - 1] = '\0';
  return 0;
}
