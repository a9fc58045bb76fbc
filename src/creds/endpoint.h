/* endpoint.h - where an AWS service is, with every override of the AWS SDKs (AWS SDKs and Tools Reference Guide,
 * "Service-specific endpoints", "AWS STS Regional endpoints"): AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the
 * profile's services section, its endpoint_url, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS, AWS_STS_REGIONAL_ENDPOINTS,
 * AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT ("FIPS endpoints", "Dual-stack endpoints"). */
#ifndef DSQL_CREDS_ENDPOINT_H
#define DSQL_CREDS_ENDPOINT_H

#include "base/buf.h"
#include "creds/source.h"

enum endpoint_service { ENDPOINT_STS, ENDPOINT_SSO, ENDPOINT_SSO_OIDC };

/* Appends the URL without a trailing '/', and its NUL. profile may be NULL. Sets *signing_region (to region, or to
 * "us-east-1" for the global STS endpoint). EINVAL: no region, or an override that is no http(s) URL; ENOMEM. */
int endpoint_url(const struct creds_setup *setup, const struct aws_profile *profile, enum endpoint_service service,
                 const char *region, struct buf *out, const char **signing_region, struct fault *f);

#endif
