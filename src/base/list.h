/* list.h - an intrusive doubly linked ring. A node that is in no list points to itself. */
#ifndef DSQL_BASE_LIST_H
#define DSQL_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
  struct list *next, *prev;
};

#define LIST_ENTRY(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void list_init(struct list *l) { l->next = l->prev = l; }
static inline bool list_empty(const struct list *l) { return l->next == l; }
static inline bool list_linked(const struct list *node) { return node->next != node; }

static inline void list_insert_before(struct list *at, struct list *node) {
  node->prev = at->prev;
  node->next = at;
  at->prev->next = node;
  at->prev = node;
}

static inline void list_push_back(struct list *l, struct list *node) { list_insert_before(l, node); }
static inline void list_push_front(struct list *l, struct list *node) { list_insert_before(l->next, node); }

static inline void list_remove(struct list *node) {
  node->prev->next = node->next;
  node->next->prev = node->prev;
  list_init(node);
}

static inline struct list *list_first(const struct list *l) { return list_empty(l) ? NULL : l->next; }
static inline struct list *list_last(const struct list *l) { return list_empty(l) ? NULL : l->prev; }

static inline struct list *list_pop_front(struct list *l) {
  struct list *node = list_first(l);
  if (node) list_remove(node);
  return node;
}

/* Moves every node of `from` to the end of `to`. */
static inline void list_move_all(struct list *to, struct list *from) {
  if (list_empty(from)) return;
  from->next->prev = to->prev;
  to->prev->next = from->next;
  from->prev->next = to;
  to->prev = from->prev;
  list_init(from);
}

/* Moves the first nodes of `from`, up to and with `last`, to the end of `to`. */
static inline void list_move_through(struct list *to, struct list *from, struct list *last) {
  struct list *first = from->next, *rest = last->next;

  first->prev = to->prev;
  to->prev->next = first;
  last->next = to;
  to->prev = last;
  from->next = rest;
  rest->prev = from;
}

#endif
