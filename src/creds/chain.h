/* chain.h - one look for credentials: the sources in the AWS SDKs' order, until one has some or fails. The environment
 * and AWS's files are read anew each time, because keys are rotated in them. Loop-affine.
 *
 * A profile that the program itself asked for is the whole chain: botocore (create_credential_resolver), and the SDK for
 * Go (resolveCredentialChain), leave out the environment's keys then. AWS_PROFILE is weaker: in both, keys in the
 * environment win over it. (The SDK for JavaScript lets AWS_PROFILE win; we follow the other two.) */
#ifndef DSQL_CREDS_CHAIN_H
#define DSQL_CREDS_CHAIN_H

#include "creds/source.h"

/* Borrowed; outlives the chain. */
struct chain_setup {
  struct dsql_rt *rt;
  const struct target_env *env;
  const char *profile; /* NULL: the default chain, with AWS_PROFILE, else "default" */
  const char *region;  /* for STS; NULL: not known */
  int64_t (*now_s)(void);
  struct creds_skew *skew;
};

struct chain;

/* c NULL: there are none, f says why. The receiver moves *c out. The chain is gone then. */
typedef void chain_done(void *owner, struct credentials *c, const struct fault *f);

struct chain *chain_new(const struct chain_setup *setup, chain_done *done, void *owner); /* NULL: no memory */
void chain_start(struct chain *c);  /* done may be called before it returns */
void chain_cancel(struct chain *c); /* done will not be called; NULL is allowed */

#endif
