/* Making, running and ending a pool. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "pool/pool_object.h"

/* ---- running ---- */

static void end(struct dsql_pool *p) {
  p->ended = true;
  rt_timer_stop(p->rt, &p->timer);
  if (p->ending) future_complete(&p->close_future, NULL);
  pool_unref(p);
}

static void carry_out(struct dsql_pool *p, const struct pool_action *a) {
  switch (a->type) {
    case POOL_ACTION_NONE: break;
    case POOL_ACTION_CLOSE: pool_drop(pool_conn_of(a->slot)); break;
    case POOL_ACTION_FAIL: pool_tell_failed(p, a->request, a->failure); break;
    case POOL_ACTION_GRANT: pool_tell_granted(p, a->request, pool_conn_of(a->slot)); break;
    case POOL_ACTION_CONNECT: pool_connect(p, a->generation); break;
    case POOL_ACTION_FORCE: pool_force(p); break;
    case POOL_ACTION_ENDED: end(p); break;
  }
}

void pool_run(struct dsql_pool *p) {
  struct pool_action a;

  pool_ref(p);
  while (pool_state_next(&p->state, rt_now_ms(p->rt), &a)) carry_out(p, &a);
  pool_arm(p);
  pool_unref(p);
}

static void on_task(struct rt_task *t) { pool_run(LIST_ENTRY(t, struct dsql_pool, task)); }

void pool_run_later(struct dsql_pool *p) { rt_ready(p->rt, &p->task); }

/* ---- the timer ---- */

static void on_timer(struct rt_timer *t) {
  struct dsql_pool *p = LIST_ENTRY(t, struct dsql_pool, timer);
  pool_state_tick(&p->state, rt_now_ms(p->rt));
  pool_run(p);
}

/* It is moved only for an earlier time, or when the loop has to wait for it or need not any more: so that lending and
 * returning leave it alone. */
void pool_arm(struct dsql_pool *p) {
  uint64_t due = pool_state_due_ms(&p->state);
  bool awaited = p->state.waiting_count > 0 || (p->ending && future_observed(&p->close_future));
  bool armed = p->timer.node.linked;

  if (p->ended || p->shut) return;
  if (armed && p->timer.background == !awaited && p->timer.node.key <= due) return;
  if (due == POOL_NEVER && !armed) return;
  rt_timer_stop(p->rt, &p->timer);
  p->timer.background = !awaited;
  if (due != POOL_NEVER) rt_timer_start(p->rt, &p->timer, due);
}

/* ---- memory ---- */

static void free_pool(struct dsql_pool *p) {
  const dsql_alloc *a = rt_alloc(p->rt);

  rt_unready(&p->task);
  if (!p->shut) rt_closer_remove(p->rt, &p->closer); /* what is lent out still needs it, also behind the close */
  arena_deinit(&p->cause_arena);
  dsql_target_free(p->target);
  mem_free(a, p->reset_sql);
  mem_free(a, p->tx_defaults);
  mem_free(a, p);
}

void pool_ref(struct dsql_pool *p) { p->refs++; }

void pool_unref(struct dsql_pool *p) {
  assert(p->refs > 0);
  if (--p->refs == 0) free_pool(p);
}

/* ---- new ---- */

enum {
  CONNS_MAX = 10,
  CONNS_MOST = 100000,
  WAITERS_MAX = 1000000,
  ACQUIRE_TIMEOUT_MS = 30 * 1000,
  LIFETIME_MS = 55 * 60 * 1000,
  IDLE_MS = 10 * 60 * 1000,
  CONNECTS_MAX = 16,
  CONNECTS_PER_S = 100,
  CONNECTS_BURST = 1000,
  BACKOFF_MS = 100,
  BACKOFF_MAX_MS = 10 * 1000,
  CONNECT_LIMIT_MS = 30 * 1000 /* of a target without a connect timeout: a slot must not hang for ever */
};

static uint32_t or_default(uint32_t v, uint32_t otherwise) { return v ? v : otherwise; }

static uint64_t or_never(uint32_t v, uint32_t otherwise) {
  return v == DSQL_NO_LIMIT ? POOL_NEVER : or_default(v, otherwise);
}

static void read_limits(const dsql_pool_config *c, struct pool_limits *l) {
  *l = (struct pool_limits){.conns_max = or_default(c->conns_max, CONNS_MAX),
                            .conns_min = c->conns_min,
                            .waiters_max = or_default(c->waiters_max, WAITERS_MAX),
                            .connects_max = or_default(c->connects_max, CONNECTS_MAX),
                            .connects_per_s = or_default(c->connects_per_s, CONNECTS_PER_S),
                            .connects_burst = or_default(c->connects_burst, CONNECTS_BURST),
                            .backoff_ms = BACKOFF_MS,
                            .backoff_max_ms = BACKOFF_MAX_MS,
                            .lifetime_ms = or_never(c->lifetime_ms, LIFETIME_MS),
                            .idle_ms = or_never(c->idle_ms, IDLE_MS)};
}

static bool sizes_fit(uint32_t conns_max, uint32_t conns_min) {
  return conns_max >= 1 && conns_max <= CONNS_MOST && conns_min <= conns_max;
}

/* The options tell their own size. */
static int copy_tx_defaults(struct dsql_pool *p, const struct dsql_tx_options *tx) {
  size_t size;

  if (!tx) return 0;
  memcpy(&size, tx, sizeof size);
  if (size < sizeof size || size > 4096) return DSQL_EINVAL;
  p->tx_defaults = mem_alloc(rt_alloc(p->rt), size);
  if (!p->tx_defaults) return DSQL_ENOMEM;
  memcpy(p->tx_defaults, tx, size);
  return 0;
}

static int copy_config(struct dsql_pool *p, const dsql_pool_config *c) {
  uint64_t acquire_ms = or_never(c->acquire_timeout_ms, ACQUIRE_TIMEOUT_MS);
  int rc = copy_tx_defaults(p, c->tx);

  if (rc) return rc;
  p->acquire_timeout_ms = acquire_ms == POOL_NEVER ? 0 : acquire_ms;
  p->connect_limit_ms = p->target->target->connect_timeout_ms ? 0 : CONNECT_LIMIT_MS;
  p->before_connect = c->before_connect;
  p->before_connect_arg = c->before_connect_arg;
  p->on_release = c->on_release;
  p->on_release_arg = c->on_release_arg;
  if (!c->reset_sql) return 0;
  p->reset_sql = mem_strdup(rt_alloc(p->rt), c->reset_sql);
  return p->reset_sql ? 0 : DSQL_ENOMEM;
}

static void on_rt_close(struct rt_closer *closer);

static void init(struct dsql_pool *p, dsql_rt *rt, const dsql_target *t) {
  p->rt = rt;
  p->target = target_object_ref((struct dsql_target *)(uintptr_t)t); /* its count is not the caller's business */
  p->refs = 1;
  p->task.run = on_task;
  p->timer.fire = on_timer;
  p->timer.background = true;
  p->closer.close = on_rt_close;
  list_init(&p->task.node);
  list_init(&p->connecting);
  list_init(&p->others);
  arena_init(&p->cause_arena, rt_chunks(rt));
}

int dsql_pool_new(dsql_pool **out, dsql_rt *rt, const dsql_target *t, const dsql_pool_config *c) {
  dsql_pool_config full = {0};
  struct pool_limits limits;
  struct dsql_pool *p;
  int rc;

  if (out) *out = NULL;
  if (!out || !rt || !t || t->rt != rt || rt_in_hook(rt)) return DSQL_EINVAL;
  if (c && c->size < sizeof c->size) return DSQL_EINVAL;
  if (c) memcpy(&full, c, c->size < sizeof full ? c->size : sizeof full);
  read_limits(&full, &limits);
  if (!sizes_fit(limits.conns_max, limits.conns_min)) return DSQL_EINVAL;
  if (rt_closing(rt)) return DSQL_ECLOSED;
  p = mem_zalloc(rt_alloc(rt), sizeof *p);
  if (!p) return DSQL_ENOMEM;
  init(p, rt, t);
  rt_closer_add(rt, &p->closer);
  rc = copy_config(p, &full);
  if (rc) {
    pool_unref(p);
    return rc;
  }
  pool_state_init(&p->state, &limits, rt_random(rt), rt_now_ms(rt));
  pool_run_later(p);
  *out = p;
  return 0;
}

/* ---- the end ---- */

static void close_freed(struct dsql_future *f) { pool_unref(LIST_ENTRY(f, struct dsql_pool, close_future)); }

static const struct future_class close_class = {.free = close_freed};

dsql_future *dsql_pool_close(dsql_pool *p, uint32_t drain_timeout_ms) {
  struct fault f = {0};

  if (!p) return NULL;
  if (rt_in_hook(p->rt) && observe_refuse(&f)) return future_failed(p->rt, &f);
  if (p->ending || p->state.closing) {
    fault_set(&f, p->shut ? DSQL_ECANCELED : DSQL_EINVAL,
              p->shut ? "the runtime is closing" : "the pool is being closed already");
    return future_failed(p->rt, &f);
  }
  p->ending = true;
  pool_ref(p);
  future_init(&p->close_future, p->rt, &close_class);
  pool_state_close(&p->state, rt_after_ms(p->rt, drain_timeout_ms));
  pool_connect_abort_all(p, false);
  pool_run_later(p);
  return &p->close_future;
}

/* What is lent out when the runtime ends belongs to connections that go by themselves. */
static void shell_freed(struct dsql_future *f) {
  struct dsql_pool *p = LIST_ENTRY(f, struct dsql_pool, shell);
  struct list *node;

  while ((node = list_pop_front(&p->others)) != NULL) {
    struct pool_conn *pc = LIST_ENTRY(node, struct pool_conn, node);
    mem_free(rt_alloc(p->rt), pc);
    pool_unref(p);
  }
  pool_unref(p);
}

static void on_rt_close(struct rt_closer *closer) {
  static const struct future_class class = {.free = shell_freed};
  struct dsql_pool *p = LIST_ENTRY(closer, struct dsql_pool, closer);

  if (p->shut) return;
  p->shut = true;
  pool_ref(p);
  rt_closer_remove(p->rt, &p->closer);
  future_init(&p->shell, p->rt, &class);
  future_complete(&p->shell, NULL);
  pool_acquires_shut(p);
  pool_state_close(&p->state, 0);
  p->state.close_ms = 0;
  pool_connect_abort_all(p, true);
  pool_run(p);
}

/* ---- at run time ---- */

int dsql_pool_resize(dsql_pool *p, uint32_t conns_max, uint32_t conns_min) {
  if (!p || p->state.closing || !sizes_fit(conns_max, conns_min) || rt_in_hook(p->rt)) return DSQL_EINVAL;
  pool_state_resize(&p->state, conns_max, conns_min);
  pool_run_later(p);
  return 0;
}

void dsql_pool_expire_all(dsql_pool *p) {
  if (!p || rt_in_hook(p->rt)) return;
  pool_state_expire_all(&p->state);
  pool_run_later(p);
}

/* ---- what others look at ---- */

const struct dsql_tx_options *pool_tx_defaults(const struct dsql_pool *p) { return p->tx_defaults; }
struct pool_tx_counts *pool_tx_counts(struct dsql_pool *p) {
  return &p->tx_counts;
}
struct dsql_rt *pool_rt(const struct dsql_pool *p) {
  return p->rt;
}
struct dsql_target *pool_target(const struct dsql_pool *p) {
  return p->target;
}
bool pool_open(const struct dsql_pool *p) { return !p->state.closing; }
dsql_rt *dsql_pool_rt(const dsql_pool *p) { return p ? p->rt : NULL; }
