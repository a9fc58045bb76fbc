#include "dsql/auth.h"

#include <assert.h>

#include "dsql/clock_hint.h"

/* It may outlive the auth, and is then answered into the void. */
struct dsql_auth_request {
  struct dsql_auth *auth; /* NULL: gone */
  dsql_alloc alloc;
};

static struct dsql_auth *of_leased(struct leased *l) { return (struct dsql_auth *)(void *)l; }

static void ask(struct rt_task *t) {
  struct dsql_auth *a = LIST_ENTRY(t, struct dsql_auth, task);
  a->want(a->request, a->arg);
}

static void renew(struct leased *l) {
  struct dsql_auth *a = of_leased(l);
  struct dsql_auth_request *q = mem_alloc(rt_alloc(l->rt), sizeof *q);
  struct fault f = {0};

  if (!q) {
    fault_set(&f, DSQL_ENOMEM, "out of memory for asking for a %s", a->noun);
    leased_failed(l, &f);
    return;
  }
  *q = (struct dsql_auth_request){a, *rt_alloc(l->rt)};
  a->request = q;
  rt_ready(l->rt, &a->task);
}

static void stop(struct leased *l) {
  struct dsql_auth *a = of_leased(l);
  bool asked = !list_linked(&a->task.node);

  rt_unready(&a->task);
  if (!a->request) return;
  a->request->auth = NULL;
  if (!asked) mem_free(rt_alloc(l->rt), a->request);
  a->request = NULL;
}

static bool refused(struct password_source *s, const dsql_error *e, dsql_str password) {
  struct leased *l = (struct leased *)(void *)s;
  if (leased_is(l, password)) lease_invalidate(&l->lease);
  return clock_hint_is_expiry(e);
}

static void explain(struct password_source *s, const dsql_error *e, struct buf *out) {
  (void)s;
  if (clock_hint_is_expiry(e)) buf_put_str(out, "what the password's source gave then was refused as well");
}

static void free_auth(struct password_source *s) {
  struct dsql_auth *a = (struct dsql_auth *)(void *)s;
  struct dsql_rt *rt = a->leased.rt;
  leased_deinit(&a->leased);
  mem_free(rt_alloc(rt), a);
}

static const struct password_class password_class = {leased_get, leased_still_good, refused, explain, free_auth, false,
                                                     NULL};
static const struct leased_class leased_class = {renew, stop};

void auth_init(struct dsql_auth *a, struct dsql_rt *rt, const struct password_class *class, const char *noun,
               dsql_auth_fn want, void *arg) {
  leased_init(&a->leased, rt, class, &leased_class);
  a->noun = noun;
  a->want = want;
  a->arg = arg;
  a->task.run = ask;
  list_init(&a->task.node);
}

int dsql_auth_new(dsql_auth **out, dsql_rt *rt, dsql_auth_fn want, void *arg) {
  struct dsql_auth *a;

  if (!out || !rt || !want) return DSQL_EINVAL;
  *out = NULL;
  if (rt_closing(rt)) return DSQL_ECLOSED;
  a = mem_zalloc(rt_alloc(rt), sizeof *a);
  if (!a) return DSQL_ENOMEM;
  auth_init(a, rt, &password_class, "password", want, arg);
  *out = a;
  return 0;
}

void dsql_auth_free(dsql_auth *a) {
  if (a) password_source_unref(&a->leased.source);
}

struct dsql_auth *auth_take(dsql_auth_request *q) {
  struct dsql_auth *a = q->auth;
  dsql_alloc alloc = q->alloc;

  if (a) a->request = NULL;
  mem_free(&alloc, q);
  return a;
}

void dsql_auth_answer(dsql_auth_request *q, const char *secret, int64_t expires_unix_s) {
  struct dsql_auth *a = q ? auth_take(q) : NULL;
  struct fault f = {0};
  int64_t now_ms;

  if (!a) return;
  now_ms = leased_now(a->leased.rt).wall_ms;
  if (!secret || !*secret) {
    fault_set(&f, DSQL_EINVAL, "dsql_auth_answer() was given an empty %s", a->noun);
    leased_failed(&a->leased, &f);
  } else if (a->check && a->check((dsql_str){secret, strlen(secret)}, &f)) {
    leased_failed(&a->leased, &f);
  } else if (expires_unix_s < 0 || expires_unix_s > INT64_MAX / 1000) {
    fault_set(&f, DSQL_EINVAL, "dsql_auth_answer() was given an expiry that is no Unix time in seconds");
    leased_failed(&a->leased, &f);
  } else {
    leased_gave(&a->leased, secret, strlen(secret), now_ms, expires_unix_s * 1000);
  }
}

void dsql_auth_fail(dsql_auth_request *q, const char *reason) {
  struct dsql_auth *a = q ? auth_take(q) : NULL;
  struct fault f = {0};

  if (!a) return;
  fault_set(&f, DSQL_ECREDENTIALS, "the %s's source failed: %s", a->noun, reason ? reason : "it gave no reason");
  leased_failed(&a->leased, &f);
}
