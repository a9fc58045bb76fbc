#include <assert.h>

#include "rt/state.h"

_Static_assert(sizeof(uv_work_t) <= RT_BLOCK_SIZE, "a work request lives in a block");

static void on_run(uv_work_t *request) {
  struct rt_work *w = request->data;
  w->run(w);
}

static void on_done(uv_work_t *request, int status) {
  struct rt_work *w = request->data;
  struct dsql_rt *rt = w->rt;

  assert(status == 0); /* nobody cancels it */
  (void)status;
  rt_enter(rt);
  w->request = NULL;
  rt_block_put(rt, request);
  w->done(w);
  rt_release(rt);
  rt_leave(rt);
}

int rt_work_start(struct dsql_rt *rt, struct rt_work *w) {
  uv_work_t *request = rt_block_get(rt);

  assert(w->run && w->done);
  if (!request) return DSQL_ENOMEM;
  w->rt = rt;
  request->data = w;
  if (uv_queue_work(rt->loop, request, on_run, on_done)) {
    rt_block_put(rt, request);
    return DSQL_EIO;
  }
  w->request = request;
  rt_hold(rt);
  return 0;
}
