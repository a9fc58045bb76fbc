/* content_name.h - a short name that stands for a content: 108 bits of its SHA-256, as 18 letters, digits, '-' and '_'.
 * Whoever names the same content gives it the same name, and nobody can find two contents for one name. */
#ifndef DSQL_AUTH_CONTENT_NAME_H
#define DSQL_AUTH_CONTENT_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONTENT_NAME_LEN = 18 };

/* head and body are the content, in this order; the head's length is part of it. No NUL is written. False: OpenSSL has
 * no memory, or no SHA-256. */
bool content_name(const void *head, size_t head_len, const void *body, size_t body_len, char out[CONTENT_NAME_LEN]);

#endif
