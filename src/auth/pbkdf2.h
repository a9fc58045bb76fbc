/* pbkdf2.h - PBKDF2 with HMAC-SHA-256 and one block of output (RFC 8018, section 5.2), which RFC 5802 calls Hi().
 * Any thread; takes no memory of the library's. False: OpenSSL refused or had no memory. */
#ifndef DSQL_AUTH_PBKDF2_H
#define DSQL_AUTH_PBKDF2_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PBKDF2_SIZE = 32 };

/* password_len and salt_len are at most INT_MAX, iterations 1..INT_MAX. */
bool pbkdf2_sha256(const void *password, size_t password_len, const void *salt, size_t salt_len, uint32_t iterations,
                   uint8_t out[PBKDF2_SIZE]);
/* The same through OpenSSL's providers: what pbkdf2_sha256() does in FIPS mode. */
bool pbkdf2_sha256_provider(const void *password, size_t password_len, const void *salt, size_t salt_len,
                            uint32_t iterations, uint8_t out[PBKDF2_SIZE]);

#endif
