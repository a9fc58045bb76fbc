#include <assert.h>

#include "rt/state.h"

int dsql_future_run(dsql_future *f) {
  struct rt_awaited awaited = {f, 0};
  struct dsql_rt *rt;
  uv_loop_t *loop;

  if (!f) return DSQL_ENOMEM;
  rt = f->rt;
  loop = rt->loop;
  assert(!rt_entered(rt) && !rt->awaited); /* a loop can't be run from inside itself */
  if (rt_entered(rt) || rt->awaited) return DSQL_EINVAL;
  rt->awaited = &awaited;
  /* A callback may destroy f, and then the runtime may go too: only the stack and the loop are looked at. */
  while (awaited.future && !f->ready) {
    int alive = uv_run(loop, UV_RUN_ONCE);
    if (!alive && awaited.future && !f->ready) {
      rt->awaited = NULL;
      return DSQL_ENOTREADY;
    }
  }
  if (!awaited.future) return awaited.code;
  rt->awaited = NULL;
  return f->code;
}
