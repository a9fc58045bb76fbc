#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum { FIRST_CAPACITY = 256 };

void buf_init(struct buf *b, const dsql_alloc *alloc, size_t max) { buf_init_on(b, alloc, max, NULL, 0); }

void buf_init_on(struct buf *b, const dsql_alloc *alloc, size_t max, void *storage, size_t size) {
  assert(max > 0 && size <= max);
  *b = (struct buf){.data = storage, .cap = size, .max = max, .alloc = alloc, .fixed = storage != NULL};
}

static void drop_storage(struct buf *b) {
  if (b->secret && b->data) mem_cleanse(b->data, b->cap);
  if (!b->fixed) mem_free(b->alloc, b->data);
}

void buf_deinit(struct buf *b) {
  drop_storage(b);
  *b = (struct buf){.max = b->max, .alloc = b->alloc};
}

void buf_reset(struct buf *b) {
  if (b->secret && b->data) mem_cleanse(b->data, b->len);
  b->len = 0;
  b->error = 0;
}

void buf_trim(struct buf *b) {
  if (b->len || b->fixed || !b->data) return;
  drop_storage(b);
  b->data = NULL;
  b->cap = 0;
}

static bool fail(struct buf *b, int code) {
  b->error = code;
  return false;
}

bool buf_grow(struct buf *b, size_t extra) {
  size_t need, cap = b->cap ? b->cap : FIRST_CAPACITY;
  uint8_t *grown;

  if (extra > b->max || b->len > b->max - extra) return fail(b, DSQL_ETOOBIG);
  need = b->len + extra;
  while (cap < need) cap = cap > b->max / 2 ? b->max : cap * 2;
  if (cap > b->max) cap = b->max;
  if (b->fixed || b->secret) {
    grown = mem_alloc(b->alloc, cap);
    if (!grown) return fail(b, DSQL_ENOMEM);
    if (b->len) memcpy(grown, b->data, b->len);
    drop_storage(b);
    b->fixed = false;
  } else {
    grown = mem_realloc(b->alloc, b->data, cap);
    if (!grown) return fail(b, DSQL_ENOMEM);
  }
  b->data = grown;
  b->cap = cap;
  return true;
}

void buf_consume(struct buf *b, size_t n) {
  assert(n <= b->len);
  if (n == 0) return;
  memmove(b->data, b->data + n, b->len - n);
  buf_truncate(b, b->len - n);
}

void buf_truncate(struct buf *b, size_t len) {
  assert(len <= b->len);
  if (b->secret && b->data) mem_cleanse(b->data + len, b->len - len);
  b->len = len;
}

void buf_printf(struct buf *b, const char *format, ...) {
  va_list args;
  int n;

  va_start(args, format);
  n = vsnprintf(NULL, 0, format, args);
  va_end(args);
  assert(n >= 0);
  if (!buf_reserve(b, (size_t)n + 1)) return;
  va_start(args, format);
  (void)vsnprintf((char *)b->data + b->len, (size_t)n + 1, format, args);
  va_end(args);
  b->len += (size_t)n;
}
