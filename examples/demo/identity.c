/* What scripts/demo shows of Aurora DSQL: one line for a target, an IAM token for a password, CRUD, a second connect
 * whose token comes from the cache, and what a refusal looks like. The AWS credentials come from where the SDKs look,
 * here the environment.
 *
 *   demo_identity 'dsql://<cluster-id>.dsql.<region>.on.aws' */
#include <dsql/dsql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

struct demo {
  dsql_rt *rt;
  dsql_target *target;
};

static void fail(const char *what, int code, const dsql_error *e) {
  fprintf(stderr, "%s failed: %s: %.*s\n", what, dsql_error_name(code), e ? (int)e->message.len : 0,
          e ? e->message.ptr : "");
  exit(1);
}

static dsql_future *wait_for(const char *what, dsql_future *f) {
  int code = dsql_future_run(f);
  if (code) fail(what, code, dsql_future_error(f));
  return f;
}

static double milliseconds(uint64_t since_ns) { return (double)(uv_hrtime() - since_ns) / 1e6; }

static dsql_target *make_target(dsql_rt *rt, const char *string, dsql_auth *auth) {
  const dsql_error *error = NULL;
  dsql_config config;
  dsql_target *target;
  int code;

  dsql_config_init(&config);
  config.target = string;
  config.auth = auth;
  config.application_name_prefix = "demo_identity";
  code = dsql_target_new(&target, rt, &config, &error);
  if (code) fail("the target", code, error);
  return target;
}

static dsql_str setting(const dsql_target *t, const char *name) {
  dsql_setting s;
  for (size_t i = 0; dsql_target_setting(t, i, &s); i++)
    if (strcmp(s.name, name) == 0) return s.value;
  return (dsql_str){"", 0};
}

static dsql_token_stats tokens_of(const struct demo *d) {
  dsql_token_stats s;
  dsql_token_stats_get(d->target, &s, sizeof s);
  return s;
}

static dsql_conn *connect_to(const struct demo *d, const char *number) {
  dsql_token_stats before = tokens_of(d), after;
  uint64_t start = uv_hrtime();
  dsql_conn *conn;
  dsql_future *f;

  if (dsql_conn_open(&conn, d->rt, d->target)) exit(1);
  f = wait_for("connecting", dsql_conn_ready(conn));
  after = tokens_of(d);
  printf("%s. connected in %.1f ms, %s; the token was %s\n", number, milliseconds(start),
         dsql_conn_tls(conn) ? "TLS, certificate and host name verified" : "no TLS",
         after.signings > before.signings ? "signed now" : "in the cache: none was signed");
  dsql_future_destroy(f);
  return conn;
}

/* ---- CRUD: DSQL wants DDL and DML in transactions of their own ---- */

static void run(dsql_conn *c, const char *sql, dsql_params params) {
  dsql_future_destroy(wait_for(sql, dsql_query(c, sql, params, NULL)));
}

static void show_crud(dsql_conn *c) {
  const dsql_result *r;
  dsql_future *f;
  dsql_str name, city;

  run(c, "CREATE TABLE owner (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name varchar(30), city varchar(80))",
      DSQL_NO_PARAMS);
  run(c, "INSERT INTO owner (name, city) VALUES ($1, $2), ($3, $4)",
      DSQL_PARAMS(dsql_text("Ann"), dsql_text("Rome"), dsql_text("Ben"), dsql_text("Oslo")));
  run(c, "UPDATE owner SET city = $1 WHERE name = $2", DSQL_PARAMS(dsql_text("Paris"), dsql_text("Ann")));
  run(c, "DELETE FROM owner WHERE name = $1", DSQL_PARAMS(dsql_text("Ben")));
  f = wait_for("SELECT", dsql_query(c, "SELECT name, city FROM owner", DSQL_NO_PARAMS, NULL));
  if (dsql_future_result(f, &r) || dsql_get_text(r, 0, 0, &name) || dsql_get_text(r, 0, 1, &city)) exit(1);
  printf("   CREATE, INSERT, UPDATE, DELETE, SELECT: %zu row, %.*s in %.*s\n", dsql_result_rows(r), (int)name.len,
         name.ptr, (int)city.len, city.ptr);
  if (dsql_result_rows(r) != 1) exit(1);
  dsql_future_destroy(f);
  run(c, "DROP TABLE owner", DSQL_NO_PARAMS);
}

/* ---- an expired token ---- */

enum { TOKEN_SIZE = 8192, HOUR_S = 3600 };

/* Signs with the same credentials, for an hour ago. */
static void give_old_token(dsql_auth_request *q, void *arg) {
  const struct demo *d = arg;
  dsql_str host = setting(d->target, "host"), region = setting(d->target, "region");
  char host_text[256], region_text[64], token[TOKEN_SIZE];
  const char *why = "the token could not be signed";
  dsql_token_request request;
  size_t len;

  snprintf(host_text, sizeof host_text, "%.*s", (int)host.len, host.ptr);
  snprintf(region_text, sizeof region_text, "%.*s", (int)region.len, region.ptr);
  dsql_token_request_init(&request);
  request.host = host_text;
  request.region = region_text;
  request.access_key_id = getenv("AWS_ACCESS_KEY_ID");
  request.secret_access_key = getenv("AWS_SECRET_ACCESS_KEY");
  request.session_token = getenv("AWS_SESSION_TOKEN");
  request.at_unix_s = time(NULL) - HOUR_S;
  if (dsql_token_generate(&request, token, sizeof token, &len, &why))
    dsql_auth_fail(q, why);
  else
    dsql_auth_answer(q, token, 0);
}

static void show_refusal(struct demo *d, const char *string) {
  const dsql_error *e;
  dsql_auth *auth;
  dsql_target *target;
  dsql_conn *conn;
  dsql_future *f;

  if (dsql_auth_new(&auth, d->rt, give_old_token, d)) exit(1);
  target = make_target(d->rt, string, auth);
  if (dsql_conn_open(&conn, d->rt, target)) exit(1);
  f = dsql_conn_ready(conn);
  if (dsql_future_run(f) == 0) {
    fprintf(stderr, "an expired token was let in\n");
    exit(1);
  }
  e = dsql_future_error(f);
  printf("3. an expired token is refused: %s %s: %.*s\n   %.*s\n", dsql_error_name(e->code), e->sqlstate,
         (int)e->message.len, e->message.ptr, (int)e->hint.len, e->hint.ptr);
  dsql_future_destroy(f);
  dsql_conn_close(conn);
  dsql_target_free(target);
  dsql_auth_free(auth);
}

int main(int argc, char **argv) {
  const char *string = argc > 1 ? argv[1] : getenv("DSQL_TARGET");
  struct demo d;
  dsql_conn *conn;
  uint64_t hits;

  if (!string || dsql_rt_new(&d.rt, uv_default_loop(), NULL)) return 1;
  d.target = make_target(d.rt, string, NULL);
  conn = connect_to(&d, "1");
  show_crud(conn);
  dsql_conn_close(conn);
  hits = tokens_of(&d).hits;
  conn = connect_to(&d, "2");
  dsql_conn_close(conn);
  if (tokens_of(&d).signings != 1 || tokens_of(&d).hits != hits + 1) return 1;
  show_refusal(&d, string);
  dsql_target_free(d.target);
  dsql_rt_close(d.rt, NULL, NULL);
  return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
