/* Everything by hand that the library does by itself for a cluster: the settings, and the IAM token, which is signed
 * here from an access key and given as an ordinary password. For programs whose credentials come from elsewhere.
 *
 *   CLUSTER_ENDPOINT, CLUSTER_USER, REGION                           as in common.h; here REGION is required
 *   AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN      the last one only for temporary keys */
#include "../../common.h"
#include <time.h>

enum { TOKEN_SIZE = 4096, TOKEN_LIFE_S = 900 };

struct signer {
  char host[256]; /* that the token is for */
  const char *user;
};

/* Called when a connection needs a token and the last answer is not valid any more; and, while it is used, ahead of that. */
static void sign(dsql_auth_request *q, void *arg) {
  const struct signer *s = arg;
  const char *why = "the token could not be signed";
  dsql_token_request request;
  char token[TOKEN_SIZE];
  size_t len;

  dsql_token_request_init(&request);
  request.host = s->host;
  request.region = getenv("REGION");
  request.user = s->user;
  request.access_key_id = getenv("AWS_ACCESS_KEY_ID");
  request.secret_access_key = getenv("AWS_SECRET_ACCESS_KEY");
  request.session_token = getenv("AWS_SESSION_TOKEN");
  request.duration_s = TOKEN_LIFE_S;
  request.at_unix_s = time(NULL);
  if (dsql_token_generate(&request, token, sizeof token, &len, &why))
    dsql_auth_fail(q, why);
  else
    dsql_auth_answer(q, token, request.at_unix_s + TOKEN_LIFE_S);
  explicit_bzero(token, sizeof token);
}

/* The host name, also where CLUSTER_ENDPOINT is a whole connection string. */
static int read_host(const dsql_target *t, struct signer *s) {
  dsql_setting setting;

  for (size_t i = 0; dsql_target_setting(t, i, &setting); i++)
    if (strcmp(setting.name, "host") == 0 && setting.value.len < sizeof s->host)
      return snprintf(s->host, sizeof s->host, "%.*s", (int)setting.value.len, setting.value.ptr) <= 0;
  return -1;
}

static dsql_target *target_by_hand(dsql_rt *rt, struct signer *s, dsql_auth *auth) {
  const char *user = getenv("CLUSTER_USER");
  const dsql_error *error = NULL;
  dsql_target *target;
  dsql_config config;
  int code;

  s->user = user && *user ? user : "admin";
  dsql_config_init(&config);
  config.target = getenv("CLUSTER_ENDPOINT");
  config.user = s->user;
  config.database = "postgres";
  config.sslmode = DSQL_SSL_VERIFY_FULL;
  config.auth = auth;
  if (strcmp(s->user, "admin") != 0) config.after_connect = use_own_schema;
  code = dsql_target_new(&target, rt, &config, &error);
  if (code == 0 && read_host(target, s) == 0) return target;
  failed("CLUSTER_ENDPOINT", code, error);
  if (code == 0) dsql_target_free(target);
  return NULL;
}

static int ask(dsql_rt *rt, const dsql_target *target) {
  dsql_conn *conn;
  dsql_future *f;
  const dsql_result *r;
  dsql_str user;
  int32_t answer;
  int code = dsql_conn_open(&conn, rt, target);

  if (code) return failed("dsql_conn_open", code, NULL);
  f = dsql_query(conn, "SELECT $1::int4 + 1, current_user::text", DSQL_PARAMS(dsql_int4(41)), NULL);
  code = dsql_future_run(f);
  if (code) failed("SELECT", code, dsql_future_error(f));
  if (code == 0) code = dsql_future_result(f, &r);
  if (code == 0) code = dsql_get_int4(r, 0, 0, &answer);
  if (code == 0) code = dsql_get_text(r, 0, 1, &user);
  if (code == 0) printf("connected as %.*s: 41 + 1 = %" PRId32 "\n", (int)user.len, user.ptr, answer);
  dsql_future_destroy(f);
  dsql_conn_close(conn);
  return code;
}

static bool have(const char *name) {
  const char *value = getenv(name);
  if (value && *value) return true;
  fprintf(stderr, "set %s\n", name);
  return false;
}

int main(void) {
  struct signer signer = {.user = NULL};
  dsql_rt *rt;
  dsql_auth *auth;
  dsql_target *target;
  int status = 1;

  if (!have("CLUSTER_ENDPOINT") || !have("REGION") || !have("AWS_ACCESS_KEY_ID") || !have("AWS_SECRET_ACCESS_KEY"))
    return 1;
  if (dsql_rt_new(&rt, uv_default_loop(), NULL)) return 1;
  if (dsql_auth_new(&auth, rt, sign, &signer) == 0) {
    target = target_by_hand(rt, &signer, auth);
    if (target) status = ask(rt, target) != 0;
    dsql_target_free(target);
    dsql_auth_free(auth);
  }
  dsql_rt_close(rt, NULL, NULL);
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  return status;
}
