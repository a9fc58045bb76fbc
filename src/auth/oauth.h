/* oauth.h - what a client of OAUTHBEARER writes and reads (RFC 7628; Protocol, "OAUTHBEARER Authentication"): a bearer
 * token, and where the server says that tokens come from.
 *
 *   client  n,,^Aauth=Bearer <token>^A^A    or, to ask where tokens come from, with nothing behind "auth="
 *   server  AuthenticationOk                it took the token
 *           a JSON document                 it did not: status, openid-configuration, scope
 *   client  ^A                              "I have read it", then the server's ErrorResponse
 *
 * A bearer token is a password in clear: whoever reads it can use it. */
#ifndef DSQL_AUTH_OAUTH_H
#define DSQL_AUTH_OAUTH_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

enum {
  /* The server reads messages of up to 65,535 bytes (PG_MAX_AUTH_TOKEN_LENGTH); the rest is the mechanism's name. */
  OAUTH_TOKEN_MAX = 65000,
  OAUTH_DOCUMENT_MAX = 8192 /* of the server's; PostgreSQL's are about 150 bytes */
};

#define OAUTH_MECHANISM "OAUTHBEARER"
#define OAUTH_ACKNOWLEDGE "\1"

/* b64token (RFC 6750, section 2.1): letters, digits and -._~+/ and then any number of "=". EINVAL, with a fault that says
 * what is wrong and shows nothing of it. */
int oauth_token_check(dsql_str token, struct fault *f);
/* Appends the initial client response; token empty: the question. out should be marked secret. */
void oauth_client_first(struct buf *out, dsql_str token);
/* Is the server's discovery document that of the issuer that the user has named (libpq's oauth_issuer)? Either may be an
 * issuer's identifier or the address of its document, which has a well-known part behind the identifier (OpenID Connect
 * Discovery, section 4) or behind the host (RFC 8414, section 3). A server that could name any issuer could have the user
 * log in at its own. */
bool oauth_same_issuer(dsql_str issuer, dsql_str document_url);

#endif
