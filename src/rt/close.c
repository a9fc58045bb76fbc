/* close.c - the end of a runtime. dsql_rt_close() only asks; the check or prepare callback looks, whenever something has
 * ended, whether all of it has: first the owners of sockets (closers), then what libuv still runs for us (holds) and
 * what is queued for user code, then our own handles, then memory, then the caller's callback. */
#include <assert.h>

#include "rt/state.h"

/* A change that may have been the last one that a closing runtime waits for. */
static void look_again(struct dsql_rt *rt) {
  if (!rt->closing) return;
  rt->check_closed = true;
  if (!rt->entered) rt_settle(rt);
}

void rt_hold(struct dsql_rt *rt) { rt->holds++; }

void rt_release(struct dsql_rt *rt) {
  assert(rt->holds > 0);
  rt->holds--;
  look_again(rt);
}

void rt_closer_add(struct dsql_rt *rt, struct rt_closer *c) {
  assert(c->close && !rt->handles_closed);
  list_push_back(&rt->closers, &c->node);
  if (!rt->closing) return;
  rt->ask_closers = true;
  look_again(rt);
}

void rt_closer_remove(struct dsql_rt *rt, struct rt_closer *c) {
  list_remove(&c->node);
  look_again(rt);
}

/* Each is put back before it is asked, because it may remove itself, or any other, right then. */
static void ask_closers(struct dsql_rt *rt) {
  struct list now, *node;
  rt->ask_closers = false;
  list_init(&now);
  list_move_all(&now, &rt->closers);
  while ((node = list_pop_front(&now))) {
    struct rt_closer *c = LIST_ENTRY(node, struct rt_closer, node);
    list_push_back(&rt->closers, node);
    c->close(c);
  }
}

/* Whatever the user did not destroy. Freeing one may destroy others (dsql_all), so always start at the front. */
static void free_futures(struct dsql_rt *rt) {
  struct list *node;
  while ((node = list_first(&rt->open))) {
    struct dsql_future *f = LIST_ENTRY(node, struct dsql_future, open);
    assert(!f->library); /* its owner has completed it on the way here */
    dsql_future_destroy(f);
  }
}

static void finish(struct dsql_rt *rt) {
  dsql_alloc alloc = rt->alloc;
  dsql_cb cb = rt->close_cb;
  void *arg = rt->close_arg;

  /* Registered between the last drain and now, on futures that were ready: owed a callback like any other. */
  while (!list_empty(&rt->ready)) rt_drain(rt);
  free_futures(rt);
  observe_deinit(rt);
  assert(list_empty(&rt->ready) && list_empty(&rt->flush) && list_empty(&rt->closers) && rt->holds == 0);
  assert(!heap_min(&rt->timers));
  rt_hints_deinit(rt);
  rt_memory_deinit(rt);
  uv_mutex_destroy(&rt->post_lock);
  mem_free(&alloc, rt);
  if (cb) cb(arg);
}

static void on_handle_closed(uv_handle_t *h) {
  struct dsql_rt *rt = h->data;
  if (--rt->handles_open == 0) finish(rt);
}

void rt_close_step(struct dsql_rt *rt) {
  rt->check_closed = false;
  if (rt->ask_closers) ask_closers(rt);
  if (rt_posts_take(rt) || !list_empty(&rt->ready) || !list_empty(&rt->flush)) {
    rt->check_closed = true; /* user code is still owed something */
    return;
  }
  if (rt->holds || !list_empty(&rt->closers)) return;
  rt->handles_closed = true;
  uv_close((uv_handle_t *)&rt->idle, on_handle_closed);
  uv_close((uv_handle_t *)&rt->prepare, on_handle_closed);
  uv_close((uv_handle_t *)&rt->check, on_handle_closed);
  uv_close((uv_handle_t *)&rt->timer, on_handle_closed);
  uv_close((uv_handle_t *)&rt->async, on_handle_closed);
}

void dsql_rt_close(dsql_rt *rt, dsql_cb cb, void *arg) {
  if (!rt) return;
  assert(!rt->closing); /* once */
  if (rt->closing) return;
  rt_assert_thread(rt);
  rt->closing = rt->ask_closers = true;
  rt->close_cb = cb;
  rt->close_arg = arg;
  rt_posts_stop(rt);
  look_again(rt);
}
