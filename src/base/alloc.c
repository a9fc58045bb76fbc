#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void *libc_realloc(void *ctx, void *ptr, size_t size) {
  (void)ctx;
  if (size == 0) {
    free(ptr);
    return NULL;
  }
  return realloc(ptr, size);
}

const dsql_alloc mem_default = {libc_realloc, NULL};

void *mem_alloc(const dsql_alloc *a, size_t size) {
  assert(size > 0);
  return a->realloc(a->ctx, NULL, size);
}

void *mem_zalloc(const dsql_alloc *a, size_t size) {
  void *p = mem_alloc(a, size);
  if (p) memset(p, 0, size);
  return p;
}

void *mem_realloc(const dsql_alloc *a, void *ptr, size_t size) {
  assert(size > 0);
  return a->realloc(a->ctx, ptr, size);
}

void mem_free(const dsql_alloc *a, void *ptr) {
  if (ptr) (void)a->realloc(a->ctx, ptr, 0);
}

char *mem_strndup(const dsql_alloc *a, const char *s, size_t n) {
  char *copy = mem_alloc(a, n + 1);
  if (!copy) return NULL;
  if (n) memcpy(copy, s, n);
  copy[n] = '\0';
  return copy;
}

char *mem_strdup(const dsql_alloc *a, const char *s) { return mem_strndup(a, s, strlen(s)); }

void mem_cleanse(void *ptr, size_t size) {
  /* A call through a volatile pointer may have any effect, so the stores before it stay. */
  static void *(*const volatile overwrite)(void *, int, size_t) = memset;
  if (size) overwrite(ptr, 0, size);
}

void mem_free_secret(const dsql_alloc *a, void *ptr, size_t size) {
  if (!ptr) return;
  mem_cleanse(ptr, size);
  mem_free(a, ptr);
}
