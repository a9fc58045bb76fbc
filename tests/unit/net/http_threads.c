/* http_threads.c - two runtimes in two threads, each with requests to a server on its own loop: what libcurl shares
 * between threads is set up once. A plain program, so that the thread sanitizer sees all of it. */
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "fake_http.h"
#include "net/http.h"
#include "test_alloc.h"

enum { THREADS = 2, REQUESTS = 20 };

struct program {
  uv_thread_t thread;
  uv_loop_t loop;
  struct test_alloc heap;
  dsql_rt *rt;
  struct fake_http server;
  unsigned answered;
};

static void check(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "http_threads: failed: %s\n", what);
  exit(1);
}

static void on_done(void *owner, const struct http_response *r, const struct fault *f) {
  struct program *p = owner;
  check(r != NULL, f ? f->text : "no answer");
  check(r->status == 200, "status");
  p->answered++;
}

static void run(void *arg) {
  struct program *p = arg;
  char url[100];

  test_alloc_init(&p->heap);
  check(uv_loop_init(&p->loop) == 0, "loop");
  check(dsql_rt_new(&p->rt, &p->loop, &p->heap.hook) == 0, "runtime");
  fake_http_start(&p->server, &p->loop);
  fake_http_on(&p->server, "GET", "/")->body = "answer";
  (void)snprintf(url, sizeof url, "http://localhost:%u/", p->server.port);
  for (unsigned i = 0; i < REQUESTS; i++) {
    struct fault f = {0};
    struct http_call *call;
    struct http_request q = {.method = "GET", .url = i % 2 ? url : fake_http_url(&p->server), .no_proxy = true};
    check(http_start(&call, p->rt, &q, on_done, p, &f) == 0, f.text);
  }
  uv_run(&p->loop, UV_RUN_DEFAULT);
  check(p->answered == REQUESTS, "every request is answered");
  fake_http_stop(&p->server);
  dsql_rt_close(p->rt, NULL, NULL);
  uv_run(&p->loop, UV_RUN_DEFAULT);
  check(uv_loop_close(&p->loop) == 0, "a handle was left open");
  test_alloc_assert_empty(&p->heap);
}

int main(void) {
  static struct program programs[THREADS];
  for (size_t i = 0; i < THREADS; i++) check(uv_thread_create(&programs[i].thread, run, &programs[i]) == 0, "thread");
  for (size_t i = 0; i < THREADS; i++) check(uv_thread_join(&programs[i].thread) == 0, "join");
  return 0;
}
