#include "dsql/identity.h"

#include "conn/target_object.h"

int identity_source(struct password_source **out, struct dsql_rt *rt, const struct target *t, dsql_auth *auth,
                    dsql_credentials *credentials, struct fault *f) {
  struct token_source *tokens;
  int rc;

  *out = NULL;
  if (auth && auth->leased.rt != rt) return fault_set(f, DSQL_EINVAL, "the dsql_auth belongs to another runtime");
  if (auth && oauth_source_is(auth)) return oauth_source_for(out, auth, t, f);
  if (auth) {
    *out = password_source_ref(&auth->leased.source);
    return 0;
  }
  if (!t->iam) {
    if (!credentials) return 0;
    return fault_set(f, DSQL_EINVAL, "credentials were given, but the target is not in DSQL mode: add auth=iam");
  }
  rc = token_source_for(&tokens, rt, t, credentials, f);
  if (rc == 0) *out = token_source_password(tokens);
  return rc;
}

int dsql_credentials_new(dsql_credentials **out, dsql_rt *rt, dsql_credentials_fn want, void *arg) {
  struct fault f = {0};

  if (!out || !rt || !want) return DSQL_EINVAL;
  return creds_new_custom(out, rt, want, arg, &f);
}

int dsql_credentials_new_static(dsql_credentials **out, dsql_rt *rt, const char *access_key_id,
                                const char *secret_access_key, const char *session_token, int64_t expires_unix_s) {
  struct credentials given;
  struct fault f = {0};
  int rc;

  if (!out || !rt) return DSQL_EINVAL;
  *out = NULL;
  rc = credentials_set(&given, rt_alloc(rt), access_key_id, secret_access_key, session_token, expires_unix_s, &f);
  if (rc) return rc;
  rc = creds_new_static(out, rt, &given, &f);
  credentials_deinit(&given);
  return rc;
}

void dsql_credentials_answer(dsql_credentials_request *q, const char *access_key_id, const char *secret_access_key,
                             const char *session_token, int64_t expires_unix_s) {
  /* A refusal is the request's outcome already. */
  if (q) (void)creds_answer(q, access_key_id, secret_access_key, session_token, expires_unix_s);
}

void dsql_credentials_fail(dsql_credentials_request *q, const char *reason) {
  if (q) creds_fail(q, reason ? reason : "it gave no reason");
}

void dsql_credentials_free(dsql_credentials *c) { creds_unref(c); }

void dsql_token_stats_get(const dsql_target *t, dsql_token_stats *out, size_t size) {
  dsql_token_stats s = {.size = size, .age_s = -1, .expires_in_s = -1};
  const struct token_source *tokens = t ? token_source_of(t->password_source) : NULL;

  if (tokens) token_source_stats(tokens, &s);
  memset(out, 0, size);
  memcpy(out, &s, size < sizeof s ? size : sizeof s);
}
