/* Authentication*, BackendKeyData and NegotiateProtocolVersion. */
#include "wire/backend.h"

/* Strings up to an empty one, which ends both the list and the message. */
static bool mechanism_list_valid(const uint8_t *data, size_t n) {
  struct cursor c = cursor_of(data, n);
  while (cursor_cstr(&c).len > 0) {}
  return cursor_done(&c);
}

static bool auth_data_valid(uint32_t code, const uint8_t *data, size_t n) {
  switch (code) {
    case WIRE_AUTH_OK:
    case WIRE_AUTH_KERBEROS_V5:
    case WIRE_AUTH_CLEARTEXT_PASSWORD:
    case WIRE_AUTH_SCM_CREDENTIAL:
    case WIRE_AUTH_GSS:
    case WIRE_AUTH_SSPI: return n == 0;
    case WIRE_AUTH_MD5_PASSWORD: return n == 4;
    case WIRE_AUTH_SASL: return mechanism_list_valid(data, n);
    default: return true;
  }
}

/* Int32 code, then what the code asks for. */
int wire_decode_authentication(const uint8_t *body, size_t n, struct wire_authentication *out) {
  struct cursor c = cursor_of(body, n);
  uint32_t code = cursor_u32(&c);
  if (c.failed || !auth_data_valid(code, c.pos, cursor_left(&c))) return DSQL_EPROTO;
  *out = (struct wire_authentication){.code = code, .data = c.pos, .len = cursor_left(&c)};
  return 0;
}

/* Int32 process, key up to the end: four bytes in protocol 3.0, up to 256 in 3.2. */
int wire_decode_backend_key(const uint8_t *body, size_t n, struct wire_backend_key *out) {
  struct cursor c = cursor_of(body, n);
  uint32_t pid = cursor_u32(&c);
  size_t key_len = cursor_left(&c);
  if (c.failed || key_len < WIRE_BACKEND_KEY_MIN || key_len > WIRE_BACKEND_KEY_MAX) return DSQL_EPROTO;
  *out = (struct wire_backend_key){.pid = pid, .key = c.pos, .key_len = key_len};
  return 0;
}

/* Int32 version, Int32 n, n times String. PostgreSQL sends major and minor; the documentation says that it is the minor
 * version alone, so a server that follows it to the letter is understood as well. */
int wire_decode_negotiate_version(const uint8_t *body, size_t n, struct wire_negotiate_version *out) {
  struct cursor c = cursor_of(body, n), options;
  uint32_t version = cursor_u32(&c), count = cursor_u32(&c);

  options = c;
  for (uint32_t i = 0; i < count && !c.failed; i++) (void)cursor_cstr(&c);
  if (!cursor_done(&c)) return DSQL_EPROTO;
  if (version <= UINT16_MAX) version |= UINT32_C(3) << 16;
  *out = (struct wire_negotiate_version){.version = version, .option_count = count, .options = options};
  return 0;
}
