/* CopyInResponse, CopyOutResponse, CopyBothResponse and FunctionCallResponse. */
#include "wire/backend.h"

/* Int8 overall format, Int16 n, n times Int16 format; in a textual COPY all of them are textual. */
int wire_decode_copy_response(const uint8_t *body, size_t n, struct wire_copy_response *out) {
  struct cursor c = cursor_of(body, n);
  unsigned overall = cursor_u8(&c), cols = cursor_u16(&c);
  const uint8_t *formats = cursor_bytes(&c, (size_t)cols * 2);

  if (!cursor_done(&c) || overall > 1) return DSQL_EPROTO;
  for (unsigned i = 0; i < cols; i++)
    if (load_be16(formats + 2 * (size_t)i) > overall) return DSQL_EPROTO;
  *out = (struct wire_copy_response){.binary = overall == 1, .cols = cols, .formats = formats};
  return 0;
}

/* Int32 length or -1, bytes. */
int wire_decode_function_result(const uint8_t *body, size_t n, struct wire_function_result *out) {
  struct cursor c = cursor_of(body, n);
  uint32_t len = cursor_u32(&c);
  bool null = len == UINT32_MAX;
  const uint8_t *value = cursor_bytes(&c, null ? 0 : len);

  if (!cursor_done(&c)) return DSQL_EPROTO;
  *out = (struct wire_function_result){null, {null ? "" : (const char *)value, null ? 0 : len}};
  return 0;
}
