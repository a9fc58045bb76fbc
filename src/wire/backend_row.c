#include "wire/backend.h"

/* DataRow: Int16 n, n times (Int32 length or -1, bytes).
 *
 * The one decoder that reads without the cursor: it runs for every field of every row, and costs ten instructions for
 * each this way. `at` is the offset of the current value, whose length word has been proved to be inside the body;
 * one comparison proves both that the value is and that the next length word, if there is to be one, follows.
 * Lengths are compared as unsigned 64-bit sums, so that the negative ones, -1 included, are past any body's end:
 * only there is the rare NULL told from the forged length. */
int wire_index_data_row(const uint8_t *body, size_t n, unsigned cols, uint32_t *offsets) {
  uint64_t at = 6, len;
  size_t i = 0;

  if (n - 2 > INT32_MAX - 2 || load_be16(body) != cols) return DSQL_EPROTO; /* n < 2 wraps around */
  if (cols == 0) return n == 2 ? 0 : DSQL_EPROTO;
  if (n < at) return DSQL_EPROTO;
  for (;;) {
    len = load_be32(body + at - 4);
    offsets[i] = (uint32_t)at;
    if (++i == cols) break;
    at += len + 4;
    if (__builtin_expect(at <= n, 1)) continue;
    at -= len;
    if (len != UINT32_MAX || at > n) return DSQL_EPROTO;
  }
  if (len == UINT32_MAX) len = 0;
  return at + len == n ? 0 : DSQL_EPROTO;
}
