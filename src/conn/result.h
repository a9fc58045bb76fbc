/* result.h - rows of one statement. A materialised row is one block in the query's arena: the offsets of its fields,
 * then the DataRow's body as it came; one memcpy per row, O(1) access to any field. A streamed row is the same with
 * the body left in the receive slab. */
#ifndef DSQL_CONN_RESULT_H
#define DSQL_CONN_RESULT_H

#include "conn/columns.h"

/* Rows are found through chunks of pointers that double: 8 in the struct, then 8, 16, 32, ... in the arena. */
enum { RESULT_FIRST_ROWS = 8, RESULT_CHUNKS = 29 };

struct dsql_result {
  struct arena *arena;           /* rows, and texts made by the getters; of a streamed row: emptied behind each row */
  const struct columns *columns; /* NULL: the statement gives no rows */
  const uint8_t *formats;        /* per column as they came; NULL: text */
  dsql_column *cells;            /* columns->list */
  unsigned count;
  bool streamed;                 /* one row: offsets and body below */
  size_t rows;
  uint32_t *offsets;
  const uint8_t *body;
  const uint32_t *first[RESULT_FIRST_ROWS];
  const uint32_t **chunks[RESULT_CHUNKS];
  dsql_str tag;
  struct dsql_result *next;
};

void result_init(struct dsql_result *r, struct arena *a);
void result_set_columns(struct dsql_result *r, const struct columns *c, const uint8_t *formats);
/* body: of a DataRow; copied. 0, ENOMEM, EPROTO (does not fit the columns). */
int result_append(struct dsql_result *r, const uint8_t *body, size_t n);
/* Shows a row that stays in the caller's memory; r->offsets has room for every column. 0, EPROTO. */
int result_show(struct dsql_result *r, const uint8_t *body, size_t n);

/* The field's bytes; false when it is NULL or there is none (*exists tells which). */
struct field {
  const uint8_t *p;
  size_t len;
};

static inline const uint32_t *result_row(const struct dsql_result *r, size_t row) {
  unsigned level;
  if (row < RESULT_FIRST_ROWS) return r->first[row];
  level = 60u - (unsigned)__builtin_clzll(row); /* 8..15 -> 0, 16..31 -> 1 */
  return r->chunks[level][row - ((size_t)RESULT_FIRST_ROWS << level)];
}

/* 0, EINVAL (no such row or column), ENULL. */
static inline int result_field(const struct dsql_result *r, size_t row, unsigned col, struct field *out) {
  const uint32_t *offsets;
  const uint8_t *body;
  uint32_t len;

  if (row >= r->rows || col >= r->count) return DSQL_EINVAL;
  if (r->streamed) {
    offsets = r->offsets;
    body = r->body;
  } else {
    offsets = result_row(r, row);
    body = (const uint8_t *)(offsets + r->count);
  }
  out->p = body + offsets[col];
  len = load_be32(out->p - 4);
  if (len == UINT32_MAX) return DSQL_ENULL;
  out->len = len;
  return 0;
}

#endif
