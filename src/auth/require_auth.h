/* require_auth.h - which authentication methods the user accepts: libpq's `require_auth` (PostgreSQL 18, "Connection
 * Control Functions"). A comma-separated list of methods, or of "!method" for all but those. No white space, lower
 * case only, no element twice, as in libpq. */
#ifndef DSQL_AUTH_REQUIRE_AUTH_H
#define DSQL_AUTH_REQUIRE_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* What a server may ask for. AUTH_NONE: it asked for nothing (trust, a client certificate, ...). */
enum auth_method {
  AUTH_NONE,
  AUTH_PASSWORD, /* cleartext */
  AUTH_MD5,
  AUTH_GSS,
  AUTH_SSPI,
  AUTH_OAUTH,
  AUTH_SCRAM,
  AUTH_SCRAM_PLUS, /* allowed and refused together with AUTH_SCRAM */
  AUTH_UNKNOWN     /* any other: allowed only by negative lists */
};

#define REQUIRE_AUTH_ANY UINT32_MAX

/* "" means any. EINVAL. */
int require_auth_parse(dsql_str value, uint32_t *mask, struct fault *f);
bool require_auth_allows(uint32_t mask, enum auth_method method);
/* The same with a fault that names what the server asked for and what is allowed. 0, EAUTH. */
int require_auth_check(uint32_t mask, enum auth_method method, struct fault *f);

/* "a cleartext password": for messages of the form "the server asks for ...". */
const char *auth_method_describe(enum auth_method method);

#endif
