#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "auth/pbkdf2.h"

static void hex(const uint8_t in[PBKDF2_SIZE], char out[2 * PBKDF2_SIZE + 1]) {
  for (size_t i = 0; i < PBKDF2_SIZE; i++) (void)snprintf(out + 2 * i, 3, "%02x", in[i]);
}

/* The first two rows are RFC 7914's form of RFC 6070; the others straddle HMAC's block size of 64. Values: hashlib. */
Test(pbkdf2, vectors) {
  char k64[65] = {0}, k65[66] = {0};
  const struct {
    const char *password, *salt;
    uint32_t iterations;
    const char *expected;
  } rows[] = {
      {"password", "salt", 1, "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b"},
      {"password", "salt", 4096, "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a"},
      {k64, "salt", 5, "c96acc58704ddf9555df6c0cf99bf83dc4e0d0ce6611a9f9e5afffdeff487058"},
      {k65, "salt", 5, "2eb6411f47dbd189beaab65a9abcc1baeabad0b5ee519cc5c4c274daccf2c474"},
      {"", "salt", 2, "62384466264daadc4144018c6bd864648272b34da8980d31521ffcce92ae003b"},
  };
  memset(k64, 'k', 64);
  memset(k65, 'k', 65);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    uint8_t out[PBKDF2_SIZE];
    char text[2 * PBKDF2_SIZE + 1];

    cr_assert(pbkdf2_sha256(rows[i].password, strlen(rows[i].password), rows[i].salt, strlen(rows[i].salt),
                            rows[i].iterations, out));
    hex(out, text);
    cr_assert_str_eq(text, rows[i].expected);
  }
}

Test(pbkdf2, agrees_with_the_provider) {
  uint8_t password[200], salt[200], a[PBKDF2_SIZE], b[PBKDF2_SIZE];

  for (size_t i = 0; i < sizeof password; i++) password[i] = (uint8_t)(salt[i] = (uint8_t)(i * 31));
  for (size_t n = 0; n <= sizeof password; n += 7) {
    cr_assert(pbkdf2_sha256(password, n, salt, sizeof salt - n, 1 + (uint32_t)n, a));
    cr_assert(pbkdf2_sha256_provider(password, n, salt, sizeof salt - n, 1 + (uint32_t)n, b));
    cr_assert_eq(memcmp(a, b, sizeof a), 0, "password of %zu bytes", n);
  }
}

Test(pbkdf2, refused_by_openssl) {
  uint8_t out[PBKDF2_SIZE];

  cr_assert_eq(EVP_default_properties_enable_fips(NULL, 1), 1); /* and no FIPS provider is loaded */
  cr_assert_not(pbkdf2_sha256("p", 1, "s", 1, 1, out));
  cr_assert_eq(ERR_peek_error(), 0, "a stale entry in OpenSSL's error queue");
}
