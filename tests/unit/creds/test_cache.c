#include <stdio.h>
#include <time.h>

#include "creds/creds.h"
#include "world.h"

/* A custom provider: keeps its requests until the test answers them. */
struct provider {
  struct world *w;
  unsigned wanted;
  struct dsql_credentials_request *open;
  int life_s; /* answered at once, with that much to live, when `at_once` */
  bool at_once, fails;
};

static int64_t now_s(void) { return (int64_t)time(NULL); }

static int64_t now_ms(void) {
  struct timespec t;
  timespec_get(&t, TIME_UTC);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void answer_request(struct provider *p, int64_t expires_s) {
  struct dsql_credentials_request *q = p->open;
  char id[20];
  p->open = NULL;
  snprintf(id, sizeof id, "KEY%u", p->wanted);
  cr_assert_eq(creds_answer(q, id, WORLD_SECRET, WORLD_TOKEN, expires_s), 0);
}

static void want(struct dsql_credentials_request *q, void *arg) {
  struct provider *p = arg;
  cr_assert_null(p->open, "two fetches at a time");
  p->wanted++;
  p->open = q;
  if (!p->at_once) return;
  if (p->fails) {
    p->open = NULL;
    creds_fail(q, "no luck");
  } else {
    answer_request(p, p->life_s ? now_s() + p->life_s : 0);
  }
}

struct waiter {
  struct creds_waiter w;
  int done, code;
  char id[32], text[FAULT_TEXT_SIZE];
  struct dsql_credentials *again; /* asked for again, from the callback */
  struct dsql_credentials *drop;  /* unreferenced in the callback */
};

static void on_waited(struct creds_waiter *cw, const struct credentials *c, const struct fault *f) {
  struct waiter *w = LIST_ENTRY(cw, struct waiter, w);
  const struct credentials *out;
  struct fault g = {0};

  cr_assert_neq(!c, !f);
  cr_assert_not(list_linked(&cw->node));
  w->done++;
  w->code = f ? f->code : 0;
  snprintf(w->id, sizeof w->id, "%s", c ? c->access_key_id : "");
  snprintf(w->text, sizeof w->text, "%s", f ? f->text : "");
  world_check_text(w->text);
  if (w->again) {
    struct dsql_credentials *again = w->again;
    w->again = NULL;
    (void)creds_get(again, false, cw, &out, &g);
  }
  if (w->drop) creds_unref(w->drop);
}

static int get(struct dsql_credentials *c, bool fresh, struct waiter *w) {
  const struct credentials *out;
  struct fault f = {0};
  int rc;

  *w = (struct waiter){.w.done = on_waited, .again = w->again, .drop = w->drop};
  list_init(&w->w.node);
  rc = creds_get(c, fresh, &w->w, &out, &f);
  cr_assert_eq(w->done, 0, "called back inside creds_get()");
  cr_assert_eq(rc == 0, out != NULL);
  if (rc == 0) snprintf(w->id, sizeof w->id, "%s", out->access_key_id);
  snprintf(w->text, sizeof w->text, "%s", f.text);
  world_check_text(w->text);
  return rc;
}

struct cache {
  struct world w;
  struct provider p;
  struct dsql_credentials *c;
};

static void cache_open(struct cache *k) {
  struct fault f = {0};
  *k = (struct cache){.p = {.w = &k->w, .at_once = true}};
  world_open(&k->w);
  cr_assert_eq(creds_new_custom(&k->c, k->w.x.rt, want, &k->p, &f), 0);
}

static void cache_close(struct cache *k) {
  creds_unref(k->c);
  world_close(&k->w);
}

static void sleep_turning(struct world *w, unsigned ms) {
  uint64_t end_ns = uv_hrtime() + (uint64_t)ms * 1000000;
  while (uv_hrtime() < end_ns) {
    uv_run(&w->x.loop, UV_RUN_NOWAIT);
    uv_sleep(2);
  }
}

Test(cache, one_fetch_for_all) {
  enum { WAITERS = 100 };
  static struct waiter all[WAITERS];
  struct lease_stats stats;
  struct waiter w = {0};
  struct cache k;
  cache_open(&k);
  k.p.at_once = false;
  for (int i = 0; i < WAITERS; i++) cr_assert_eq(get(k.c, i % 2, &all[i]), 1);
  world_until(&k.w, k.p.open);
  list_remove(&all[7].w.node);
  answer_request(&k.p, now_s() + 3600);
  cr_assert_eq(all[0].done, 0, "called back inside creds_answer()");
  world_until(&k.w, all[WAITERS - 1].done);
  for (int i = 0; i < WAITERS; i++) {
    cr_assert_eq(all[i].done, i != 7);
    if (i != 7) cr_assert_str_eq(all[i].id, "KEY1");
  }
  cr_assert_eq(get(k.c, false, &w), 0);
  cr_assert_str_eq(w.id, "KEY1");
  cr_assert_str_eq(creds_key_id(k.c), "KEY1");
  cr_assert_eq(k.p.wanted, 1);
  creds_stats(k.c, &stats);
  cr_assert_eq(stats.waits, WAITERS);
  cr_assert_eq(stats.hits, 1);
  cr_assert_eq(stats.renewals, 1);
  cache_close(&k);
}

Test(cache, failure_is_shared_and_remembered) {
  static struct waiter all[10];
  struct waiter w = {0};
  struct cache k;
  cache_open(&k);
  k.p.fails = true;
  for (int i = 0; i < 10; i++) cr_assert_eq(get(k.c, false, &all[i]), 1);
  world_until(&k.w, all[9].done);
  for (int i = 0; i < 10; i++) {
    cr_assert_eq(all[i].code, DSQL_ECREDENTIALS);
    cr_assert_str_eq(all[i].text, "the credentials callback failed: no luck");
  }
  cr_assert_eq(get(k.c, false, &w), DSQL_ECREDENTIALS);
  cr_assert_str_eq(w.text, "the credentials callback failed: no luck");
  cr_assert_eq(get(k.c, true, &w), DSQL_ECREDENTIALS);
  cr_assert_eq(k.p.wanted, 1);
  k.p.fails = false;
  sleep_turning(&k.w, 1100);
  cr_assert_eq(k.p.wanted, 1, "asked again though nobody wants any");
  cr_assert_eq(get(k.c, false, &w), 1);
  world_until(&k.w, w.done);
  cr_assert_str_eq(w.id, "KEY2");
  cache_close(&k);
}

Test(cache, never_expiring_ones_are_kept) {
  struct waiter w = {0};
  struct cache k;
  cache_open(&k);
  cr_assert_eq(get(k.c, false, &w), 1);
  world_until(&k.w, w.done);
  for (int i = 0; i < 100; i++) {
    cr_assert_eq(get(k.c, false, &w), 0);
    uv_run(&k.w.x.loop, UV_RUN_NOWAIT);
  }
  cr_assert_eq(k.p.wanted, 1);
  cache_close(&k);
}

Test(cache, fresh_ones) {
  struct waiter w = {0}, other = {0};
  struct cache k;
  cache_open(&k);
  cr_assert_eq(get(k.c, false, &w), 1);
  world_until(&k.w, w.done);
  cr_assert_eq(get(k.c, true, &w), 0, "fetched twice within a second");
  sleep_turning(&k.w, 1050);
  k.p.at_once = false;
  cr_assert_eq(get(k.c, true, &w), 1);
  cr_assert_eq(get(k.c, true, &other), 1);
  world_until(&k.w, k.p.open);
  cr_assert_eq(get(k.c, false, &(struct waiter){0}), 0, "who wants no fresh ones had to wait");
  answer_request(&k.p, 0);
  world_until(&k.w, w.done && other.done);
  cr_assert_str_eq(w.id, "KEY2");
  cr_assert_str_eq(other.id, "KEY2");
  cr_assert_eq(k.p.wanted, 2);
  /* A fetch that fails leaves the good ones. */
  sleep_turning(&k.w, 1050);
  k.p.at_once = k.p.fails = true;
  cr_assert_eq(get(k.c, true, &w), 1);
  world_until(&k.w, w.done);
  cr_assert_eq(w.code, 0);
  cr_assert_str_eq(w.id, "KEY2");
  cr_assert_eq(get(k.c, false, &w), 0);
  cache_close(&k);
}

Test(cache, renewed_early_in_the_background) {
  struct waiter w = {0};
  struct cache k;
  unsigned before;
  cache_open(&k);
  k.p.life_s = 4;
  cr_assert_eq(get(k.c, false, &w), 1);
  world_until(&k.w, w.done);
  cr_assert_eq(get(k.c, false, &w), 0);
  sleep_turning(&k.w, 2000);
  cr_assert_eq(k.p.wanted, 1);
  for (int i = 0; i < 20; i++) {
    sleep_turning(&k.w, 100);
    cr_assert_eq(get(k.c, false, &w), 0, "somebody had to wait");
  }
  cr_assert_geq(k.p.wanted, 2);
  cr_assert_leq(k.p.wanted, 3);
  before = k.p.wanted;
  sleep_turning(&k.w, 3500);
  cr_assert_leq(k.p.wanted, before + 1, "renewed though nobody uses them");
  cache_close(&k);
}

Test(cache, last_good_ones_until_they_expire) {
  struct waiter w = {0};
  struct cache k;
  int64_t expires_s;
  cache_open(&k);
  k.p.life_s = 4;
  expires_s = now_s() + 4;
  cr_assert_eq(get(k.c, false, &w), 1);
  world_until(&k.w, w.done);
  k.p.fails = true;
  while (now_ms() < expires_s * 1000 - 300) {
    cr_assert_eq(get(k.c, false, &w), 0);
    sleep_turning(&k.w, 50);
  }
  world_until(&k.w, now_s() > expires_s);
  cr_assert_geq(k.p.wanted, 2, "no renewal was tried");
  if (get(k.c, false, &w) == 1) world_until(&k.w, w.done);
  cr_assert_not_null(strstr(w.text, "no luck"), "%s", w.text);
  cache_close(&k);
}

Test(cache, dead_on_arrival) {
  struct waiter w = {0};
  struct cache k;
  cache_open(&k);
  k.p.life_s = -1;
  cr_assert_eq(get(k.c, false, &w), 1);
  world_until(&k.w, w.done);
  cr_assert_eq(w.code, DSQL_ECREDENTIALS);
  cr_assert_not_null(strstr(w.text, "have expired already"), "%s", w.text);
  cache_close(&k);
}

Test(cache, empty_answers) {
  struct waiter w = {0};
  struct cache k;
  cache_open(&k);
  k.p.at_once = false;
  cr_assert_eq(get(k.c, false, &w), 1);
  world_until(&k.w, k.p.open);
  cr_assert_eq(creds_answer(k.p.open, "A", NULL, NULL, 0), DSQL_EINVAL);
  world_until(&k.w, w.done);
  cr_assert_eq(w.code, DSQL_ECREDENTIALS);
  cr_assert_str_eq(w.text, "the credentials callback gave none: the secret access key is empty");
  cache_close(&k);
}

Test(cache, callbacks_may_ask_again_and_let_go) {
  struct waiter a = {0}, b = {0};
  struct cache k;
  cache_open(&k);
  k.p.fails = true;
  a.again = k.c; /* fails at once, from memory */
  b.drop = k.c;
  cr_assert_eq(get(k.c, false, &a), 1);
  cr_assert_eq(get(k.c, false, &b), 1);
  world_until(&k.w, b.done);
  cr_assert_eq(a.done, 1);
  world_close(&k.w);
}

Test(cache, fixed_ones) {
  struct credentials c;
  struct fault f = {0};
  struct waiter w = {0};
  struct dsql_credentials *fixed;
  struct world x;
  world_open(&x);
  cr_assert_eq(credentials_set(&c, &x.x.heap.hook, "FIX", WORLD_SECRET, NULL, 0, &f), 0);
  cr_assert_eq(creds_new_static(&fixed, x.x.rt, &c, &f), 0);
  cr_assert_eq(get(fixed, false, &w), 0);
  cr_assert_eq(get(fixed, true, &w), 0);
  cr_assert_str_eq(w.id, "FIX");
  creds_unref(creds_ref(fixed));
  creds_unref(fixed);
  c.expires_s = now_s() - 1;
  cr_assert_eq(creds_new_static(&fixed, x.x.rt, &c, &f), 0);
  cr_assert_eq(get(fixed, false, &w), DSQL_ECREDENTIALS);
  creds_unref(fixed);
  credentials_deinit(&c);
  world_close(&x);
}

static void close_runtime(struct world *w) {
  dsql_rt_close(w->x.rt, fixture_on_closed, &w->x);
  world_until(w, w->x.closed);
}

Test(cache, runtime_closes_while_fetching) {
  struct waiter w = {0}, late = {0};
  struct cache k;
  cache_open(&k);
  k.p.at_once = false;
  cr_assert_eq(get(k.c, false, &w), 1);
  world_until(&k.w, k.p.open);
  close_runtime(&k.w);
  cr_assert_eq(w.done, 1);
  cr_assert_eq(w.code, DSQL_ECANCELED);
  cr_assert_eq(get(k.c, false, &late), DSQL_ECANCELED);
  creds_unref(k.c);
  answer_request(&k.p, 0); /* into the void */
  fixture_finish(&k.w.x);
}

Test(cache, credentials_outlive_the_runtime) {
  struct waiter w = {0};
  struct cache k;
  cache_open(&k);
  k.p.life_s = 3600;
  cr_assert_eq(get(k.c, false, &w), 1);
  world_until(&k.w, w.done);
  close_runtime(&k.w);
  cr_assert_str_eq(creds_key_id(k.c), "KEY1");
  creds_unref(k.c);
  fixture_finish(&k.w.x);
}

Test(cache, dropped_while_fetching) {
  struct waiter w = {0};
  struct cache k;
  cache_open(&k);
  k.p.at_once = false;
  cr_assert_eq(get(k.c, false, &w), 1);
  list_remove(&w.w.node);
  creds_unref(k.c); /* before the fetch has begun */
  uv_run(&k.w.x.loop, UV_RUN_NOWAIT);
  cr_assert_eq(k.p.wanted, 0);
  world_close(&k.w);

  cache_open(&k);
  k.p.at_once = false;
  cr_assert_eq(get(k.c, false, &w), 1);
  world_until(&k.w, k.p.open);
  list_remove(&w.w.node);
  creds_unref(k.c);
  creds_fail(k.p.open, "late");
  world_close(&k.w);
}

/* ---- over the chain ---- */
#define XML(id)                                                                                                        \
  "<R><Credentials><AccessKeyId>" id "</AccessKeyId><SecretAccessKey>hunter</SecretAccessKey><SessionToken>hunter"     \
  "</SessionToken><Expiration>2099-11-14T22:13:20Z</Expiration></Credentials></R>"
#define VARS "AWS_ENDPOINT_URL_STS=@URL\nAWS_WEB_IDENTITY_TOKEN_FILE=/token\nAWS_ROLE_ARN=arn:w\n"
static const struct world_file files[] = {{"/token", "hunter-web-token"}, {NULL, NULL}};

Test(cache, chain) {
  enum { WAITERS = 100 };
  static struct waiter all[WAITERS];
  struct fake_http_reply *r;
  struct fault f = {0};
  struct dsql_credentials *c;
  struct world w;
  int64_t skew_s;
  world_open(&w);
  world_http(&w);
  world_vars(&w, VARS);
  w.files = files;
  r = fake_http_on(&w.http, "POST", "/");
  r->body = XML("STS");
  r->delay_ms = 50;
  r->header[0] = "Date: Tue, 14 Nov 2023 22:13:20 GMT";
  cr_assert_eq(creds_new_chain(&c, w.x.rt, &w.env, NULL, "eu-west-1", &f), 0);
  cr_assert_eq(w.file_reads, 0);
  cr_assert_not(creds_clock_skew(c, &skew_s));
  for (int i = 0; i < WAITERS; i++) {
    cr_assert_eq(get(c, false, &all[i]), 1);
    uv_run(&w.x.loop, UV_RUN_NOWAIT);
  }
  world_until(&w, all[WAITERS - 1].done);
  for (int i = 0; i < WAITERS; i++) cr_assert_str_eq(all[i].id, "STS");
  cr_assert_eq(r->used, 1);
  cr_assert(creds_clock_skew(c, &skew_s));
  cr_assert_leq(skew_s - (WORLD_NOW_S - now_s()), 2);
  cr_assert_geq(skew_s - (WORLD_NOW_S - now_s()), -2);
  creds_unref(c);
  world_close(&w);
}

Test(cache, chain_closed_and_dropped_at_any_time) {
  for (int turns = 0; turns < 40; turns++) {
    struct waiter waiter = {0};
    struct fault f = {0};
    struct dsql_credentials *c;
    struct world w;
    world_open(&w);
    world_http(&w);
    world_vars(&w, VARS);
    w.files = files;
    fake_http_on(&w.http, "POST", "/")->body = XML("STS");
    cr_assert_eq(creds_new_chain(&c, w.x.rt, &w.env, NULL, "eu-west-1", &f), 0);
    cr_assert_eq(get(c, false, &waiter), 1);
    for (int i = 0; i < turns / 2; i++) uv_run(&w.x.loop, UV_RUN_NOWAIT);
    if (turns % 2) {
      list_remove(&waiter.w.node);
      creds_unref(c);
      world_close(&w);
    } else {
      close_runtime(&w);
      cr_assert_eq(waiter.done, 1);
      creds_unref(c);
      fake_http_stop(&w.http);
      fixture_finish(&w.x);
    }
  }
}

Test(cache, no_memory) {
  for (size_t i = 1;; i++) {
    struct waiter waiter = {0};
    struct fault f = {0};
    struct dsql_credentials *c;
    struct world w;
    bool fired;
    world_open(&w);
    world_http(&w);
    world_vars(&w, VARS);
    w.files = files;
    fake_http_on(&w.http, "POST", "/")->body = XML("STS");
    test_alloc_arm(&w.x.heap, i, false);
    if (creds_new_chain(&c, w.x.rt, &w.env, "default", "eu-west-1", &f) == 0) {
      creds_unref(c);
      f.code = creds_new_chain(&c, w.x.rt, &w.env, NULL, "eu-west-1", &f);
    }
    if (f.code == 0) {
      cr_assert_eq(get(c, false, &waiter), 1);
      world_until(&w, waiter.done);
      creds_unref(c);
    }
    fired = test_alloc_fired(&w.x.heap);
    cr_assert(f.code == 0 || f.code == DSQL_ENOMEM);
    cr_assert(waiter.code == 0 || (fired && waiter.code == DSQL_ENOMEM), "%zu: %s", i, waiter.text);
    world_close(&w);
    if (!fired) {
      cr_assert_gt(i, 20);
      break;
    }
    cr_assert_lt(i, 500);
  }
}

Test(cache, no_memory_for_requests) {
  for (size_t i = 1;; i++) {
    struct waiter w = {0};
    struct cache k;
    struct fault f = {0};
    bool fired;
    k = (struct cache){.p = {.w = &k.w, .at_once = false}};
    world_open(&k.w);
    test_alloc_arm(&k.w.x.heap, i, false);
    if (creds_new_custom(&k.c, k.w.x.rt, want, &k.p, &f) == 0) {
      cr_assert_eq(get(k.c, false, &w), 1);
      world_until(&k.w, w.done || k.p.open);
      if (k.p.open) {
        int rc = creds_answer(k.p.open, "A", "B", "C", 0);
        world_until(&k.w, w.done);
        cr_assert_eq(rc, w.code);
      }
      cr_assert(w.code == 0 || w.code == DSQL_ENOMEM);
      creds_unref(k.c);
    }
    fired = test_alloc_fired(&k.w.x.heap);
    world_close(&k.w);
    if (!fired) {
      cr_assert_gt(i, 4);
      break;
    }
  }
}
