#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "creds/metadata_url.h"
#include "creds/source_imds.h"
#include "target/show.h"

enum { TIMEOUT_S_MAX = 60, ATTEMPTS_MAX = 20 };

struct setting {
  const char *variable;
  enum aws_setting in_profile;
};

struct found {
  const char *value; /* NULL: not set; lives until the next look */
  const char *where;
};

static struct found look(const struct creds_setup *setup, const struct setting *s) {
  const char *value = setup->env->getenv(setup->env->ctx, s->variable);
  const struct aws_profile *p;

  if (value && *value) return (struct found){value, s->variable};
  p = setup->files ? aws_files_find(setup->files, AWS_SECTION_PROFILE, setup->profile) : NULL;
  return (struct found){p ? p->values[s->in_profile] : NULL, aws_setting_name(s->in_profile)};
}

static bool is_disabled(const struct creds_setup *setup) {
  const char *value = setup->env->getenv(setup->env->ctx, "AWS_EC2_METADATA_DISABLED");
  return value && strcasecmp(value, "true") == 0;
}

static int read_number(const struct creds_setup *setup, const struct setting *s, unsigned most, unsigned *out,
                       bool *given, struct fault *f) {
  struct found x = look(setup, s);
  size_t n = x.value ? strspn(x.value, "0123456789") : 0;
  unsigned long value;

  *given = x.value != NULL;
  if (!x.value) return 0;
  value = n >= 1 && n <= 4 && !x.value[n] ? strtoul(x.value, NULL, 10) : 0;
  if (value < 1 || value > most)
    return fault_set(f, DSQL_EINVAL, "%s is \"%s\", and must be a whole number in 1..%u", x.where,
                     show_text(x.value, strlen(x.value)).text, most);
  *out = (unsigned)value;
  return 0;
}

static int default_endpoint(const struct creds_setup *setup, const char **out, struct fault *f) {
  static const struct setting mode = {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", AWS_ec2_metadata_service_endpoint_mode};
  struct found x = look(setup, &mode);

  *out = "http://169.254.169.254";
  if (!x.value || strcasecmp(x.value, "ipv4") == 0) return 0;
  *out = "http://[fd00:ec2::254]";
  if (strcasecmp(x.value, "ipv6") == 0) return 0;
  return fault_set(f, DSQL_EINVAL, "%s is \"%s\", and must be IPv4 or IPv6", x.where,
                   show_text(x.value, strlen(x.value)).text);
}

/* Any host, as in the SDKs: who sets it may as well set the credentials. */
static int check_endpoint(const struct found *x, struct fault *f) {
  struct metadata_url u;
  struct fault why = {0};

  if (metadata_url_parse(x->value, &u, &why) == 0 && strchr(u.path, '?'))
    (void)fault_set(&why, DSQL_EINVAL, "has a query");
  if (!why.code && strlen(x->value) >= IMDS_ENDPOINT_SIZE)
    (void)fault_set(&why, DSQL_EINVAL, "is longer than %d bytes", IMDS_ENDPOINT_SIZE - 1);
  return why.code ? fault_set(f, why.code, "%s %s", x->where, why.text) : 0;
}

static int choose_endpoint(const struct creds_setup *setup, char *out, struct fault *f) {
  static const struct setting endpoint = {"AWS_EC2_METADATA_SERVICE_ENDPOINT", AWS_ec2_metadata_service_endpoint};
  struct found x = look(setup, &endpoint);
  size_t n;
  int rc = x.value && *x.value ? check_endpoint(&x, f) : default_endpoint(setup, &x.value, f);

  if (rc) return rc;
  n = strlen(x.value);
  while (x.value[n - 1] == '/') n--;
  memcpy(out, x.value, n);
  out[n] = '\0';
  return 0;
}

int imds_config_read(const struct creds_setup *setup, struct imds_config *out, struct fault *f) {
  static const struct setting timeout = {"AWS_METADATA_SERVICE_TIMEOUT", AWS_metadata_service_timeout};
  static const struct setting attempts = {"AWS_METADATA_SERVICE_NUM_ATTEMPTS", AWS_metadata_service_num_attempts};
  unsigned timeout_s = 1;
  bool timeout_given;
  int rc;

  *out = (struct imds_config){.disabled = is_disabled(setup), .attempts = 2};
  if (out->disabled) return 0;
  rc = choose_endpoint(setup, out->endpoint, f);
  if (rc == 0) rc = read_number(setup, &timeout, TIMEOUT_S_MAX, &timeout_s, &timeout_given, f);
  if (rc == 0) rc = read_number(setup, &attempts, ATTEMPTS_MAX, &out->attempts, &out->attempts_given, f);
  out->timeout_ms = timeout_s * 1000;
  return rc;
}

bool imds_role_valid(const char *s, size_t n) {
  if (n == 0 || n > IMDS_ROLE_MAX) return false;
  for (size_t i = 0; i < n; i++)
    if (!s[i] || !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+=,.@_-", s[i])) return false;
  return !(n == 1 && s[0] == '.') && !(n == 2 && s[0] == '.' && s[1] == '.');
}
