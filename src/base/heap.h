/* heap.h - an intrusive min-heap of deadlines (a pairing heap): insertion O(1), removal O(log n) amortised, no
 * allocation. Equal deadlines come out in an unspecified order. */
#ifndef DSQL_BASE_HEAP_H
#define DSQL_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
  struct heap_node *child, *next, *prev; /* prev: elder sibling, or the parent of a first child */
  uint64_t key;
  bool linked;
};

struct heap {
  struct heap_node *root;
};

static inline void heap_init(struct heap *h) { h->root = NULL; }
static inline struct heap_node *heap_min(const struct heap *h) { return h->root; }
void heap_insert(struct heap *h, struct heap_node *n, uint64_t key); /* n must not be linked */
void heap_remove(struct heap *h, struct heap_node *n);               /* does nothing when n is not linked */

#endif
