/* arena.h - bump allocation out of chunks that come from, and return to, a free list. A result's rows, an error's
 * text and other things that die together live in one arena; nothing in it is freed alone. */
#ifndef DSQL_BASE_ARENA_H
#define DSQL_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"

enum { ARENA_CHUNK_SIZE = 4096 };

/* Owned by a runtime. Standard chunks are kept for reuse up to a cap; larger ones go back to the hook at once. */
struct arena_pool {
  const dsql_alloc *alloc;
  struct arena_chunk *free;
  size_t free_count, free_max;
};

struct arena {
  struct arena_pool *pool;
  struct arena_chunk *chunks; /* newest first */
  uint8_t *pos, *end;
  size_t bytes; /* taken from the hook or the pool */
};

void arena_pool_init(struct arena_pool *p, const dsql_alloc *alloc, size_t free_max);
void arena_pool_deinit(struct arena_pool *p);

static inline void arena_init(struct arena *a, struct arena_pool *pool) { *a = (struct arena){.pool = pool}; }
/* Starts on the caller's storage, 8-byte aligned, which must outlive the arena; chunks are taken when it is full. */
static inline void arena_init_on(struct arena *a, struct arena_pool *pool, void *storage, size_t size) {
  *a = (struct arena){.pool = pool, .pos = storage, .end = (uint8_t *)storage + size};
}
void arena_deinit(struct arena *a); /* gives everything back; the arena is empty and usable again */
void *arena_alloc_slow(struct arena *a, size_t size);
char *arena_strndup(struct arena *a, const char *s, size_t n);

/* 8-byte aligned; NULL when there is no memory. size may be 0. */
static inline void *arena_alloc(struct arena *a, size_t size) {
  size_t left = (size_t)(a->end - a->pos), rounded = (size + 7) & ~(size_t)7;
  uint8_t *p = a->pos;
  if (rounded < size || rounded > left || !p) return arena_alloc_slow(a, size);
  a->pos += rounded;
  return p;
}

#endif
