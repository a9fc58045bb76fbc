/* base64.h - Base64 with padding (RFC 4648, section 4), strict: no white space, no missing padding, no stray bits. */
#ifndef DSQL_AUTH_BASE64_H
#define DSQL_AUTH_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BASE64_ENCODED_SIZE(n) (((n) + 2) / 3 * 4)
#define BASE64_DECODED_MAX(n) ((n) / 4 * 3)

/* Writes BASE64_ENCODED_SIZE(n) characters and no NUL. */
void base64_encode(const void *p, size_t n, char *out);
/* out has room for BASE64_DECODED_MAX(n) bytes. False, with nothing promised about out, when the text is invalid. */
bool base64_decode(const char *text, size_t n, uint8_t *out, size_t *out_len);

#endif
