/* dsql_token_generate(): a signature and nothing else. */
#include "auth/token.h"

#include <assert.h>

enum { TOKEN_MAX = 1 << 20 };

void dsql_token_request_init_sized(dsql_token_request *q, size_t size) {
  assert(q && size >= sizeof size);
  memset(q, 0, size);
  memcpy(q, &size, sizeof size);
}

static int check(const dsql_token_request *q, const char **why) {
  if (!q->host || !q->region || !q->access_key_id || !q->secret_access_key)
    *why = "host, region, access_key_id and secret_access_key are required";
  else if (q->at_unix_s <= 0)
    *why = "at_unix_s is required: the time of signing, in seconds since 1970";
  else
    return 0;
  return DSQL_EINVAL;
}

static int sign(const dsql_token_request *q, struct buf *token, const char **why) {
  const struct token_request request = {.keys = {q->access_key_id, q->secret_access_key, q->session_token},
                                        .keys_expire_s = q->credentials_expire_unix_s,
                                        .host = q->host,
                                        .region = q->region,
                                        .admin = token_user_is_admin(q->user && *q->user ? q->user : "admin"),
                                        .duration_s = q->duration_s,
                                        .unix_s = q->at_unix_s};
  struct fault f = {0};
  int rc = token_sign(&request, &mem_default, token, NULL, &f);

  if (rc == DSQL_EINVAL)
    *why = q->duration_s > TOKEN_DURATION_MAX_S
               ? "duration_s must be 1 to 604800"
               : "the host, the region or a key is empty or has characters that it can't";
  if (rc == DSQL_ECREDENTIALS) *why = "the credentials expire within a second";
  return rc;
}

int dsql_token_generate(const dsql_token_request *q, char *out, size_t cap, size_t *len, const char **why) {
  dsql_token_request full = {0};
  const char *ignored;
  struct buf token;
  int rc;

  if (!why) why = &ignored;
  *why = "";
  if (!q || !out || q->size < sizeof q->size) {
    *why = "no request, or one without dsql_token_request_init(), or no buffer";
    return DSQL_EINVAL;
  }
  memcpy(&full, q, q->size < sizeof full ? q->size : sizeof full);
  rc = check(&full, why);
  if (rc) return rc;
  buf_init(&token, &mem_default, TOKEN_MAX);
  token.secret = true;
  rc = sign(&full, &token, why);
  if (rc == 0 && token.len >= cap) rc = DSQL_ETOOBIG;
  if (rc == 0) {
    memcpy(out, token.data, token.len);
    out[token.len] = '\0';
    if (len) *len = token.len;
  }
  buf_deinit(&token);
  return rc;
}
