#include "test_alloc.h"

#include <stdint.h>
#include <string.h>

/* In front of every block; its size keeps the block 16-byte aligned. */
struct block {
  size_t size;
  uint64_t magic;
};

static const uint64_t block_magic = UINT64_C(0x64737168656164ff);

_Static_assert(sizeof(struct block) == 16, "the header must keep the alignment of malloc()");

static struct block *block_of(void *ptr) {
  struct block *b = (struct block *)ptr - 1;
  if (b->magic != block_magic) {
    fprintf(stderr, "test_alloc: %p is no live block of this allocator (freed twice?)\n", ptr);
    abort();
  }
  return b;
}

static void block_free(struct test_alloc *t, void *ptr) {
  struct block *b;
  if (!ptr) return;
  b = block_of(ptr);
  t->live--;
  t->live_bytes -= b->size;
  b->magic = 0;
  free(b);
}

/* Always moves, so that a pointer kept across a reallocation is found by the address sanitizer. */
static void *block_resize(void *ctx, void *ptr, size_t size) {
  struct test_alloc *t = ctx;
  struct block *b;
  if (size == 0) {
    block_free(t, ptr);
    return NULL;
  }
  t->calls++;
  if (t->fail_at && (t->calls == t->fail_at || (t->fail_all_after && t->calls > t->fail_at))) return NULL;
  b = malloc(sizeof *b + size);
  if (!b) return NULL;
  *b = (struct block){size, block_magic};
  if (ptr) {
    size_t keep = block_of(ptr)->size < size ? block_of(ptr)->size : size;
    memcpy(b + 1, ptr, keep);
    block_free(t, ptr);
  }
  t->live++;
  t->live_bytes += size;
  if (t->live_bytes > t->peak_bytes) t->peak_bytes = t->live_bytes;
  return b + 1;
}

void test_alloc_init(struct test_alloc *t) { *t = (struct test_alloc){.hook = {block_resize, t}}; }

void test_alloc_arm(struct test_alloc *t, size_t fail_at, bool fail_all_after) {
  t->calls = 0;
  t->fail_at = fail_at;
  t->fail_all_after = fail_all_after;
}
