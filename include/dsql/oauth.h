/* oauth.h - logging in with an OAuth bearer token (OAUTHBEARER, RFC 7628; PostgreSQL 18 and newer, pg_hba.conf method
 * "oauth"). Tokens come from a callback of yours: this library has no OAuth flow of its own, neither the device flow that
 * libpq has nor any other. See docs/oauth.md.
 *
 * A token goes only where a cleartext password would: over TLS, to a Unix socket, or where cleartext_without_tls allows
 * it. It is sent when the server asks for OAuth, and never as a password; a server that asks for a password gets the
 * target's. require_auth=oauth insists on a token. */
#ifndef DSQL_OAUTH_H
#define DSQL_OAUTH_H

#include "dsql/dsql.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a token is wanted for. Views, until the callback returns; empty: not known. */
typedef struct dsql_oauth_info {
  size_t size;
  dsql_str issuer, client_id, client_secret, scope; /* oauth_issuer, ... of the target */
  /* Of the server's last refusal: where the document of the issuer is whose tokens it takes, an https address, and the
   * scope that they need. When the target names an oauth_issuer, the address is that issuer's, or the connection fails
   * without asking; else the server is believed, so see to it that the user knows where he logs in. */
  dsql_str server_discovery_url, server_scope;
  bool refused; /* the last token was refused: the same one will not do */
} dsql_oauth_info;

/* Called from the loop when a token is needed and none that was given is valid, never twice at a time for a target; to be
 * answered, inside or later, like the callback of dsql_auth_new(), by one of
 *
 *   dsql_auth_answer()     with the token alone, without "Bearer": at most 65,000 letters, digits and -._~+/ with = at
 *                          the end. With an expiry it is kept and renewed in the background
 *   dsql_oauth_discover()  to ask the server first; the callback is then called again, once, with its answer, and a
 *                          second connection is made with the token. A token that is kept is given up for it
 *   dsql_auth_fail()
 *
 * A kept token that is refused is asked for anew, once, before the connection fails. */
typedef void (*dsql_oauth_fn)(dsql_auth_request *q, const dsql_oauth_info *info, void *arg);

/* For dsql_config.auth and dsql_conn_options.auth; freed by dsql_auth_free(). Each target made with it keeps its own token,
 * and so does each connection that is opened with it by dsql_conn_options. EINVAL, ENOMEM, ECLOSED. */
DSQL_API DSQL_NODISCARD int dsql_oauth_new(dsql_auth **out, dsql_rt *rt, dsql_oauth_fn want, void *arg);
/* q must be one of a dsql_oauth_fn. */
DSQL_API void dsql_oauth_discover(dsql_auth_request *q);

#ifdef __cplusplus
}
#endif
#endif
