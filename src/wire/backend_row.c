#include "wire/backend.h"

/* DataRow: Int16 n, n times (Int32 length or -1, bytes). */
int wire_index_data_row(const uint8_t *body, size_t n, unsigned cols, uint32_t *offsets) {
  return wire_index_row(body, n, cols, offsets);
}
