/* metadata_url.h - URLs of metadata endpoints, read strictly: what this parser and libcurl's might see differently is
 * refused (user info, numbers that stand for an address, trailing dots, escapes in the host, back-slashes, fragments),
 * so that the host that was checked is the host that is asked. Pure. */
#ifndef DSQL_CREDS_METADATA_URL_H
#define DSQL_CREDS_METADATA_URL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

struct metadata_url {
  bool https;
  bool literal;     /* the host is an address */
  char host[256];   /* an IPv6 address without its brackets */
  const char *path; /* "" or from '/' or '?' on, inside the parsed text */
};

/* EINVAL; the text begins with "is ", "has ", ... for a caller that puts the setting's name in front, and shows nothing of
 * the URL but a well-formed host. */
int metadata_url_parse(const char *text, struct metadata_url *out, struct fault *f);
/* Where container credentials may be asked for: https anywhere; plain http only on this machine (127.0.0.0/8, ::1,
 * localhost) and at the link-local addresses of ECS (169.254.170.2) and EKS (169.254.170.23, fd00:ec2::23). botocore,
 * ContainerMetadataFetcher. EINVAL as above. */
int container_url_check(const char *text, struct fault *f);
/* Appends ECS's endpoint with the value of AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, and a NUL. EINVAL, ENOMEM, as above. */
int container_url_relative(const char *path, struct buf *out, struct fault *f);
/* A value for a header: not empty, printable ASCII, at most METADATA_TOKEN_MAX bytes. */
enum { METADATA_TOKEN_MAX = 12 * 1024 };
bool metadata_token_valid(const char *s, size_t n);

#endif
