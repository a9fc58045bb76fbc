/* token.h - the IAM token that Aurora DSQL takes as a password: a presigned URL without its scheme (Aurora DSQL User
 * Guide, "Generating authentication tokens"). */
#ifndef DSQL_AUTH_TOKEN_H
#define DSQL_AUTH_TOKEN_H

#include "auth/sigv4.h"

enum { TOKEN_DURATION_DEFAULT_S = 900, TOKEN_DURATION_MAX_S = 604800 };

struct token_request {
  struct sigv4_keys keys;
  int64_t keys_expire_s; /* Unix time; 0: never. The token ends with them at the latest */
  const char *host, *region;
  bool admin;          /* DbConnectAdmin, else DbConnect */
  uint32_t duration_s; /* 1 to TOKEN_DURATION_MAX_S; 0: the default */
  int64_t unix_s;
};

struct token_made {
  int64_t expires_s; /* Unix time */
  bool clamped;      /* by the keys' own expiry */
};

/* "admin" exactly, as all official connectors have it. */
static inline bool token_user_is_admin(const char *user) { return strcmp(user, "admin") == 0; }

/* True when the token would be clamped by the keys' expiry, or could not be signed at all: newer keys are worth asking
 * for first, where they come from a source that may have some and nobody waits. When somebody does, a clamped token now
 * is better than a whole one later: then only keys that can't sign any more (token_needs_fresh_keys) are. */
bool token_wants_fresh_keys(const struct token_request *q);
bool token_needs_fresh_keys(const struct token_request *q);

/* Appends the token; the host stands in it as given. EINVAL: an empty host, region or key, a duration out of range, or
 * a character that can't be in one of them. ECREDENTIALS: the keys expire in less than a second. ENOMEM, ETOOBIG: out
 * is then as before, but for its own mark of failure. Faults name the input and show no secret. made may be NULL. */
int token_sign(const struct token_request *q, const dsql_alloc *alloc, struct buf *out, struct token_made *made,
               struct fault *f);

#endif
