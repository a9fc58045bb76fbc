/* spy_alloc.h - a hook in front of test_alloc's that looks at every block given back: the word SECRET must not be in
 * one.
 *
 *   struct spy_alloc spy;
 *   spy_alloc_init(&spy, &heap);
 *   ... &spy.hook ...
 *   cr_expect_eq(spy.found, 0); */
#ifndef DSQL_TEST_SPY_ALLOC_H
#define DSQL_TEST_SPY_ALLOC_H

#include <string.h>

#include "test_alloc.h"

struct spy_alloc {
  dsql_alloc hook;
  struct test_alloc *heap;
  size_t found;  /* blocks given back with the word in them */
  size_t looked; /* blocks given back */
};

static inline void *spy_alloc_resize(void *ctx, void *ptr, size_t size) {
  struct spy_alloc *s = ctx;
  if (ptr) {
    s->looked++;
    /* test_alloc keeps the size in front of the block. */
    if (memmem(ptr, ((const size_t *)ptr)[-2], "SECRET", 6)) s->found++;
  }
  return s->heap->hook.realloc(s->heap->hook.ctx, ptr, size);
}

static inline void spy_alloc_init(struct spy_alloc *s, struct test_alloc *heap) {
  *s = (struct spy_alloc){.hook = {spy_alloc_resize, s}, .heap = heap};
}

#endif
