/* CopyData, CopyDone and CopyFail. */
#include "wire/encode.h"
#include "wire/frontend.h"

void wire_copy_data(struct buf *out, const void *data, size_t n) {
  uint8_t *p = wire_begin(out, 'd', 0, n);
  if (p) wire_store(p, data, n);
}

void wire_copy_done(struct buf *out) { (void)wire_begin(out, 'c', 0, 0); }

void wire_copy_fail(struct buf *out, const char *reason) {
  size_t n = strlen(reason);
  uint8_t *p = wire_begin(out, 'f', 1, n);
  if (p) wire_store_cstr(p, reason, n);
}
