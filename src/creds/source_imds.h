/* source_imds.h - how EC2's instance metadata service is asked: the settings of botocore (configprovider.py, IMDSFetcher),
 * environment first, then the profile. Pure but for the environment table. */
#ifndef DSQL_CREDS_SOURCE_IMDS_H
#define DSQL_CREDS_SOURCE_IMDS_H

#include "creds/source.h"

enum { IMDS_ENDPOINT_SIZE = 512, IMDS_ROLE_MAX = 64 };

struct imds_config {
  bool disabled;                     /* AWS_EC2_METADATA_DISABLED=true; nothing else is looked at then */
  char endpoint[IMDS_ENDPOINT_SIZE]; /* without a trailing '/' */
  uint32_t timeout_ms;               /* of one request, connecting included; 1 s */
  unsigned attempts;                 /* per request; 2 */
  bool attempts_given;               /* then a request that timed out is repeated as well */
};

/* EINVAL: names the setting. */
int imds_config_read(const struct creds_setup *setup, struct imds_config *out, struct fault *f);
/* IAM's rule for names of roles (letters, digits, "+=,.@_-"); all of them stand in a path as they are. */
bool imds_role_valid(const char *s, size_t n);

#endif
