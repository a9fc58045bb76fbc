/* rows.h - results made by hand: RowDescription and DataRow messages, and what they are read into. */
#ifndef DSQL_TEST_ROWS_H
#define DSQL_TEST_ROWS_H

#include <criterion/criterion.h>
#include <string.h>

#include "base/buf.h"
#include "conn/result.h"
#include "test_alloc.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct rows {
  struct test_alloc heap;
  struct arena_pool pool;
  struct arena arena;
  struct buf description; /* body of a RowDescription */
  struct buf run;         /* whole DataRow messages */
  struct columns *columns;
  struct dsql_result result;
};

/* A field: NULL when data is NULL. */
struct cell {
  const void *data;
  size_t len;
};
#define CELL(literal)                                                                                                  \
  (struct cell) { literal, sizeof(literal) - 1 }
#define NULL_CELL                                                                                                      \
  (struct cell) { NULL, 0 }

void rows_init(struct rows *x);
void rows_deinit(struct rows *x); /* no block may be live */

/* Columns of these types, named "c0", "c1" ..., into x->columns and the result, which is emptied. */
void rows_describe(struct rows *x, const uint32_t *oids, unsigned n, bool binary);
void rows_put_description(struct buf *body, const uint32_t *oids, unsigned n);
void rows_put_row(struct buf *run, const struct cell *cells, unsigned n);
/* A row of one column: n as a big-endian int4. */
void rows_put_int4(struct buf *run, uint32_t n);
/* Appends what is in x->run and empties it. */
int rows_append(struct rows *x);
/* One row, appended; it must fit. */
void rows_add(struct rows *x, const struct cell *cells, unsigned n);

#endif
