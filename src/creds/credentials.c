#include "creds/credentials.h"

static int copy(char **out, const dsql_alloc *alloc, const char *s, struct fault *f) {
  *out = mem_strdup(alloc, s);
  return *out ? 0 : fault_set(f, DSQL_ENOMEM, "out of memory");
}

int credentials_set(struct credentials *c, const dsql_alloc *alloc, const char *access_key_id,
                    const char *secret_access_key, const char *session_token, int64_t expires_s, struct fault *f) {
  int rc;

  *c = (struct credentials){.alloc = alloc, .expires_s = expires_s};
  if (!access_key_id || !*access_key_id) return fault_set(f, DSQL_EINVAL, "the access key id is empty");
  if (!secret_access_key || !*secret_access_key) return fault_set(f, DSQL_EINVAL, "the secret access key is empty");
  rc = copy(&c->access_key_id, alloc, access_key_id, f);
  if (rc == 0) rc = copy(&c->secret_access_key, alloc, secret_access_key, f);
  if (rc == 0 && session_token && *session_token) rc = copy(&c->session_token, alloc, session_token, f);
  if (rc) credentials_deinit(c);
  return rc;
}

int credentials_copy(struct credentials *out, const struct credentials *c, struct fault *f) {
  return credentials_set(out, c->alloc, c->access_key_id, c->secret_access_key, c->session_token, c->expires_s, f);
}

void credentials_move(struct credentials *to, struct credentials *from) {
  *to = *from;
  *from = (struct credentials){0};
}

static void free_secret(const struct credentials *c, char *s) {
  if (s) mem_free_secret(c->alloc, s, strlen(s) + 1);
}

void credentials_deinit(struct credentials *c) {
  free_secret(c, c->access_key_id);
  free_secret(c, c->secret_access_key);
  free_secret(c, c->session_token);
  *c = (struct credentials){0};
}
