#include "http_fixture.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_uint slow;

unsigned slow_lookups(void) { return atomic_load(&slow); }

void slow_lookups_wait(void) {
  while (slow_lookups()) usleep(1000);
  usleep(50 * 1000);
}

/* One block per entry, as freeaddrinfo() expects it. */
static struct addrinfo *local_address(const char *service) {
  struct addrinfo *a = calloc(1, sizeof *a + sizeof(struct sockaddr_in));
  struct sockaddr_in *in = (struct sockaddr_in *)(void *)(a + 1);
  if (!a) abort();
  in->sin_family = AF_INET;
  in->sin_port = htons((uint16_t)(service ? strtoul(service, NULL, 10) : 0));
  in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  a->ai_family = AF_INET;
  a->ai_socktype = SOCK_STREAM;
  a->ai_addrlen = sizeof *in;
  a->ai_addr = (struct sockaddr *)in;
  return a;
}

int getaddrinfo(const char *restrict node, const char *restrict service, const struct addrinfo *restrict hints,
                struct addrinfo **restrict out) {
  (void)hints;
  if (strcmp(node, "local.test") == 0) {
    *out = local_address(service);
    return 0;
  }
  if (strcmp(node, "slow.test") == 0) {
    atomic_fetch_add(&slow, 1);
    usleep(300 * 1000);
    atomic_fetch_sub(&slow, 1);
  } else if (strcmp(node, "fail.test") != 0) {
    abort();
  }
  return EAI_NONAME;
}

void web_open(struct web *w) {
  fixture_open(&w->x);
  fake_http_start(&w->h, &w->x.loop);
  w->stopped = false;
}

void web_stop(struct web *w) {
  if (!w->stopped) fake_http_stop(&w->h);
  w->stopped = true;
}

void web_close(struct web *w) {
  web_stop(w);
  fixture_close(&w->x);
}

const char *web_url(const struct web *w, const char *path) {
  static char ring[8][512];
  static unsigned next;
  char *url = ring[next++ % 8];
  (void)snprintf(url, sizeof ring[0], "%s%s", fake_http_url(&w->h), path);
  return url;
}

void got_done(void *owner, const struct http_response *r, const struct fault *f) {
  struct got *g = owner;
  g->done++;
  cr_assert((r == NULL) != (f == NULL), "either an answer or a fault");
  if (r) {
    g->answered = true;
    g->status = r->status;
    g->date_s = r->date_s;
    g->len = r->body.len;
    cr_assert_leq(r->body.len, sizeof g->body - 1);
    memcpy(g->body, r->body.ptr, r->body.len);
    g->body[g->len] = '\0';
  } else {
    cr_assert_lt(f->code, 0);
    g->f = *f;
  }
  if (g->then) g->then(g);
  g->call = NULL;
}

void got_start(struct got *g, struct web *w, const struct http_request *q) {
  struct fault f = {0};
  g->w = w;
  cr_assert_eq(http_start(&g->call, w->x.rt, q, got_done, g, &f), 0, "%s", f.text);
  cr_assert_eq(g->done, 0, "called back inside http_start()");
}

void got_wait(struct got *g) {
  while (!g->done && uv_run(&g->w->x.loop, UV_RUN_ONCE)) continue;
  cr_assert_eq(g->done, 1, "the call did not keep the loop alive to its end");
}

void got_run(struct got *g, struct web *w, const struct http_request *q) {
  *g = (struct got){.then = g->then};
  got_start(g, w, q);
  got_wait(g);
}
