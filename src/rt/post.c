/* post.c - the one way in from other threads. The entries come from the C library, not from the hook: the hook belongs
 * to the loop's thread. */
#include <assert.h>

#include "rt/state.h"

struct post {
  struct list node;
  dsql_cb fn;
  void *arg;
};

bool rt_posts_take(struct dsql_rt *rt) {
  bool any;
  uv_mutex_lock(&rt->post_lock);
  any = !list_empty(&rt->posts);
  uv_mutex_unlock(&rt->post_lock);
  if (any) rt_ready(rt, &rt->post_task);
  return any;
}

static void run_posts(struct rt_task *t) {
  struct dsql_rt *rt = LIST_ENTRY(t, struct dsql_rt, post_task);
  struct list now, *node;

  list_init(&now);
  uv_mutex_lock(&rt->post_lock);
  list_move_all(&now, &rt->posts);
  uv_mutex_unlock(&rt->post_lock);
  while ((node = list_pop_front(&now))) {
    struct post p = *LIST_ENTRY(node, struct post, node);
    mem_free(&mem_default, LIST_ENTRY(node, struct post, node));
    p.fn(p.arg);
  }
}

static void on_async(uv_async_t *h) {
  struct dsql_rt *rt = h->data;
  rt_enter(rt);
  (void)rt_posts_take(rt);
  rt_leave(rt);
}

int rt_posts_init(struct dsql_rt *rt) {
  if (uv_mutex_init(&rt->post_lock)) return DSQL_EIO;
  if (uv_async_init(rt->loop, &rt->async, on_async)) {
    uv_mutex_destroy(&rt->post_lock);
    return DSQL_EIO;
  }
  rt->async.data = rt;
  uv_unref((uv_handle_t *)&rt->async);
  rt->handles_open++;
  list_init(&rt->posts);
  list_init(&rt->post_task.node);
  rt->post_task.run = run_posts;
  return 0;
}

void rt_posts_stop(struct dsql_rt *rt) {
  uv_mutex_lock(&rt->post_lock);
  rt->post_closed = true;
  uv_mutex_unlock(&rt->post_lock);
}

int dsql_rt_post(dsql_rt *rt, dsql_cb fn, void *arg) {
  struct post *p;
  bool closed;

  if (!rt || !fn) return DSQL_EINVAL;
  p = mem_alloc(&mem_default, sizeof *p);
  if (!p) return DSQL_ENOMEM;
  *p = (struct post){.fn = fn, .arg = arg};
  /* The signal is sent under the lock too: the handle may not be closed between the check and the signal. */
  uv_mutex_lock(&rt->post_lock);
  closed = rt->post_closed;
  if (!closed) {
    list_push_back(&rt->posts, &p->node);
    (void)uv_async_send(&rt->async);
  }
  uv_mutex_unlock(&rt->post_lock);
  if (!closed) return 0;
  mem_free(&mem_default, p);
  return DSQL_ECLOSED;
}
