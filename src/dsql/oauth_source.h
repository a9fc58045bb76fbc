/* oauth_source.h - OAuth tokens from a callback of the user's. What dsql_oauth_new() gives is a pattern, which is asked for
 * nothing; every target made with it gets a source of its own, because a token is for one issuer and scope. */
#ifndef DSQL_DSQL_OAUTH_SOURCE_H
#define DSQL_DSQL_OAUTH_SOURCE_H

#include "dsql/auth.h"
#include "target/target.h"

bool oauth_source_is(const dsql_auth *a);
/* A new source by the pattern, for t; one reference for the caller. ENOMEM. */
int oauth_source_for(struct password_source **out, const dsql_auth *pattern, const struct target *t, struct fault *f);

/* What the server's document says (RFC 7628, section 3.2.2; PostgreSQL sends all three): views into b, NUL-terminated
 * there; empty: missing, no text, or not fit to be shown. b is emptied first. Untrusted in, printable ASCII out. */
struct oauth_document {
  dsql_str status, discovery_url, scope;
};
void oauth_document_read(dsql_str text, struct buf *b, struct oauth_document *out);

#endif
