/* creds.c - the cache. Whatever has to call back, or to start a fetch, does so in the task: never inside creds_get().
 * auth/lease.h decides when to fetch, and whether what is cached is still good. */
#include "creds/creds.h"

#include <assert.h>

#include "creds/chain.h"

enum { GAP_MIN_MS = 1000, BACKOFF_MAX_MS = 60 * 1000, RENEW_PERMILLE = 800, RENEW_BEFORE_MS = 5 * 60 * 1000 };
enum kind { KIND_CHAIN, KIND_STATIC, KIND_CUSTOM };

struct dsql_credentials {
  dsql_alloc alloc; /* the runtime's, which may be gone before us */
  struct dsql_rt *rt;
  enum kind kind;
  unsigned refs;
  bool closed; /* rt must not be touched any more */
  struct rt_closer closer;
  struct rt_task task;
  struct rt_timer timer;
  struct list waiters;

  struct lease lease;
  struct credentials current;
  struct fault failure; /* of the last fetch, when it failed */
  bool fetch_wanted, fetching;

  bool answered; /* the fetch has ended: by one of the next two, which the task takes over */
  struct credentials answer;
  struct fault answer_fault;

  struct chain_setup setup; /* KIND_CHAIN */
  struct creds_skew skew;
  char *profile, *region;
  struct chain *chain; /* under way */

  dsql_credentials_fn want; /* KIND_CUSTOM */
  void *want_arg;
  struct dsql_credentials_request *request; /* under way */
};

/* Owned by the provider until it answers; knows whether anybody still listens. */
struct dsql_credentials_request {
  dsql_alloc alloc;
  struct dsql_credentials *creds; /* NULL: into the void */
};

/* ---- time ---- */
static int64_t wall_s(void) { return rt_wall_ms() / 1000; }

static struct lease_time now_of(const struct dsql_credentials *c) {
  return (struct lease_time){rt_wall_ms(), rt_now_ms(c->rt)};
}

/* 0: never, as is a time that milliseconds can't tell. */
static int64_t expires_ms_of(const struct credentials *c) {
  return c->expires_s <= INT64_MAX / 1000 ? c->expires_s * 1000 : 0;
}

static bool expired(const struct credentials *c, int64_t wall_ms) {
  return c->expires_s && wall_ms / 1000 >= c->expires_s;
}

/* ---- the end of a fetch: from wherever it comes, the task goes on with it ---- */
static void end_fetch(struct dsql_credentials *c, struct credentials *found, const struct fault *why) {
  assert(c->fetching && !c->answered && credentials_empty(&c->answer));
  c->answered = true;
  fault_clear(&c->answer_fault);
  if (found)
    credentials_move(&c->answer, found);
  else
    c->answer_fault = *why;
  rt_ready(c->rt, &c->task);
}

static void fail_fetch(struct dsql_credentials *c, int code, const char *why) {
  struct fault f = {0};
  (void)fault_set(&f, code, "%s", why);
  end_fetch(c, NULL, &f);
}

static void cancel_fetch(struct dsql_credentials *c) {
  chain_cancel(c->chain);
  c->chain = NULL;
  if (c->request) c->request->creds = NULL;
  c->request = NULL;
  credentials_deinit(&c->answer);
  c->fetch_wanted = c->fetching = c->answered = false;
}

/* ---- its start ---- */
static void on_chain(void *owner, struct credentials *found, const struct fault *f) {
  struct dsql_credentials *c = owner;
  c->chain = NULL;
  end_fetch(c, found, f);
}

static void start_chain(struct dsql_credentials *c) {
  c->chain = chain_new(&c->setup, on_chain, c);
  if (c->chain)
    chain_start(c->chain);
  else
    fail_fetch(c, DSQL_ENOMEM, "out of memory");
}

static void start_custom(struct dsql_credentials *c) {
  struct dsql_credentials_request *q = mem_alloc(&c->alloc, sizeof *q);

  if (!q) {
    fail_fetch(c, DSQL_ENOMEM, "out of memory");
    return;
  }
  *q = (struct dsql_credentials_request){c->alloc, c};
  c->request = q;
  c->want(q, c->want_arg);
}

static void start_fetch(struct dsql_credentials *c) {
  c->fetch_wanted = false;
  c->fetching = true;
  if (c->kind == KIND_CHAIN)
    start_chain(c);
  else
    start_custom(c);
}

static void follow(struct dsql_credentials *c, struct lease_step step) {
  if (step.renew) {
    c->fetch_wanted = true;
    rt_ready(c->rt, &c->task);
  }
  rt_timer_stop(c->rt, &c->timer);
  c->timer.background = step.use != LEASE_WAIT && list_empty(&c->waiters);
  if (step.timer_ms) rt_timer_start(c->rt, &c->timer, step.timer_ms);
}

static void on_timer(struct rt_timer *t) {
  struct dsql_credentials *c = LIST_ENTRY(t, struct dsql_credentials, timer);
  follow(c, lease_tick(&c->lease, now_of(c)));
}

/* ---- the task ---- */
static void take_answer(struct dsql_credentials *c) {
  struct lease_time now = now_of(c);

  c->fetching = c->answered = false;
  if (!credentials_empty(&c->answer) && expired(&c->answer, now.wall_ms)) {
    credentials_deinit(&c->answer);
    (void)fault_set(&c->answer_fault, DSQL_ECREDENTIALS, "the AWS credentials that were given have expired already");
  }
  if (credentials_empty(&c->answer)) {
    c->failure = c->answer_fault;
    follow(c, lease_failed(&c->lease, now));
    return;
  }
  credentials_deinit(&c->current);
  credentials_move(&c->current, &c->answer);
  c->current.alloc = &c->alloc; /* the same hook, which outlives the runtime here */
  follow(c, lease_renewed(&c->lease, now, now.wall_ms, expires_ms_of(&c->current)));
}

/* Those who wait now; whoever a callback adds waits for the next answer. A callback may remove any of them. */
static void tell_waiters(struct dsql_credentials *c) {
  struct list now, *node;

  list_init(&now);
  list_move_all(&now, &c->waiters);
  while ((node = list_pop_front(&now))) {
    struct creds_waiter *w = LIST_ENTRY(node, struct creds_waiter, node);
    bool good = !c->closed && lease_left_ms(&c->lease, now_of(c)) > 0;
    w->done(w, good ? &c->current : NULL, good ? NULL : &c->failure);
  }
}

static void run_task(struct rt_task *t) {
  struct dsql_credentials *c = LIST_ENTRY(t, struct dsql_credentials, task);
  bool over = c->closed;

  (void)creds_ref(c);
  if (c->fetch_wanted) start_fetch(c);
  if (c->answered) {
    take_answer(c);
    over = true;
  }
  if (over) tell_waiters(c);
  creds_unref(c);
}

/* ---- the runtime's close ---- */
static void on_close(struct rt_closer *closer) {
  struct dsql_credentials *c = LIST_ENTRY(closer, struct dsql_credentials, closer);

  if (c->closed) return;
  cancel_fetch(c);
  fault_clear(&c->failure);
  (void)fault_set(&c->failure, DSQL_ECANCELED, "the runtime is closing");
  rt_timer_stop(c->rt, &c->timer);
  c->closed = true;
  if (list_empty(&c->waiters))
    rt_unready(&c->task);
  else
    rt_ready(c->rt, &c->task);
  rt_closer_remove(c->rt, closer);
}

/* ---- calls ---- */
static struct dsql_credentials *create(struct dsql_rt *rt, enum kind kind, struct fault *f) {
  static const struct lease_policy policy = {RENEW_PERMILLE, RENEW_BEFORE_MS, GAP_MIN_MS, BACKOFF_MAX_MS};
  struct dsql_credentials *c = mem_zalloc(rt_alloc(rt), sizeof *c);

  if (!c) {
    (void)fault_set(f, DSQL_ENOMEM, "out of memory");
    return NULL;
  }
  c->alloc = *rt_alloc(rt);
  c->rt = rt;
  c->kind = kind;
  c->refs = 1;
  c->closer.close = on_close;
  c->task.run = run_task;
  c->timer.fire = on_timer;
  list_init(&c->task.node);
  list_init(&c->waiters);
  lease_init(&c->lease, &policy);
  rt_closer_add(rt, &c->closer);
  return c;
}

static bool copy(const struct dsql_credentials *c, char **out, const char *s) {
  *out = s ? mem_strdup(&c->alloc, s) : NULL;
  return *out || !s;
}

int creds_new_chain(struct dsql_credentials **out, struct dsql_rt *rt, const struct target_env *env,
                    const char *profile, const char *region, struct fault *f) {
  struct dsql_credentials *c = create(rt, KIND_CHAIN, f);

  *out = NULL;
  if (!c) return f->code;
  if (!copy(c, &c->profile, profile) || !copy(c, &c->region, region)) {
    creds_unref(c);
    return fault_set(f, DSQL_ENOMEM, "out of memory");
  }
  c->setup = (struct chain_setup){.rt = rt,
                                  .env = env ? env : target_env_os(),
                                  .profile = c->profile,
                                  .region = c->region,
                                  .now_s = wall_s,
                                  .skew = &c->skew};
  *out = c;
  return 0;
}

int creds_new_static(struct dsql_credentials **out, struct dsql_rt *rt, const struct credentials *given,
                     struct fault *f) {
  struct dsql_credentials *c = create(rt, KIND_STATIC, f);

  *out = NULL;
  if (!c) return f->code;
  if (credentials_set(&c->current, &c->alloc, given->access_key_id, given->secret_access_key, given->session_token,
                      given->expires_s, f)) {
    creds_unref(c);
    return f->code;
  }
  *out = c;
  return 0;
}

int creds_new_custom(struct dsql_credentials **out, struct dsql_rt *rt, dsql_credentials_fn want, void *arg,
                     struct fault *f) {
  struct dsql_credentials *c = create(rt, KIND_CUSTOM, f);

  *out = c;
  if (!c) return f->code;
  c->want = want;
  c->want_arg = arg;
  return 0;
}

struct dsql_credentials *creds_ref(struct dsql_credentials *c) {
  c->refs++;
  return c;
}

void creds_unref(struct dsql_credentials *c) {
  dsql_alloc alloc;

  if (!c) return;
  assert(c->refs > 0);
  if (--c->refs) return;
  assert(list_empty(&c->waiters));
  if (!c->closed) {
    cancel_fetch(c);
    rt_timer_stop(c->rt, &c->timer);
    rt_unready(&c->task);
    rt_closer_remove(c->rt, &c->closer);
  }
  alloc = c->alloc;
  credentials_deinit(&c->current);
  mem_free(&alloc, c->profile);
  mem_free(&alloc, c->region);
  mem_free_secret(&alloc, c, sizeof *c);
}

static int get_static(struct dsql_credentials *c, const struct credentials **out, struct fault *f) {
  if (expired(&c->current, now_of(c).wall_ms))
    return fault_set(f, DSQL_ECREDENTIALS, "the AWS credentials that were given have expired");
  c->lease.stats.hits++;
  *out = &c->current;
  return 0;
}

int creds_get(struct dsql_credentials *c, bool fresh, struct creds_waiter *w, const struct credentials **out,
              struct fault *f) {
  struct lease_step step;

  *out = NULL;
  if (c->closed || rt_closing(c->rt)) return fault_set(f, DSQL_ECANCELED, "the runtime is closing");
  if (c->kind == KIND_STATIC) return get_static(c, out, f);
  step = (fresh ? lease_force : lease_get)(&c->lease, now_of(c));
  follow(c, step);
  switch (step.use) {
    case LEASE_SERVE: *out = &c->current; return 0;
    case LEASE_WAIT: list_push_back(&c->waiters, &w->node); return 1;
    case LEASE_FAIL: break;
  }
  f->os_error = c->failure.os_error;
  return fault_set(f, c->failure.code, "%s", c->failure.text);
}

void creds_stats(const struct dsql_credentials *c, struct lease_stats *out) { *out = c->lease.stats; }

const char *creds_key_id(const struct dsql_credentials *c) { return c->current.access_key_id; }

bool creds_clock_skew(const struct dsql_credentials *c, int64_t *skew_s) {
  if (c->skew.known) *skew_s = c->skew.skew_s;
  return c->skew.known;
}

/* ---- a custom provider's answers ---- */
/* The request is gone; NULL: nobody listens. */
static struct dsql_credentials *end_request(struct dsql_credentials_request *q) {
  struct dsql_credentials *c = q->creds;
  dsql_alloc alloc = q->alloc;

  if (c) c->request = NULL;
  mem_free(&alloc, q);
  return c;
}

int creds_answer(struct dsql_credentials_request *q, const char *access_key_id, const char *secret_access_key,
                 const char *session_token, int64_t expires_s) {
  struct credentials found = {0};
  struct fault f = {0};
  struct dsql_credentials *c = q->creds;
  dsql_alloc alloc = q->alloc;
  int rc =
      credentials_set(&found, c ? &c->alloc : &alloc, access_key_id, secret_access_key, session_token, expires_s, &f);

  c = end_request(q);
  if (c && rc) {
    struct fault why = {0};
    (void)fault_set(&why, rc == DSQL_ENOMEM ? rc : DSQL_ECREDENTIALS, "the credentials callback gave none: %s", f.text);
    end_fetch(c, NULL, &why);
  } else if (c) {
    end_fetch(c, &found, NULL);
  }
  credentials_deinit(&found);
  return rc;
}

void creds_fail(struct dsql_credentials_request *q, const char *reason) {
  struct dsql_credentials *c = end_request(q);
  struct fault f = {0};

  if (!c) return;
  (void)fault_set(&f, DSQL_ECREDENTIALS, "the credentials callback failed: %s", reason ? reason : "no reason given");
  end_fetch(c, NULL, &f);
}
