/* creds.h - AWS credentials for whoever signs with them: found by the default chain or given, cached, renewed early and in
 * the background, one fetch at a time, the last good ones kept until they expire (auth/lease.h decides). Loop-affine,
 * reference-counted. */
#ifndef DSQL_CREDS_CREDS_H
#define DSQL_CREDS_CREDS_H

#include "auth/lease.h"
#include "creds/credentials.h"
#include "dsql/dsql.h"
#include "rt/rt.h"
#include "target/env.h"

/* Linked while it waits; called once, from the loop, unless removed before. c is NULL when there are none: f says why. */
struct creds_waiter {
  struct list node; /* list_init() before first use */
  void (*done)(struct creds_waiter *w, const struct credentials *c, const struct fault *f);
};

/* The AWS SDKs' default chain, with this profile (NULL: AWS_PROFILE, else "default"). region (may be NULL) is for STS.
 * env NULL: the real process. Touches neither network nor files. */
int creds_new_chain(struct dsql_credentials **out, struct dsql_rt *rt, const struct target_env *env,
                    const char *profile, const char *region, struct fault *f);
int creds_new_static(struct dsql_credentials **out, struct dsql_rt *rt, const struct credentials *c, struct fault *f);
/* want is called from the loop, once per fetch, and answers whenever it likes by creds_answer() or creds_fail(): a custom
 * provider. The request is gone then; one that outlives the runtime's close is answered into the void. */
int creds_new_custom(struct dsql_credentials **out, struct dsql_rt *rt, dsql_credentials_fn want, void *arg,
                     struct fault *f);
int creds_answer(struct dsql_credentials_request *q, const char *access_key_id, const char *secret_access_key,
                 const char *session_token, int64_t expires_s); /* EINVAL: then the request failed with that */
void creds_fail(struct dsql_credentials_request *q, const char *reason);

struct dsql_credentials *creds_ref(struct dsql_credentials *c);
void creds_unref(struct dsql_credentials *c); /* NULL is allowed; waiters must have been removed */

/* 0: *out is good now, until the next return to the loop. 1: w will be called. Else the code of f.
 * fresh: what is cached will not do (it is about to expire): fetch anew, but not within a second of the last fetch. */
int creds_get(struct dsql_credentials *c, bool fresh, struct creds_waiter *w, const struct credentials **out,
              struct fault *f);
void creds_stats(const struct dsql_credentials *c, struct lease_stats *out);
/* The access key id of what is cached, or NULL: a look, not a use. */
const char *creds_key_id(const struct dsql_credentials *c);
/* Unix time of the last HTTP answer's Date header minus the local clock, in seconds; false when none was seen. */
bool creds_clock_skew(const struct dsql_credentials *c, int64_t *skew_s);

#endif
