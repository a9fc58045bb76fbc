#include "auth/content_name.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "auth/base64.h"
#include "base/buf.h"

/* 15 bytes make 20 characters without padding. */
enum { USED_BYTES = 15 };
_Static_assert(BASE64_ENCODED_SIZE(USED_BYTES) >= CONTENT_NAME_LEN, "enough of the digest is encoded");

static bool digest(EVP_MD_CTX *ctx, const void *head, size_t head_len, const void *body, size_t body_len,
                   uint8_t out[EVP_MAX_MD_SIZE]) {
  uint8_t length[4];
  unsigned n = 0;

  store_be32(length, (uint32_t)head_len);
  return EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 && EVP_DigestUpdate(ctx, length, sizeof length) == 1 &&
         EVP_DigestUpdate(ctx, head, head_len) == 1 && EVP_DigestUpdate(ctx, body, body_len) == 1 &&
         EVP_DigestFinal_ex(ctx, out, &n) == 1 && n >= USED_BYTES;
}

bool content_name(const void *head, size_t head_len, const void *body, size_t body_len, char out[CONTENT_NAME_LEN]) {
  uint8_t hash[EVP_MAX_MD_SIZE];
  char text[BASE64_ENCODED_SIZE(USED_BYTES)];
  EVP_MD_CTX *ctx;
  bool ok;

  ERR_set_mark();
  ctx = EVP_MD_CTX_new();
  ok = ctx && digest(ctx, head, head_len, body, body_len, hash);
  EVP_MD_CTX_free(ctx);
  ERR_pop_to_mark(); /* what is left in the queue would be taken for an error of the next TLS call */
  if (!ok) return false;
  base64_encode(hash, USED_BYTES, text);
  for (size_t i = 0; i < CONTENT_NAME_LEN; i++) out[i] = (char)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
  return true;
}
