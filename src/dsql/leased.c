#include "dsql/leased.h"

#include <assert.h>
#include <inttypes.h>

/* Pauses do not grow: what is behind a token, the credentials, has a back-off of its own. */
enum { SECRET_MAX = 1 << 20, RENEW_PERMILLE = 800, GAP_MIN_MS = 1000, BACKOFF_MAX_MS = GAP_MIN_MS, AT_ONCE_MAX = 3 };

struct lease_time leased_now(struct dsql_rt *rt) {
  return (struct lease_time){rt_wall_ms(), rt_now_ms(rt)};
}

static void act(struct leased *l, struct lease_step step);

static void on_timer(struct rt_timer *timer) {
  struct leased *l = LIST_ENTRY(timer, struct leased, timer);
  act(l, lease_tick(&l->lease, leased_now(l->rt)));
}

/* The end of the runtime comes before that of the targets. */
static void on_rt_close(struct rt_closer *closer) {
  struct leased *l = LIST_ENTRY(closer, struct leased, closer);
  struct fault f = {0};
  struct list *node;

  if (l->closed) return;
  l->closed = true;
  l->class->stop(l);
  rt_timer_stop(l->rt, &l->timer);
  rt_closer_remove(l->rt, &l->closer);
  fault_set(&f, DSQL_ECANCELED, "the runtime is closing");
  password_source_ref(&l->source);
  while ((node = list_pop_front(&l->waiters)) != NULL) {
    struct password_waiter *w = LIST_ENTRY(node, struct password_waiter, node);
    w->done(w, &f);
  }
  password_source_unref(&l->source);
}

void leased_init(struct leased *l, struct dsql_rt *rt, const struct password_class *source,
                 const struct leased_class *class) {
  const struct lease_policy policy = {
      .renew_permille = RENEW_PERMILLE, .gap_min_ms = GAP_MIN_MS, .backoff_max_ms = BACKOFF_MAX_MS};

  *l = (struct leased){.source = {source, 1}, .class = class, .rt = rt};
  l->timer = (struct rt_timer){.fire = on_timer, .background = true};
  lease_init(&l->lease, &policy);
  buf_init(&l->secret, rt_alloc(rt), SECRET_MAX);
  l->secret.secret = true;
  list_init(&l->waiters);
  l->closer.close = on_rt_close;
  rt_closer_add(rt, &l->closer);
}

void leased_deinit(struct leased *l) {
  assert(list_empty(&l->waiters));
  if (!l->closed) {
    l->class->stop(l);
    rt_timer_stop(l->rt, &l->timer);
    rt_closer_remove(l->rt, &l->closer);
  }
  buf_deinit(&l->secret);
}

static void arm(struct leased *l, const struct lease_step *step) {
  if (step->timer_ms)
    rt_timer_start(l->rt, &l->timer, step->timer_ms);
  else
    rt_timer_stop(l->rt, &l->timer);
}

/* A renewal may end before renew() returns, so its step comes last. */
static void act(struct leased *l, struct lease_step step) {
  arm(l, &step);
  if (step.renew) l->class->renew(l);
}

/* Those who come while others are told wait for the next answer. */
static void tell(struct leased *l, const struct fault *f) {
  struct list now, *node;

  list_init(&now);
  list_move_all(&now, &l->waiters);
  while ((node = list_pop_front(&now)) != NULL) {
    struct password_waiter *w = LIST_ENTRY(node, struct password_waiter, node);
    w->done(w, f);
  }
}

/* What was good for once is over. A renewal that is under way by now was begun behind it, and its answer is taken. */
static void forget(struct leased *l) {
  if (l->closed || l->lease.renewing) return;
  lease_invalidate(&l->lease);
  buf_reset(&l->secret);
}

void leased_gave(struct leased *l, const char *secret, size_t n, int64_t issued_ms, int64_t expires_ms) {
  struct lease_time now = leased_now(l->rt);
  struct lease_step step;
  struct fault f = {0};

  if (expires_ms && expires_ms <= now.wall_ms) { /* what is kept may be better */
    fault_set(&f, DSQL_ECREDENTIALS,
              "a password was given that had expired already, %" PRId64 " s ago; is this "
              "machine's clock right?",
              (now.wall_ms - expires_ms) / 1000);
    leased_failed(l, &f);
    return;
  }
  buf_reset(&l->secret);
  buf_put(&l->secret, secret, n);
  buf_put_u8(&l->secret, 0);
  if (!buf_ok(&l->secret)) {
    fault_set(&f, l->secret.error, "%s",
              l->secret.error == DSQL_ENOMEM ? "out of memory for a password" : "a password of over 1 MiB was given");
    buf_reset(&l->secret);
    lease_invalidate(&l->lease);
    leased_failed(l, &f);
    return;
  }
  if (issued_ms > now.wall_ms) issued_ms = now.wall_ms; /* the clock was set back while it was made */
  l->given++;
  l->once = expires_ms == 0;
  step = lease_renewed(&l->lease, now, issued_ms, expires_ms);
  password_source_ref(&l->source);
  act(l, step);
  tell(l, NULL);
  if (expires_ms == 0) forget(l);
  password_source_unref(&l->source);
}

void leased_failed(struct leased *l, const struct fault *f) {
  struct lease_step step = lease_failed(&l->lease, leased_now(l->rt));
  struct fault told = *f;

  l->failures++;
  l->failure = *f;
  password_source_ref(&l->source);
  act(l, step);
  /* A good one that is left serves on. */
  if (step.use == LEASE_SERVE)
    tell(l, NULL);
  else
    tell(l, &told);
  password_source_unref(&l->source);
}

int leased_get(struct password_source *s, struct password_waiter *w, dsql_str *out, struct fault *f) {
  struct leased *l = (struct leased *)(void *)s;
  struct lease_step step;

  if (l->closed) return fault_set(f, DSQL_ECLOSED, "the runtime is closing");
  for (unsigned tries = 0;; tries++) {
    step = lease_get(&l->lease, leased_now(l->rt));
    act(l, step);
    /* A renewal that was over at once has an outcome already. What is given and expires at once, again and again, is
     * left to the timer. */
    if (!step.renew || step.use != LEASE_WAIT || l->lease.renewing || tries == AT_ONCE_MAX) break;
  }
  if (step.use == LEASE_FAIL) {
    assert(l->failure.code);
    *f = l->failure;
    return f->code;
  }
  if (step.use == LEASE_SERVE) {
    l->hits++;
    *out = (dsql_str){(const char *)l->secret.data, l->secret.len - 1};
    return 0;
  }
  l->waits++;
  list_push_back(&l->waiters, &w->node);
  return 1;
}

bool leased_is(const struct leased *l, dsql_str password) {
  return l->secret.len == password.len + 1 && memcmp(l->secret.data, password.ptr, password.len) == 0;
}

bool leased_still_good(struct password_source *s, dsql_str password) {
  struct leased *l = (struct leased *)(void *)s;
  return l->once || (leased_is(l, password) && lease_left_ms(&l->lease, leased_now(l->rt)) > 0);
}
