/* bytes.h - what the tests of this layer share. */
#ifndef DSQL_TEST_BYTES_H
#define DSQL_TEST_BYTES_H

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dsql/dsql.h"

/* A string literal's bytes without its NUL, NULs inside included. */
#define BYTES(literal) literal, sizeof(literal) - 1
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A copy in a block of exactly n bytes, so that the address sanitizer sees a read past the end. free() it. */
static inline uint8_t *exact_copy(const void *p, size_t n) {
  uint8_t *copy = malloc(n ? n : 1);
  cr_assert_not_null(copy);
  if (n) memcpy(copy, p, n);
  return copy;
}

static inline void assert_bytes(const void *got, size_t got_len, const void *want, size_t want_len, const char *name) {
  cr_assert_eq(got_len, want_len, "%s: %zu bytes, want %zu", name, got_len, want_len);
  for (size_t i = 0; i < want_len; i++)
    cr_assert_eq(((const uint8_t *)got)[i], ((const uint8_t *)want)[i], "%s: byte %zu is %02x, want %02x", name, i,
                 ((const uint8_t *)got)[i], ((const uint8_t *)want)[i]);
}

static inline void assert_str(dsql_str got, const char *want) {
  cr_assert(got.len == strlen(want) && memcmp(got.ptr, want, got.len) == 0, "got \"%.*s\", want \"%s\"", (int)got.len,
            got.ptr, want);
}

#endif
