/* heap.h - a counting heap with an arena on it, for one test. */
#ifndef DSQL_TEST_CODEC_HEAP_H
#define DSQL_TEST_CODEC_HEAP_H

#include "base/arena.h"
#include "test_alloc.h"

struct heap_arena {
  struct test_alloc heap;
  struct arena_pool pool;
  struct arena arena;
};

static inline void heap_arena_init(struct heap_arena *h) {
  test_alloc_init(&h->heap);
  arena_pool_init(&h->pool, &h->heap.hook, 4);
  arena_init(&h->arena, &h->pool);
}

/* Fails the test when something is still allocated. */
static inline void heap_arena_deinit(struct heap_arena *h) {
  arena_deinit(&h->arena);
  arena_pool_deinit(&h->pool);
  test_alloc_assert_empty(&h->heap);
}

#endif
