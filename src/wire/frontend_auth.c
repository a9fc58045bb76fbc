/* The answers to an authentication request. All of them have type 'p' and carry secrets: the caller's buffer is to be
 * marked secret before. */
#include "wire/encode.h"
#include "wire/frontend.h"

void wire_password(struct buf *out, const char *password, size_t n) {
  uint8_t *p = wire_text_ok(out, password, n) ? wire_begin(out, 'p', 1, n) : NULL;
  if (p) wire_store_cstr(p, password, n);
}

void wire_sasl_initial_response(struct buf *out, const char *mechanism, const void *data, size_t n) {
  size_t name_len = strlen(mechanism);
  uint8_t *p = wire_begin(out, 'p', name_len + 5, data ? n : 0);
  if (!p) return;
  p = wire_store_cstr(p, mechanism, name_len);
  /* -1 says that there is no initial response, which differs from an empty one. */
  store_be32(p, data ? (uint32_t)n : UINT32_MAX);
  if (data) wire_store(p + 4, data, n);
}

void wire_sasl_response(struct buf *out, const void *data, size_t n) {
  uint8_t *p = wire_begin(out, 'p', 0, n);
  if (p) wire_store(p, data, n);
}
