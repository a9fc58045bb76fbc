#include "creds/attempts.h"

#include <stdio.h>

#include "world.h"

Test(attempts, rule) {
  static const struct {
    int status;
    const char *code;
    int fault;
    bool again;
  } cases[] = {
      {200, NULL, 0, false},
      {301, NULL, 0, false},
      {400, NULL, 0, false},
      {400, "AccessDenied", 0, false},
      {403, "ExpiredToken", 0, false},
      {400, "Throttling", 0, true},
      {400, "ThrottlingException", 0, true},
      {400, "RequestLimitExceeded", 0, true},
      {503, "SlowDown", 0, true},
      {400, "SlowDown", 0, true},
      {400, "IDPCommunicationError", 0, true},
      {400, "idpcommunicationerror", 0, false},
      {200, "Throttling", 0, false},
      {408, NULL, 0, true},
      {429, NULL, 0, true},
      {500, NULL, 0, true},
      {502, "AccessDenied", 0, true},
      {503, NULL, 0, true},
      {504, NULL, 0, true},
      {0, NULL, DSQL_EIO, true},
      {0, NULL, DSQL_ETIMEDOUT, true},
      {0, NULL, DSQL_ETLS, false},
      {0, NULL, DSQL_ETOOBIG, false},
      {0, NULL, DSQL_ENOMEM, false},
      {0, NULL, DSQL_ECANCELED, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct fault f = {.code = cases[i].fault};
    cr_assert_eq(attempts_again(cases[i].status, cases[i].code, &f), cases[i].again, "case %zu", i);
  }
}

Test(attempts, pauses) {
  static const struct attempts_policy p = {10, 1000, 20000};
  cr_assert_eq(attempts_pause_ms(&p, 1, 0), 0);
  cr_assert_eq(attempts_pause_ms(&p, 1, UINT32_MAX), 1000);
  cr_assert_eq(attempts_pause_ms(&p, 2, UINT32_MAX), 2000);
  cr_assert_eq(attempts_pause_ms(&p, 2, UINT32_MAX / 2), 1000);
  cr_assert_eq(attempts_pause_ms(&p, 5, UINT32_MAX), 16000);
  cr_assert_eq(attempts_pause_ms(&p, 6, UINT32_MAX), 20000);
  cr_assert_eq(attempts_pause_ms(&p, 4000000000u, UINT32_MAX), 20000);
}

struct user {
  struct attempts a;
  struct world *w;
  char url[100];
  int done, status, code;
  unsigned made;
};

static int on_send(struct attempts *a, struct fault *f) {
  struct user *u = LIST_ENTRY(a, struct user, a);
  struct http_request q = {.method = "GET", .url = u->url, .no_proxy = true, .timeout_ms = 300};
  return attempts_send(a, &q, f);
}

static void on_done(struct attempts *a, const struct http_response *r, const struct fault *f) {
  struct user *u = LIST_ENTRY(a, struct user, a);
  u->done++;
  u->status = r ? r->status : 0;
  u->code = f ? f->code : 0;
  u->made = attempts_made(a);
}

static const struct attempts_policy quick = {3, 5, 20};

static void user_start(struct user *u, struct world *w, const char *path) {
  struct fault f = {0};
  *u = (struct user){.w = w};
  snprintf(u->url, sizeof u->url, "%s%s", fake_http_url(&w->http), path);
  u->a = (struct attempts){.setup = &w->setup, .policy = &quick, .send = on_send, .done = on_done};
  cr_assert_eq(attempts_start(&u->a, &f), 0, "%s", f.text);
  cr_assert_eq(u->done, 0);
}

Test(attempts, until_it_works) {
  struct world w;
  struct user u;
  struct fake_http_reply *r;
  world_open(&w);
  world_http(&w);
  r = fake_http_on(&w.http, "GET", "/x");
  r->status = 503;
  r->times = 1;
  r = fake_http_on(&w.http, "GET", "/x");
  r->mode = FAKE_HTTP_RESET;
  r->times = 1;
  r = fake_http_on(&w.http, "GET", "/x");
  r->header[0] = "Date: Tue, 14 Nov 2023 22:15:00 GMT";
  user_start(&u, &w, "/x");
  world_until(&w, u.done);
  cr_assert_eq(u.status, 200);
  cr_assert_eq(u.made, 3);
  cr_assert_eq(w.http.request_count, 3);
  cr_assert(w.skew.known);
  cr_assert_eq(w.skew.skew_s, 100);
  attempts_stop(&u.a);
  world_close(&w);
}

Test(attempts, at_most) {
  static const enum fake_http_mode modes[] = {FAKE_HTTP_WHOLE, FAKE_HTTP_CLOSE, FAKE_HTTP_NEVER, FAKE_HTTP_TRUNCATED};
  for (size_t i = 0; i < 4; i++) {
    struct world w;
    struct user u;
    struct fake_http_reply *r;
    world_open(&w);
    world_http(&w);
    r = fake_http_on(&w.http, "GET", "/x");
    r->status = 500;
    r->mode = modes[i];
    user_start(&u, &w, "/x");
    world_until(&w, u.done);
    cr_assert_eq(u.made, 3);
    cr_assert_eq(r->used, 3);
    cr_assert_eq(u.status, modes[i] == FAKE_HTTP_WHOLE ? 500 : 0);
    cr_assert_eq(u.code, modes[i] == FAKE_HTTP_WHOLE ? 0 : modes[i] == FAKE_HTTP_NEVER ? DSQL_ETIMEDOUT : DSQL_EIO);
    world_close(&w);
  }
}

Test(attempts, stop_while_asking_and_while_pausing) {
  struct world w;
  struct user u;
  struct fake_http_reply *r;
  world_open(&w);
  world_http(&w);
  r = fake_http_on(&w.http, "GET", "/x");
  r->status = 500;
  r->delay_ms = 20;
  for (int turns = 0; turns < 40; turns++) {
    user_start(&u, &w, "/x");
    for (int i = 0; i < turns; i++) {
      uv_run(&w.x.loop, UV_RUN_NOWAIT);
      uv_sleep(2);
    }
    attempts_stop(&u.a);
    attempts_stop(&u.a);
    cr_assert_leq(u.done, 1);
    u.done = 0;
    for (int i = 0; i < 5; i++) uv_run(&w.x.loop, UV_RUN_NOWAIT);
    cr_assert_eq(u.done, 0);
  }
  world_close(&w);
}

Test(attempts, runtime_closes) {
  for (int turns = 0; turns < 30; turns += 3) {
    struct world w;
    struct user u;
    struct fake_http_reply *r;
    world_open(&w);
    world_http(&w);
    r = fake_http_on(&w.http, "GET", "/x");
    r->status = 500;
    r->delay_ms = 10;
    user_start(&u, &w, "/x");
    for (int i = 0; i < turns; i++) {
      uv_run(&w.x.loop, UV_RUN_NOWAIT);
      uv_sleep(1);
    }
    attempts_stop(&u.a);
    world_close(&w);
  }
}
