#include <criterion/criterion.h>
#include <string.h>

#include "base/arena.h"
#include "test_alloc.h"

enum { BLOCKS = 500 };

static uint32_t next_random(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

static size_t random_size(uint32_t *state) {
  switch (next_random(state) % 8) {
    case 0: return 0;
    case 1: return next_random(state) % 20000;
    case 2: return 4070 + next_random(state) % 30;
    default: return next_random(state) % 100;
  }
}

Test(arena, blocks_are_aligned_and_do_not_overlap) {
  uint32_t state = 362436069;
  struct test_alloc heap;
  struct arena_pool pool;

  test_alloc_init(&heap);
  arena_pool_init(&pool, &heap.hook, 4);
  for (int round = 0; round < 50; round++) {
    struct arena a;
    uint8_t *blocks[BLOCKS];
    size_t sizes[BLOCKS];

    arena_init(&a, &pool);
    for (size_t i = 0; i < BLOCKS; i++) {
      sizes[i] = random_size(&state);
      blocks[i] = arena_alloc(&a, sizes[i]);
      cr_assert_not_null(blocks[i]);
      cr_assert_eq((uintptr_t)blocks[i] % 8, 0);
      memset(blocks[i], (int)(i & 0xff), sizes[i]);
    }
    for (size_t i = 0; i < BLOCKS; i++)
      for (size_t j = 0; j < sizes[i]; j++) cr_assert_eq(blocks[i][j], i & 0xff, "block %zu was overwritten", i);
    cr_assert_leq(heap.live_bytes, a.bytes + 4 * (size_t)ARENA_CHUNK_SIZE);
    arena_deinit(&a);
    cr_assert(a.bytes == 0 && !a.chunks && pool.free_count <= 4);
  }
  arena_pool_deinit(&pool);
  test_alloc_assert_empty(&heap);
}

Test(arena, chunks_are_reused_up_to_the_cap) {
  struct test_alloc heap;
  struct arena_pool pool;
  struct arena a[3];

  test_alloc_init(&heap);
  arena_pool_init(&pool, &heap.hook, 2);
  for (int i = 0; i < 3; i++) {
    arena_init(&a[i], &pool);
    cr_assert_not_null(arena_alloc(&a[i], 100));
  }
  cr_assert_eq(heap.calls, 3);
  for (int i = 0; i < 3; i++) arena_deinit(&a[i]);
  cr_assert(pool.free_count == 2 && heap.live == 2);
  for (int i = 0; i < 2; i++) cr_assert_not_null(arena_alloc(&a[i], 100));
  cr_assert(heap.calls == 3 && pool.free_count == 0, "a warm arena asked the hook");
  cr_assert_not_null(arena_alloc(&a[0], 100000));
  for (int i = 0; i < 2; i++) arena_deinit(&a[i]);
  cr_assert(pool.free_count == 2 && heap.live == 2, "a large chunk was kept");
  arena_pool_deinit(&pool);
  cr_assert_eq(pool.free_count, 0);
  test_alloc_assert_empty(&heap);
}

/* A megabyte of small blocks costs few calls to the hook. */
Test(arena, chunks_grow) {
  struct test_alloc heap;
  struct arena_pool pool;
  struct arena a;

  test_alloc_init(&heap);
  arena_pool_init(&pool, &heap.hook, 4);
  arena_init(&a, &pool);
  for (size_t i = 0; i < (1 << 20) / 16; i++) cr_assert_not_null(arena_alloc(&a, 16));
  cr_assert_leq(heap.calls, 16, "%zu calls", heap.calls);
  cr_assert_leq(a.bytes, 3 << 20);
  arena_deinit(&a);
  arena_pool_deinit(&pool);
  test_alloc_assert_empty(&heap);
}

/* A large block leaves the rest of the current chunk in use. */
Test(arena, a_large_block_does_not_waste_the_current_chunk) {
  struct test_alloc heap;
  struct arena_pool pool;
  struct arena a;
  uint8_t *first, *second;

  test_alloc_init(&heap);
  arena_pool_init(&pool, &heap.hook, 4);
  arena_init(&a, &pool);
  first = arena_alloc(&a, 16);
  cr_assert_not_null(arena_alloc(&a, 100000));
  second = arena_alloc(&a, 16);
  cr_assert_eq(second, first + 16);
  cr_assert_eq(heap.live, 2);
  arena_deinit(&a);
  arena_pool_deinit(&pool);
  test_alloc_assert_empty(&heap);
}

Test(arena, sizes_that_would_wrap_are_refused) {
  static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 7, SIZE_MAX - 8, SIZE_MAX - 24, SIZE_MAX / 2 + 8};
  struct test_alloc heap;
  struct arena_pool pool;
  struct arena a;

  test_alloc_init(&heap);
  arena_pool_init(&pool, &heap.hook, 4);
  arena_init(&a, &pool);
  for (int warm = 0; warm < 2; warm++) {
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) cr_assert_null(arena_alloc(&a, sizes[i]));
    cr_assert_null(arena_strndup(&a, "x", SIZE_MAX));
    cr_assert_not_null(arena_alloc(&a, 1));
  }
  cr_assert_eq(heap.calls, 1);
  arena_deinit(&a);
  arena_pool_deinit(&pool);
  test_alloc_assert_empty(&heap);
}

Test(arena, strings) {
  struct test_alloc heap;
  struct arena_pool pool;
  struct arena a;

  test_alloc_init(&heap);
  arena_pool_init(&pool, &heap.hook, 4);
  arena_init(&a, &pool);
  cr_assert_str_eq(arena_strndup(&a, "abcdef", 3), "abc");
  cr_assert_str_eq(arena_strndup(&a, NULL, 0), "");
  arena_deinit(&a);
  arena_pool_deinit(&pool);
  test_alloc_assert_empty(&heap);
}

/* The nth allocation fails, for every n: NULL, and the arena goes on with the next. */
Test(arena, every_allocation_failing) {
  size_t n = 1;
  for (bool fired = true; fired; n++) {
    struct test_alloc heap;
    struct arena_pool pool;
    struct arena a;
    size_t nulls = 0;

    test_alloc_init(&heap);
    test_alloc_arm(&heap, n, false);
    arena_pool_init(&pool, &heap.hook, 2);
    arena_init(&a, &pool);
    for (size_t i = 0; i < 300; i++) {
      size_t size = i % 50 == 49 ? 10000 : 200;
      void *p = i % 3 ? arena_alloc(&a, size) : arena_strndup(&a, "text", 4);
      if (!p) nulls++;
    }
    fired = test_alloc_fired(&heap);
    cr_assert_eq(nulls, fired, "allocation %zu: %zu NULLs", n, nulls);
    arena_deinit(&a);
    arena_pool_deinit(&pool);
    test_alloc_assert_empty(&heap);
  }
  cr_assert_gt(n, 6);
}
