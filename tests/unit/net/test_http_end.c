/* Calls that are canceled, closed under, starved of memory, many at once, and that start and cancel each other. */
#include "http_fixture.h"

static struct web w;
static struct got g;

static void open_web(void) { web_open(&w); }
static void close_web(void) { web_close(&w); }

TestSuite(http_end, .init = open_web, .fini = close_web, .timeout = 60);

/* ---- how far a call has come ---- */

static bool at_start(void) { return true; }
static bool at_turn(void) { return true; }
static bool at_lookup(void) { return slow_lookups() > 0; }
static bool at_connection(void) { return w.h.connections > 0; }
static bool at_request(void) { return w.h.request_count > 0; }
static int turns;
static bool at_answer(void) { return w.h.request_count > 0 && turns++ > 5; }

static const struct stage {
  const char *name;
  bool (*reached)(void);
  const char *url; /* NULL: the server */
  int least_turns;
} stages[] = {
    {"started", at_start, NULL, 0},
    {"one turn", at_turn, NULL, 1},
    {"lookup", at_lookup, "http://slow.test", 1},
    {"connected", at_connection, NULL, 1},
    {"requested", at_request, NULL, 1},
    {"half an answer", at_answer, NULL, 1},
};

static void bring_to(const struct stage *s) {
  int n = 0;
  struct fake_http_reply *r = fake_http_on(&w.h, "GET", "/");
  r->mode = FAKE_HTTP_STALLED;
  r->body = "half";
  turns = 0;
  g = (struct got){0};
  got_start(&g, &w, &(struct http_request){.method = "GET", .url = s->url ? s->url : web_url(&w, "/")});
  while (n < s->least_turns || !s->reached()) {
    uv_run(&w.x.loop, UV_RUN_NOWAIT);
    uv_sleep(1);
    n++;
  }
  cr_assert_eq(g.done, 0, "%s", s->name);
}

Test(http_end, cancel_at_every_stage) {
  for (size_t i = 0; i < COUNT(stages); i++) {
    uint64_t before;
    bring_to(&stages[i]);
    before = uv_hrtime();
    http_cancel(g.call);
    cr_expect_lt((uv_hrtime() - before) / 1000000, 100, "%s: cancel blocked", stages[i].name);
    uv_run(&w.x.loop, UV_RUN_DEFAULT); /* nothing keeps it alive */
    cr_expect_eq(g.done, 0, "%s", stages[i].name);
    fake_http_clear(&w.h);
    w.h.connections = 0;
    slow_lookups_wait();
  }
  http_cancel(NULL);
}

static void close_at(const struct stage *s) {
  uint64_t before;
  web_open(&w);
  bring_to(s);
  before = uv_hrtime();
  web_close(&w);
  cr_expect_lt((uv_hrtime() - before) / 1000000, 150, "%s: the close waited", s->name);
  cr_expect_eq(g.done, 1, "%s", s->name);
  cr_expect_eq(g.f.code, DSQL_ECANCELED, "%s: %s", s->name, g.f.text);
  slow_lookups_wait();
}

Test(http_close, at_every_stage, .timeout = 60) {
  for (size_t i = 0; i < COUNT(stages); i++) close_at(&stages[i]);
}

/* An owner that is asked after HTTP, and one that cancels first: neither has a pointer to a call that is gone. */
struct owner {
  struct rt_closer closer;
  struct got got;
};

static void owner_close(struct rt_closer *c) {
  struct owner *o = LIST_ENTRY(c, struct owner, closer);
  http_cancel(o->got.call);
  o->got.call = NULL;
  rt_closer_remove(w.x.rt, c);
}

Test(http_end, owners_close_before_and_after) {
  static struct owner owners[3];
  fake_http_on(&w.h, "GET", "/")->mode = FAKE_HTTP_NEVER;
  owners[0].closer.close = owners[1].closer.close = owner_close;
  rt_closer_add(w.x.rt, &owners[0].closer);
  for (size_t i = 0; i < 3; i++)
    got_start(&owners[i].got, &w, &(struct http_request){.method = "GET", .url = web_url(&w, "/")});
  rt_closer_add(w.x.rt, &owners[1].closer);
  uv_run(&w.x.loop, UV_RUN_NOWAIT);
  web_close(&w);
  cr_expect_eq(owners[0].got.done, 0);
  cr_expect_eq(owners[1].got.done, 0);
  cr_expect_eq(owners[2].got.done, 1);
  web_open(&w);
}

static void start_refused(struct got *from) {
  struct http_request q = {.method = "GET", .url = "http://local.test/"};
  struct fault f = {0};
  struct http_call *call;
  cr_expect_eq(http_start(&call, w.x.rt, &q, got_done, from, &f), DSQL_ECANCELED);
}

Test(http_end, nothing_starts_while_closing) {
  fake_http_on(&w.h, "GET", "/")->mode = FAKE_HTTP_NEVER;
  g.then = start_refused;
  got_start(&g, &w, &(struct http_request){.method = "GET", .url = web_url(&w, "/")});
  web_close(&w);
  cr_expect_eq(g.done, 1);
  web_open(&w);
}

static void close_runtime(struct got *from) {
  (void)from;
  web_stop(&w);
  dsql_rt_close(w.x.rt, fixture_on_closed, &w.x);
}

Test(http_end, runtime_closed_inside_done) {
  static struct got other;
  fake_http_on(&w.h, "GET", "/");
  fake_http_on(&w.h, "GET", "/never")->mode = FAKE_HTTP_NEVER;
  g.then = close_runtime;
  got_start(&other, &w, &(struct http_request){.method = "GET", .url = web_url(&w, "/never")});
  got_start(&g, &w, &(struct http_request){.method = "GET", .url = web_url(&w, "/")});
  fixture_finish(&w.x);
  cr_expect_eq(g.done, 1);
  cr_expect_eq(other.f.code, DSQL_ECANCELED);
  web_open(&w);
}

/* ---- calls and calls ---- */

static void start_next(struct got *from) {
  http_cancel(from->call); /* allowed, does nothing */
  if (from->done >= 5) return;
  got_start(from + 1, from->w, &(struct http_request){.method = "GET", .url = web_url(from->w, "/")});
}

Test(http_end, done_starts_the_next) {
  static struct got chain[6];
  fake_http_on(&w.h, "GET", "/");
  for (size_t i = 0; i < 5; i++) chain[i].then = start_next;
  got_start(&chain[0], &w, &(struct http_request){.method = "GET", .url = web_url(&w, "/")});
  uv_run(&w.x.loop, UV_RUN_DEFAULT);
  for (size_t i = 0; i < 6; i++) cr_expect_eq(chain[i].status, 200, "%zu", i);
}

enum { MANY = 100 };
static struct got many[MANY];
static unsigned ended;

static void cancel_others(struct got *from) {
  ended++;
  for (size_t i = 0; i < MANY; i++) {
    if (&many[i] == from || many[i].done) continue;
    http_cancel(many[i].call);
    many[i].call = NULL;
  }
}

static void start_many(void) {
  for (size_t i = 0; i < MANY; i++)
    got_start(&many[i], &w, &(struct http_request){.method = "GET", .url = web_url(&w, "/")});
}

Test(http_end, hundred_at_once) {
  fake_http_on(&w.h, "GET", "/")->body = "same";
  start_many();
  uv_run(&w.x.loop, UV_RUN_DEFAULT);
  for (size_t i = 0; i < MANY; i++) cr_expect_str_eq(many[i].body, "same", "%s", many[i].f.text);
  cr_expect_eq(w.h.connections, MANY);
}

/* The first of a hundred cancels all others, some of which have ended in the same turn. */
Test(http_end, done_cancels_others) {
  fake_http_on(&w.h, "GET", "/")->delay_ms = 50;
  for (size_t i = 0; i < MANY; i++) many[i].then = cancel_others;
  start_many();
  uv_run(&w.x.loop, UV_RUN_DEFAULT);
  cr_expect_eq(ended, 1);
  for (size_t i = 0; i < MANY; i++) cr_expect_leq(many[i].done, 1);
}

/* ---- memory ---- */

static int fetch_once(struct fault *f) {
  struct http_request q = {.method = "POST", .url = web_url(&w, "/"), .body = "b", .body_len = 1};
  int code;
  g = (struct got){.w = &w};
  code = http_start(&g.call, w.x.rt, &q, got_done, &g, f);
  if (code == 0) {
    got_wait(&g);
    code = g.f.code;
  }
  return code;
}

Test(http_memory, every_allocation_fails_in_turn, .timeout = 60) {
  size_t at = 0, failed = 0;
  bool fired = true;
  for (; fired; at++) {
    struct fault f = {0};
    int code;
    web_open(&w);
    fake_http_on(&w.h, "POST", "/")->body = "some bytes";
    test_alloc_arm(&w.x.heap, at + 1, false);
    code = fetch_once(&f);
    fired = test_alloc_fired(&w.x.heap);
    if (fired) cr_expect_eq(code, DSQL_ENOMEM, "allocation %zu: %d %s", at, code, g.f.text);
    if (!fired) cr_expect_eq(g.status, 200);
    failed += code == DSQL_ENOMEM;
    test_alloc_arm(&w.x.heap, 0, false);
    web_close(&w);
  }
  cr_expect_geq(failed, 3, "%zu", failed); /* the client, the call, a socket, the answer */
}
