#include "conn/result.h"

#include <string.h>

static const uint8_t no_formats[1];

void result_init(struct dsql_result *r, struct arena *a) {
  memset(r, 0, offsetof(struct dsql_result, tag_text));
  r->arena = a;
  r->formats = no_formats;
  r->at_row = SIZE_MAX;
  r->slot = r->first;
  r->slot_end = r->first + RESULT_FIRST_ROWS;
  r->tag.ptr = "";
}

void result_set_columns(struct dsql_result *r, const struct columns *c, bool binary) {
  r->columns = c;
  r->oids = c->oids;
  r->count = c->count;
  r->formats = binary ? c->formats : c->text_formats;
}

void result_set_tag(struct dsql_result *r, const char *tag, size_t n) {
  if (n > sizeof r->tag_text) n = sizeof r->tag_text;
  if (n) memcpy(r->tag_text, tag, n);
  r->tag = (dsql_str){r->tag_text, n};
}

/* The chunk for the rows from `rows` on, as many as there are before it; rows is a power of two. */
static int add_chunk(struct dsql_result *r, size_t rows) {
  unsigned level = 60u - (unsigned)__builtin_clzll(rows);

  if (level >= RESULT_CHUNKS) return DSQL_ETOOBIG;
  if (!r->chunks) r->chunks = arena_alloc(r->arena, RESULT_CHUNKS * sizeof *r->chunks);
  if (!r->chunks) return DSQL_ENOMEM;
  r->slot = r->chunks[level] = arena_alloc(r->arena, rows * sizeof **r->chunks);
  if (!r->slot) return DSQL_ENOMEM;
  r->slot_end = r->slot + rows;
  return 0;
}

int result_append(struct dsql_result *r, const uint8_t *run, size_t n) {
  unsigned count = r->count;
  size_t table = count * sizeof(uint32_t);
  const uint8_t *end = run + n;

  while (run != end) {
    const uint8_t *body = run + WIRE_HEADER_SIZE;
    size_t len = (size_t)load_be32(run + 1) - 4;
    uint32_t *row = arena_alloc(r->arena, table + len);
    if (!row) return DSQL_ENOMEM;
    if (wire_index_row(body, len, count, row)) return DSQL_EPROTO;
    memcpy((uint8_t *)row + table, body, len);
    if (r->slot == r->slot_end) {
      int rc = add_chunk(r, r->rows);
      if (rc) return rc;
    }
    *r->slot++ = row;
    r->rows++;
    run = body + len;
  }
  return 0;
}

int result_show(struct dsql_result *r, const uint8_t *body, size_t n) {
  if (wire_index_row(body, n, r->count, r->offsets)) return DSQL_EPROTO;
  r->streamed = true;
  r->rows = 1;
  r->at_row = 0;
  r->at_offsets = r->offsets;
  r->at_body = body;
  return 0;
}
