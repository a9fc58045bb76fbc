/* endpoint.c - overrides first, in botocore's order (ConfiguredEndpointProvider), then the partition's rule. */
#include "creds/endpoint.h"

#include <strings.h>

struct service {
  const char *host, *env;
};

static const struct service services[] = {
    [ENDPOINT_STS] = {"sts", "AWS_ENDPOINT_URL_STS"},
    [ENDPOINT_SSO] = {"portal.sso", "AWS_ENDPOINT_URL_SSO"},
    [ENDPOINT_SSO_OIDC] = {"oidc", "AWS_ENDPOINT_URL_SSO_OIDC"},
};

struct partition {
  const char *region_prefix, *dns_suffix, *dual_stack_suffix;
  bool plain_is_fips; /* without dual-stack, its ordinary endpoints are the FIPS ones */
};

/* botocore's partitions.json and endpoint-rule-set-1.json; the last one is AWS's commercial regions. */
static const struct partition partitions[] = {
    {"us-gov-", "amazonaws.com", "api.aws", true},
    {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn", false},
    {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu", false},
    {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud", false},
    {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov", false},
    {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov", false},
    {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", false},
    {"", "amazonaws.com", "api.aws", false},
};

/* Regions that "legacy" sends to the global STS endpoint: those that existed when regional ones were introduced
 * (botocore, args.py, LEGACY_GLOBAL_STS_REGIONS). The first is that endpoint itself. */
static const char *const legacy_regions[] = {
    "aws-global",   "ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
    "eu-central-1", "eu-north-1",     "eu-west-1",  "eu-west-2",      "eu-west-3",      "sa-east-1",
    "us-east-1",    "us-east-2",      "us-west-1",  "us-west-2",
};

static const char *variable(const struct creds_setup *setup, const char *name) {
  const char *value = setup->env->getenv(setup->env->ctx, name);
  return value && *value ? value : NULL;
}

static bool overrides_ignored(const struct creds_setup *setup) {
  const char *value = variable(setup, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
  return value && strcasecmp(value, "true") == 0;
}

/* What the URL came from, for its errors: the URL itself may hold a password. */
struct override {
  const char *url; /* NULL: none */
  const char *where;
};

static const char *in_section(const struct aws_profile *section, enum endpoint_service service) {
  switch (service) {
    case ENDPOINT_STS: return section->sts_endpoint_url;
    case ENDPOINT_SSO: return section->sso_endpoint_url;
    case ENDPOINT_SSO_OIDC: return section->sso_oidc_endpoint_url;
  }
  return NULL;
}

static int find_in_profile(const struct creds_setup *setup, const struct aws_profile *profile,
                           enum endpoint_service service, struct override *out, struct fault *f) {
  const char *name = profile->values[AWS_services];
  const struct aws_profile *section = name ? aws_files_find(setup->files, AWS_SECTION_SERVICES, name) : NULL;

  if (name && !section)
    return fault_set(f, DSQL_EINVAL, "profile \"%s\" names the section [services %s], which does not exist",
                     profile->name, name);
  *out = (struct override){section ? in_section(section, service) : NULL, "endpoint_url of the profile's services"};
  if (!out->url) *out = (struct override){profile->values[AWS_endpoint_url], "endpoint_url of the profile"};
  return 0;
}

/* The variable's value lives only until the next getenv: nothing is looked up until it has been copied. */
static int find_override(const struct creds_setup *setup, const struct aws_profile *profile,
                         enum endpoint_service service, struct override *out, struct fault *f) {
  *out = (struct override){NULL, NULL};
  if (overrides_ignored(setup)) return 0;
  *out = (struct override){variable(setup, services[service].env), services[service].env};
  if (!out->url) *out = (struct override){variable(setup, "AWS_ENDPOINT_URL"), "AWS_ENDPOINT_URL"};
  return out->url || !profile ? 0 : find_in_profile(setup, profile, service, out, f);
}

static bool is_url(const char *s) {
  size_t skip = strncasecmp(s, "https://", 8) == 0 ? 8 : strncasecmp(s, "http://", 7) == 0 ? 7 : 0;

  if (!skip || !s[skip] || s[skip] == '/' || strpbrk(s, "?#@\\")) return false;
  for (; *s; s++)
    if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7F) return false;
  return true;
}

static int finish(struct buf *out, struct fault *f) {
  buf_put_u8(out, 0);
  return buf_ok(out) ? 0 : fault_set(f, out->error, out->error == DSQL_ENOMEM ? "out of memory" : "URL too long");
}

static int put_override(const struct override *o, struct buf *out, struct fault *f) {
  size_t n = strlen(o->url);

  if (!is_url(o->url))
    return fault_set(f, DSQL_EINVAL, "%s is no URL like https://host:port, without user, query and fragment", o->where);
  while (o->url[n - 1] == '/') n--;
  buf_put(out, o->url, n);
  return finish(out, f);
}

/* Part of a host name: nothing may be smuggled into it. */
static bool is_region(const char *s) {
  size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");
  return n > 0 && n <= 63 && !s[n] && s[0] != '-' && s[n - 1] != '-';
}

static const struct partition *partition_of(const char *region) {
  const struct partition *p = partitions;
  while (strncmp(region, p->region_prefix, strlen(p->region_prefix)) != 0) p++;
  return p;
}

/* ---- FIPS 140 and dual-stack (IPv6) endpoints ---- */

struct variant {
  bool fips, dual_stack;
};

static int read_flag(const struct creds_setup *setup, const struct aws_profile *profile, const char *name,
                     enum aws_setting setting, const char *where, bool *out, struct fault *f) {
  const char *value = variable(setup, name);

  if (value)
    where = name;
  else if (profile)
    value = profile->values[setting];
  *out = value && strcasecmp(value, "true") == 0;
  if (!value || *out || strcasecmp(value, "false") == 0) return 0;
  return fault_set(f, DSQL_EINVAL, "%s is neither \"true\" nor \"false\"", where);
}

static int read_variant(const struct creds_setup *setup, const struct aws_profile *profile, struct variant *out,
                        struct fault *f) {
  int rc = read_flag(setup, profile, "AWS_USE_FIPS_ENDPOINT", AWS_use_fips_endpoint, "use_fips_endpoint of the profile",
                     &out->fips, f);
  if (rc) return rc;
  return read_flag(setup, profile, "AWS_USE_DUALSTACK_ENDPOINT", AWS_use_dualstack_endpoint,
                   "use_dualstack_endpoint of the profile", &out->dual_stack, f);
}

/* Of an endpoint that was given nobody knows whether it is one (botocore refuses both together as well); and the global
 * one is neither. */
static int check_variant(struct variant v, const struct override *o, const char *region, struct fault *f) {
  const char *name = v.fips ? "FIPS" : "dual-stack";

  if (!v.fips && !v.dual_stack) return 0;
  if (o->url)
    return fault_set(f, DSQL_EINVAL, "%s and a %s endpoint are not possible together: leave one of them out", o->where,
                     name);
  if (strcmp(region, "aws-global") == 0)
    return fault_set(f, DSQL_EINVAL, "aws-global has no %s endpoint: name a region", name);
  return 0;
}

static void put_regional(enum endpoint_service service, const char *region, struct variant v, struct buf *out) {
  const struct partition *p = partition_of(region);
  bool named = v.fips && (v.dual_stack || !p->plain_is_fips);

  buf_printf(out, "https://%s%s.%s.%s", services[service].host, named ? "-fips" : "", region,
             v.dual_stack ? p->dual_stack_suffix : p->dns_suffix);
}

/* ---- the global endpoint of STS ---- */

static int is_legacy(const struct creds_setup *setup, const struct aws_profile *profile, bool *out, struct fault *f) {
  const char *where = "AWS_STS_REGIONAL_ENDPOINTS", *value = variable(setup, where);

  if (!value && profile) {
    where = "sts_regional_endpoints of the profile";
    value = profile->values[AWS_sts_regional_endpoints];
  }
  *out = value && strcasecmp(value, "legacy") == 0;
  if (!value || *out || strcasecmp(value, "regional") == 0) return 0;
  return fault_set(f, DSQL_EINVAL, "%s is neither \"regional\" nor \"legacy\"", where);
}

static int is_global_sts(const struct creds_setup *setup, const struct aws_profile *profile, const char *region,
                         bool *out, struct fault *f) {
  bool legacy;
  int rc = is_legacy(setup, profile, &legacy, f);

  *out = false;
  for (size_t i = 0; i < sizeof legacy_regions / sizeof legacy_regions[0]; i++)
    if ((legacy || i == 0) && strcmp(region, legacy_regions[i]) == 0) *out = true;
  return rc;
}

static int check_region(const char *region, enum endpoint_service service, struct fault *f) {
  const char *host = services[service].host;

  if (!region || !*region)
    return fault_set(f, DSQL_EINVAL,
                     "no region for %s: set region in the profile, AWS_REGION or AWS_DEFAULT_REGION, or give the "
                     "target a region",
                     host);
  return is_region(region) ? 0 : fault_set(f, DSQL_EINVAL, "the region for %s is no region name", host);
}

int endpoint_url(const struct creds_setup *setup, const struct aws_profile *profile, enum endpoint_service service,
                 const char *region, struct buf *out, const char **signing_region, struct fault *f) {
  struct override override;
  struct variant variant;
  bool global = false;
  int rc;

  *signing_region = region;
  rc = check_region(region, service, f);
  if (!rc) rc = read_variant(setup, profile, &variant, f);
  if (!rc) rc = find_override(setup, profile, service, &override, f);
  if (!rc) rc = check_variant(variant, &override, region, f);
  if (rc) return rc;
  if (override.url) return put_override(&override, out, f);
  if (service == ENDPOINT_STS) rc = is_global_sts(setup, profile, region, &global, f);
  if (rc) return rc;
  if (global && !variant.fips && !variant.dual_stack) {
    *signing_region = "us-east-1";
    buf_put_str(out, "https://sts.amazonaws.com");
  } else {
    put_regional(service, region, variant, out);
  }
  return finish(out, f);
}
