/* Describe, Execute, Close, Flush and Sync of the extended query protocol. */
#include <assert.h>

#include "wire/encode.h"
#include "wire/frontend.h"

/* Byte1 kind, String name. */
static void named_object(struct buf *out, char type, char kind, const char *name) {
  size_t name_len = wire_name_len(name);
  uint8_t *p;

  assert(kind == 'S' || kind == 'P');
  p = wire_begin(out, type, 2, name_len);
  if (!p) return;
  *p = (uint8_t)kind;
  wire_store_cstr(p + 1, name, name_len);
}

void wire_describe(struct buf *out, char kind, const char *name) { named_object(out, 'D', kind, name); }

void wire_close(struct buf *out, char kind, const char *name) { named_object(out, 'C', kind, name); }

void wire_execute(struct buf *out, const char *portal, uint32_t rows_max) {
  size_t name_len = wire_name_len(portal);
  uint8_t *p;

  /* The server reads an Int32 and takes a negative one for "all". */
  if (rows_max > INT32_MAX) {
    wire_fail(out, DSQL_EINVAL);
    return;
  }
  p = wire_begin(out, 'E', 5, name_len);
  if (!p) return;
  store_be32(wire_store_cstr(p, portal, name_len), rows_max);
}

void wire_flush(struct buf *out) { (void)wire_begin(out, 'H', 0, 0); }

void wire_sync(struct buf *out) { (void)wire_begin(out, 'S', 0, 0); }
