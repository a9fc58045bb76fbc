/* result.h - rows of one statement. A materialised row is one block in the query's arena: the offsets of its fields,
 * then the DataRow's body as it came; one memcpy per row, O(1) access to any field. A streamed row is the same with
 * the body left in the receive slab. */
#ifndef DSQL_CONN_RESULT_H
#define DSQL_CONN_RESULT_H

#include "conn/columns.h"

/* Rows are found through chunks of pointers that double: 8 in the struct, then 8, 16, 32, ... in the arena; the rows from
 * 2^n on are in chunk n, of which the address is kept that row 0 would have if it began there: so a row's number is its
 * place. It is not a pointer, for it points to nothing. Chunks 0 to 2 are not used. */
enum { RESULT_FIRST_ROWS = 8, RESULT_CHUNKS = 32, RESULT_TAG_MAX = 40 };

struct dsql_result {
  struct arena *arena;           /* rows, and texts made by the getters; of a streamed row: emptied behind each row */
  const struct columns *columns; /* NULL: the statement gives no rows */
  const uint32_t *oids;          /* of the columns' types */
  const uint32_t *binary_oids;   /* the same where the column came in binary, else 0 */
  const uint8_t *formats;        /* per column, as they came: 0 text, 1 binary */
  unsigned count;                /* of columns */
  bool streamed;                 /* one row: offsets and body below */
  size_t rows;

  /* The row that was read last, which is mostly the one that is read next. */
  size_t at_row;
  const uint32_t *at_offsets;
  const uint8_t *at_body;

  const uint32_t **slot, **slot_end; /* where the next row's pointer goes */
  uintptr_t *chunks;                 /* RESULT_CHUNKS of them, made with the first */
  uint32_t *offsets;                 /* of the streamed row */
  dsql_str tag;
  struct dsql_result *next;
  /* From here on nothing is initialised. */
  char tag_text[RESULT_TAG_MAX];
  const uint32_t *first[RESULT_FIRST_ROWS];
};

void result_init(struct dsql_result *r, struct arena *a);
void result_set_columns(struct dsql_result *r, const struct columns *c, bool binary);
/* The same columns as another one's, whose they stay. */
void result_set_like(struct dsql_result *r, const struct dsql_result *other);
/* A run of whole DataRow messages, headers included; copied. 0, ENOMEM, ETOOBIG, EPROTO (a row that does not fit the
 * columns). */
int result_append(struct dsql_result *r, const uint8_t *run, size_t n);
void result_set_tag(struct dsql_result *r, const char *tag, size_t n); /* cut when it is absurdly long */
/* Shows a row that stays in the caller's memory; r->offsets has room for every column. 0, EPROTO. */
int result_show(struct dsql_result *r, const uint8_t *body, size_t n);

struct field {
  const uint8_t *p;
  size_t len;
};

/* Looks up the row for result_field(). */
static inline void result_go_to(struct dsql_result *r, size_t row) {
  const uint32_t *offsets;
  if (row < RESULT_FIRST_ROWS) {
    offsets = r->first[row];
  } else {
    offsets = *(const uint32_t **)(r->chunks[63 ^ __builtin_clzll(row)] + row * sizeof offsets);
  }
  r->at_row = row;
  r->at_offsets = offsets;
  r->at_body = (const uint8_t *)(offsets + r->count);
}

/* 0, EINVAL (no such row or column), ENULL. */
static inline int result_field(const struct dsql_result *r, size_t row, unsigned col, struct field *out) {
  uint32_t len;

  if (row >= r->rows || col >= r->count) return DSQL_EINVAL;
  /* Only the memory of where we are changes: a result is const to its reader. */
  if (row != r->at_row) result_go_to((struct dsql_result *)(uintptr_t)r, row);
  out->p = r->at_body + r->at_offsets[col];
  len = load_be32(out->p - 4);
  if (len == UINT32_MAX) return DSQL_ENULL;
  out->len = len;
  return 0;
}

/* Most values that are read are binary, of the type that is asked for and of its fixed size: one look at each of these
 * finds them. NULL: it is something else, or nothing at all, which is for result_field() to tell. */
static inline const uint8_t *result_quick(const struct dsql_result *r, size_t row, unsigned col, uint32_t oid,
                                          uint32_t len) {
  const uint8_t *p;

  if (!r || row >= r->rows || col >= r->count || r->binary_oids[col] != oid) return NULL;
  if (row != r->at_row) result_go_to((struct dsql_result *)(uintptr_t)r, row);
  p = r->at_body + r->at_offsets[col];
  return load_be32(p - 4) == len ? p : NULL;
}

#endif
