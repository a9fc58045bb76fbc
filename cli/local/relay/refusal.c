/* The texts are DSQL's. */
#include <stdio.h>
#include <string.h>

#include "internal.h"

void refusal_set(struct relay_refusal *out, const char *sqlstate, const char *message) {
  memset(out, 0, sizeof *out);
  memcpy(out->sqlstate, sqlstate, 5);
  snprintf(out->message, sizeof out->message, "%s", message);
}

void refusal_occ(struct relay_refusal *out) {
  refusal_set(out, "40001", "change conflicts with another transaction, please retry: (OC000)");
}

void refusal_schema(struct relay_refusal *out) {
  refusal_set(out, "40001", "schema has been updated by another transaction, please retry: (OC001)");
}

void refusal_unavailable(struct relay_refusal *out) { refusal_set(out, "XX000", "server unavailable"); }

void refusal_age(struct relay_refusal *out, uint64_t age_ms, uint64_t limit_ms) {
  unsigned long long age = age_ms / 1000, limit = limit_ms / 1000;
  refusal_set(out, "54000", "");
  snprintf(out->message, sizeof out->message, "transaction age limit of %llus exceeded", limit);
  snprintf(out->detail, sizeof out->detail, "Current transaction age %llus exceeds %llus", age, limit);
}

static void put_field(struct buf *out, char type, const char *text) {
  if (!text || !*text) return;
  buf_put_u8(out, (uint8_t)type);
  buf_put_cstr(out, text);
}

void relay_end_message(struct buf *out, size_t start) {
  if (buf_ok(out))
    store_be32(out->data + start + 1, (uint32_t)(out->len - start - 1));
  else
    buf_truncate(out, start);
}

void relay_put_error(struct buf *out, const char *severity, const struct relay_refusal *refusal) {
  size_t start = out->len;
  buf_put_u8(out, WIRE_ERROR_RESPONSE);
  buf_put_be32(out, 0);
  put_field(out, 'S', severity);
  put_field(out, 'V', severity);
  put_field(out, 'C', refusal->sqlstate);
  put_field(out, 'M', refusal->message);
  put_field(out, 'D', refusal->detail);
  put_field(out, 'H', refusal->hint);
  buf_put_u8(out, 0);
  relay_end_message(out, start);
}
