#include "wire/backend.h"

/* Any number of (Byte1 type, String value), then a zero byte. Types that we don't know are allowed, as the protocol
 * asks; so is an error without any field, which is an error all the same. */
int wire_check_error(const uint8_t *body, size_t n) {
  struct cursor c = cursor_of(body, n);
  while (cursor_u8(&c) != 0) (void)cursor_cstr(&c);
  return cursor_done(&c) ? 0 : DSQL_EPROTO;
}
