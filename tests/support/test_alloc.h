/* test_alloc.h - a counting allocator hook that can be told to fail. Blocks carry their size in front, so that leaks
 * are seen as a count of live blocks and bytes without a sanitizer. Not thread-safe.
 *
 *   struct test_alloc heap;
 *   test_alloc_init(&heap);
 *   ... &heap.hook ...
 *   test_alloc_assert_empty(&heap);
 *
 * The struct must not move after test_alloc_init(): the hook's ctx points to it. */
#ifndef DSQL_TEST_ALLOC_H
#define DSQL_TEST_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "dsql/dsql.h"

struct test_alloc {
  dsql_alloc hook;
  size_t live;         /* blocks not yet freed */
  size_t calls;        /* allocations and reallocations asked for; frees don't count */
  size_t fail_at;      /* this call (1 is the first) returns NULL; 0: none does */
  bool fail_all_after; /* and so does every later one */
  size_t live_bytes, peak_bytes;
};

void test_alloc_init(struct test_alloc *t);
/* Counts calls anew, with the nth failing: for "every allocation fails in turn" loops. */
void test_alloc_arm(struct test_alloc *t, size_t fail_at, bool fail_all_after);
/* True while the armed failure has been reached; such a loop ends at the first run for which it is false. */
static inline bool test_alloc_fired(const struct test_alloc *t) { return t->fail_at && t->calls >= t->fail_at; }

/* Aborts the test (Criterion reports the crash and the line is on stderr) when blocks are live. Not an assert(), so
 * that it holds in release builds; not a cr_assert(), so that programs without Criterion can use it. */
#define test_alloc_assert_empty(t) test_alloc_check_empty((t), __FILE__, __LINE__)
static inline void test_alloc_check_empty(const struct test_alloc *t, const char *file, int line) {
  if (t->live == 0 && t->live_bytes == 0) return;
  fprintf(stderr, "%s:%d: %zu blocks (%zu bytes) are still live\n", file, line, t->live, t->live_bytes);
  abort();
}

#endif
