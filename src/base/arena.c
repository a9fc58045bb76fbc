#include "base/arena.h"

#include <string.h>

/* Chunks double up to this, so that a large result costs few calls to the hook. */
enum { ARENA_CHUNK_MAX = 256 * 1024 };

struct arena_chunk {
  struct arena_chunk *next;
  size_t size; /* of the whole block */
};

_Static_assert(sizeof(struct arena_chunk) % 8 == 0, "chunk payload must stay 8-byte aligned");

void arena_pool_init(struct arena_pool *p, const dsql_alloc *alloc, size_t free_max) {
  *p = (struct arena_pool){.alloc = alloc, .free_max = free_max};
}

void arena_pool_deinit(struct arena_pool *p) {
  while (p->free) {
    struct arena_chunk *c = p->free;
    p->free = c->next;
    mem_free(p->alloc, c);
  }
  p->free_count = 0;
}

static struct arena_chunk *take_chunk(struct arena_pool *p, size_t size) {
  struct arena_chunk *c;
  if (size == ARENA_CHUNK_SIZE && p->free) {
    c = p->free;
    p->free = c->next;
    p->free_count--;
    return c;
  }
  c = mem_alloc(p->alloc, size);
  if (c) c->size = size;
  return c;
}

static void give_chunk(struct arena_pool *p, struct arena_chunk *c) {
  if (c->size != ARENA_CHUNK_SIZE || p->free_count >= p->free_max) {
    mem_free(p->alloc, c);
    return;
  }
  c->next = p->free;
  p->free = c;
  p->free_count++;
}

void arena_deinit(struct arena *a) {
  while (a->chunks) {
    struct arena_chunk *c = a->chunks;
    a->chunks = c->next;
    give_chunk(a->pool, c);
  }
  arena_init(a, a->pool);
}

void *arena_alloc_slow(struct arena *a, size_t size) {
  size_t rounded = (size + 7) & ~(size_t)7, total = ARENA_CHUNK_SIZE;
  struct arena_chunk *c;
  uint8_t *payload;

  if (rounded < size || rounded > SIZE_MAX / 2) return NULL;
  /* Small arenas stay on pooled chunks; one that has outgrown four of them is a large result. */
  if (a->bytes >= 4 * (size_t)ARENA_CHUNK_SIZE) total = a->bytes < ARENA_CHUNK_MAX ? a->bytes : ARENA_CHUNK_MAX;
  if (total < rounded + sizeof *c) total = rounded + sizeof *c;
  c = take_chunk(a->pool, total);
  if (!c) return NULL;
  a->bytes += c->size;
  payload = (uint8_t *)(c + 1);
  if (a->chunks && c->size - sizeof *c - rounded < (size_t)(a->end - a->pos)) {
    /* What is left in the current chunk is more than the new one will have: keep bumping there. */
    c->next = a->chunks->next;
    a->chunks->next = c;
    return payload;
  }
  c->next = a->chunks;
  a->chunks = c;
  a->pos = payload + rounded;
  a->end = (uint8_t *)c + c->size;
  return payload;
}

char *arena_strndup(struct arena *a, const char *s, size_t n) {
  char *copy = n < SIZE_MAX ? arena_alloc(a, n + 1) : NULL;
  if (!copy) return NULL;
  if (n) memcpy(copy, s, n);
  copy[n] = '\0';
  return copy;
}
