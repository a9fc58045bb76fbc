/* ParameterStatus, ReadyForQuery and NotificationResponse. */
#include "wire/backend.h"

/* String name, String value. */
int wire_decode_parameter_status(const uint8_t *body, size_t n, struct wire_parameter_status *out) {
  struct cursor c = cursor_of(body, n);
  dsql_str name = cursor_cstr(&c), value = cursor_cstr(&c);
  if (!cursor_done(&c)) return DSQL_EPROTO;
  *out = (struct wire_parameter_status){name, value};
  return 0;
}

/* Byte1 status. */
int wire_decode_ready(const uint8_t *body, size_t n, char *tx_status) {
  if (n != 1 || (body[0] != 'I' && body[0] != 'T' && body[0] != 'E')) return DSQL_EPROTO;
  *tx_status = (char)body[0];
  return 0;
}

/* Int32 process, String channel, String payload. */
int wire_decode_notification(const uint8_t *body, size_t n, struct wire_notification *out) {
  struct cursor c = cursor_of(body, n);
  uint32_t pid = cursor_u32(&c);
  dsql_str channel = cursor_cstr(&c), payload = cursor_cstr(&c);
  if (!cursor_done(&c)) return DSQL_EPROTO;
  *out = (struct wire_notification){pid, channel, payload};
  return 0;
}
