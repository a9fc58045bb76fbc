#include "conn/result.h"

#include "base/buf.h"
#include "base/zero.h"

#include <string.h>

static const uint8_t no_formats[1];

void result_init(struct dsql_result *r, struct arena *a) {
  zero_words(r, offsetof(struct dsql_result, tag_text));
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
  r->binary_oids = binary ? c->binary_oids : c->told_binary_oids;
  r->count = c->count;
  r->formats = binary ? c->formats : c->told_formats;
}

void result_set_like(struct dsql_result *r, const struct dsql_result *other) {
  r->columns = other->columns;
  r->oids = other->oids;
  r->binary_oids = other->binary_oids;
  r->formats = other->formats;
  r->count = other->count;
}

void result_set_tag(struct dsql_result *r, const char *tag, size_t n) {
  if (n > sizeof r->tag_text) n = sizeof r->tag_text;
  copy_short(r->tag_text, tag, n);
  r->tag = (dsql_str){r->tag_text, n};
}

/* The chunk for the rows from `rows` on, as many as there are before it; rows is a power of two. */
static int add_chunk(struct dsql_result *r, size_t rows) {
  int chunk = 63 ^ __builtin_clzll(rows);

  if (chunk >= RESULT_CHUNKS) return DSQL_ETOOBIG;
  if (!r->chunks) r->chunks = arena_alloc(r->arena, RESULT_CHUNKS * sizeof *r->chunks);
  if (!r->chunks) return DSQL_ENOMEM;
  r->slot = arena_alloc(r->arena, rows * sizeof *r->slot);
  if (!r->slot) return DSQL_ENOMEM;
  r->slot_end = r->slot + rows;
  r->chunks[chunk] = (uintptr_t)r->slot - rows * sizeof *r->slot;
  return 0;
}

/* One row, for which more memory or another chunk may be needed. */
static __attribute__((noinline)) int append_one(struct dsql_result *r, const uint8_t *body, size_t len) {
  int rc = r->slot == r->slot_end ? add_chunk(r, r->rows) : 0;
  uint32_t *row = rc ? NULL : arena_alloc(r->arena, r->count * sizeof *row + len);

  if (!row) return rc ? rc : DSQL_ENOMEM;
  rc = wire_index_row(body, len, r->count, row);
  if (rc) return rc;
  memcpy(row + r->count, body, len);
  *r->slot++ = row;
  r->rows++;
  return 0;
}

/* What append() has stored by itself. */
static inline void note_appended(struct dsql_result *r, const uint32_t **slot, uint8_t *pos) {
  r->rows += (size_t)(slot - r->slot);
  r->slot = slot;
  r->arena->pos = pos;
}

/* The loop of large results: while there is room it bumps the arena itself, and copies a row of few bytes without a
 * call. */
static inline __attribute__((always_inline)) int append(struct dsql_result *r, const uint8_t *run, size_t n,
                                                        unsigned count) {
  const struct arena *a = r->arena;
  size_t table = count * sizeof(uint32_t), len;
  const uint8_t *end = run + n, *body;
  const uint32_t **slot = r->slot;
  uint8_t *pos = a->pos;
  int rc = 0;

  for (; run != end; run = body + len) {
    size_t size;
    len = (size_t)load_be32(run + 1) - 4;
    size = (table + len + 7) & ~(size_t)7;
    body = run + WIRE_HEADER_SIZE;
    if (__builtin_expect(size > (size_t)(a->end - pos) || slot == r->slot_end, 0)) {
      note_appended(r, slot, pos);
      rc = append_one(r, body, len);
      slot = r->slot;
      pos = a->pos;
    } else {
      rc = wire_index_row(body, len, count, (uint32_t *)(void *)pos);
      if (rc) break;
      copy_short(pos + table, body, len);
      *slot++ = (const uint32_t *)(void *)pos;
      pos += size;
    }
    if (rc) break;
  }
  note_appended(r, slot, pos);
  return rc;
}

int result_append(struct dsql_result *r, const uint8_t *run, size_t n) {
  return r->count == 1 ? append(r, run, n, 1) : append(r, run, n, r->count);
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
