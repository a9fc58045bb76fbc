/* described.h - for tests of prepared statements: a result of one column "v", as the peer describes and sends it. */
#ifndef DSQL_TEST_CONN_DESCRIBED_H
#define DSQL_TEST_CONN_DESCRIBED_H

#include "base/buf.h"
#include "base/cursor.h"
#include "peer.h"

/* RowDescription: a column of this type, in this format. */
static inline void send_columns_as(struct peer *p, uint32_t oid, uint16_t format) {
  uint8_t body[2 + 2 + 18] = {0, 1, 'v', 0};
  store_be32(body + 10, oid);
  store_be16(body + 14, 4);
  store_be32(body + 16, UINT32_MAX);
  store_be16(body + 20, format);
  peer_send_message(p, 'T', body, sizeof body);
}
static inline void send_columns(struct peer *p, uint32_t oid) { send_columns_as(p, oid, 0); }

static inline void send_field(struct peer *p, const void *v, uint32_t n) {
  uint8_t body[64] = {0, 1};
  store_be32(body + 2, n);
  memcpy(body + 6, v, n);
  peer_send_message(p, 'D', body, 6 + n);
}

/* What the Bind that is this message of the last peer_expect() asks for: 0 text, 1 binary. */
static inline unsigned bind_format_of_results(const struct peer *p, size_t message) {
  size_t n;
  const uint8_t *body = peer_body(p, message, &n);
  return load_be16(body + n - 2);
}

#endif
