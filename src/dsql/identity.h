/* identity.h - the opaque types of the identity calls and what they are inside. */
#ifndef DSQL_DSQL_IDENTITY_H
#define DSQL_DSQL_IDENTITY_H

#include "creds/creds.h"
#include "dsql/auth.h"
#include "dsql/token_source.h"

static inline struct creds *identity_creds(dsql_credentials *c) { return (struct creds *)(void *)c; }

/* The source of passwords that t's config asks for, or NULL: the target has its password itself, if any. One reference
 * for the caller. */
int identity_source(struct password_source **out, struct dsql_rt *rt, const struct target *t, dsql_auth *auth,
                    dsql_credentials *credentials, struct fault *f);

#endif
