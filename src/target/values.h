/* values.h - a keyword's text, judged. All of these leave *out alone when the keyword is unset, and report a value
 * that is not allowed with its name, itself, its source and what is allowed. 0, EINVAL. */
#ifndef DSQL_TARGET_VALUES_H
#define DSQL_TARGET_VALUES_H

#include <stdint.h>

#include "target/conninfo.h"

/* libpq's integers: decimal, a sign, spaces around; int's range. */
int value_int(const struct conninfo *c, enum keyword k, int *out, struct fault *f);
/* The same, negative being 0. */
int value_count(const struct conninfo *c, enum keyword k, uint32_t *out, struct fault *f);
/* The index of the value in a NULL-terminated list of words. */
int value_choice(const struct conninfo *c, enum keyword k, const char *const *words, unsigned *out, struct fault *f);
/* Base64 of exactly n bytes; *set tells whether there is one. */
int value_key(const struct conninfo *c, enum keyword k, uint8_t *out, size_t n, bool *set, struct fault *f);
/* Part of a list value. */
bool value_parse_int(const char *s, size_t n, int *out);

#endif
