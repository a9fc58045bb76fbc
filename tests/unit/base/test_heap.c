#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/heap.h"

enum { NODES = 200, STEPS = 200000 };

static uint32_t next_random(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

/* Links and order of a whole tree; returns the number of its nodes. */
static size_t check_tree(const struct heap_node *n) {
  size_t count = 1;
  const struct heap_node *elder = NULL;
  for (const struct heap_node *c = n->child; c; elder = c, c = c->next) {
    cr_assert_geq(c->key, n->key);
    cr_assert(c->linked && c->prev == (elder ? elder : n));
    count += check_tree(c);
  }
  return count;
}

static void check_heap(const struct heap *h, size_t want) {
  if (!h->root) {
    cr_assert_eq(want, 0);
    return;
  }
  cr_assert(h->root->linked && !h->root->next && !h->root->prev);
  cr_assert_eq(check_tree(h->root), want);
}

/* Against the simplest model there is: the smallest key of an array. */
Test(heap, random_operations_against_a_model, .timeout = 60) {
  static struct heap_node nodes[NODES];
  uint32_t state = 88172645;
  struct heap h;
  size_t live = 0, removals = 0;

  heap_init(&h);
  for (int step = 0; step < STEPS; step++) {
    struct heap_node *n = &nodes[next_random(&state) % NODES];
    /* Phases of growing and of shrinking, with many equal keys. */
    bool growing = step / 5000 % 2 == 0;
    if (!n->linked && (growing || next_random(&state) % 8 == 0)) {
      uint64_t key = next_random(&state) % 64 ? next_random(&state) % 300 : UINT64_MAX - next_random(&state) % 2;
      heap_insert(&h, n, key);
      live++;
    } else {
      if (next_random(&state) % 2 && heap_min(&h)) n = heap_min(&h);
      live -= n->linked;
      removals += n->linked;
      heap_remove(&h, n);
      cr_assert(!n->linked && !n->child && !n->next && !n->prev);
    }
    if (live == 0) {
      cr_assert_null(heap_min(&h));
      continue;
    }
    uint64_t min = UINT64_MAX;
    for (size_t i = 0; i < NODES; i++)
      if (nodes[i].linked && nodes[i].key < min) min = nodes[i].key;
    cr_assert_eq(heap_min(&h)->key, min, "step %d", step);
    if (step % 16 == 0) check_heap(&h, live);
  }
  cr_assert_gt(removals, STEPS / 8);
}

static int compare_keys(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

Test(heap, sorts) {
  static struct heap_node nodes[5000];
  static uint64_t keys[5000];
  uint32_t state = 1234567;
  struct heap h;

  heap_init(&h);
  for (size_t i = 0; i < 5000; i++) {
    keys[i] = (uint64_t)next_random(&state) << 20;
    heap_insert(&h, &nodes[i], keys[i]);
  }
  qsort(keys, 5000, sizeof *keys, compare_keys);
  for (size_t i = 0; i < 5000; i++) {
    struct heap_node *n = heap_min(&h);
    cr_assert_eq(n->key, keys[i]);
    heap_remove(&h, n);
    heap_remove(&h, n); /* of a node that is not linked: nothing */
  }
  cr_assert_null(heap_min(&h));
}

/* Ascending keys make one root with all others as children; the merge must not recurse over them. */
Test(heap, a_hundred_thousand_in_order) {
  enum { MANY = 100000 };
  struct heap_node *nodes = calloc(MANY, sizeof *nodes);
  struct heap h;

  cr_assert_not_null(nodes);
  heap_init(&h);
  for (size_t i = 0; i < MANY; i++) heap_insert(&h, &nodes[i], i);
  for (size_t i = 0; i < MANY; i++) {
    cr_assert_eq(heap_min(&h), &nodes[i]);
    heap_remove(&h, &nodes[i]);
  }
  for (size_t i = MANY; i-- > 0;) heap_insert(&h, &nodes[i], i);
  for (size_t i = MANY; i-- > 0;) heap_remove(&h, &nodes[i]);
  cr_assert_null(heap_min(&h));
  free(nodes);
}
