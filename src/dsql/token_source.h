/* token_source.h - IAM tokens as a source of passwords: AWS credentials in, signed tokens out, kept in the cache that
 * leased.h is. One source per runtime for everything that can share a token: host, region, action, credentials, duration. */
#ifndef DSQL_DSQL_TOKEN_SOURCE_H
#define DSQL_DSQL_TOKEN_SOURCE_H

#include "creds/creds.h"
#include "dsql/leased.h"
#include "target/target.h"

struct token_source;

/* The one that exists, or a new one; t is in DSQL mode. creds NULL: the default chain with t's profile. ENOMEM. */
int token_source_for(struct token_source **out, struct dsql_rt *rt, const struct target *t,
                     struct dsql_credentials *creds, struct fault *f);
struct password_source *token_source_password(struct token_source *s);
/* NULL when s is another kind of source. */
struct token_source *token_source_of(struct password_source *s);
struct dsql_credentials *token_source_creds(const struct token_source *s);
void token_source_stats(const struct token_source *s, dsql_token_stats *out);
/* A token for that time, by these credentials, that nobody keeps. */
int token_source_sign_at(struct token_source *s, const struct credentials *c, int64_t unix_s, struct buf *out,
                         struct fault *f);

#endif
