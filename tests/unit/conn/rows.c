#include "rows.h"

#include <stdio.h>

void rows_init(struct rows *x) {
  memset(x, 0, sizeof *x);
  test_alloc_init(&x->heap);
  arena_pool_init(&x->pool, &x->heap.hook, 4);
  arena_init(&x->arena, &x->pool);
  buf_init(&x->description, &mem_default, SIZE_MAX);
  buf_init(&x->run, &mem_default, SIZE_MAX);
  result_init(&x->result, &x->arena);
}

void rows_deinit(struct rows *x) {
  columns_unref(x->columns);
  arena_deinit(&x->arena);
  arena_pool_deinit(&x->pool);
  buf_deinit(&x->description);
  buf_deinit(&x->run);
  test_alloc_assert_empty(&x->heap);
}

void rows_put_description(struct buf *body, const uint32_t *oids, unsigned n) {
  buf_put_be16(body, (uint16_t)n);
  for (unsigned i = 0; i < n; i++) {
    char name[16];
    snprintf(name, sizeof name, "c%u", i);
    buf_put_cstr(body, name);
    buf_put_be32(body, 16384 + i);         /* table */
    buf_put_be16(body, (uint16_t)(i + 1)); /* attribute */
    buf_put_be32(body, oids[i]);
    buf_put_be16(body, (uint16_t)-1); /* size */
    buf_put_be32(body, 100 + i);      /* modifier */
    buf_put_be16(body, 0);
  }
}

void rows_describe(struct rows *x, const uint32_t *oids, unsigned n, bool binary) {
  buf_reset(&x->description);
  rows_put_description(&x->description, oids, n);
  columns_unref(x->columns);
  x->columns = columns_new(&x->heap.hook, x->description.data, x->description.len);
  cr_assert_not_null(x->columns);
  arena_deinit(&x->arena);
  result_init(&x->result, &x->arena);
  result_set_columns(&x->result, x->columns, binary);
}

void rows_put_row(struct buf *run, const struct cell *cells, unsigned n) {
  size_t begin = run->len;

  buf_put_u8(run, 'D');
  buf_put_be32(run, 0);
  buf_put_be16(run, (uint16_t)n);
  for (unsigned i = 0; i < n; i++) {
    buf_put_be32(run, cells[i].data ? (uint32_t)cells[i].len : UINT32_MAX);
    buf_put(run, cells[i].data, cells[i].data ? cells[i].len : 0);
  }
  cr_assert(buf_ok(run));
  store_be32(run->data + begin + 1, (uint32_t)(run->len - begin - 1));
}

void rows_put_int4(struct buf *run, uint32_t n) {
  uint8_t value[4];
  store_be32(value, n);
  rows_put_row(run, &(struct cell){value, sizeof value}, 1);
}

/* From a block of exactly that size, so that the address sanitizer sees a read behind the last row. */
int rows_append(struct rows *x) {
  size_t n = x->run.len;
  uint8_t *exact = malloc(n ? n : 1);
  int rc;

  cr_assert_not_null(exact);
  if (n) memcpy(exact, x->run.data, n);
  buf_reset(&x->run);
  rc = result_append(&x->result, exact, n);
  memset(exact, 0xee, n); /* nothing may point into it */
  free(exact);
  return rc;
}

void rows_add(struct rows *x, const struct cell *cells, unsigned n) {
  rows_put_row(&x->run, cells, n);
  cr_assert_eq(rows_append(x), 0);
}
