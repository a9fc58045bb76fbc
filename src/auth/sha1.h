/* sha1.h - SHA-1 as lower-case hex. Not for security: the AWS CLI names the files of its cache so. */
#ifndef DSQL_AUTH_SHA1_H
#define DSQL_AUTH_SHA1_H

#include "base/error.h"

enum { SHA1_HEX_SIZE = 41 };

/* out is NUL-terminated. EUNSUPPORTED: this OpenSSL has no SHA-1; ENOMEM is told as that, too. */
int sha1_hex(const void *p, size_t n, char out[SHA1_HEX_SIZE], struct fault *f);

#endif
