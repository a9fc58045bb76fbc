/* profile_plan.h - what a profile says about where its credentials come from: one way to get some, and the roles to
 * assume with them, one after the other. Pure: settings are looked at, and nothing is asked. The order within a profile
 * is botocore's (ProfileProviderBuilder, AssumeRoleProvider): roles; web identity; SSO; keys; process. */
#ifndef DSQL_CREDS_PROFILE_PLAN_H
#define DSQL_CREDS_PROFILE_PLAN_H

#include "target/aws_profile.h"

enum profile_base {
  PROFILE_NONE, /* nothing is set up: fault.text says so */
  PROFILE_KEYS,
  PROFILE_WEB_IDENTITY,
  PROFILE_SSO,
  PROFILE_PROCESS,
  /* credential_source = */
  PROFILE_ENVIRONMENT,
  PROFILE_CONTAINER,
  PROFILE_IMDS
};

struct profile_role {
  const struct aws_profile *profile;
  uint32_t duration_s; /* 0: not set */
};

struct profile_plan {
  const dsql_alloc *alloc;
  enum profile_base base;
  const struct aws_profile *profile; /* whose settings the base is made of; NULL with NONE */
  struct profile_role *roles;        /* assumed from the last to the first */
  size_t role_count;
};

/* 0, also with PROFILE_NONE (then why is set, as ECREDENTIALS); ECREDENTIALS: the settings are contradictory or
 * incomplete, ENOMEM. Borrows the profiles. To be deinitialised in any case. */
int profile_plan_make(struct profile_plan *out, const dsql_alloc *alloc, const struct aws_files *files,
                      const char *name, bool explicit_name, struct fault *why);
void profile_plan_deinit(struct profile_plan *p);

#endif
