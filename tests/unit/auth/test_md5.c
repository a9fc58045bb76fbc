#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "auth/md5.h"

static const dsql_str alice = {"alice", 5}, secret = {"secret", 6};
static const uint8_t salt[MD5_SALT_SIZE] = {1, 2, 3, 4};

/* Expected values computed with Python's hashlib. */
Test(md5, known_response) {
  char out[MD5_RESPONSE_SIZE];
  struct fault f = {0};

  cr_assert_eq(md5_response(alice, secret, salt, out, &f), 0);
  cr_assert_str_eq(out, "md598a0412b9c31436fc53776e863350083");
}

Test(md5, user_password_and_salt_all_matter) {
  char a[MD5_RESPONSE_SIZE], b[MD5_RESPONSE_SIZE];
  static const uint8_t other[MD5_SALT_SIZE] = {1, 2, 3, 5};
  struct fault f = {0};

  cr_assert_eq(md5_response(alice, secret, salt, a, &f), 0);
  cr_assert_eq(md5_response(alice, secret, other, b, &f), 0);
  cr_assert_str_neq(a, b);
  cr_assert_eq(md5_response((dsql_str){"bob", 3}, secret, salt, b, &f), 0);
  cr_assert_str_neq(a, b);
  cr_assert_eq(md5_response(alice, (dsql_str){"secreT", 6}, salt, b, &f), 0);
  cr_assert_str_neq(a, b);
}

Test(md5, no_password) {
  char out[MD5_RESPONSE_SIZE];
  struct fault f = {0};

  cr_assert_eq(md5_response(alice, (dsql_str){NULL, 0}, salt, out, &f), DSQL_EAUTH);
  cr_assert(strstr(f.text, "none was given"));
}

Test(md5, openssl_without_md5) {
  char out[MD5_RESPONSE_SIZE];
  struct fault f = {0};

  cr_assert_eq(EVP_default_properties_enable_fips(NULL, 1), 1);
  cr_assert_eq(md5_response(alice, secret, salt, out, &f), DSQL_EUNSUPPORTED);
  cr_assert(strstr(f.text, "scram-sha-256"));
  cr_assert_null(strstr(f.text, "secret"));
  cr_assert_eq(ERR_peek_error(), 0, "a stale entry in OpenSSL's error queue");
}
