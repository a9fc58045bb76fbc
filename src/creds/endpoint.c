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
  const char *region_prefix, *dns_suffix;
};

/* botocore's partitions.json; the last one is AWS's commercial regions. */
static const struct partition partitions[] = {
    {"cn-", "amazonaws.com.cn"},    {"eusc-", "amazonaws.eu"}, {"us-isob-", "sc2s.sgov.gov"},
    {"us-isof-", "csp.hci.ic.gov"}, {"us-iso-", "c2s.ic.gov"}, {"eu-isoe-", "cloud.adc-e.uk"},
    {"", "amazonaws.com"},
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

static const char *dns_suffix(const char *region) {
  const struct partition *p = partitions;
  while (strncmp(region, p->region_prefix, strlen(p->region_prefix)) != 0) p++;
  return p->dns_suffix;
}

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

int endpoint_url(const struct creds_setup *setup, const struct aws_profile *profile, enum endpoint_service service,
                 const char *region, struct buf *out, const char **signing_region, struct fault *f) {
  struct override override;
  bool global = false;
  int rc = find_override(setup, profile, service, &override, f);

  *signing_region = region;
  if (rc) return rc;
  if (override.url && region && is_region(region)) return put_override(&override, out, f);
  if (!region || !*region)
    return fault_set(f, DSQL_EINVAL,
                     "no region for %s: set region in the profile, AWS_REGION or AWS_DEFAULT_REGION, or give the "
                     "target a region",
                     services[service].host);
  if (!is_region(region))
    return fault_set(f, DSQL_EINVAL, "the region for %s is no region name", services[service].host);
  if (service == ENDPOINT_STS) rc = is_global_sts(setup, profile, region, &global, f);
  if (rc) return rc;
  if (global) {
    *signing_region = "us-east-1";
    buf_put_str(out, "https://sts.amazonaws.com");
  } else {
    buf_printf(out, "https://%s.%s.%s", services[service].host, region, dns_suffix(region));
  }
  return finish(out, f);
}
