/* token_verify.h - is this the IAM token of somebody who may connect? What the service does with the password of a
 * connection (AWS Signature Version 4, "Authenticating requests: using query parameters"). Pure: the time is an
 * argument. */
#ifndef DSQL_CLI_LOCAL_TOKEN_VERIFY_H
#define DSQL_CLI_LOCAL_TOKEN_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/sigv4.h"

struct token_expected {
  struct sigv4_keys keys; /* the only ones that exist */
  const char *host, *region;
};

/* Why not. reason is for the log of the machine's owner; hint is what DSQL tells the client, "" for nothing. Neither
 * shows a secret: no signature, no session token, and of keys the access key id only. */
struct token_refusal {
  char reason[256];
  char hint[160];
};

/* True when the token lets `user` in at `now_s`, Unix time. Else *out says why not. */
bool token_verify(const struct token_expected *e, const char *user, const char *token, size_t n, int64_t now_s,
                  const dsql_alloc *alloc, struct token_refusal *out);

#endif
