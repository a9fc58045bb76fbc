/* credentials.h - AWS credentials as a value: owned strings, cleansed when they go. */
#ifndef DSQL_CREDS_CREDENTIALS_H
#define DSQL_CREDS_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/sigv4.h"
#include "base/alloc.h"
#include "base/error.h"

struct credentials {
  const dsql_alloc *alloc;
  char *access_key_id, *secret_access_key;
  char *session_token; /* NULL: none */
  int64_t expires_s;   /* Unix time; 0: never */
};

/* Copies. session_token may be NULL or "". EINVAL when an id or secret is empty; ENOMEM. */
int credentials_set(struct credentials *c, const dsql_alloc *alloc, const char *access_key_id,
                    const char *secret_access_key, const char *session_token, int64_t expires_s, struct fault *f);
int credentials_copy(struct credentials *out, const struct credentials *c, struct fault *f);
/* Moves: from is empty afterwards. */
void credentials_move(struct credentials *to, struct credentials *from);
void credentials_deinit(struct credentials *c); /* NULL fields are allowed; c is empty and reusable afterwards */
static inline bool credentials_empty(const struct credentials *c) { return !c->access_key_id; }
static inline struct sigv4_keys credentials_keys(const struct credentials *c) {
  return (struct sigv4_keys){c->access_key_id, c->secret_access_key, c->session_token};
}

#endif
