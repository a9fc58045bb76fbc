/* frontend.h - encoders of every message that a client sends (Protocol, "Message Formats"). Each appends one whole
 * message or nothing: the length is computed in 64 bits first, and a message that would pass INT32_MAX, a parameter
 * count above 65,535 or the buffer's maximum makes the buffer fail with DSQL_ETOOBIG before a byte is written; input
 * that would make another message of it (a NUL inside SQL or a password, an empty parameter name at start-up, a key of
 * a wrong length) makes it fail with DSQL_EINVAL. Nothing is kept of the arguments. */
#ifndef DSQL_WIRE_FRONTEND_H
#define DSQL_WIRE_FRONTEND_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

enum {
  WIRE_PROTOCOL_3_0 = 0x00030000,
  WIRE_PROTOCOL_3_2 = 0x00030002,
  WIRE_SSL_REQUEST_CODE = 80877103,
  WIRE_CANCEL_REQUEST_CODE = 80877102,
  WIRE_PARAMS_MAX = 65535,
  /* Servers drop a longer StartupMessage without a word (MAX_STARTUP_PACKET_LENGTH); without its length word. */
  WIRE_STARTUP_MAX = 10000,
  WIRE_CANCEL_KEY_MIN = 4,
  WIRE_CANCEL_KEY_MAX = 256
};

struct wire_pair {
  const char *name, *value;
};

void wire_startup(struct buf *out, uint32_t version, const struct wire_pair *pairs, size_t n);
void wire_ssl_request(struct buf *out);
/* key: 4 bytes in protocol 3.0, 4..256 in 3.2. */
void wire_cancel_request(struct buf *out, uint32_t pid, const uint8_t *key, size_t key_len);

/* Secrets: mark the buffer so before. */
void wire_password(struct buf *out, const char *password, size_t n);
/* data NULL: no initial response, which differs from an empty one. */
void wire_sasl_initial_response(struct buf *out, const char *mechanism, const void *data, size_t n);
void wire_sasl_response(struct buf *out, const void *data, size_t n);

void wire_parse(struct buf *out, const char *statement, const char *sql, size_t sql_len, const uint32_t *oids,
                size_t n);
/* formats: per result column, 0 text or 1 binary; NULL asks for text in every column whatever their number. Formats
 * that are all the same travel as one code. A parameter with len -2 makes the buffer fail with DSQL_EINVAL. A value
 * is not read before it is known that the whole message fits. */
void wire_bind(struct buf *out, const char *portal, const char *statement, dsql_params params, const uint8_t *formats,
               size_t n_formats);
/* Bind of the unnamed portal to a named statement, its Execute and perhaps a Sync. tail is the data of a buffer
 * that wire_prepare_tail() filled once for these result formats. Names and tails are copied as blocks: WIRE_NAME_SIZE
 * bytes of name are read, and the buffer needs room for a Sync and WIRE_NAME_SIZE + WIRE_TAIL_BLOCK bytes behind the
 * message. Failures as for wire_bind(). */
enum { WIRE_NAME_SIZE = 24, WIRE_TAIL_BLOCK = 16 };
int wire_prepare_tail(struct buf *out, const uint8_t *formats, size_t n_formats); /* 0, ENOMEM, ETOOBIG */
void wire_execute_prepared(struct buf *out, const char name[WIRE_NAME_SIZE], size_t name_len, dsql_params params,
                           const uint8_t *tail, size_t tail_len, bool sync);
void wire_describe(struct buf *out, char kind, const char *name);          /* kind: 'S' statement, 'P' portal */
void wire_execute(struct buf *out, const char *portal, uint32_t rows_max); /* 0: all; at most INT32_MAX, else EINVAL */
void wire_close(struct buf *out, char kind, const char *name);
void wire_flush(struct buf *out);
void wire_sync(struct buf *out);
void wire_query(struct buf *out, const char *sql, size_t n);
void wire_copy_data(struct buf *out, const void *data, size_t n);
void wire_copy_done(struct buf *out);
void wire_copy_fail(struct buf *out, const char *reason);
/* What stands in CopyData messages: the signature in front of the first row of a binary COPY, the end behind the last. */
void wire_copy_signature(struct buf *out);
void wire_copy_trailer(struct buf *out);
/* One row. 0; or EINVAL (a constructor refused the value, a NUL in a text), ETYPE (a value that has no such format: *wrong
 * is its index), ETOOBIG, ENOMEM, EPROTO and ERANGE (no value of its type). After a failure out may hold a part of it. */
int wire_copy_row_binary(struct buf *out, dsql_params row, size_t *wrong);
int wire_copy_row_text(struct buf *out, struct arena *a, dsql_params row, size_t *wrong);
void wire_terminate(struct buf *out);

#endif
