#include "base/heap.h"

#include <assert.h>

static struct heap_node *meld(struct heap_node *a, struct heap_node *b) {
  if (!a) return b;
  if (!b) return a;
  if (b->key < a->key) {
    struct heap_node *t = a;
    a = b;
    b = t;
  }
  b->next = a->child;
  if (b->next) b->next->prev = b;
  b->prev = a;
  a->child = b;
  return a;
}

/* Two passes, iterative: pair siblings left to right, then meld the pairs right to left. */
static struct heap_node *merge_pairs(struct heap_node *first) {
  struct heap_node *pairs = NULL, *merged = NULL;

  while (first) {
    struct heap_node *a = first, *b = a->next, *pair;
    first = b ? b->next : NULL;
    a->next = a->prev = NULL;
    if (b) b->next = b->prev = NULL;
    pair = meld(a, b);
    pair->next = pairs;
    pairs = pair;
  }
  while (pairs) {
    struct heap_node *next = pairs->next;
    pairs->next = NULL;
    merged = meld(merged, pairs);
    pairs = next;
  }
  return merged;
}

void heap_insert(struct heap *h, struct heap_node *n, uint64_t key) {
  assert(!n->linked);
  *n = (struct heap_node){.key = key, .linked = true};
  h->root = meld(h->root, n);
}

void heap_remove(struct heap *h, struct heap_node *n) {
  struct heap_node *rest;

  if (!n->linked) return;
  rest = merge_pairs(n->child);
  if (h->root == n) {
    h->root = rest;
  } else {
    if (n->prev->child == n)
      n->prev->child = n->next;
    else
      n->prev->next = n->next;
    if (n->next) n->next->prev = n->prev;
    h->root = meld(h->root, rest);
  }
  if (h->root) h->root->prev = h->root->next = NULL;
  *n = (struct heap_node){.key = n->key};
}
