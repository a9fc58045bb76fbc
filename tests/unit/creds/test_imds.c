#include <stdlib.h>

#include "creds/source_imds.h"
#include "interrupt.h"

#define VARS "AWS_EC2_METADATA_SERVICE_ENDPOINT=@URL\n"
#define TOKEN_PATH "/latest/api/token"
#define ROLES "/latest/meta-data/iam/security-credentials/"
#define CREDENTIALS(code)                                                                                              \
  "{\"Code\":\"" code "\",\"Type\":\"AWS-HMAC\",\"AccessKeyId\":\"" WORLD_ID "\",\"SecretAccessKey\":\"" WORLD_SECRET  \
  "\",\"Token\":\"" WORLD_TOKEN "\",\"Expiration\":\"2023-11-14T23:13:20Z\"}"
#define GOOD CREDENTIALS("Success")

static struct creds_source *make(struct world *w) { return imds_source_new(&w->setup); }

static void begin(struct world *w) {
  world_open(w);
  world_http(w);
  world_vars(w, VARS);
}

static struct fake_http_reply *on_token(struct world *w, const char *token) {
  struct fake_http_reply *r = fake_http_on(&w->http, "PUT", TOKEN_PATH);
  r->want_header[0] = "x-aws-ec2-metadata-token-ttl-seconds: 21600";
  r->body = token;
  return r;
}

static struct fake_http_reply *on_get(struct world *w, const char *path, const char *token, const char *body) {
  struct fake_http_reply *r = fake_http_on(&w->http, "GET", path);
  r->want_header[0] = token;
  r->body = body;
  return r;
}

#define HEADER "x-aws-ec2-metadata-token: hunter-token"
static void play(struct world *w) {
  on_token(w, "hunter-token");
  on_get(w, ROLES, HEADER, "my+role=,.@_-1");
  on_get(w, ROLES "my+role=,.@_-1", HEADER, GOOD);
}

static void expect_good(struct world *w) {
  world_expect(w, CREDS_FOUND, "");
  cr_assert_str_eq(w->got.access_key_id, WORLD_ID);
  cr_assert_str_eq(w->got.secret_access_key, WORLD_SECRET);
  cr_assert_str_eq(w->got.session_token, WORLD_TOKEN);
  cr_assert_eq(w->got.expires_s, WORLD_NOW_S + 3600);
}

/* ---- settings ---- */

static void check_config(const char *profile, const char *vars, const char *endpoint, uint32_t timeout_ms,
                         unsigned attempts) {
  struct world_file files[] = {{"/home/w/.aws/config", profile}, {0}};
  struct imds_config c;
  struct fault f = {0};
  struct world w;

  world_open(&w);
  w.files = files;
  world_load(&w);
  world_vars(&w, vars);
  cr_assert_eq(imds_config_read(&w.setup, &c, &f), endpoint ? 0 : DSQL_EINVAL, "%s %s: %s", profile, vars, f.text);
  if (endpoint) {
    cr_assert_str_eq(c.endpoint, endpoint);
    cr_assert_eq(c.timeout_ms, timeout_ms);
    cr_assert_eq(c.attempts, attempts);
  }
  w.files = NULL;
  world_close(&w);
}

#define E "AWS_EC2_METADATA_SERVICE_ENDPOINT="
#define M "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE="
Test(imds, settings) {
  static const struct {
    const char *profile, *vars, *endpoint;
    uint32_t timeout_ms;
    unsigned attempts;
  } cases[] = {
      {"[default]\n", "", "http://169.254.169.254", 1000, 2},
      {"[default]\n", M "IPv4", "http://169.254.169.254", 1000, 2},
      {"[default]\n", M "IPv6", "http://[fd00:ec2::254]", 1000, 2},
      {"[default]\n", M "ipv6\n" E "http://10.1.2.3:99///", "http://10.1.2.3:99", 1000, 2},
      {"[default]\n", M "ipv5", NULL, 0, 0},
      {"[default]\nec2_metadata_service_endpoint_mode = IPv6\n", "", "http://[fd00:ec2::254]", 1000, 2},
      {"[default]\nec2_metadata_service_endpoint_mode = IPv6\n", M "IPv4", "http://169.254.169.254", 1000, 2},
      {"[default]\nec2_metadata_service_endpoint = https://a.b/x/\n", M "IPv4", "https://a.b/x", 1000, 2},
      {"[default]\nec2_metadata_service_endpoint = http://a.b\n", E "http://c.d", "http://c.d", 1000, 2},
      {"[profile other]\nec2_metadata_service_endpoint = http://a.b\n", "", "http://169.254.169.254", 1000, 2},
      {"[default]\nmetadata_service_timeout = 5\nmetadata_service_num_attempts = 3\n", "", "http://169.254.169.254",
       5000, 3},
      {"[default]\nmetadata_service_timeout = 5\n",
       "AWS_METADATA_SERVICE_TIMEOUT=2\nAWS_METADATA_SERVICE_NUM_ATTEMPTS=1", "http://169.254.169.254", 2000, 1},
      {"[default]\n", "AWS_METADATA_SERVICE_TIMEOUT=0", NULL, 0, 0},
      {"[default]\n", "AWS_METADATA_SERVICE_TIMEOUT=61", NULL, 0, 0},
      {"[default]\n", "AWS_METADATA_SERVICE_TIMEOUT=1.5", NULL, 0, 0},
      {"[default]\n", "AWS_METADATA_SERVICE_TIMEOUT=-1", NULL, 0, 0},
      {"[default]\n", "AWS_METADATA_SERVICE_TIMEOUT= 1", NULL, 0, 0},
      {"[default]\n", "AWS_METADATA_SERVICE_NUM_ATTEMPTS=99999999999999999999", NULL, 0, 0},
      {"[default]\n", "AWS_METADATA_SERVICE_NUM_ATTEMPTS=21", NULL, 0, 0},
      {"[default]\n", "AWS_METADATA_SERVICE_NUM_ATTEMPTS=x", NULL, 0, 0},
      {"[default]\n", E "169.254.169.254", NULL, 0, 0},
      {"[default]\n", E "ftp://169.254.169.254", NULL, 0, 0},
      {"[default]\n", E "http://u:p@169.254.169.254", NULL, 0, 0},
      {"[default]\n", E "http://169.254.169.254/?x", NULL, 0, 0},
      {"[default]\n", E "http://2852039166/", NULL, 0, 0},
      {"[default]\n", E "http://a.b/\r", NULL, 0, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    check_config(cases[i].profile, cases[i].vars, cases[i].endpoint, cases[i].timeout_ms, cases[i].attempts);
}

Test(imds, settings_are_named) {
  static const struct {
    const char *vars, *text;
  } cases[] = {
      {M "v6", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is \"v6\", and must be IPv4 or IPv6"},
      {E "http://hunter@x/", "AWS_EC2_METADATA_SERVICE_ENDPOINT has a user name in it"},
      {"AWS_METADATA_SERVICE_TIMEOUT=soon",
       "AWS_METADATA_SERVICE_TIMEOUT is \"soon\", and must be a whole number in 1..60"},
      {"AWS_METADATA_SERVICE_NUM_ATTEMPTS=0", "AWS_METADATA_SERVICE_NUM_ATTEMPTS is \"0\""},
  };
  struct world w;
  world_open(&w);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    world_vars(&w, cases[i].vars);
    world_ask(&w, make(&w));
    world_expect(&w, CREDS_FAILED, cases[i].text);
    cr_assert_eq(w.why.code, DSQL_EINVAL);
  }
  world_close(&w);
}

Test(imds, role_names) {
  static char big[66];
  memset(big, 'r', 65);
  cr_assert(imds_role_valid("my+role=,.@_-1", 14));
  cr_assert(imds_role_valid(big, 64));
  cr_assert(!imds_role_valid(big, 65));
  cr_assert(!imds_role_valid("", 0));
  cr_assert(!imds_role_valid(".", 1));
  cr_assert(!imds_role_valid("..", 2));
  cr_assert(imds_role_valid("...", 3));
  cr_assert(!imds_role_valid("a/b", 3));
  cr_assert(!imds_role_valid("a?b", 3));
  cr_assert(!imds_role_valid("a%2f", 4));
  cr_assert(!imds_role_valid("a b", 3));
  cr_assert(!imds_role_valid("a\0b", 3));
  cr_assert(!imds_role_valid("a\xc3\xa4", 3));
}

Test(imds, disabled) {
  static const char *const values[] = {"true", "TRUE", "True"};
  struct world w;
  begin(&w);
  for (size_t i = 0; i < 3; i++) {
    char vars[200];
    snprintf(vars, sizeof vars, VARS "AWS_METADATA_SERVICE_TIMEOUT=nonsense\nAWS_EC2_METADATA_DISABLED=%s\n",
             values[i]);
    world_vars(&w, vars);
    world_ask(&w, make(&w));
    world_expect(&w, CREDS_NOTHING, "AWS_EC2_METADATA_DISABLED is true");
  }
  cr_assert_eq(w.http.connections, 0);
  play(&w);
  world_vars(&w, VARS "AWS_EC2_METADATA_DISABLED=false\n");
  world_ask(&w, make(&w));
  expect_good(&w);
  world_close(&w);
}

/* ---- the three steps ---- */

/* One token, used for both questions; the proxy variables lead nowhere. */
Test(imds, answers) {
  static const enum fake_http_mode modes[] = {FAKE_HTTP_WHOLE, FAKE_HTTP_CHUNKED, FAKE_HTTP_BYTE_BY_BYTE,
                                              FAKE_HTTP_UNTIL_CLOSE};
  struct world w;

  setenv("http_proxy", "http://127.0.0.1:1", 1);
  setenv("all_proxy", "http://127.0.0.1:1", 1);
  begin(&w);
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
    fake_http_clear(&w.http);
    on_token(&w, "hunter-token")->mode = modes[i];
    on_get(&w, ROLES, HEADER, i % 2 ? "role\n" : "role\r\nother\r\n")->mode = modes[i];
    on_get(&w, ROLES "role", HEADER, GOOD)->mode = modes[i];
    world_ask(&w, make(&w));
    expect_good(&w);
    cr_assert_eq(w.http.request_count, 3 * (i + 1));
    cr_assert(!fake_http_has(fake_http_request(&w.http, 3 * i), "x-aws-ec2-metadata-token:"));
  }
  world_close(&w);
}

Test(imds, endpoint_with_a_path_on_ipv6) {
  char vars[200];
  struct world w;
  begin(&w);
  if (w.http.url6[0]) {
    on_get(&w, "/p" ROLES, HEADER, "r");
    on_get(&w, "/p" ROLES "r", HEADER, GOOD);
    fake_http_on(&w.http, "PUT", "/p" TOKEN_PATH)->body = "hunter-token";
    snprintf(vars, sizeof vars, E "%s/p/\n", w.http.url6);
    world_vars(&w, vars);
    world_ask(&w, make(&w));
    expect_good(&w);
    cr_assert_eq(w.http.request_count, 3);
  }
  world_close(&w);
}

/* The instance's role is changed between two fetches. */
Test(imds, role_rotates) {
  struct world w;
  begin(&w);
  on_token(&w, "hunter-token");
  on_get(&w, ROLES, HEADER, "first")->times = 1;
  on_get(&w, ROLES, HEADER, "second");
  on_get(&w, ROLES "first", HEADER, GOOD);
  on_get(&w, ROLES "second", HEADER,
         "{\"Code\":\"Success\",\"AccessKeyId\":\"ASIA2\",\"SecretAccessKey\":\"hunter2\",\"Token\":\"t\"}");
  world_ask(&w, make(&w));
  expect_good(&w);
  world_ask(&w, make(&w));
  world_expect(&w, CREDS_FOUND, "");
  cr_assert_str_eq(w.got.access_key_id, "ASIA2");
  cr_assert_eq(w.got.expires_s, 0);
  world_close(&w);
}

/* Old ones are what EC2 gives during an outage: they are taken. */
Test(imds, expired_credentials_are_taken) {
  struct world w;
  begin(&w);
  on_token(&w, "hunter-token");
  on_get(&w, ROLES, HEADER, "r");
  on_get(&w, ROLES "r", HEADER,
         "{\"Code\":\"Success\",\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hunter\",\"Token\":\"t\","
         "\"Expiration\":\"2023-11-14T21:13:20Z\"}");
  world_ask(&w, make(&w));
  world_expect(&w, CREDS_FOUND, "");
  cr_assert_eq(w.got.expires_s, WORLD_NOW_S - 3600);
  world_close(&w);
}

Test(imds, no_token) {
  static const struct {
    int status;
    const char *body;
    enum creds_outcome outcome;
    const char *text;
  } cases[] = {
      {403, "hunter", CREDS_NOTHING, "gave no session token, status 403 (version 1"},
      {404, "hunter", CREDS_NOTHING, "hop limit must be 2"},
      {405, "hunter", CREDS_NOTHING, "version 1 of it is never used"},
      {400, "hunter", CREDS_NOTHING, "status 400"},
      {302, "hunter", CREDS_FAILED, "no session token, status 302"},
      {500, "hunter", CREDS_FAILED, "no session token, status 500"},
      {200, "", CREDS_FAILED, "no session token"},
      {200, "hunter\n", CREDS_FAILED, "no session token"},
      {200, "hunter\r\nX: y", CREDS_FAILED, "no session token"},
  };
  struct world w;
  begin(&w);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct fake_http_reply *r;
    fake_http_clear(&w.http);
    r = on_token(&w, cases[i].body);
    r->status = cases[i].status;
    r->header[0] = world_text(&w, "Location: @URL" ROLES);
    world_ask(&w, make(&w));
    world_expect(&w, cases[i].outcome, cases[i].text);
    cr_assert_not_null(strstr(w.why.text, fake_http_url(&w.http)), "%s", w.why.text);
  }
  world_close(&w);
}

Test(imds, no_answer) {
  uint64_t begin_ns;
  struct world w;
  begin(&w);
  on_token(&w, "hunter")->mode = FAKE_HTTP_NEVER;
  begin_ns = uv_hrtime();
  world_ask(&w, make(&w));
  world_expect(&w, CREDS_NOTHING, "hop limit must be 2");
  cr_assert_eq(w.http.request_count, 1);
  cr_assert_geq(uv_hrtime() - begin_ns, UINT64_C(950000000));
  world_vars(&w, VARS "AWS_METADATA_SERVICE_NUM_ATTEMPTS=2\n");
  world_ask(&w, make(&w));
  world_expect(&w, CREDS_NOTHING, "hop limit must be 2");
  cr_assert_eq(w.http.request_count, 3, "attempts that were asked for were not made");
  world_close(&w);
}

Test(imds, nobody_listens) {
  struct world w;
  world_open(&w);
  world_vars(&w, E "http://127.0.0.1:1\n");
  world_ask(&w, make(&w));
  world_expect(&w, CREDS_NOTHING, "not reachable: http://127.0.0.1:1");
  world_close(&w);
}

Test(imds, no_role) {
  struct world w;
  begin(&w);
  on_token(&w, "hunter-token");
  on_get(&w, ROLES, HEADER, "<html>hunter")->status = 404;
  world_ask(&w, make(&w));
  world_expect(&w, CREDS_NOTHING, "no role is attached to this instance");
  fake_http_clear(&w.http);
  on_token(&w, "hunter-token");
  on_get(&w, ROLES, HEADER, "");
  world_ask(&w, make(&w));
  world_expect(&w, CREDS_NOTHING, "no role is attached to this instance");
  world_close(&w);
}

Test(imds, bad_roles) {
  static char big[70000];
  static const struct {
    int status;
    const char *body, *text;
  } cases[] = {
      {200, "../../hunter", "is no name of a role"},
      {200, "a?hunter", "is no name of a role"},
      {200, "..", "is no name of a role"},
      {200, "\nrole", "is no name of a role"},
      {200, "<!doctype html>hunter", "is no name of a role"},
      {200, big, "127.0.0.1"},
      {301, "hunter", "status 301 when asked for its role"},
      {403, "hunter", "status 403"},
      {500, "hunter", "status 500"},
  };
  struct world w;
  memset(big, 'x', sizeof big - 1);
  begin(&w);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    fake_http_clear(&w.http);
    on_token(&w, "hunter-token");
    on_get(&w, ROLES, HEADER, cases[i].body)->status = cases[i].status;
    world_ask(&w, make(&w));
    world_expect(&w, CREDS_FAILED, cases[i].text);
  }
  world_close(&w);
}

Test(imds, bad_credentials) {
  static const struct {
    enum fake_http_mode mode;
    int status;
    const char *body, *text;
  } cases[] = {
      {FAKE_HTTP_WHOLE, 200, CREDENTIALS("AssumeRoleUnauthorizedAccess"),
       "no credentials for the role \"r\": AssumeRoleUnauthorizedAccess"},
      {FAKE_HTTP_WHOLE, 200, CREDENTIALS("hunter 2"), "its answer's Code is not Success"},
      {FAKE_HTTP_WHOLE, 200, "hunter", "for the role \"r\": it is not valid JSON"},
      {FAKE_HTTP_WHOLE, 200, "{\"Code\":\"Success\",\"AccessKeyId\":\"hunter\"}", "\"SecretAccessKey\" is missing"},
      {FAKE_HTTP_WHOLE, 404, "hunter", "status 404 when asked for credentials of its role"},
      {FAKE_HTTP_WHOLE, 503, "hunter", "status 503"},
      {FAKE_HTTP_TRUNCATED, 200, GOOD, "http://127.0.0.1"},
      {FAKE_HTTP_RESET, 200, GOOD, "http://127.0.0.1"},
      {FAKE_HTTP_STALLED, 200, GOOD, "http://127.0.0.1"},
  };
  struct world w;
  begin(&w);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct fake_http_reply *r;
    fake_http_clear(&w.http);
    on_token(&w, "hunter-token");
    on_get(&w, ROLES, HEADER, "r");
    r = on_get(&w, ROLES "r", HEADER, cases[i].body);
    r->mode = cases[i].mode;
    r->status = cases[i].status;
    world_ask(&w, make(&w));
    world_expect(&w, CREDS_FAILED, cases[i].text);
  }
  world_close(&w);
}

Test(imds, without_code) {
  struct world w;
  begin(&w);
  on_token(&w, "hunter-token");
  on_get(&w, ROLES, HEADER, "r");
  on_get(&w, ROLES "r", HEADER, "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hunter\"}");
  world_ask(&w, make(&w));
  world_expect(&w, CREDS_FOUND, "");
  cr_assert_null(w.got.session_token);
  world_close(&w);
}

/* A token ends, or the service forgot it: one new one, at whichever question; not a third. */
Test(imds, new_token_once) {
  struct world w;
  begin(&w);
  for (int step = 0; step < 2; step++) {
    size_t before = w.http.request_count;
    struct fake_http_reply *r;
    fake_http_clear(&w.http);
    on_token(&w, "hunter-old")->times = 1;
    on_token(&w, "hunter-token");
    if (step) on_get(&w, ROLES, "x-aws-ec2-metadata-token: hunter-old", "r");
    r = on_get(&w, step ? ROLES "r" : ROLES, "x-aws-ec2-metadata-token: hunter-old", "hunter");
    r->status = 401;
    r->times = 1;
    on_get(&w, ROLES, HEADER, "r");
    on_get(&w, ROLES "r", HEADER, GOOD);
    world_ask(&w, make(&w));
    expect_good(&w);
    cr_assert_eq(w.http.request_count - before, 5);
  }
  fake_http_clear(&w.http);
  on_token(&w, "hunter-token");
  on_get(&w, ROLES, HEADER, "hunter")->status = 401;
  world_ask(&w, make(&w));
  world_expect(&w, CREDS_FAILED, "status 401");
  cr_assert_eq(w.http.request_count, 10 + 4);
  world_close(&w);
}

Test(imds, tries_again) {
  struct world w;
  begin(&w);
  on_token(&w, "")->times = 1;
  on_token(&w, "hunter-token");
  on_get(&w, ROLES, HEADER, "")->times = 1;
  on_get(&w, ROLES, HEADER, "r");
  fake_http_on(&w.http, "GET", ROLES "r")->status = 503;
  w.http.replies[4].times = 1;
  on_get(&w, ROLES "r", HEADER, GOOD);
  world_ask(&w, make(&w));
  expect_good(&w);
  cr_assert_eq(w.http.request_count, 6);
  world_vars(&w, VARS "AWS_METADATA_SERVICE_NUM_ATTEMPTS=1\n");
  fake_http_clear(&w.http);
  on_token(&w, "hunter")->status = 500;
  world_ask(&w, make(&w));
  world_expect(&w, CREDS_FAILED, "status 500");
  cr_assert_eq(w.http.request_count, 7);
  world_close(&w);
}

/* ---- ends ---- */

static void begin_at(struct world *w, int step) {
  begin(w);
  on_token(w, "hunter-token")->mode = step == 0 ? FAKE_HTTP_NEVER : FAKE_HTTP_WHOLE;
  on_get(w, ROLES, HEADER, "r")->mode = step == 1 ? FAKE_HTTP_NEVER : FAKE_HTTP_WHOLE;
  on_get(w, ROLES "r", HEADER, GOOD)->mode = FAKE_HTTP_NEVER;
}

Test(imds, given_up) {
  for (int step = 0; step < 3; step++) {
    struct world w;
    begin_at(&w, step);
    interrupt_by_free(&w, make(&w), (size_t)step + 1);
  }
}

Test(imds, closed) {
  for (int step = 0; step < 3; step++) {
    struct world w;
    begin_at(&w, step);
    interrupt_by_close(&w, make(&w), (size_t)step + 1);
  }
}

Test(imds, never_started) {
  struct world w;
  begin(&w);
  source_free(make(&w));
  world_close(&w);
}

Test(imds, no_memory) {
  struct world w;
  begin(&w);
  play(&w);
  interrupt_by_no_memory(&w, make, 10);
  world_close(&w);
}
