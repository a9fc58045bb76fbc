#include "wire/trace.h"

#include "base/cursor.h"
#include "wire/backend.h"
#include "wire/frontend.h"

/* The fields of a message, in a language of one letter each:
 *   b  Byte1                   s  String
 *   h  Int16, unsigned         i  Int32, signed
 *   v  Int32 length and that many bytes; none when it is -1
 *   r  the rest, as bytes      x  the rest, a secret
 *   e  (Byte1, String) up to a zero byte
 *   m  String up to an empty one    p  (String, String) up to a zero byte
 *   [..]  Int16 n, n times what is inside; {..} the same with Int32 */
struct layout {
  uint8_t type;
  const char *name, *fields;
};

static const struct layout frontend_layouts[] = {
    {'B', "Bind", "ss[h][v][h]"},
    {'C', "Close", "bs"},
    {'D', "Describe", "bs"},
    {'E', "Execute", "si"},
    {'F', "FunctionCall", "i[h][v]h"},
    {'H', "Flush", ""},
    {'P', "Parse", "ss[i]"},
    {'Q', "Query", "s"},
    {'S', "Sync", ""},
    {'X', "Terminate", ""},
    {'c', "CopyDone", ""},
    {'d', "CopyData", "r"},
    {'f', "CopyFail", "s"},
    {'p', "AuthenticationResponse", "x"},
};

static const struct layout backend_layouts[] = {
    {WIRE_PARSE_COMPLETE, "ParseComplete", ""},
    {WIRE_BIND_COMPLETE, "BindComplete", ""},
    {WIRE_CLOSE_COMPLETE, "CloseComplete", ""},
    {WIRE_NOTIFICATION_RESPONSE, "NotificationResponse", "iss"},
    {WIRE_COPY_DONE, "CopyDone", ""},
    {WIRE_COMMAND_COMPLETE, "CommandComplete", "s"},
    {WIRE_COPY_DATA, "CopyData", "r"},
    {WIRE_DATA_ROW, "DataRow", "[v]"},
    {WIRE_ERROR_RESPONSE, "ErrorResponse", "e"},
    {WIRE_COPY_IN_RESPONSE, "CopyInResponse", "b[h]"},
    {WIRE_COPY_OUT_RESPONSE, "CopyOutResponse", "b[h]"},
    {WIRE_COPY_BOTH_RESPONSE, "CopyBothResponse", "b[h]"},
    {WIRE_EMPTY_QUERY_RESPONSE, "EmptyQueryResponse", ""},
    {WIRE_BACKEND_KEY_DATA, "BackendKeyData", "ix"},
    {WIRE_NO_DATA, "NoData", ""},
    {WIRE_NOTICE_RESPONSE, "NoticeResponse", "e"},
    {WIRE_PORTAL_SUSPENDED, "PortalSuspended", ""},
    {WIRE_PARAMETER_STATUS, "ParameterStatus", "ss"},
    {WIRE_PARAMETER_DESCRIPTION, "ParameterDescription", "[i]"},
    {WIRE_ROW_DESCRIPTION, "RowDescription", "[sihihih]"},
    {WIRE_NEGOTIATE_PROTOCOL_VERSION, "NegotiateProtocolVersion", "i{s}"},
    {WIRE_FUNCTION_CALL_RESPONSE, "FunctionCallResponse", "v"},
    {WIRE_READY_FOR_QUERY, "ReadyForQuery", "b"},
};

/* Authentication messages are told apart by their first Int32, which stands here in place of the type. */
static const struct layout authentication_layouts[] = {
    {WIRE_AUTH_OK, "AuthenticationOk", ""},
    {WIRE_AUTH_KERBEROS_V5, "AuthenticationKerberosV5", ""},
    {WIRE_AUTH_CLEARTEXT_PASSWORD, "AuthenticationCleartextPassword", ""},
    {WIRE_AUTH_MD5_PASSWORD, "AuthenticationMD5Password", "x"},
    {WIRE_AUTH_SCM_CREDENTIAL, "AuthenticationSCMCredential", ""},
    {WIRE_AUTH_GSS, "AuthenticationGSS", ""},
    {WIRE_AUTH_GSS_CONTINUE, "AuthenticationGSSContinue", "x"},
    {WIRE_AUTH_SSPI, "AuthenticationSSPI", ""},
    {WIRE_AUTH_SASL, "AuthenticationSASL", "m"},
    {WIRE_AUTH_SASL_CONTINUE, "AuthenticationSASLContinue", "x"},
    {WIRE_AUTH_SASL_FINAL, "AuthenticationSASLFinal", "x"},
};

/* isprint() of the C locale, whatever the program's locale is. */
static bool printable(uint8_t c) { return c >= 0x20 && c < 0x7f; }

static void put_char(struct buf *line, uint8_t c) {
  if (printable(c))
    buf_put_u8(line, c);
  else
    buf_printf(line, "\\x%02x", (unsigned)c);
}

static void put_bytes(struct buf *line, const uint8_t *p, size_t n) {
  buf_put_str(line, " '");
  for (size_t i = 0; i < n; i++) put_char(line, p[i]);
  buf_put_str(line, "'");
}

static uint8_t put_byte1(struct buf *line, struct cursor *c) {
  uint8_t v = cursor_u8(c);
  if (c->failed) return 0;
  buf_put_u8(line, ' ');
  put_char(line, v);
  return v;
}

static void put_string(struct buf *line, struct cursor *c) {
  dsql_str s = cursor_cstr(c);
  if (c->failed) return;
  buf_put_str(line, " \"");
  buf_put(line, s.ptr, s.len);
  buf_put_str(line, "\"");
}

static unsigned put_int16(struct buf *line, struct cursor *c) {
  unsigned v = cursor_u16(c);
  if (!c->failed) buf_printf(line, " %u", v);
  return v;
}

static int32_t put_int32(struct buf *line, struct cursor *c) {
  int32_t v = cursor_i32(c);
  if (!c->failed) buf_printf(line, " %d", v);
  return v;
}

static void put_value(struct buf *line, struct cursor *c) {
  int32_t n = put_int32(line, c);
  const uint8_t *p = n == -1 ? NULL : cursor_bytes(c, (uint32_t)n);
  if (p) put_bytes(line, p, (uint32_t)n);
}

static void put_error_fields(struct buf *line, struct cursor *c) {
  while (put_byte1(line, c) != 0) put_string(line, c);
}

/* Strings up to an empty one, which libpq shows as well. */
static void put_mechanisms(struct buf *line, struct cursor *c) {
  while (cursor_left(c) && *c->pos && !c->failed) put_string(line, c);
  put_string(line, c);
}

static void put_pairs(struct buf *line, struct cursor *c) {
  while (cursor_left(c) && *c->pos && !c->failed) {
    put_string(line, c);
    put_string(line, c);
  }
  (void)cursor_u8(c);
}

static void put_field(struct buf *line, struct cursor *c, char kind) {
  size_t left = cursor_left(c);
  switch (kind) {
    case 'b': (void)put_byte1(line, c); break;
    case 's': put_string(line, c); break;
    case 'h': (void)put_int16(line, c); break;
    case 'i': (void)put_int32(line, c); break;
    case 'v': put_value(line, c); break;
    case 'e': put_error_fields(line, c); break;
    case 'm': put_mechanisms(line, c); break;
    case 'p': put_pairs(line, c); break;
    case 'r': put_bytes(line, cursor_bytes(c, left), left); break;
    default:
      (void)cursor_bytes(c, left);
      buf_put_str(line, " ***");
      break;
  }
}

static void put_fields(struct buf *line, struct cursor *c, const char *fields) {
  while (*fields && !c->failed) {
    const char *group = fields + 1, *end;
    uint32_t count;
    if (*fields != '[' && *fields != '{') {
      put_field(line, c, *fields++);
      continue;
    }
    end = strchr(group, *fields == '[' ? ']' : '}');
    count = *fields == '[' ? put_int16(line, c) : (uint32_t)put_int32(line, c);
    for (uint32_t i = 0; i < count && !c->failed; i++)
      for (const char *f = group; f < end && !c->failed; f++) put_field(line, c, *f);
    fields = end + 1;
  }
}

static const struct layout *find_layout(const struct layout *layouts, size_t n, uint32_t type) {
  for (size_t i = 0; i < n; i++)
    if (layouts[i].type == type) return &layouts[i];
  return NULL;
}

/* Name and fields; what does not fit the layout is said at the end of the line, without showing it. */
static void put_message(struct buf *line, const struct layout *layout, struct cursor *c) {
  buf_put_str(line, layout->name);
  if (*layout->fields) buf_put_u8(line, '\t');
  put_fields(line, c, layout->fields);
  if (!cursor_done(c)) buf_put_str(line, "\tmalformed message");
}

static void put_typed(struct buf *line, char direction, const struct layout *layouts, size_t n_layouts,
                      const uint8_t *message, size_t n) {
  struct cursor c = cursor_of(message, n);
  const struct layout *layout;
  uint32_t code, type = cursor_u8(&c), length = cursor_u32(&c);

  if (c.failed || length != n - 1) {
    buf_printf(line, "%c\t%zu\tmalformed message", direction, n ? n - 1 : 0);
    return;
  }
  buf_printf(line, "%c\t%u\t", direction, length);
  layout = find_layout(layouts, n_layouts, type);
  if (direction == 'B' && type == WIRE_AUTHENTICATION && length >= 8) {
    code = cursor_u32(&c);
    layout = find_layout(authentication_layouts, sizeof authentication_layouts / sizeof *authentication_layouts, code);
    if (!layout) buf_printf(line, "Unknown authentication message %d", (int32_t)code);
  } else if (!layout) {
    buf_printf(line, "Unknown message: %02x", type);
  }
  if (layout) put_message(line, layout, &c);
}

void trace_backend(struct buf *line, const uint8_t *message, size_t n) {
  put_typed(line, 'B', backend_layouts, sizeof backend_layouts / sizeof *backend_layouts, message, n);
}

void trace_frontend(struct buf *line, const uint8_t *message, size_t n) {
  put_typed(line, 'F', frontend_layouts, sizeof frontend_layouts / sizeof *frontend_layouts, message, n);
}

void trace_startup(struct buf *line, const uint8_t *message, size_t n) {
  struct cursor c = cursor_of(message, n);
  uint32_t length = cursor_u32(&c), code = cursor_u32(&c);

  if (c.failed || length != n) {
    buf_printf(line, "F\t%zu\tmalformed message", n);
    return;
  }
  buf_printf(line, "F\t%u\t", length);
  c.pos -= 4;
  if (code == WIRE_SSL_REQUEST_CODE) {
    put_message(line, &(struct layout){0, "SSLRequest", "hh"}, &c);
  } else if (code == WIRE_CANCEL_REQUEST_CODE) {
    put_message(line, &(struct layout){0, "CancelRequest", "hhix"}, &c);
  } else {
    put_message(line, &(struct layout){0, "StartupMessage", "hhp"}, &c);
  }
}

void trace_ssl_response(struct buf *line, uint8_t reply) {
  buf_put_str(line, "B\t1\tSSLResponse\t ");
  put_char(line, reply);
}
