/* aws_profile.h - AWS's shared files, ~/.aws/config and ~/.aws/credentials, read into profiles (AWS SDKs and Tools
 * Reference Guide, "Shared config and credentials files"). AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE move them.
 * "~" in a path is the home directory. Only values that this library uses are kept. */
#ifndef DSQL_TARGET_AWS_PROFILE_H
#define DSQL_TARGET_AWS_PROFILE_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/error.h"
#include "target/env.h"

/* X(setting): spelled in the files as it is here. */
#define AWS_SETTING_MAP(X)                                                                                             \
  X(aws_access_key_id)                                                                                                 \
  X(aws_secret_access_key)                                                                                             \
  X(aws_session_token)                                                                                                 \
  X(region)                                                                                                            \
  X(role_arn)                                                                                                          \
  X(role_session_name)                                                                                                 \
  X(source_profile)                                                                                                    \
  X(credential_source)                                                                                                 \
  X(external_id)                                                                                                       \
  X(duration_seconds)                                                                                                  \
  X(mfa_serial)                                                                                                        \
  X(web_identity_token_file)                                                                                           \
  X(credential_process)                                                                                                \
  X(sso_session)                                                                                                       \
  X(sso_start_url)                                                                                                     \
  X(sso_region)                                                                                                        \
  X(sso_account_id)                                                                                                    \
  X(sso_role_name)                                                                                                     \
  X(sso_registration_scopes)                                                                                           \
  X(sts_regional_endpoints)                                                                                            \
  X(use_fips_endpoint)                                                                                                 \
  X(use_dualstack_endpoint)                                                                                            \
  X(services)                                                                                                          \
  X(endpoint_url)                                                                                                      \
  X(ec2_metadata_service_endpoint)                                                                                     \
  X(ec2_metadata_service_endpoint_mode)                                                                                \
  X(ec2_metadata_v1_disabled)                                                                                          \
  X(metadata_service_timeout)                                                                                          \
  X(metadata_service_num_attempts)

#define X(name) AWS_##name,
enum aws_setting { AWS_SETTING_MAP(X) AWS_SETTING_COUNT };
#undef X

enum aws_section { AWS_SECTION_PROFILE, AWS_SECTION_SSO_SESSION, AWS_SECTION_SERVICES };

struct aws_profile {
  enum aws_section section;
  char *name;
  char *values[AWS_SETTING_COUNT]; /* NULL: not set. In the credentials file wins over the config file */
  char *sts_endpoint_url, *sso_endpoint_url, *sso_oidc_endpoint_url; /* nested in a services section */
};

struct aws_files {
  const dsql_alloc *alloc;
  struct aws_profile *profiles;
  size_t count;
  char *config_path, *credentials_path; /* where was looked; NULL: no home directory is known */
  bool config_found, credentials_found;
};

/* A file that does not exist is no error; one that can't be read or parsed is, with its path and line. EINVAL, ENOMEM. */
int aws_files_load(struct aws_files *files, const dsql_alloc *alloc, const struct target_env *env, struct fault *f);
void aws_files_deinit(struct aws_files *files); /* cleanses the secrets */
/* NULL: no such section. */
const struct aws_profile *aws_files_find(const struct aws_files *files, enum aws_section section, const char *name);
/* The profile's name that applies: given (NULL: none), else AWS_PROFILE, else "default"; lives as long as given, or until
 * the next getenv. explicit tells whether somebody asked for it: a profile that was asked for and does not exist is an
 * error, a missing "default" is not. */
const char *aws_profile_name(const char *given, const struct target_env *env, bool *explicit_name);
const char *aws_setting_name(enum aws_setting s);

#endif
