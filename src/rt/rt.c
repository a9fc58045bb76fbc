#include "rt/state.h"

struct uv_loop_s *rt_loop(struct dsql_rt *rt) {
  return rt->loop;
}
const dsql_alloc *rt_alloc(struct dsql_rt *rt) { return &rt->alloc; }
struct arena_pool *rt_chunks(struct dsql_rt *rt) {
  return &rt->chunks;
}
bool rt_closing(const struct dsql_rt *rt) { return rt->closing; }
void **rt_slot(struct dsql_rt *rt, enum rt_slot slot) { return &rt->slot_values[slot]; }
uint64_t rt_clock_us(void) { return uv_hrtime() / 1000; }

int64_t rt_wall_ms(void) {
  uv_timeval64_t t = {0, 0};
  (void)uv_gettimeofday(&t);
  return t.tv_sec * 1000 + t.tv_usec / 1000;
}

/* splitmix64 */
uint64_t rt_random(struct dsql_rt *rt) {
  uint64_t z = (rt->random += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* A sandbox may forbid the call; runtimes then differ by when and where they were made. */
static uint64_t seed(const struct dsql_rt *rt) {
  uint64_t seed;
  return uv_random(NULL, NULL, &seed, sizeof seed, 0, NULL) ? uv_hrtime() ^ (uintptr_t)rt : seed;
}

uint64_t rt_now_ms(struct dsql_rt *rt) {
  /* Outside the loop the cached time may be from long ago, and a deadline made from it would have passed already. */
  if (!rt->entered) uv_update_time(rt->loop);
  return uv_now(rt->loop);
}

uint64_t rt_after_ms(struct dsql_rt *rt, uint64_t ms) {
  uv_update_time(rt->loop);
  return uv_now(rt->loop) + ms;
}

int dsql_rt_new(dsql_rt **out, struct uv_loop_s *loop, const dsql_alloc *alloc) {
  const dsql_alloc *hook = alloc ? alloc : &mem_default;
  struct dsql_rt *rt;
  int code;

  if (!out) return DSQL_EINVAL;
  *out = NULL;
  if (!loop || !hook->realloc) return DSQL_EINVAL;
  rt = mem_zalloc(hook, sizeof *rt);
  if (!rt) return DSQL_ENOMEM;
  rt->alloc = *hook;
  rt->loop = loop;
  rt->random = seed(rt);
  code = rt_posts_init(rt);
  if (code) {
    mem_free(hook, rt);
    return code;
  }
  rt_tasks_init(rt);
  rt_timers_init(rt);
  list_init(&rt->closers);
  list_init(&rt->open);
  arena_pool_init(&rt->chunks, &rt->alloc, RT_CHUNKS_FREE_MAX);
  arena_init(&rt->last_error, &rt->chunks);
  *out = rt;
  return 0;
}

const struct error *rt_set_error(struct dsql_rt *rt, const struct fault *f) {
  arena_deinit(&rt->last_error);
  return error_from_fault(&rt->last_error, f);
}
