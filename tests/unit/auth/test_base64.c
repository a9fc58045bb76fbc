#include <criterion/criterion.h>
#include <string.h>

#include "auth/base64.h"

Test(base64, rfc4648_vectors) {
  static const char *const pairs[][2] = {{"", ""},
                                         {"f", "Zg=="},
                                         {"fo", "Zm8="},
                                         {"foo", "Zm9v"},
                                         {"foob", "Zm9vYg=="},
                                         {"fooba", "Zm9vYmE="},
                                         {"foobar", "Zm9vYmFy"}};
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    const char *plain = pairs[i][0], *text = pairs[i][1];
    char encoded[16] = {0};
    uint8_t decoded[16];
    size_t n;

    base64_encode(plain, strlen(plain), encoded);
    cr_assert_str_eq(encoded, text);
    cr_assert_eq(BASE64_ENCODED_SIZE(strlen(plain)), strlen(text));
    cr_assert(base64_decode(text, strlen(text), decoded, &n));
    cr_assert_eq(n, strlen(plain));
    cr_assert_eq(memcmp(decoded, plain, n), 0);
  }
}

Test(base64, every_byte_comes_back) {
  uint8_t in[256], out[BASE64_DECODED_MAX(BASE64_ENCODED_SIZE(256))];
  char text[BASE64_ENCODED_SIZE(256)];
  size_t n;

  for (size_t i = 0; i < sizeof in; i++) in[i] = (uint8_t)(i * 7 + 3);
  for (size_t len = 0; len <= sizeof in; len++) {
    base64_encode(in, len, text);
    cr_assert(base64_decode(text, BASE64_ENCODED_SIZE(len), out, &n));
    cr_assert_eq(n, len);
    cr_assert_eq(memcmp(in, out, n), 0);
  }
}

Test(base64, anything_else_is_refused) {
  static const char *const bad[] = {
      "Z",        "Zg",         "Zg=",     "Zg= =",    "=Zg=",         "====", "Z===", "Zh==",
      "Zm9=",     "Zm9v\n",     " Zg==",   "Zg==Zg==", "Zm8=Zm8=",     "Zm9_", "Zm-v", "Zm9v=",
      "Zm9v====", "\xC3\xA9==", "Zm\x80v", "Z,9v",     "Zm9v\r\n\r\n", "@@@@", "[[[[", "``{{"};
  uint8_t out[16];
  size_t n;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    cr_assert_not(base64_decode(bad[i], strlen(bad[i]), out, &n), "\"%s\" was accepted", bad[i]);
  cr_assert_not(base64_decode("Zm\0v", 4, out, &n));
}
