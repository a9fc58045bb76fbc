#include "conn/result.h"

#include <string.h>

void result_init(struct dsql_result *r, struct arena *a) {
  /* The row pointers need no clearing: rows tells how many are valid; chunks do, they are made on demand. */
  r->arena = a;
  r->columns = NULL;
  r->formats = NULL;
  r->cells = NULL;
  r->count = 0;
  r->streamed = false;
  r->rows = 0;
  r->offsets = NULL;
  r->body = NULL;
  r->tag = (dsql_str){"", 0};
  r->next = NULL;
}

void result_set_columns(struct dsql_result *r, const struct columns *c, const uint8_t *formats) {
  r->columns = c;
  r->cells = c->list;
  r->count = c->count;
  r->formats = formats;
}

static int index_row(struct dsql_result *r, const uint32_t *row) {
  size_t i = r->rows;
  unsigned level;

  if (i < RESULT_FIRST_ROWS) {
    r->first[i] = row;
  } else {
    level = 60u - (unsigned)__builtin_clzll(i);
    if (level >= RESULT_CHUNKS) return DSQL_ETOOBIG;
    if ((i & (i - 1)) == 0) { /* the first row of a chunk */
      r->chunks[level] = arena_alloc(r->arena, i * sizeof *r->chunks[level]);
      if (!r->chunks[level]) return DSQL_ENOMEM;
    }
    r->chunks[level][i - ((size_t)RESULT_FIRST_ROWS << level)] = row;
  }
  r->rows = i + 1;
  return 0;
}

int result_append(struct dsql_result *r, const uint8_t *body, size_t n) {
  size_t table = r->count * sizeof(uint32_t);
  uint32_t *row = arena_alloc(r->arena, table + n);

  if (!row) return DSQL_ENOMEM;
  if (wire_index_data_row(body, n, r->count, row)) return DSQL_EPROTO;
  memcpy((uint8_t *)row + table, body, n);
  return index_row(r, row);
}

int result_show(struct dsql_result *r, const uint8_t *body, size_t n) {
  if (wire_index_data_row(body, n, r->count, r->offsets)) return DSQL_EPROTO;
  r->streamed = true;
  r->body = body;
  r->rows = 1;
  return 0;
}
