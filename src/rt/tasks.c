/* tasks.c - the ready queue and the flush queue, and the three handles that see to them. */
#include <assert.h>

#include "rt/state.h"

static struct rt_task *task_of(struct list *node) { return LIST_ENTRY(node, struct rt_task, node); }

/* Each run sees only what was queued when it began, so that a task which requeues itself cannot starve the loop. The
 * head is on the stack; unqueueing a task works whichever list it is in. */
static void run_all(struct list *queue) {
  struct list now, *node;
  list_init(&now);
  list_move_all(&now, queue);
  while ((node = list_pop_front(&now))) task_of(node)->run(task_of(node));
}

void rt_drain(struct dsql_rt *rt) {
  assert(!rt->draining);
  if (list_empty(&rt->ready)) return;
  rt->draining = true;
  run_all(&rt->ready);
  rt->draining = false;
}

static bool busy(const struct dsql_rt *rt) {
  return !list_empty(&rt->ready) || !list_empty(&rt->flush) || rt->check_closed || rt->ask_closers;
}

/* Idle's only purpose is to be active: it makes uv_backend_timeout() 0 and keeps the loop alive. */
static void on_idle(uv_idle_t *h) { (void)h; }

static void work_off(struct dsql_rt *rt) {
  rt_enter(rt);
  rt_drain(rt);
  run_all(&rt->flush);
  if (rt->closing) rt_close_step(rt);
  rt->entered = false;
  rt_settle(rt);
}

static void on_prepare(uv_prepare_t *h) { work_off(h->data); }

/* What was armed for is left to the next turn: a task that requeues itself runs once in each. */
static void on_check(uv_check_t *h) {
  struct dsql_rt *rt = h->data;
  if (!rt->armed && busy(rt)) work_off(rt);
}

void rt_settle(struct dsql_rt *rt) {
  bool want = busy(rt) && !rt->handles_closed;
  if (want == rt->armed) return;
  rt->armed = want;
  if (want) {
    (void)uv_idle_start(&rt->idle, on_idle);
    (void)uv_prepare_start(&rt->prepare, on_prepare);
  } else {
    (void)uv_idle_stop(&rt->idle);
    (void)uv_prepare_stop(&rt->prepare);
  }
}

void rt_tasks_init(struct dsql_rt *rt) {
  list_init(&rt->ready);
  list_init(&rt->flush);
  (void)uv_idle_init(rt->loop, &rt->idle);
  (void)uv_prepare_init(rt->loop, &rt->prepare);
  (void)uv_check_init(rt->loop, &rt->check);
  (void)uv_check_start(&rt->check, on_check);
  rt->idle.data = rt->prepare.data = rt->check.data = rt;
  uv_unref((uv_handle_t *)&rt->prepare);
  uv_unref((uv_handle_t *)&rt->check);
  rt->handles_open += 3;
}

static void queue_task(struct dsql_rt *rt, struct list *queue, struct rt_task *t) {
  assert(t->run);
  rt_assert_thread(rt);
  if (list_linked(&t->node)) return;
  list_push_back(queue, &t->node);
  if (!rt->entered && !rt->armed) rt_settle(rt);
}

void rt_ready(struct dsql_rt *rt, struct rt_task *t) { queue_task(rt, &rt->ready, t); }
void rt_flush_later(struct dsql_rt *rt, struct rt_task *t) { queue_task(rt, &rt->flush, t); }
void rt_unready(struct rt_task *t) { list_remove(&t->node); }

void rt_enter(struct dsql_rt *rt) {
  assert(!rt->entered);
  rt->entered = true;
#ifndef NDEBUG
  rt->thread = uv_thread_self();
  rt->thread_known = true;
#endif
}

void rt_leave_polled(struct dsql_rt *rt) {
  rt_drain(rt);
  rt->entered = false;
}

void rt_leave(struct dsql_rt *rt) {
  rt_leave_polled(rt);
  rt_settle(rt);
}

bool rt_draining(const struct dsql_rt *rt) { return rt->draining; }
bool rt_entered(const struct dsql_rt *rt) { return rt->entered || rt->draining; }
