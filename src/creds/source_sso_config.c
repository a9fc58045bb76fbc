#include <string.h>

#include "creds/source_sso.h"
#include "target/show.h"

static struct shown show(const char *s) { return show_text(s, strlen(s)); }

static const char *setting(const struct aws_profile *p, enum aws_setting s) {
  const char *value = p->values[s];
  return value && *value ? value : NULL;
}

/* Of the session, and not something else in the profile (botocore, _resolve_sso_session_reference). */
static int of_session(const struct aws_profile *profile, const struct aws_profile *session, enum aws_setting s,
                      const char **out, struct fault *f) {
  const char *mine = setting(profile, s);

  *out = setting(session, s);
  if (!*out)
    return fault_set(f, DSQL_EINVAL, "section [sso-session %s] has no %s", show(session->name).text,
                     aws_setting_name(s));
  if (mine && strcmp(mine, *out) != 0)
    return fault_set(f, DSQL_EINVAL, "%s differs between profile \"%s\" and section [sso-session %s]",
                     aws_setting_name(s), show(profile->name).text, show(session->name).text);
  return 0;
}

static int of_profile(const struct aws_profile *profile, enum aws_setting s, const char **out, struct fault *f) {
  *out = setting(profile, s);
  if (*out) return 0;
  return fault_set(f, DSQL_EINVAL, "profile \"%s\" has no %s", show(profile->name).text, aws_setting_name(s));
}

static int read_session(const struct aws_files *files, const struct aws_profile *profile, struct sso_config *out,
                        struct fault *f) {
  const struct aws_profile *session = aws_files_find(files, AWS_SECTION_SSO_SESSION, out->session);
  int rc;

  if (!session)
    return fault_set(f, DSQL_EINVAL, "profile \"%s\" names the section [sso-session %s], which does not exist",
                     show(profile->name).text, show(out->session).text);
  rc = of_session(profile, session, AWS_sso_start_url, &out->start_url, f);
  return rc ? rc : of_session(profile, session, AWS_sso_region, &out->region, f);
}

int sso_config_read(const struct aws_files *files, const struct aws_profile *profile, struct sso_config *out,
                    struct fault *f) {
  int rc;

  *out = (struct sso_config){.session = setting(profile, AWS_sso_session), .profile = profile->name};
  if (out->session) {
    rc = read_session(files, profile, out, f);
  } else {
    rc = of_profile(profile, AWS_sso_start_url, &out->start_url, f);
    if (rc == 0) rc = of_profile(profile, AWS_sso_region, &out->region, f);
  }
  if (rc == 0) rc = of_profile(profile, AWS_sso_account_id, &out->account_id, f);
  if (rc == 0) rc = of_profile(profile, AWS_sso_role_name, &out->role_name, f);
  return rc;
}
