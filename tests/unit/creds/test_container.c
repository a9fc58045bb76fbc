#include <stdlib.h>

#include "interrupt.h"

#define FULL "AWS_CONTAINER_CREDENTIALS_FULL_URI=@URL/creds\n"
#define GOOD                                                                                                           \
  "{\"AccessKeyId\":\"" WORLD_ID "\",\"SecretAccessKey\":\"" WORLD_SECRET "\",\"Token\":\"" WORLD_TOKEN                \
  "\",\"Expiration\":\"2023-11-14T23:13:20Z\",\"RoleArn\":\"arn:x\"}"

static void begin(struct world *w) {
  world_open(w);
  world_http(w);
  world_vars(w, FULL);
}

static struct creds_source *make(struct world *w) { return container_source_new(&w->setup); }

static void expect_good(struct world *w) {
  world_expect(w, CREDS_FOUND, "");
  cr_assert_str_eq(w->got.access_key_id, WORLD_ID);
  cr_assert_str_eq(w->got.secret_access_key, WORLD_SECRET);
  cr_assert_str_eq(w->got.session_token, WORLD_TOKEN);
  cr_assert_eq(w->got.expires_s, WORLD_NOW_S + 3600);
}

Test(container, not_set) {
  struct world w;
  world_open(&w);
  world_vars(&w, "AWS_CONTAINER_CREDENTIALS_FULL_URI=\nAWS_CONTAINER_AUTHORIZATION_TOKEN=hunter\n");
  world_ask(&w, make(&w));
  world_expect(&w, CREDS_NOTHING,
               "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set");
  world_close(&w);
}

Test(container, bad_urls) {
  static const struct {
    const char *vars, *text;
  } cases[] = {
      {"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://evil.example/hunter",
       "AWS_CONTAINER_CREDENTIALS_FULL_URI has the host \"evil.example\""},
      {"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://u:hunter@127.0.0.1/", "has a user name"},
      {"AWS_CONTAINER_CREDENTIALS_FULL_URI=hunter", "is not a URL"},
      {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=@hunter/\n" FULL,
       "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not a path that begins with '/'"},
  };
  struct world w;
  world_open(&w);
  world_http(&w);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    world_vars(&w, cases[i].vars);
    world_ask(&w, make(&w));
    world_expect(&w, CREDS_FAILED, cases[i].text);
    cr_assert_eq(w.why.code, DSQL_EINVAL);
  }
  cr_assert_eq(w.http.connections, 0);
  world_close(&w);
}

/* Everywhere a body may come in pieces; http_proxy leads nowhere, and is not looked at. */
Test(container, answers) {
  static const enum fake_http_mode modes[] = {FAKE_HTTP_WHOLE, FAKE_HTTP_CHUNKED, FAKE_HTTP_BYTE_BY_BYTE,
                                              FAKE_HTTP_UNTIL_CLOSE};
  struct world w;

  setenv("http_proxy", "http://127.0.0.1:1", 1);
  setenv("all_proxy", "http://127.0.0.1:1", 1);
  begin(&w);
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
    struct fake_http_reply *r;
    fake_http_clear(&w.http);
    r = fake_http_on(&w.http, "GET", "/creds");
    r->mode = modes[i];
    r->body = GOOD;
    world_ask(&w, make(&w));
    expect_good(&w);
    cr_assert(fake_http_has(fake_http_request(&w.http, i), "Accept: application/json"));
    cr_assert(!fake_http_has(fake_http_request(&w.http, i), "Authorization:"));
  }
  world_close(&w);
}

Test(container, slow_and_localhost) {
  char vars[200];
  struct fake_http_reply *r;
  struct world w;

  begin(&w);
  r = fake_http_on(&w.http, "GET", "/creds");
  r->delay_ms = 300;
  r->body = GOOD;
  snprintf(vars, sizeof vars, "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://localhost:%u/creds\n", w.http.port);
  world_vars(&w, vars);
  world_ask(&w, make(&w));
  expect_good(&w);
  world_close(&w);
}

Test(container, refusals) {
  static char big[70000];
  static const struct {
    enum fake_http_mode mode;
    int status;
    const char *body;
    int code;
    const char *text;
  } cases[] = {
      {FAKE_HTTP_WHOLE, 400, "{\"code\":\"InvalidParameter\",\"message\":\"hunter\"}", DSQL_ECREDENTIALS,
       "answered with status 400 (InvalidParameter)"},
      {FAKE_HTTP_WHOLE, 400, "{\"code\":\"hunter2\"}", DSQL_ECREDENTIALS, "answered with status 400"},
      {FAKE_HTTP_WHOLE, 401, "", DSQL_ECREDENTIALS, "status 401"},
      {FAKE_HTTP_WHOLE, 404, "<html>hunter", DSQL_ECREDENTIALS, "status 404"},
      {FAKE_HTTP_WHOLE, 200, "", DSQL_EPROTO, "not valid JSON"},
      {FAKE_HTTP_WHOLE, 200, "hunter", DSQL_EPROTO, "not valid JSON"},
      {FAKE_HTTP_WHOLE, 200, "[\"hunter\"]", DSQL_EPROTO, "not a JSON object"},
      {FAKE_HTTP_WHOLE, 200, "{\"AccessKeyId\":\"hunter\"}", DSQL_EPROTO, "\"SecretAccessKey\" is missing"},
      {FAKE_HTTP_WHOLE, 200, "{\"AccessKeyId\":\"hunter\",\"SecretAccessKey\":7}", DSQL_EPROTO, "not a string"},
      {FAKE_HTTP_WHOLE, 200, "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"hunter\",\"Expiration\":\"hunter\"}",
       DSQL_EPROTO, "\"Expiration\" is not a time"},
      {FAKE_HTTP_WHOLE, 200, big, DSQL_ETOOBIG, "127.0.0.1"},
      {FAKE_HTTP_UNTIL_CLOSE, 200, big, DSQL_ETOOBIG, "127.0.0.1"},
  };
  struct world w;

  memset(big, ' ', sizeof big - 1);
  begin(&w);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct fake_http_reply *r;
    fake_http_clear(&w.http);
    r = fake_http_on(&w.http, "GET", "/creds");
    r->mode = cases[i].mode;
    r->status = cases[i].status;
    r->body = cases[i].body;
    world_ask(&w, make(&w));
    world_expect(&w, CREDS_FAILED, cases[i].text);
    cr_assert_eq(w.why.code, cases[i].code, "case %zu: %s", i, w.why.text);
    cr_assert_eq(w.http.request_count, i + 1, "case %zu was tried again", i);
  }
  world_close(&w);
}

Test(container, redirects_are_not_followed) {
  static const int codes[] = {301, 302, 303, 307, 308};
  struct world w;
  begin(&w);
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    struct fake_http_reply *r;
    fake_http_clear(&w.http);
    fake_http_on(&w.http, "GET", "/elsewhere")->body = GOOD;
    r = fake_http_on(&w.http, "GET", "/creds");
    r->status = codes[i];
    r->header[0] = world_text(&w, "Location: @URL/elsewhere");
    world_ask(&w, make(&w));
    world_expect(&w, CREDS_FAILED, "answered with status 30");
    cr_assert_eq(w.http.request_count, i + 1);
  }
  world_close(&w);
}

/* What may pass is asked for three times in all. */
Test(container, tries_again) {
  static const struct {
    enum fake_http_mode mode;
    int status;
  } cases[] = {{FAKE_HTTP_WHOLE, 500},
               {FAKE_HTTP_WHOLE, 429},
               {FAKE_HTTP_TRUNCATED, 200},
               {FAKE_HTTP_RESET, 200},
               {FAKE_HTTP_CLOSE, 200}};
  struct world w;
  size_t requests = 0;

  begin(&w);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    for (unsigned failures = 2; failures <= 3; failures++) {
      struct fake_http_reply *r;
      fake_http_clear(&w.http);
      r = fake_http_on(&w.http, "GET", "/creds");
      r->times = failures;
      r->mode = cases[i].mode;
      r->status = cases[i].status;
      r->body = "{\"message\":\"hunter\"}";
      fake_http_on(&w.http, "GET", "/creds")->body = GOOD;
      world_ask(&w, make(&w));
      if (failures == 2)
        expect_good(&w);
      else
        world_expect(&w, CREDS_FAILED, cases[i].status != 200 ? "status" : "127.0.0.1");
      requests += 3;
      cr_assert_eq(w.http.request_count, requests);
    }
  }
  world_close(&w);
}

Test(container, never_answering) {
  struct fake_http_reply *r;
  uint64_t begin_ns;
  struct world w;

  begin(&w);
  r = fake_http_on(&w.http, "GET", "/creds");
  r->mode = FAKE_HTTP_STALLED;
  r->body = GOOD;
  r->times = 1;
  fake_http_on(&w.http, "GET", "/creds")->body = GOOD;
  begin_ns = uv_hrtime();
  world_ask(&w, make(&w));
  expect_good(&w);
  cr_assert_geq(uv_hrtime() - begin_ns, UINT64_C(3900000000));
  cr_assert_eq(w.http.request_count, 2);
  world_close(&w);
}

Test(container, nobody_listens) {
  struct world w;
  world_open(&w);
  world_vars(&w, "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:1/hunter?hunter\n");
  world_ask(&w, make(&w));
  world_expect(&w, CREDS_FAILED, "http://127.0.0.1:1");
  cr_assert_eq(w.why.code, DSQL_EIO);
  world_close(&w);
}

/* ---- the token ---- */

Test(container, token_of_the_environment) {
  struct fake_http_reply *r;
  struct world w;
  begin(&w);
  r = fake_http_on(&w.http, "GET", "/creds");
  r->want_header[0] = "Authorization: Basic hunter2";
  r->body = GOOD;
  world_vars(&w, FULL "AWS_CONTAINER_AUTHORIZATION_TOKEN=Basic hunter2\nAWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=\n");
  world_ask(&w, make(&w));
  expect_good(&w);
  world_close(&w);
}

/* EKS replaces the file: the next fetch, and the next attempt of one fetch, have the new one. */
Test(container, token_file_changes) {
  static struct world_file files[] = {{"/token", "hunter-a"}, {0}};
  struct fake_http_reply *r;
  struct world w;

  begin(&w);
  w.files = files;
  world_vars(&w, FULL "AWS_CONTAINER_AUTHORIZATION_TOKEN=hunter-env\nAWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/token\n");
  r = fake_http_on(&w.http, "GET", "/creds");
  r->want_header[0] = "Authorization: hunter-a";
  r->body = GOOD;
  world_ask(&w, make(&w));
  expect_good(&w);
  files[0].text = "hunter-b";
  fake_http_clear(&w.http);
  r = fake_http_on(&w.http, "GET", "/creds");
  r->want_header[0] = "Authorization: hunter-b";
  r->times = 1;
  r->status = 500;
  r = fake_http_on(&w.http, "GET", "/creds");
  r->want_header[0] = "Authorization: hunter-b";
  r->body = GOOD;
  world_ask(&w, make(&w));
  expect_good(&w);
  cr_assert_eq(w.file_reads, 3);
  world_close(&w);
}

Test(container, bad_tokens) {
  static char big[13000], path[5000];
  static struct world_file files[] = {{"/token", NULL}, {0}};
  static const struct {
    const char *text, *why;
  } cases[] = {
      {"hunter\n", "ends with a line break"},
      {"hunter\r\n", "ends with a line break"},
      {"hunter\r\nX: y", "which can't be sent in a header"},
      {"hunter\x01", "control character"},
      {"", "is empty"},
      {big, "longer than 12 KiB"},
      {NULL, "the file \"/token\" that AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names can't be read"},
  };
  struct world w;

  memset(big, 'x', sizeof big - 1);
  begin(&w);
  world_vars(&w, FULL "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/token\n");
  w.files = files;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    files[0].text = cases[i].text;
    world_ask(&w, make(&w));
    world_expect(&w, CREDS_FAILED, cases[i].why);
    cr_assert_eq(w.why.code, DSQL_EINVAL);
  }
  world_vars(&w, FULL "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/none\nAWS_CONTAINER_AUTHORIZATION_TOKEN=hunter\n");
  world_ask(&w, make(&w));
  world_expect(&w, CREDS_FAILED, "\"/none\"");
  world_vars(&w, FULL "AWS_CONTAINER_AUTHORIZATION_TOKEN=hunter\x7f\n");
  world_ask(&w, make(&w));
  world_expect(&w, CREDS_FAILED, "AWS_CONTAINER_AUTHORIZATION_TOKEN is empty, longer");
  snprintf(path, sizeof path, FULL "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/%04200d\n", 1);
  world_vars(&w, path);
  world_ask(&w, make(&w));
  world_expect(&w, CREDS_FAILED, "longer than 4095 bytes");
  cr_assert_eq(w.http.connections, 0);
  world_close(&w);
}

/* ---- ends ---- */

Test(container, given_up) {
  struct world w;
  begin(&w);
  fake_http_on(&w.http, "GET", "/creds")->mode = FAKE_HTTP_NEVER;
  interrupt_by_free(&w, make(&w), 1);
}

Test(container, given_up_while_it_pauses) {
  struct world w;
  begin(&w);
  fake_http_on(&w.http, "GET", "/creds")->status = 503;
  interrupt_by_free(&w, make(&w), 1);
}

Test(container, given_up_before_the_start) {
  struct world w;
  begin(&w);
  source_free(make(&w));
  world_close(&w);
}

Test(container, closed) {
  struct world w;
  begin(&w);
  fake_http_on(&w.http, "GET", "/creds")->mode = FAKE_HTTP_NEVER;
  interrupt_by_close(&w, make(&w), 1);
}

Test(container, no_memory) {
  static const struct world_file files[] = {{"/token", "hunter-a"}, {0}};
  struct world w;
  begin(&w);
  w.files = files;
  world_vars(&w, FULL "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/token\n");
  fake_http_on(&w.http, "GET", "/creds")->body = GOOD;
  interrupt_by_no_memory(&w, make, 7);
  world_close(&w);
}
