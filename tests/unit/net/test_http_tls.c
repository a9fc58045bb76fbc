/* HTTPS, against OpenSSL's own server in a thread: who is believed, and that nothing is sent to anybody else. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "http_fixture.h"
#include "net_fixture.h"
#include "unit/tls/zoo.h"

static struct web w;
static struct zoo zoo;
static struct got g;
static uint64_t longest_turn_us;

/* The time that the loop's thread computes in one turn: neither waiting nor other processes count. */
static void timed_turn(uv_run_mode mode) {
  struct timespec a, b;
  uint64_t us;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
  uv_run(&w.x.loop, mode);
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
  us = (uint64_t)((b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000);
  if (us > longest_turn_us) longest_turn_us = us;
}

enum job { ANSWER, DROP /* no close_notify */, CUT /* less than Content-Length */, DEAF /* closes, reads nothing */ };

struct peer {
  uv_thread_t thread;
  SSL_CTX *ctx;
  int listener, fd;
  uint16_t port;
  enum job job;
  size_t received;
  bool resumed;
};

static void serve(struct peer *p, SSL *ssl) {
  static const char whole[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret",
                    cut[] = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsecret";
  static _Thread_local char bytes[4096];
  size_t n;
  if (p->job == DEAF || SSL_read_ex(ssl, bytes, sizeof bytes, &n) != 1) return;
  p->received = n;
  (void)(p->job == CUT ? SSL_write_ex(ssl, cut, sizeof cut - 1, &n) : SSL_write_ex(ssl, whole, sizeof whole - 1, &n));
  if (p->job != ANSWER) return;
  (void)SSL_shutdown(ssl);
  (void)!read(p->fd, bytes, sizeof bytes); /* the client closes first */
}

static void run(void *arg) {
  struct peer *p = arg;
  SSL *ssl = SSL_new(p->ctx);
  sigset_t pipe;

  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, NULL);
  set_blocking(p->fd);
  SSL_set_fd(ssl, p->fd);
  if (SSL_accept(ssl) == 1) serve(p, ssl);
  p->resumed = SSL_session_reused(ssl);
  if (p->job == DEAF) reset_on_close(p->fd);
  SSL_free(ssl);
  ERR_clear_error();
  close(p->fd);
}

static void peer_open(struct peer *p, const struct identity *id) {
  p->listener = listen_tcp(AF_INET, 1, &p->port);
  p->ctx = SSL_CTX_new(TLS_server_method());
  cr_assert(SSL_CTX_use_certificate(p->ctx, id->cert) == 1 && SSL_CTX_use_PrivateKey(p->ctx, id->key) == 1);
}

static void peer_close(struct peer *p) {
  SSL_CTX_free(p->ctx);
  close(p->listener);
}

/* The request begins, the server takes its connection, and both run to the end. */
static void ask(struct peer *p, struct http_request q) {
  struct pollfd ready = {.fd = p->listener, .events = POLLIN};
  char url[100];

  (void)snprintf(url, sizeof url, "https://local.test:%u/SECRET?SECRET", p->port);
  q.url = url;
  q.no_proxy = true;
  g = (struct got){0};
  longest_turn_us = 0;
  got_start(&g, &w, &q);
  while (!g.done && poll(&ready, 1, 1) == 0) timed_turn(UV_RUN_NOWAIT);
  p->fd = accept(p->listener, NULL, NULL);
  cr_assert_geq(p->fd, 0);
  cr_assert_eq(uv_thread_create(&p->thread, run, p), 0);
  while (!g.done) timed_turn(UV_RUN_ONCE);
  uv_thread_join(&p->thread);
}

static void fetch(struct peer *p, const struct identity *id, struct http_request q) {
  peer_open(p, id);
  ask(p, q);
  peer_close(p);
}

static void open_all(void) {
  web_open(&w);
  zoo_init(&zoo);
}

static void close_all(void) {
  zoo_deinit(&zoo);
  web_close(&w);
}

TestSuite(http_tls, .init = open_all, .fini = close_all, .timeout = 60);

Test(http_tls, who_is_believed) {
  static const struct {
    const char *name;
    struct zoo_spec spec;
    bool other_ca, system_ca;
    const char *part; /* of the fault; NULL: believed */
  } cases[] = {
      {"good", {.cn = "local.test", .san = "DNS:local.test"}, false, false, NULL},
      {"other name", {.cn = "x.test", .san = "DNS:x.test"}, false, false, "subject name"},
      {"expired",
       {.cn = "local.test", .san = "DNS:local.test", .begins_s = -7200, .ends_s = -3600},
       false,
       false,
       "expired"},
      {"other CA", {.cn = "local.test", .san = "DNS:local.test"}, true, false, "issuer"},
      {"unknown to the system", {.cn = "local.test", .san = "DNS:local.test"}, false, true, "issuer"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct peer p = {.job = ANSWER};
    struct identity id = zoo_make(&cases[i].spec, cases[i].other_ca ? &zoo.other_ca : &zoo.ca);
    fetch(&p, &id, (struct http_request){.method = "GET", .ca_file = cases[i].system_ca ? NULL : zoo.ca_file});
    if (cases[i].part) {
      cr_expect_eq(g.f.code, DSQL_ETLS, "%s: %d %s", cases[i].name, g.f.code, g.f.text);
      cr_expect_not_null(strstr(g.f.text, cases[i].part), "%s: %s", cases[i].name, g.f.text);
      cr_expect_not_null(strstr(g.f.text, "https://local.test:"), "%s: %s", cases[i].name, g.f.text);
      cr_expect_null(strstr(g.f.text, "SECRET"), "%s", g.f.text);
      cr_expect_eq(p.received, 0, "%s: the request was sent", cases[i].name);
    } else {
      cr_expect_str_eq(g.body, "secret", "%s: %s", cases[i].name, g.f.text);
      cr_expect_gt(p.received, 0);
    }
    zoo_drop(&id);
  }
}

Test(http_tls, ends_without_a_word) {
  enum { SIZE = 4 * 1024 * 1024 };
  struct zoo_spec spec = {.cn = "local.test", .san = "DNS:local.test"};
  struct identity id = zoo_make(&spec, &zoo.ca);
  struct http_request q = {.method = "GET", .ca_file = zoo.ca_file};
  struct peer drop = {.job = DROP}, cut = {.job = CUT}, deaf = {.job = DEAF};
  char *body = calloc(1, SIZE);

  fetch(&drop, &id, q);
  cr_expect_str_eq(g.body, "secret", "whole by its length: %s", g.f.text);
  fetch(&cut, &id, q);
  cr_expect(g.f.code == DSQL_EIO || g.f.code == DSQL_ETLS, "%d %s", g.f.code, g.f.text);
  signal(SIGPIPE, SIG_DFL);
  q = (struct http_request){.method = "POST", .ca_file = zoo.ca_file, .body = body, .body_len = SIZE};
  fetch(&deaf, &id, q);
  cr_expect(g.f.code == DSQL_EIO || g.f.code == DSQL_ETLS, "%d %s", g.f.code, g.f.text);
  free(body);
  zoo_drop(&id);
}

Test(http_tls, file_of_certificates_that_is_none) {
  struct http_request q = {.method = "GET", .ca_file = "/nowhere/ca.pem"};
  char url[100];
  uint16_t port;
  int listener = listen_tcp(AF_INET, 1, &port);
  (void)snprintf(url, sizeof url, "https://local.test:%u/", port);
  q.url = url;
  got_run(&g, &w, &q);
  cr_expect_eq(g.f.code, DSQL_ETLS, "%s", g.f.text);
  cr_expect_not_null(strstr(g.f.text, "/nowhere/ca.pem"), "%s", g.f.text);
  close(listener);
}

/* ---- how long the loop is kept from other work ---- */

enum { ROOTS = 300 };

/* As many roots as two systems have, and the test's behind them. */
static const char *write_bundle(void) {
  const char *path = zoo_path(&zoo, "bundle.pem");
  struct zoo_spec spec = {.ca = true};
  FILE *file = fopen(path, "w");
  char name[32];

  cr_assert_not_null(file);
  spec.cn = name;
  for (unsigned i = 0; i < ROOTS; i++) {
    struct identity id;
    (void)snprintf(name, sizeof name, "Root %u", i);
    id = zoo_make(&spec, NULL);
    cr_assert_eq(PEM_write_X509(file, id.cert), 1);
    zoo_drop(&id);
  }
  cr_assert_eq(PEM_write_X509(file, zoo.ca.cert), 1);
  cr_assert_eq(fclose(file), 0);
  return path;
}

/* Neither reading the roots nor the handshake. Before the roots were read elsewhere this was 20 to 60 ms. */
Test(http_tls, no_long_turn) {
  enum { LIMIT_US = 5000 };
  struct zoo_spec spec = {.cn = "local.test", .san = "DNS:local.test"};
  struct identity id = zoo_make(&spec, &zoo.ca);
  const char *bundle = write_bundle();

  for (int i = 0; i < 6; i++) {
    struct peer p = {.job = ANSWER};
    fetch(&p, &id, (struct http_request){.method = "GET", .ca_file = i % 2 ? NULL : bundle});
    cr_log_info("%s: longest turn %d us", i % 2 ? "system" : "bundle", (int)longest_turn_us);
    cr_expect_lt(longest_turn_us, LIMIT_US, "%d: %d us", i, (int)longest_turn_us);
    cr_expect_eq(g.f.code, i % 2 ? DSQL_ETLS : 0, "%d: %s", i, g.f.text);
  }
  zoo_drop(&id);
}

/* Roots of one request are not another's: not through libcurl's caches, not through a session resumed. */
Test(http_tls, trust_is_not_shared) {
  struct zoo_spec spec = {.cn = "local.test", .san = "DNS:local.test"};
  struct identity id = zoo_make(&spec, &zoo.ca);
  const char *files[] = {zoo.ca_file, zoo.other_ca_file, NULL, zoo.ca_file, NULL, zoo.other_ca_file};
  struct peer p = {.job = ANSWER};

  peer_open(&p, &id);
  for (size_t i = 0; i < COUNT(files); i++) {
    bool good = files[i] == zoo.ca_file;
    ask(&p, (struct http_request){.method = "GET", .ca_file = files[i]});
    cr_expect_eq(g.f.code, good ? 0 : DSQL_ETLS, "%zu: %d %s", i, g.f.code, g.f.text);
    cr_expect_not(p.resumed, "%zu", i);
  }
  peer_close(&p);
  zoo_drop(&id);
}

/* Read anew once it is another file, with requests in between. */
Test(http_tls, changed_file_is_read_anew) {
  struct zoo_spec spec = {.cn = "local.test", .san = "DNS:local.test"};
  struct identity id = zoo_make(&spec, &zoo.ca);
  struct http_request q = {.method = "GET", .ca_file = zoo_path(&zoo, "changing.pem")};
  struct peer p = {.job = ANSWER};

  (void)zoo_write_cert(&zoo, "changing.pem", zoo.other_ca.cert);
  for (int i = 0; i < 2; i++) {
    fetch(&p, &id, q);
    cr_expect_eq(g.f.code, DSQL_ETLS, "%s", g.f.text);
  }
  cr_assert_eq(unlink(q.ca_file), 0);
  (void)zoo_write_cert(&zoo, "changing.pem", zoo.ca.cert);
  for (int i = 0; i < 2; i++) {
    fetch(&p, &id, q);
    cr_expect_str_eq(g.body, "secret", "%s", g.f.text);
  }
  cr_assert_eq(unlink(q.ca_file), 0);
  zoo_drop(&id);
}
