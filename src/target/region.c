/* region.c - DSQL mode's region: the parameter, else the host's, else AWS_REGION, AWS_DEFAULT_REGION, else the profile's.
 * AWS's files are read only when nothing before them told it. */
#include <string.h>

#include "target/aws_profile.h"
#include "target/endpoint_name.h"
#include "target/internal.h"

static dsql_str signed_host(const struct resolver *r) {
  enum keyword k = conninfo_text(r->info, KEYWORD_sign_host) ? KEYWORD_sign_host : KEYWORD_host;
  return (dsql_str){r->info->values[k].text, r->info->values[k].len};
}

static int check(struct resolver *r) {
  struct conninfo_value *v = &r->info->values[KEYWORD_region];

  if (!endpoint_is_region((dsql_str){v->text, v->len}))
    return conninfo_fault(r->info, KEYWORD_region, "must be letters, digits and '-', like us-east-1", r->fault);
  endpoint_normalise(v->text, &v->len);
  return 0;
}

static int given(struct resolver *r) {
  const char *region = conninfo_get(r->info, KEYWORD_region);
  dsql_str of_host;
  int rc = check(r);

  if (rc || !endpoint_is_dsql_host(signed_host(r), &of_host)) return rc;
  if (strlen(region) == of_host.len && memcmp(region, of_host.ptr, of_host.len) == 0) return 0;
  return notice_add(r, "region %s (%s) is not the host's, %s: the cluster will most likely refuse the tokens",
                    conninfo_hidden(r->info, KEYWORD_region) ? "(not shown)" : region,
                    conninfo_from(r->info, KEYWORD_region), show_text(of_host.ptr, of_host.len).text);
}

static int from_host(struct resolver *r) {
  dsql_str region;

  if (!endpoint_is_dsql_host(signed_host(r), &region)) return 0;
  return conninfo_set_from(r->info, KEYWORD_region, show_text(region.ptr, region.len).text, CONNINFO_DERIVED, r->fault,
                           "host name");
}

static int from_env(struct resolver *r, const char *name) {
  const char *value = r->env->getenv(r->env->ctx, name);
  int rc;

  if (!value || !*value || conninfo_text(r->info, KEYWORD_region)) return 0;
  rc = conninfo_set_from(r->info, KEYWORD_region, value, CONNINFO_ENV, r->fault, "environment variable %s", name);
  return rc ? rc : check(r);
}

static int set_profile(struct resolver *r) {
  const char *given_name = conninfo_text(r->info, KEYWORD_profile), *name;
  bool asked;
  int rc = 0;

  name = aws_profile_name(given_name, r->env, &asked);
  if (asked && !given_name)
    rc = conninfo_set_from(r->info, KEYWORD_profile, name, CONNINFO_ENV, r->fault, "environment variable AWS_PROFILE");
  else if (!asked)
    rc = conninfo_set(r->info, KEYWORD_profile, name, strlen(name), CONNINFO_DEFAULT, r->fault);
  r->t->profile = asked ? conninfo_text(r->info, KEYWORD_profile) : NULL;
  return rc;
}

static int nowhere(struct resolver *r, const struct aws_files *files, bool found) {
  const char *profile = conninfo_get(r->info, KEYWORD_profile), *path = files->config_path;
  const char *why = found                 ? "has no region"
                    : files->config_found ? "does not exist"
                                          : "is missing, as there is no such file";

  return fault_set(r->fault, DSQL_EINVAL,
                   "no AWS region: set region. It is not given, the host is not <id>.dsql.<region>.on.aws, AWS_REGION "
                   "and AWS_DEFAULT_REGION are not set, and profile \"%s\" of %s %s",
                   show_text(profile, strlen(profile)).text,
                   path ? show_text(path, strlen(path)).text : "~/.aws/config", why);
}

static int from_profile(struct resolver *r) {
  const char *name = conninfo_get(r->info, KEYWORD_profile);
  const struct aws_profile *profile;
  struct aws_files files;
  int rc = aws_files_load(&files, &r->t->alloc, r->env, r->fault);

  if (rc) return rc;
  profile = aws_files_find(&files, AWS_SECTION_PROFILE, name);
  if (profile && profile->values[AWS_region]) {
    rc = conninfo_set_from(r->info, KEYWORD_region, profile->values[AWS_region], CONNINFO_DERIVED, r->fault,
                           "profile \"%s\" of %s", name,
                           files.config_found ? files.config_path : files.credentials_path);
    if (rc == 0) rc = check(r);
  } else {
    rc = nowhere(r, &files, profile != NULL);
  }
  aws_files_deinit(&files);
  return rc;
}

/* A password for a host that is given whole needs none. */
static bool needed(const struct resolver *r) {
  const struct conninfo_value *host = &r->info->values[KEYWORD_host];
  return r->t->iam || endpoint_is_cluster_id((dsql_str){host->text, host->len}) ||
         endpoint_is_cluster_id(signed_host(r));
}

int region_resolve(struct resolver *r) {
  int rc = set_profile(r);

  if (rc) return rc;
  if (conninfo_text(r->info, KEYWORD_region)) return given(r);
  rc = from_host(r);
  if (rc == 0) rc = from_env(r, "AWS_REGION");
  if (rc == 0) rc = from_env(r, "AWS_DEFAULT_REGION");
  if (rc || conninfo_text(r->info, KEYWORD_region) || !needed(r)) return rc;
  return from_profile(r);
}
