#include "creds/profile_plan.h"

#include <string.h>

#include "creds/sts.h"
#include "creds/text.h"

static const char *setting(const struct aws_profile *p, enum aws_setting s) {
  return p->values[s] && *p->values[s] ? p->values[s] : NULL;
}

static bool has_key(const struct aws_profile *p) {
  return setting(p, AWS_aws_access_key_id) || setting(p, AWS_aws_secret_access_key);
}

/* A role with web_identity_token_file is not assumed with other credentials. */
static bool has_role(const struct aws_profile *p) {
  return setting(p, AWS_role_arn) && !setting(p, AWS_web_identity_token_file);
}

static bool has_sso(const struct aws_profile *p) {
  return setting(p, AWS_sso_start_url) || setting(p, AWS_sso_account_id) || setting(p, AWS_sso_role_name) ||
         setting(p, AWS_sso_session);
}

static int missing(struct fault *f, const struct aws_profile *p, const char *has, const char *lacks) {
  return fault_set(f, DSQL_ECREDENTIALS, "profile \"%.100s\" has %s, but no %s", p->name, has, lacks);
}

static int duration_of(const struct aws_profile *p, uint32_t *out, struct fault *f) {
  const char *s = setting(p, AWS_duration_seconds);
  uint32_t n = 0;

  *out = 0;
  if (!s) return 0;
  for (; *s >= '0' && *s <= '9' && n <= STS_DURATION_MAX_S; s++) n = n * 10 + (uint32_t)(*s - '0');
  if (*s || n < STS_DURATION_MIN_S || n > STS_DURATION_MAX_S)
    return fault_set(f, DSQL_ECREDENTIALS,
                     "duration_seconds of profile \"%.100s\" is not a number from 900 to 43200 (12 hours)", p->name);
  *out = n;
  return 0;
}

static bool visited(const struct profile_plan *plan, const struct aws_profile *p) {
  for (size_t i = 0; i < plan->role_count; i++)
    if (plan->roles[i].profile == p) return true;
  return false;
}

static int push_role(struct profile_plan *plan, const struct aws_profile *p, struct fault *f) {
  int rc = duration_of(p, &plan->roles[plan->role_count].duration_s, f);

  if (rc) return rc;
  if (setting(p, AWS_mfa_serial))
    return fault_set(
        f, DSQL_ECREDENTIALS,
        "profile \"%.100s\" has mfa_serial: a library can't ask for a code. Use a session that was made with "
        "one: credential_process, or `aws configure export-credentials`",
        p->name);
  plan->roles[plan->role_count++].profile = p;
  return 0;
}

static int use_credential_source(struct profile_plan *plan, const struct aws_profile *p, const char *name,
                                 struct fault *f) {
  static const struct {
    const char *name;
    enum profile_base base;
  } known[] = {
      {"Environment", PROFILE_ENVIRONMENT}, {"EcsContainer", PROFILE_CONTAINER}, {"Ec2InstanceMetadata", PROFILE_IMDS}};

  plan->profile = p;
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (strcmp(name, known[i].name) == 0) {
      plan->base = known[i].base;
      return 0;
    }
  return fault_set(f, DSQL_ECREDENTIALS,
                   "credential_source of profile \"%.100s\" is none of Environment, EcsContainer, Ec2InstanceMetadata",
                   p->name);
}

static int use_keys(struct profile_plan *plan, const struct aws_profile *p, struct fault *f) {
  plan->base = PROFILE_KEYS;
  plan->profile = p;
  if (!setting(p, AWS_aws_access_key_id)) return missing(f, p, "aws_secret_access_key", "aws_access_key_id");
  if (!setting(p, AWS_aws_secret_access_key)) return missing(f, p, "aws_access_key_id", "aws_secret_access_key");
  return 0;
}

/* A profile's own credentials. */
static int use_own(struct profile_plan *plan, const struct aws_profile *p, struct fault *f) {
  plan->profile = p;
  if (setting(p, AWS_web_identity_token_file)) {
    plan->base = PROFILE_WEB_IDENTITY;
  } else if (has_sso(p)) {
    plan->base = PROFILE_SSO;
  } else if (has_key(p)) {
    return use_keys(plan, p, f);
  } else if (setting(p, AWS_credential_process)) {
    plan->base = PROFILE_PROCESS;
  } else {
    plan->profile = NULL;
    (void)fault_set(f, DSQL_ECREDENTIALS, "profile \"%.100s\" has no credentials", p->name);
    return plan->role_count ? DSQL_ECREDENTIALS : 0;
  }
  return 0;
}

/* The profile that a role's source_profile names. *out NULL: the plan is complete. */
static int follow(struct profile_plan *plan, const struct aws_files *files, const struct aws_profile *p,
                  const struct aws_profile **out, struct fault *f) {
  const char *name = setting(p, AWS_source_profile);
  const struct aws_profile *source = aws_files_find(files, AWS_SECTION_PROFILE, name);

  *out = NULL;
  if (!source)
    return fault_set(f, DSQL_ECREDENTIALS, "profile \"%.100s\" has source_profile = %.100s, which does not exist",
                     p->name, text_of(name, strlen(name)).text);
  /* Keys come before a role in a source, so that a profile may be its own source. */
  if (has_key(source)) return use_keys(plan, source, f);
  if (!has_role(source)) return use_own(plan, source, f);
  if (visited(plan, source))
    return fault_set(
        f, DSQL_ECREDENTIALS,
        "source_profile of profile \"%.100s\" leads back to profile \"%.100s\", which has no keys of its own", p->name,
        source->name);
  *out = source;
  return 0;
}

static int walk(struct profile_plan *plan, const struct aws_files *files, const struct aws_profile *p,
                struct fault *f) {
  while (p && has_role(p)) {
    const char *source = setting(p, AWS_source_profile), *other = setting(p, AWS_credential_source);
    int rc = push_role(plan, p, f);
    if (rc) return rc;
    if (source && other)
      return fault_set(f, DSQL_ECREDENTIALS,
                       "profile \"%.100s\" has both source_profile and credential_source: keep one", p->name);
    if (other) return use_credential_source(plan, p, other, f);
    if (!source) return missing(f, p, "role_arn", "source_profile, credential_source or web_identity_token_file");
    rc = follow(plan, files, p, &p, f);
    if (rc || !p) return rc;
  }
  return use_own(plan, p, f);
}

static const char *path_of(const char *path) { return path ? path : "(no home directory)"; }

static int absent(const struct aws_files *files, const char *name, bool explicit_name, struct fault *f) {
  (void)fault_set(f, DSQL_ECREDENTIALS, "profile \"%.100s\" is neither in %.150s nor in %.150s", name,
                  path_of(files->config_path), path_of(files->credentials_path));
  return explicit_name ? DSQL_ECREDENTIALS : 0;
}

int profile_plan_make(struct profile_plan *out, const dsql_alloc *alloc, const struct aws_files *files,
                      const char *name, bool explicit_name, struct fault *why) {
  const struct aws_profile *p = aws_files_find(files, AWS_SECTION_PROFILE, name);

  *out = (struct profile_plan){.alloc = alloc};
  if (!p) return absent(files, name, explicit_name, why);
  out->roles = mem_alloc(alloc, files->count * sizeof *out->roles);
  if (!out->roles) return fault_set(why, DSQL_ENOMEM, "out of memory");
  return walk(out, files, p, why);
}

void profile_plan_deinit(struct profile_plan *p) { mem_free(p->alloc, p->roles); }
