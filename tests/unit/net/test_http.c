/* Requests and answers, and what goes wrong with them. Whatever is secret in a request or an answer is "SECRET". */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "dsql/version.h"
#include "http_fixture.h"
#include "net_fixture.h"
#include "spy_alloc.h"

static struct web w;
static struct got g;

static void open_web(void) { web_open(&w); }
static void close_web(void) { web_close(&w); }

static void get(const char *url) { got_run(&g, &w, &(struct http_request){.method = "GET", .url = url}); }

TestSuite(http, .init = open_web, .fini = close_web, .timeout = 30);

Test(http, answers_however_they_arrive) {
  static const enum fake_http_mode modes[] = {FAKE_HTTP_WHOLE, FAKE_HTTP_CHUNKED, FAKE_HTTP_BYTE_BY_BYTE,
                                              FAKE_HTTP_UNTIL_CLOSE};
  for (size_t i = 0; i < COUNT(modes); i++) {
    struct fake_http_reply *r = fake_http_on(&w.h, "GET", "/latest/meta-data?x=1&y=%20");
    r->mode = modes[i];
    r->body = "some body, with\nlines";
    r->header[0] = "Date: Sun, 06 Nov 1994 08:49:37 GMT";
    r->times = 1;
    get(web_url(&w, "/latest/meta-data?x=1&y=%20"));
    cr_expect(g.answered, "%s", g.f.text);
    cr_expect_eq(g.status, 200);
    cr_expect_eq(g.date_s, 784111777);
    cr_expect_str_eq(g.body, "some body, with\nlines");
  }
  cr_expect_eq(w.h.connections, COUNT(modes), "no connection is used twice");
  cr_expect_eq(w.h.unexpected, 0, "%s", w.h.unexpected_text);
}

Test(http, any_status_is_an_answer_and_redirects_are_not_followed) {
  static const int statuses[] = {200, 201, 204, 301, 302, 307, 308, 400, 401, 403, 404, 429, 500, 503};
  for (size_t i = 0; i < COUNT(statuses); i++) {
    struct fake_http_reply *r = fake_http_on(&w.h, "GET", "/s");
    r->status = statuses[i];
    r->header[0] = "Location: /elsewhere";
    r->times = 1;
    get(web_url(&w, "/s"));
    cr_expect(g.answered);
    cr_expect_eq(g.status, statuses[i]);
    cr_expect_eq(g.date_s, 0, "no Date header");
  }
  cr_expect_eq(w.h.request_count, COUNT(statuses));
  cr_expect_eq(w.h.unexpected, 0, "%s", w.h.unexpected_text);
}

Test(http, ipv6_and_names) {
  char url[80];
  fake_http_on(&w.h, "GET", "/")->body = "hello";
  if (w.h.url6[0]) {
    (void)snprintf(url, sizeof url, "%s/", w.h.url6);
    get(url);
    cr_expect_str_eq(g.body, "hello");
  }
  (void)snprintf(url, sizeof url, "http://local.test:%u", w.h.port);
  get(url);
  cr_expect_str_eq(g.body, "hello");
}

Test(http, interim_answers_and_their_dates_do_not_count) {
  struct fake_http_reply *r = fake_http_on(&w.h, "GET", "/");
  r->mode = FAKE_HTTP_RAW;
  r->body = "HTTP/1.1 100 Continue\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  get(web_url(&w, "/"));
  cr_expect_eq(g.status, 200);
  cr_expect_eq(g.date_s, 0);
  cr_expect_str_eq(g.body, "ok");
}

Test(http, dates_that_are_none) {
  static const char *const dates[] = {
      "Date: yesterday", "Date:", "Date: Sun, 06 Nov 1994 08:49:37 GMT and a lot more text than any date would have",
      "Date: \x01\x02"};
  for (size_t i = 0; i < COUNT(dates); i++) {
    struct fake_http_reply *r = fake_http_on(&w.h, "GET", "/");
    r->header[0] = dates[i];
    r->times = 1;
    get(web_url(&w, "/"));
    cr_expect(g.answered);
    cr_expect_eq(g.date_s, 0, "%s", dates[i]);
  }
}

Test(http, what_is_sent) {
  static const char *const headers[] = {"X-aws-ec2-metadata-token-ttl-seconds: 21600",
                                        "Content-Type: application/json"};
  const struct fake_http_request *q;

  fake_http_on(&w.h, "PUT", "/put");
  fake_http_on(&w.h, "POST", "/post");
  fake_http_on(&w.h, "GET", "/get");
  got_run(&g, &w,
          &(struct http_request){.method = "PUT", .url = web_url(&w, "/put"), .headers = headers, .header_count = 1});
  q = fake_http_request(&w.h, 0);
  cr_expect(fake_http_has(q, headers[0]));
  cr_expect(fake_http_has(q, "Content-Length: 0"));
  cr_expect_not(fake_http_has(q, "Content-Type:"));
  got_run(&g, &w,
          &(struct http_request){.method = "POST",
                                 .url = web_url(&w, "/post"),
                                 .headers = headers,
                                 .header_count = 2,
                                 .body = "a=1&b=2",
                                 .body_len = 7});
  q = fake_http_request(&w.h, 1);
  cr_expect(fake_http_has(q, headers[1]));
  cr_expect_str_eq(q->body, "a=1&b=2");
  get(web_url(&w, "/get"));
  q = fake_http_request(&w.h, 2);
  cr_expect(fake_http_has(q, "User-Agent: libdsql/" DSQL_VERSION_STRING));
  cr_expect_not(fake_http_has(q, "Content-Length:"));
  for (size_t i = 0; i < 3; i++) {
    cr_expect_not(fake_http_has(fake_http_request(&w.h, i), "Expect:"));
    cr_expect_not(fake_http_has(fake_http_request(&w.h, i), "Accept-Encoding:"));
  }
  cr_expect_eq(w.h.unexpected, 0, "%s", w.h.unexpected_text);
}

/* Large enough that libcurl would ask "Expect: 100-continue", and with bytes that end strings. */
Test(http, body_of_a_megabyte_is_sent_and_copied) {
  enum { SIZE = 1024 * 1024 };
  char *body = malloc(SIZE), *url = strdup(web_url(&w, "/"));
  for (size_t i = 0; i < SIZE; i++) body[i] = (char)(i % 251);
  fake_http_on(&w.h, "POST", "/");
  g = (struct got){0};
  got_start(&g, &w, &(struct http_request){.method = "POST", .url = url, .body = body, .body_len = SIZE});
  memset(body, 'x', SIZE);
  memset(url, 'x', strlen(url));
  got_wait(&g);
  cr_expect_eq(g.status, 200, "%s", g.f.text);
  cr_assert_eq(fake_http_request(&w.h, 0)->body_len, SIZE);
  for (size_t i = 0; i < SIZE; i++) body[i] = (char)(i % 251);
  cr_expect_eq(memcmp(fake_http_request(&w.h, 0)->body, body, SIZE), 0);
  free(body);
  free(url);
}

/* ---- failures ---- */

static void expect_fault(int code, const char *part) {
  cr_expect_not(g.answered, "%s", part);
  cr_expect_eq(g.f.code, code, "%s: %s", dsql_error_name(g.f.code), g.f.text);
  cr_expect_not_null(strstr(g.f.text, part), "\"%s\" is not in: %s", part, g.f.text);
  cr_expect_null(strstr(g.f.text, "SECRET"), "%s", g.f.text);
}

static void post_secrets(const char *origin, uint32_t timeout_ms) {
  static const char *const headers[] = {"Authorization: SECRET", "X-Token: SECRET"};
  char url[200];
  (void)snprintf(url, sizeof url, "%s/SECRET?token=SECRET", origin);
  got_run(&g, &w,
          &(struct http_request){.method = "POST",
                                 .url = url,
                                 .headers = headers,
                                 .header_count = 2,
                                 .body = "SECRET",
                                 .body_len = 6,
                                 .timeout_ms = timeout_ms});
}

Test(http, failures_name_the_origin_and_no_secret) {
  static const struct {
    enum fake_http_mode mode;
    const char *body;
    int code;
    const char *part;
  } cases[] = {
      {FAKE_HTTP_CLOSE, "", DSQL_EIO, "Server returned nothing"},
      {FAKE_HTTP_RESET, "", DSQL_EIO, ""},
      {FAKE_HTTP_TRUNCATED, "SECRET", DSQL_EIO, ""},
      {FAKE_HTTP_NEVER, "", DSQL_ETIMEDOUT, "no whole answer within 100 ms"},
      {FAKE_HTTP_STALLED, "SECRET", DSQL_ETIMEDOUT, "no whole answer within 100 ms"},
      {FAKE_HTTP_RAW, "SECRET SECRET\r\n\r\n", DSQL_EIO, "not valid HTTP/1"},
      {FAKE_HTTP_RAW, "HTTP/9.9 SECRET\r\n\r\n", DSQL_EIO, ""},
      {FAKE_HTTP_RAW, "HTTP/1.1 200 OK\r\nContent-Length: SECRET\r\n\r\n", DSQL_EIO, ""},
      {FAKE_HTTP_RAW, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nSECRET\r\n", DSQL_EIO, ""},
      {FAKE_HTTP_RAW, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", DSQL_ETOOBIG,
       "the answer is too large"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct fake_http_reply *r = fake_http_on(&w.h, "POST", "/SECRET?token=SECRET");
    r->mode = cases[i].mode;
    r->body = cases[i].body;
    r->times = 1;
    post_secrets(fake_http_url(&w.h), 100);
    expect_fault(cases[i].code, fake_http_url(&w.h));
    expect_fault(cases[i].code, cases[i].part);
  }
}

Test(http, failures_before_a_connection) {
  char url[80], slow_url[] = "http://slow.test:81";
  (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", refusing_port());
  post_secrets(url, 0);
  expect_fault(DSQL_EIO, url);
  expect_fault(DSQL_EIO, "connection refused");
  cr_expect_eq(g.f.os_error, ECONNREFUSED);
  post_secrets("http://fail.test", 0);
  expect_fault(DSQL_EIO, "http://fail.test:80");
  post_secrets(slow_url, 50);
  expect_fault(DSQL_ETIMEDOUT, "http://slow.test:81: no connection within 50 ms");
  slow_lookups_wait();
}

Test(http, tls_to_a_server_without_it) {
  char url[80];
  (void)snprintf(url, sizeof url, "https://127.0.0.1:%u", w.h.port);
  w.h.garbage = true;
  post_secrets(url, 2000);
  expect_fault(DSQL_ETLS, url);
}

Test(http, delay_within_the_limit) {
  struct fake_http_reply *r = fake_http_on(&w.h, "GET", "/");
  r->delay_ms = 100;
  got_run(&g, &w, &(struct http_request){.method = "GET", .url = web_url(&w, "/"), .timeout_ms = 10 * 1000});
  cr_expect_eq(g.status, 200);
}

/* ---- sizes ---- */

Test(http, body_at_and_over_the_limit) {
  static const enum fake_http_mode modes[] = {FAKE_HTTP_WHOLE, FAKE_HTTP_CHUNKED, FAKE_HTTP_UNTIL_CLOSE};
  char *body = malloc(HTTP_BODY_MAX + 2);
  memset(body, 'b', HTTP_BODY_MAX + 1);
  body[HTTP_BODY_MAX + 1] = '\0';
  for (size_t i = 0; i < COUNT(modes); i++) {
    for (size_t over = 0; over < 2; over++) {
      struct fake_http_reply *r = fake_http_on(&w.h, "GET", "/");
      r->mode = modes[i];
      r->body = body;
      r->body_len = HTTP_BODY_MAX + over;
      r->times = 1;
      get(web_url(&w, "/"));
      if (over)
        expect_fault(DSQL_ETOOBIG, fake_http_url(&w.h));
      else
        cr_expect_eq(g.len, HTTP_BODY_MAX, "%s", g.f.text);
    }
  }
  web_stop(&w); /* the body is borrowed until then */
  free(body);
}

Test(http, headers_over_the_limit) {
  enum { SIZE = 40 * 1000 };
  char *header = malloc(SIZE);
  struct fake_http_reply *r = fake_http_on(&w.h, "GET", "/");
  memset(header, 'h', SIZE - 1);
  memcpy(header, "X: ", 3);
  header[SIZE - 1] = '\0';
  r->header[0] = header;
  r->times = 1;
  get(web_url(&w, "/"));
  cr_expect_eq(g.status, 200);
  r = fake_http_on(&w.h, "GET", "/");
  r->header[0] = r->header[1] = header;
  get(web_url(&w, "/"));
  expect_fault(DSQL_ETOOBIG, "headers");
  web_stop(&w);
  free(header);
}

/* ---- what is refused at once ---- */

Test(http, bad_requests) {
  static const char *const no_name[] = {": SECRET"}, *const no_colon[] = {"SECRET"}, *const blank[] = {"A b: SECRET"},
                           *const empty[] = {"X-Empty: "}, *const split[] = {"X-Split: a\r\nSECRET: b"};
  static const struct {
    const char *name;
    struct http_request q;
    const char *part;
  } cases[] = {
      {"method", {.method = "DELETE", .url = "http://a/"}, "GET, PUT or POST"},
      {"lower", {.method = "get", .url = "http://a/"}, "GET, PUT or POST"},
      {"get body", {.method = "GET", .url = "http://a/", .body = "SECRET", .body_len = 6}, "no body"},
      {"scheme", {.method = "GET", .url = "ftp://a/SECRET"}, "http:// or https://"},
      {"file", {.method = "GET", .url = "file:///SECRET"}, "http"},
      {"nothing", {.method = "GET", .url = ""}, "not valid"},
      {"user", {.method = "GET", .url = "http://u:SECRET@a/"}, "not valid"},
      {"port", {.method = "GET", .url = "http://a:99999/SECRET"}, "not valid"},
      {"blank", {.method = "GET", .url = "http://a b/SECRET"}, "not valid"},
      {"lines", {.method = "GET", .url = "http://a/\r\nSECRET: x"}, "not valid"},
      {"no name", {.method = "GET", .url = "http://a/", .headers = no_name, .header_count = 1}, "name: value"},
      {"no colon", {.method = "GET", .url = "http://a/", .headers = no_colon, .header_count = 1}, "name: value"},
      {"blank", {.method = "GET", .url = "http://a/", .headers = blank, .header_count = 1}, "name: value"},
      {"empty", {.method = "GET", .url = "http://a/", .headers = empty, .header_count = 1}, "\"X-Empty\" has no value"},
      {"split", {.method = "GET", .url = "http://a/", .headers = split, .header_count = 1}, "control character"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct fault f = {0};
    struct http_call *call = (struct http_call *)(void *)&f;
    cr_expect_eq(http_start(&call, w.x.rt, &cases[i].q, got_done, &g, &f), DSQL_EINVAL, "%s", cases[i].name);
    cr_expect_null(call);
    cr_expect_not_null(strstr(f.text, cases[i].part), "%s: %s", cases[i].name, f.text);
    cr_expect_null(strstr(f.text, "SECRET"), "%s: %s", cases[i].name, f.text);
  }
  cr_expect_eq(g.done, 0);
}

/* ---- proxies ---- */

Test(http, proxy_variables_are_obeyed_unless_told_not_to) {
  char dead[80], alive[80];
  struct http_request q = {.method = "GET", .url = web_url(&w, "/x")};

  fake_http_on(&w.h, "GET", "/x")->body = "answer";
  (void)snprintf(dead, sizeof dead, "http://user:SECRET@127.0.0.1:%u", refusing_port());
  setenv("http_proxy", dead, 1);
  unsetenv("no_proxy");
  unsetenv("NO_PROXY");
  got_run(&g, &w, &q);
  expect_fault(DSQL_EIO, fake_http_url(&w.h));
  q.no_proxy = true;
  got_run(&g, &w, &q);
  cr_expect_str_eq(g.body, "answer");
  q.no_proxy = false;
  setenv("http_proxy", "http://user:SECRET@:bad:proxy:", 1);
  got_run(&g, &w, &q);
  expect_fault(DSQL_EIO, fake_http_url(&w.h));
  (void)snprintf(alive, sizeof alive, "http://127.0.0.1:%u", w.h.port);
  setenv("http_proxy", alive, 1);
  w.h.proxy = true;
  q.url = "http://fail.test/x"; /* the proxy's business */
  got_run(&g, &w, &q);
  cr_expect_str_eq(g.body, "answer");
}

/* ---- SIGPIPE ---- */

/* The server resets while a body is on its way: the signal's default would end the process. */
Test(http, no_sigpipe) {
  enum { SIZE = 900 * 1024 };
  char *body = calloc(1, SIZE);
  signal(SIGPIPE, SIG_DFL);
  w.h.reset_early = true;
  got_run(&g, &w, &(struct http_request){.method = "POST", .url = web_url(&w, "/"), .body = body, .body_len = SIZE});
  expect_fault(DSQL_EIO, fake_http_url(&w.h));
  free(body);
}

/* ---- secrets ---- */

/* In pieces and large, so that the buffer of the answer grows more than once. */
Test(http, no_secret_is_left_in_memory) {
  static const char *const headers[] = {"Authorization: SECRET"};
  struct http_request q = {
      .method = "POST", .headers = headers, .header_count = 1, .body = "SECRET", .body_len = 6, .timeout_ms = 5000};
  struct fake_http_reply *r = fake_http_on(&w.h, "POST", "/SECRET");
  struct spy_alloc spy;
  dsql_rt *first = w.x.rt;
  char *body = malloc(30000);

  for (size_t i = 0; i < 30000; i++) body[i] = "SECRET"[i % 6];
  r->mode = FAKE_HTTP_CHUNKED;
  r->body = body;
  r->body_len = 30000;
  q.url = web_url(&w, "/SECRET");
  spy_alloc_init(&spy, &w.x.heap);
  cr_assert_eq(dsql_rt_new(&w.x.rt, &w.x.loop, &spy.hook), 0);
  got_run(&g, &w, &q);
  cr_expect_eq(g.len, 30000, "%s", g.f.text);
  g = (struct got){0};
  got_start(&g, &w, &q);
  http_cancel(g.call);
  dsql_rt_close(w.x.rt, NULL, NULL);
  w.x.rt = first;
  web_close(&w);
  cr_expect_eq(spy.found, 0);
  cr_expect_gt(spy.looked, 3);
  free(body);
  web_open(&w);
}

/* ---- descriptors ---- */

static bool is_clients(int fd) {
  struct sockaddr_in peer = {0};
  socklen_t n = sizeof peer;
  return getpeername(fd, (struct sockaddr *)&peer, &n) == 0 && ntohs(peer.sin_port) == w.h.port;
}

Test(http, sockets_are_not_inherited_by_children) {
  unsigned found = 0;
  fake_http_on(&w.h, "GET", "/")->mode = FAKE_HTTP_NEVER;
  got_start(&g, &w, &(struct http_request){.method = "GET", .url = web_url(&w, "/")});
  while (!w.h.request_count) uv_run(&w.x.loop, UV_RUN_NOWAIT);
  for (int fd = 0; fd < 256; fd++) {
    if (!is_clients(fd)) continue;
    found++;
    cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC, "descriptor %d", fd);
  }
  cr_expect_eq(found, 1);
  http_cancel(g.call);
}
