/* md5.h - the answer to AuthenticationMD5Password (Protocol, "Start-up"):
 * "md5" + hex(md5(hex(md5(password + user)) + salt)). */
#ifndef DSQL_AUTH_MD5_H
#define DSQL_AUTH_MD5_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { MD5_SALT_SIZE = 4, MD5_RESPONSE_SIZE = 36 };

/* out is NUL-terminated; it serves to log in with this salt only, yet cleanse it. EAUTH: no password was given;
 * EUNSUPPORTED: this OpenSSL has no MD5 (FIPS); ENOMEM. */
int md5_response(dsql_str user, dsql_str password, const uint8_t salt[MD5_SALT_SIZE], char out[MD5_RESPONSE_SIZE],
                 struct fault *f);

#endif
