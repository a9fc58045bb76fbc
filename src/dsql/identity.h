/* identity.h - what a target's identity comes from. */
#ifndef DSQL_DSQL_IDENTITY_H
#define DSQL_DSQL_IDENTITY_H

#include "creds/creds.h"
#include "dsql/auth.h"
#include "dsql/oauth_source.h"
#include "dsql/token_source.h"

/* The source of passwords that t's config asks for, or NULL: the target has its password itself, if any. One reference
 * for the caller. */
int identity_source(struct password_source **out, struct dsql_rt *rt, const struct target *t, dsql_auth *auth,
                    dsql_credentials *credentials, struct fault *f);

#endif
