/* source_sso.h - the parts of the IAM Identity Center source: what the profile says, the token that "aws sso login" left
 * in a file, and how it is renewed (AWS SDKs and Tools Reference Guide, "IAM Identity Center credential provider"; botocore,
 * SSOProvider and SSOTokenProvider). */
#ifndef DSQL_CREDS_SOURCE_SSO_H
#define DSQL_CREDS_SOURCE_SSO_H

#include "creds/source.h"

enum {
  SSO_PATH_SIZE = 4096,
  SSO_FILE_MAX = 256 * 1024,
  SSO_RENEW_WITHIN_S = 300 /* of its end: then a token is renewed before it is used */
};

/* Borrowed from the setup and its files. */
struct sso_config {
  const char *session; /* NULL: the older form, without [sso-session]; such tokens can't be renewed */
  const char *start_url, *region, *account_id, *role_name;
  const char *profile;
};

/* EINVAL: names the profile and what is missing, or differs between it and its session. */
int sso_config_read(const struct aws_files *files, const struct aws_profile *profile, struct sso_config *out,
                    struct fault *f);

/* "~/.aws/sso/cache/<SHA-1 in hex of the session's name, or of the start URL>.json". EINVAL: no home directory is known, or
 * its name is too long; EUNSUPPORTED: OpenSSL has no SHA-1. */
int sso_token_path(const struct target_env *env, const struct sso_config *config, char out[SSO_PATH_SIZE],
                   struct fault *f);

/* Every string is NUL-terminated, in a secret buffer; len 0: not there. */
struct sso_token {
  struct buf access_token, refresh_token, client_id, client_secret, registration_expires;
  int64_t expires_s;
  int64_t registration_expires_s; /* 0: not known */
};
void sso_token_init(struct sso_token *t, const dsql_alloc *alloc);
void sso_token_deinit(struct sso_token *t);
/* ECREDENTIALS: there is no such file, or no token in it; EINVAL: it can't be read; ENOMEM. Names the path. What t had is
 * given back first. */
int sso_token_load(struct sso_token *t, const struct target_env *env, const char *path, struct fault *f);
bool sso_token_renewable(const struct sso_token *t, int64_t now_s);
/* The body of sso-oidc's CreateToken. Appends, with a NUL. */
void sso_token_request(const struct sso_token *t, struct buf *out);
/* Takes a CreateToken answer: access_token, expires_s, and refresh_token if there is a new one. EPROTO, ENOMEM. */
int sso_token_renewed(struct sso_token *t, dsql_str answer, int64_t now_s, struct fault *f);
/* Appends what the file holds, in the form of the AWS CLI and botocore. */
void sso_token_print(const struct sso_token *t, const struct sso_config *config, struct buf *out);

/* Replaces a file at once or not at all, readable by its owner only. 0 or an errno. Blocks for as long as the disk does. */
int sso_file_replace(const char *path, const void *data, size_t n);

#endif
