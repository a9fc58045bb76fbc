/* timers.c - one uv_timer_t behind a heap. It is moved only for an earlier deadline: stopping a timer leaves it armed,
 * and it then fires once for nothing. So a warm query's deadline costs two heap operations. */
#include <assert.h>

#include "rt/state.h"

static void schedule(struct dsql_rt *rt);

static struct rt_timer *first(struct dsql_rt *rt) {
  struct heap_node *n = heap_min(&rt->timers);
  return n ? LIST_ENTRY(n, struct rt_timer, node) : NULL;
}

static void on_timer(uv_timer_t *h) {
  struct dsql_rt *rt = h->data;
  uint64_t now = uv_now(rt->loop);
  struct rt_timer *t;

  rt_enter(rt);
  rt->timers_firing = true;
  while ((t = first(rt)) && t->node.key <= now) {
    rt_timer_stop(rt, t);
    t->fire(t);
  }
  rt->timers_firing = false;
  schedule(rt);
  rt_leave(rt);
}

static void schedule(struct dsql_rt *rt) {
  struct rt_timer *t = first(rt);
  uint64_t now = uv_now(rt->loop);

  if (!t || rt->timers_firing) return;
  if (uv_is_active((uv_handle_t *)&rt->timer) && rt->timer_due_ms <= t->node.key) return;
  rt->timer_due_ms = t->node.key;
  (void)uv_timer_start(&rt->timer, on_timer, t->node.key > now ? t->node.key - now : 0, 0);
}

void rt_timers_init(struct dsql_rt *rt) {
  heap_init(&rt->timers);
  (void)uv_timer_init(rt->loop, &rt->timer);
  rt->timer.data = rt;
  uv_unref((uv_handle_t *)&rt->timer);
  rt->handles_open++;
}

void rt_timer_start(struct dsql_rt *rt, struct rt_timer *t, uint64_t deadline_ms) {
  uint64_t soonest = uv_now(rt->loop) + 1;

  assert(t->fire);
  if (rt->handles_closed) return; /* nothing is waited for any more: what is called now is refused */
  rt_timer_stop(rt, t);
  /* Due at once, from inside a timer's callback: the next turn, or a timer could keep the loop to itself. */
  if (rt->timers_firing && deadline_ms < soonest) deadline_ms = soonest;
  heap_insert(&rt->timers, &t->node, deadline_ms);
  if (!t->background && rt->timers_foreground++ == 0) uv_ref((uv_handle_t *)&rt->timer);
  schedule(rt);
}

void rt_timer_stop(struct dsql_rt *rt, struct rt_timer *t) {
  if (!t->node.linked) return;
  heap_remove(&rt->timers, &t->node);
  if (!t->background && --rt->timers_foreground == 0) uv_unref((uv_handle_t *)&rt->timer);
}
