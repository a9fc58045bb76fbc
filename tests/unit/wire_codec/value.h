/* value.h - a value of any codec type in one shape, so that tests can compare what text and binary decode to. */
#ifndef DSQL_TEST_CODEC_VALUE_H
#define DSQL_TEST_CODEC_VALUE_H

#include "wire/codec.h"

/* The decoded value's bytes: of the C type for scalars (in storage, padding zeroed), else the decoded string. */
struct value {
  unsigned char storage[32];
  const void *bytes;
  size_t size;
};

/* 0 or the decoder's code; DSQL_ETYPE when oid has no codec. Strings live in the arena or in the input. */
int value_from_text(struct arena *a, uint32_t oid, const char *s, size_t n, struct value *out);
int value_from_binary(struct arena *a, uint32_t oid, const uint8_t *p, size_t n, struct value *out);
/* The types of dsql/scalars.h: decoded, and encoded again by the constructor of its parameter. A value's bytes are that
 * parameter's (with one NaN for all of them); of jsonpath they are the text. */
int value_scalar_param(struct arena *a, uint32_t oid, bool binary, const void *p, size_t n, dsql_param *out);
int value_scalar(struct arena *a, uint32_t oid, bool binary, const void *p, size_t n, struct value *out);
bool value_equal(const struct value *a, const struct value *b);

#endif
