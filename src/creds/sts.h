/* sts.h - the two calls of AWS STS that give credentials (AWS STS API Reference): AssumeRole, signed with other
 * credentials, and AssumeRoleWithWebIdentity, which takes a token from a file and no signature. Retried by
 * attempts_standard. */
#ifndef DSQL_CREDS_STS_H
#define DSQL_CREDS_STS_H

#include "creds/source.h"

enum { STS_DURATION_MIN_S = 900, STS_DURATION_MAX_S = 43200 };

/* Copied by sts_start(). */
struct sts_request {
  const struct creds_setup *setup;   /* outlives the call */
  const struct aws_profile *profile; /* of the role: its endpoint and region; NULL: none. As long as setup */
  const char *role_arn;
  const char *session_name;         /* NULL: "libdsql-<Unix time>" */
  const char *external_id;          /* NULL: none */
  uint32_t duration_s;              /* 0: STS's default, an hour */
  const struct credentials *signer; /* AssumeRole */
  const char
      *token_file; /* AssumeRoleWithWebIdentity: read anew for each attempt, because it is rotated. Excludes signer */
};

struct sts_call;

/* Once, from the loop, unless canceled before. c is NULL when there are none: f says why. The receiver moves *c out. */
typedef void sts_done(void *owner, struct credentials *c, const struct fault *f);

/* 0: done will be called, not inside. Else the code of f. */
int sts_start(struct sts_call **out, const struct sts_request *q, sts_done *done, void *owner, struct fault *f);
void sts_cancel(struct sts_call *c); /* NULL is allowed */

#endif
