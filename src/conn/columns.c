#include "conn/columns.h"

#include <string.h>

#include "wire/codec.h"

/* One block: the struct, the columns, their types, the binary ones, those described as binary, the formats, those
 * described, the names (a copy of the body). */
static size_t block_size(size_t n, unsigned count) {
  return sizeof(struct columns) + count * (sizeof(dsql_column) + 3 * sizeof(uint32_t) + 2) + n;
}

static struct columns *lay_out(void *block, const uint8_t *body, size_t n, unsigned count) {
  struct columns *c = block;
  uint32_t *oids, *binary, *told_binary;
  uint8_t *formats, *told, *copy;

  *c = (struct columns){.refs = 1, .count = count};
  c->list = (dsql_column *)(void *)(c + 1);
  oids = (uint32_t *)(void *)(c->list + count);
  binary = oids + count;
  told_binary = binary + count;
  formats = (uint8_t *)(told_binary + count);
  told = formats + count;
  copy = told + count;
  c->oids = oids;
  c->binary_oids = binary;
  c->told_binary_oids = told_binary;
  c->formats = formats;
  c->told_formats = told;
  if (count == 0) return c;
  memcpy(copy, body, n);
  wire_fill_row_description(copy, n, c->list);
  for (unsigned i = 0; i < count; i++) {
    oids[i] = c->list[i].type_oid;
    told[i] = c->list[i].format == 1;
    formats[i] = codec_has_binary(c->list[i].type_oid);
    binary[i] = formats[i] ? oids[i] : 0;
    told_binary[i] = told[i] ? binary[i] : 0;
    c->any_binary = c->any_binary || formats[i];
  }
  return c;
}

static unsigned count_of(const uint8_t *body, size_t n) {
  unsigned count = 0;
  if (body) (void)wire_check_row_description(body, n, &count);
  return count;
}

struct columns *columns_new(const dsql_alloc *alloc, const uint8_t *body, size_t n) {
  unsigned count = count_of(body, n);
  void *block = mem_alloc(alloc, block_size(body ? n : 0, count));
  struct columns *c = block ? lay_out(block, body, body ? n : 0, count) : NULL;
  if (c) c->alloc = alloc;
  return c;
}

struct columns *columns_new_in(struct arena *a, const uint8_t *body, size_t n) {
  unsigned count = count_of(body, n);
  void *block = arena_alloc(a, block_size(body ? n : 0, count));
  return block ? lay_out(block, body, body ? n : 0, count) : NULL;
}

struct columns *columns_ref(struct columns *c) {
  c->refs++;
  return c;
}

void columns_unref(struct columns *c) {
  if (!c || !c->alloc || --c->refs) return;
  mem_free(c->alloc, c);
}
