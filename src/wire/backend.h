/* backend.h - strict decoders of every message that a server sends (Protocol, "Message Formats"). Bodies are views
 * without the five header bytes. A decoder returns 0 only when the whole body is exactly one well-formed message of
 * its type, else DSQL_EPROTO; outputs are views into the body. */
#ifndef DSQL_WIRE_BACKEND_H
#define DSQL_WIRE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"

enum wire_backend_type {
  WIRE_AUTHENTICATION = 'R',
  WIRE_BACKEND_KEY_DATA = 'K',
  WIRE_BIND_COMPLETE = '2',
  WIRE_CLOSE_COMPLETE = '3',
  WIRE_COMMAND_COMPLETE = 'C',
  WIRE_COPY_DATA = 'd',
  WIRE_COPY_DONE = 'c',
  WIRE_COPY_IN_RESPONSE = 'G',
  WIRE_COPY_OUT_RESPONSE = 'H',
  WIRE_COPY_BOTH_RESPONSE = 'W',
  WIRE_DATA_ROW = 'D',
  WIRE_EMPTY_QUERY_RESPONSE = 'I',
  WIRE_ERROR_RESPONSE = 'E',
  WIRE_FUNCTION_CALL_RESPONSE = 'V',
  WIRE_NEGOTIATE_PROTOCOL_VERSION = 'v',
  WIRE_NO_DATA = 'n',
  WIRE_NOTICE_RESPONSE = 'N',
  WIRE_NOTIFICATION_RESPONSE = 'A',
  WIRE_PARAMETER_DESCRIPTION = 't',
  WIRE_PARAMETER_STATUS = 'S',
  WIRE_PARSE_COMPLETE = '1',
  WIRE_PORTAL_SUSPENDED = 's',
  WIRE_READY_FOR_QUERY = 'Z',
  WIRE_ROW_DESCRIPTION = 'T'
};

enum { WIRE_HEADER_SIZE = 5, WIRE_MESSAGE_MAX = 0x3fffffff, WIRE_BACKEND_KEY_MIN = 4, WIRE_BACKEND_KEY_MAX = 256 };

struct wire_frame {
  uint8_t type;
  const uint8_t *body;
  size_t len;   /* of the body */
  size_t total; /* header and body; known as soon as the header is there */
};

/* Cuts the message at p: 1 when it is complete, 0 when more bytes are needed (total is set once the header is there,
 * else 0), DSQL_EPROTO when its length is below 4, DSQL_ETOOBIG when header and body pass `max`. */
static inline int wire_frame_cut(const uint8_t *p, size_t n, size_t max, struct wire_frame *out) {
  uint32_t length;
  out->total = 0;
  if (n < WIRE_HEADER_SIZE) return 0;
  length = load_be32(p + 1);
  if (length < 4 || length > INT32_MAX) return DSQL_EPROTO;
  out->total = (size_t)length + 1;
  if (out->total > max) return DSQL_ETOOBIG;
  if (out->total > n) return 0;
  out->type = p[0];
  out->body = p + WIRE_HEADER_SIZE;
  out->len = length - 4;
  return 1;
}

/* ---- authentication ---- */
enum wire_auth_code {
  WIRE_AUTH_OK = 0,
  WIRE_AUTH_KERBEROS_V5 = 2,
  WIRE_AUTH_CLEARTEXT_PASSWORD = 3,
  WIRE_AUTH_MD5_PASSWORD = 5,
  WIRE_AUTH_SCM_CREDENTIAL = 6,
  WIRE_AUTH_GSS = 7,
  WIRE_AUTH_GSS_CONTINUE = 8,
  WIRE_AUTH_SSPI = 9,
  WIRE_AUTH_SASL = 10,
  WIRE_AUTH_SASL_CONTINUE = 11,
  WIRE_AUTH_SASL_FINAL = 12
};
struct wire_authentication {
  uint32_t code;       /* enum wire_auth_code, or one that we don't know */
  const uint8_t *data; /* md5: 4 bytes of salt; SASL: the mechanism list (checked: non-empty strings, empty one last);
                          continue and final: the SASL data */
  size_t len;
};
int wire_decode_authentication(const uint8_t *body, size_t n, struct wire_authentication *out);

struct wire_backend_key {
  uint32_t pid;
  const uint8_t *key;
  size_t key_len; /* 4..256 */
};
int wire_decode_backend_key(const uint8_t *body, size_t n, struct wire_backend_key *out);

struct wire_parameter_status {
  dsql_str name, value; /* NUL-terminated in the body */
};
int wire_decode_parameter_status(const uint8_t *body, size_t n, struct wire_parameter_status *out);

struct wire_negotiate_version {
  uint32_t version;      /* the newest minor version that the server speaks, as 3 << 16 | minor */
  uint32_t option_count; /* options that it did not recognise: their names follow each other in `options` */
  struct cursor options; /* checked: option_count strings, nothing behind */
};
int wire_decode_negotiate_version(const uint8_t *body, size_t n, struct wire_negotiate_version *out);

/* 'I', 'T' or 'E'; anything else is refused. */
int wire_decode_ready(const uint8_t *body, size_t n, char *tx_status);

/* ---- errors and notices: pairs of (type byte, string), a zero byte at the end. Read with error_body_field(). ---- */
int wire_check_error(const uint8_t *body, size_t n);

struct wire_notification {
  uint32_t pid;
  dsql_str channel, payload;
};
int wire_decode_notification(const uint8_t *body, size_t n, struct wire_notification *out);

/* ---- query ---- */
int wire_decode_command_complete(const uint8_t *body, size_t n, dsql_str *tag);
/* The count in a tag ("INSERT 0 5", "SELECT 12", "COPY 3"); -1 when it has none. */
int64_t wire_tag_count(dsql_str tag);

/* Checks all of it and gives the number of columns (0..65535; the wire's Int16 read as unsigned). */
int wire_check_row_description(const uint8_t *body, size_t n, unsigned *cols);
/* body must have passed the check; names are views into it. */
void wire_fill_row_description(const uint8_t *body, size_t n, dsql_column *cols);

/* Up to 65,535 types; *oids is the big-endian array in the body: read each with load_be32(). */
int wire_decode_parameter_description(const uint8_t *body, size_t n, unsigned *count, const uint8_t **oids);

/* Checks a DataRow against the described number of columns and writes, for each column, the offset in the body of the
 * first byte of its value (the 4-byte length stands before it; a NULL's offset is where its value would begin). */
int wire_index_data_row(const uint8_t *body, size_t n, unsigned cols, uint32_t *offsets);

/* The same, for the loops that read many rows.
 *
 * The one decoder that reads without the cursor: it runs for every field of every row, and costs ten instructions for
 * each this way. `at` is the offset of the current value, whose length word has been proved to be inside the body;
 * one comparison proves both that the value is and that the next length word, if there is to be one, follows.
 * Lengths are compared as unsigned 64-bit sums, so that the negative ones, -1 included, are past any body's end:
 * only there is the rare NULL told from the forged length. */
static inline int wire_index_row(const uint8_t *body, size_t n, unsigned cols, uint32_t *offsets) {
  uint64_t at = 6, len;
  size_t i = 0;

  /* Fewer bytes wrap around: no column, or no row. */
  if (__builtin_expect(n - 6 > INT32_MAX - 6, 0)) return n == 2 && cols + load_be16(body) == 0 ? 0 : DSQL_EPROTO;
  if (load_be16(body) != cols || cols == 0) return DSQL_EPROTO;
  for (;;) {
    len = load_be32(body + at - 4);
    offsets[i] = (uint32_t)at;
    if (++i == cols) break;
    at += len + 4;
    if (__builtin_expect(at <= n, 1)) continue;
    at -= len;
    if (len != UINT32_MAX || at > n) return DSQL_EPROTO;
  }
  if (__builtin_expect(at + len == n, 1)) return 0;
  return len == UINT32_MAX && at == n ? 0 : DSQL_EPROTO;
}

struct wire_copy_response {
  bool binary;
  unsigned cols;
  const uint8_t *formats; /* big-endian Int16 each, every one 0 or 1 */
};
int wire_decode_copy_response(const uint8_t *body, size_t n, struct wire_copy_response *out);

struct wire_function_result {
  bool null;
  dsql_str value;
};
int wire_decode_function_result(const uint8_t *body, size_t n, struct wire_function_result *out);

/* True for the messages without a body: '1' '2' '3' 'c' 'I' 'n' 's'. */
bool wire_type_is_empty(uint8_t type);
/* True for every type of enum wire_backend_type. */
bool wire_type_known(uint8_t type);
/* The strict check of any message: known type, well-formed body (a DataRow against its own column count). */
int wire_check(uint8_t type, const uint8_t *body, size_t n);

#endif
