/* HTTPS requests that wait for their trusted roots: the file is a pipe here, so that the test decides when it has been
 * read. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http_fixture.h"
#include "net_fixture.h"
#include "unit/tls/zoo.h"

static struct web w;
static struct zoo zoo;
static const char *pipe_path;
static int pipe_end, listener;
static char url[100];
static struct got g, others[3];
static bool reading;

static void open_all(void) {
  uint16_t port;
  web_open(&w);
  zoo_init(&zoo);
  pipe_path = zoo_path(&zoo, "pipe");
  cr_assert_eq(mkfifo(pipe_path, 0600), 0);
  pipe_end = open(pipe_path, O_RDWR | O_CLOEXEC); /* the other end: opening the pipe does not block, reading does */
  cr_assert_geq(pipe_end, 0);
  listener = listen_tcp(AF_INET, 1, &port);
  (void)snprintf(url, sizeof url, "https://local.test:%u/", port);
}

/* The read ends, and finds no certificate. Not before it has begun, because opening a pipe without a writer blocks. */
static void let_go(void) {
  int left = 0;
  if (reading) {
    cr_assert_eq(write(pipe_end, "x\n", 2), 2);
    do {
      uv_sleep(1);
      cr_assert_eq(ioctl(pipe_end, FIONREAD, &left), 0);
    } while (left);
  }
  if (pipe_end >= 0) close(pipe_end);
  pipe_end = -1;
  reading = false;
}

static void close_all(void) {
  let_go();
  close(listener);
  zoo_deinit(&zoo);
  web_close(&w);
}

TestSuite(http_tls_roots, .init = open_all, .fini = close_all, .timeout = 60);

static void start(struct got *to) {
  reading = true;
  got_start(to, &w, &(struct http_request){.method = "GET", .url = url, .ca_file = pipe_path, .no_proxy = true});
}

static void some_turns(void) {
  for (int i = 0; i < 20; i++) {
    uv_run(&w.x.loop, UV_RUN_NOWAIT);
    uv_sleep(1);
  }
}

Test(http_tls_roots, all_wait_for_one_read) {
  for (size_t i = 0; i < COUNT(others); i++) start(&others[i]);
  some_turns();
  for (size_t i = 0; i < COUNT(others); i++) cr_expect_eq(others[i].done, 0);
  let_go();
  for (size_t i = 0; i < COUNT(others); i++) {
    if (!others[i].done) got_wait(&others[i]);
    cr_expect_eq(others[i].f.code, DSQL_ETLS, "%s", others[i].f.text);
    cr_expect_not_null(strstr(others[i].f.text, pipe_path), "%s", others[i].f.text);
    cr_expect_not_null(strstr(others[i].f.text, "https://local.test:"), "%s", others[i].f.text);
  }
}

Test(http_tls_roots, plain_http_does_not_wait) {
  fake_http_on(&w.h, "GET", "/")->body = "plain";
  start(&others[0]);
  got_run(&g, &w, &(struct http_request){.method = "GET", .url = web_url(&w, "/"), .ca_file = pipe_path});
  cr_expect_str_eq(g.body, "plain");
  cr_expect_eq(others[0].done, 0);
  let_go();
  got_wait(&others[0]);
}

Test(http_tls_roots, the_wait_is_part_of_the_timeout) {
  struct http_request q = {.method = "GET", .url = url, .ca_file = pipe_path, .no_proxy = true, .timeout_ms = 50};
  reading = true;
  got_run(&g, &w, &q);
  cr_expect_eq(g.f.code, DSQL_ETIMEDOUT, "%s", g.f.text);
  cr_expect_not_null(strstr(g.f.text, "no connection within 50 ms"), "%s", g.f.text);
}

static void cancel_others(struct got *from) {
  for (size_t i = 0; i < COUNT(others); i++) {
    if (&others[i] == from) continue;
    http_cancel(others[i].call);
    others[i].call = NULL;
  }
}

Test(http_tls_roots, cancel_while_they_are_read) {
  start(&others[0]);
  http_cancel(others[0].call);
  start(&others[1]);
  some_turns();
  http_cancel(others[1].call);
  let_go();
  uv_run(&w.x.loop, UV_RUN_DEFAULT);
  cr_expect_eq(others[0].done + others[1].done, 0);
}

Test(http_tls_roots, the_first_of_those_that_waited_cancels_the_others) {
  for (size_t i = 0; i < COUNT(others); i++) others[i].then = cancel_others;
  for (size_t i = 0; i < COUNT(others); i++) start(&others[i]);
  let_go();
  uv_run(&w.x.loop, UV_RUN_DEFAULT);
  cr_expect_eq(others[0].done, 1);
  cr_expect_eq(others[1].done + others[2].done, 0);
}

/* The calls end at once; the runtime waits for its thread. */
Test(http_tls_roots, close_while_they_are_read) {
  start(&others[0]);
  start(&others[1]);
  some_turns();
  http_cancel(others[1].call);
  web_stop(&w);
  dsql_rt_close(w.x.rt, fixture_on_closed, &w.x);
  some_turns();
  cr_expect_eq(others[0].done, 1);
  cr_expect_eq(others[0].f.code, DSQL_ECANCELED, "%s", others[0].f.text);
  cr_expect_eq(others[1].done, 0);
  cr_expect_not(w.x.closed);
  let_go();
  fixture_finish(&w.x);
  web_open(&w);
}

/* SSL_CERT_FILE and SSL_CERT_DIR stand in for the system's; a file that appears later is found. */
Test(http_tls_roots, a_system_without_roots) {
  struct http_request q = {.method = "GET", .url = url, .no_proxy = true, .timeout_ms = 100};
  setenv("SSL_CERT_FILE", "/nowhere/file", 1);
  setenv("SSL_CERT_DIR", "/nowhere/dir", 1);
  got_run(&g, &w, &q);
  cr_expect_eq(g.f.code, DSQL_ETLS, "%s", g.f.text);
  cr_expect_not_null(strstr(g.f.text, "\"/nowhere/file\" nor \"/nowhere/dir\""), "%s", g.f.text);
  cr_expect_not_null(strstr(g.f.text, "set SSL_CERT_FILE"), "%s", g.f.text);
  setenv("SSL_CERT_FILE", zoo.ca_file, 1);
  got_run(&g, &w, &q);
  cr_expect_eq(g.f.code, DSQL_ETIMEDOUT, "nobody answers: %s", g.f.text);
}

/* ---- more files than are kept, and no memory ---- */

static int fetch_from(const char *ca_file, struct fault *f) {
  struct http_request q = {.method = "GET", .url = url, .ca_file = ca_file, .no_proxy = true};
  int code;
  g = (struct got){.w = &w};
  code = http_start(&g.call, w.x.rt, &q, got_done, &g, f);
  if (code) return code;
  got_wait(&g);
  return g.f.code;
}

Test(http_tls_roots, many_files_in_turn) {
  char path[32];
  for (int i = 0; i < 20; i++) {
    struct fault f = {0};
    (void)snprintf(path, sizeof path, "/nowhere/%d.pem", i % 7);
    cr_expect_eq(fetch_from(path, &f), DSQL_ETLS);
    cr_expect_not_null(strstr(g.f.text, path), "%s", g.f.text);
  }
}

Test(http_tls_roots, every_allocation_fails_in_turn) {
  size_t failed = 0;
  bool fired = true;
  for (size_t at = 0; fired; at++) {
    struct fault f = {0};
    int code;
    web_close(&w);
    web_open(&w);
    test_alloc_arm(&w.x.heap, at + 1, false);
    code = fetch_from("/nowhere/ca.pem", &f);
    fired = test_alloc_fired(&w.x.heap);
    cr_expect_eq(code, fired ? DSQL_ENOMEM : DSQL_ETLS, "allocation %zu: %d %s%s", at, code, f.text, g.f.text);
    failed += code == DSQL_ENOMEM;
    test_alloc_arm(&w.x.heap, 0, false);
  }
  cr_expect_geq(failed, 4, "%zu", failed); /* the client, the call, the roots, their store */
}
