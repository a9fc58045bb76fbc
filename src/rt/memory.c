#include <assert.h>

#include "rt/state.h"

#if defined(__SANITIZE_ADDRESS__)
#define RT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RT_ASAN 1
#endif
#endif
#ifdef RT_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

struct rt_block {
  struct rt_block *next;
};

void *rt_block_get(struct dsql_rt *rt) {
  struct rt_block *b = rt->blocks_free;
  if (!b) return mem_alloc(&rt->alloc, RT_BLOCK_SIZE);
  rt->blocks_free = b->next;
  rt->blocks_free_count--;
  ASAN_UNPOISON_MEMORY_REGION(b, RT_BLOCK_SIZE);
  return b;
}

void rt_block_put(struct dsql_rt *rt, void *block) {
  struct rt_block *b = block;
  if (!b) return;
  if (rt->blocks_free_count >= RT_BLOCKS_FREE_MAX) {
    mem_free(&rt->alloc, b);
    return;
  }
  b->next = rt->blocks_free;
  rt->blocks_free = b;
  rt->blocks_free_count++;
  /* The free list must not hide a use after free. */
  ASAN_POISON_MEMORY_REGION(b + 1, RT_BLOCK_SIZE - sizeof *b);
}

uint8_t *rt_slab(struct dsql_rt *rt, unsigned index) {
  assert(index < RT_SLABS);
  if (!rt->slabs[index]) rt->slabs[index] = mem_alloc(&rt->alloc, RT_SLAB_SIZE);
  return rt->slabs[index];
}

void rt_memory_deinit(struct dsql_rt *rt) {
  while (rt->blocks_free) mem_free(&rt->alloc, rt_block_get(rt));
  for (unsigned i = 0; i < RT_SLABS; i++) mem_free(&rt->alloc, rt->slabs[i]);
  arena_deinit(&rt->last_error);
  arena_pool_deinit(&rt->chunks);
}
