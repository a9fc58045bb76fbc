/* utf8.h - strict UTF-8 validation (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
#ifndef DSQL_BASE_UTF8_H
#define DSQL_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

bool utf8_valid(const char *s, size_t n);
/* The number of code points in a valid string's first n bytes: ErrorResponse positions count characters. */
size_t utf8_length(const char *s, size_t n);

#endif
