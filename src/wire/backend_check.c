/* Questions about a message of any type. */
#include "wire/backend.h"

bool wire_type_is_empty(uint8_t type) {
  switch (type) {
    case WIRE_PARSE_COMPLETE:
    case WIRE_BIND_COMPLETE:
    case WIRE_CLOSE_COMPLETE:
    case WIRE_COPY_DONE:
    case WIRE_EMPTY_QUERY_RESPONSE:
    case WIRE_NO_DATA:
    case WIRE_PORTAL_SUSPENDED: return true;
    default: return false;
  }
}

/* The row alone, without a RowDescription to compare it with. */
static int check_data_row(const uint8_t *body, size_t n) {
  struct cursor c = cursor_of(body, n);
  unsigned cols = cursor_u16(&c);
  for (unsigned i = 0; i < cols && !c.failed; i++) {
    uint32_t len = cursor_u32(&c);
    if (len != UINT32_MAX) (void)cursor_bytes(&c, len);
  }
  return cursor_done(&c) ? 0 : DSQL_EPROTO;
}

/* Each decoder of a message with a body, for its verdict alone. */
static int check_body(uint8_t type, const uint8_t *body, size_t n) {
  union {
    struct wire_authentication authentication;
    struct wire_backend_key key;
    struct wire_parameter_status status;
    struct wire_negotiate_version version;
    struct wire_notification notification;
    struct wire_copy_response copy;
    struct wire_function_result function;
    struct {
      const uint8_t *oids;
      unsigned count;
    } params;
    dsql_str tag;
    char tx_status;
  } unused;

  switch (type) {
    case WIRE_AUTHENTICATION: return wire_decode_authentication(body, n, &unused.authentication);
    case WIRE_BACKEND_KEY_DATA: return wire_decode_backend_key(body, n, &unused.key);
    case WIRE_COMMAND_COMPLETE: return wire_decode_command_complete(body, n, &unused.tag);
    case WIRE_COPY_DATA: return 0;
    case WIRE_COPY_IN_RESPONSE:
    case WIRE_COPY_OUT_RESPONSE:
    case WIRE_COPY_BOTH_RESPONSE: return wire_decode_copy_response(body, n, &unused.copy);
    case WIRE_DATA_ROW: return check_data_row(body, n);
    case WIRE_ERROR_RESPONSE:
    case WIRE_NOTICE_RESPONSE: return wire_check_error(body, n);
    case WIRE_FUNCTION_CALL_RESPONSE: return wire_decode_function_result(body, n, &unused.function);
    case WIRE_NEGOTIATE_PROTOCOL_VERSION: return wire_decode_negotiate_version(body, n, &unused.version);
    case WIRE_NOTIFICATION_RESPONSE: return wire_decode_notification(body, n, &unused.notification);
    case WIRE_PARAMETER_DESCRIPTION:
      return wire_decode_parameter_description(body, n, &unused.params.count, &unused.params.oids);
    case WIRE_PARAMETER_STATUS: return wire_decode_parameter_status(body, n, &unused.status);
    case WIRE_READY_FOR_QUERY: return wire_decode_ready(body, n, &unused.tx_status);
    case WIRE_ROW_DESCRIPTION: return wire_check_row_description(body, n, &unused.params.count);
    default: return DSQL_EPROTO;
  }
}

int wire_check(uint8_t type, const uint8_t *body, size_t n) {
  if (wire_type_is_empty(type)) return n == 0 ? 0 : DSQL_EPROTO;
  return check_body(type, body, n);
}

bool wire_type_known(uint8_t type) {
  switch (type) {
    case WIRE_AUTHENTICATION:
    case WIRE_BACKEND_KEY_DATA:
    case WIRE_COMMAND_COMPLETE:
    case WIRE_COPY_DATA:
    case WIRE_COPY_IN_RESPONSE:
    case WIRE_COPY_OUT_RESPONSE:
    case WIRE_COPY_BOTH_RESPONSE:
    case WIRE_DATA_ROW:
    case WIRE_ERROR_RESPONSE:
    case WIRE_FUNCTION_CALL_RESPONSE:
    case WIRE_NEGOTIATE_PROTOCOL_VERSION:
    case WIRE_NOTICE_RESPONSE:
    case WIRE_NOTIFICATION_RESPONSE:
    case WIRE_PARAMETER_DESCRIPTION:
    case WIRE_PARAMETER_STATUS:
    case WIRE_READY_FOR_QUERY:
    case WIRE_ROW_DESCRIPTION: return true;
    default: return wire_type_is_empty(type);
  }
}
