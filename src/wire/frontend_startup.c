/* The messages without a type byte, with which a connection begins, and Terminate, with which it ends. */
#include "wire/encode.h"
#include "wire/frontend.h"

/* Like wire_begin(), for a message without a type byte; len is what stands behind the length word. */
static uint8_t *begin_untyped(struct buf *out, size_t len) {
  uint8_t *p;
  if (!buf_reserve(out, len + 4)) return NULL;
  p = out->data + out->len;
  store_be32(p, (uint32_t)len + 4);
  out->len += len + 4;
  return p + 4;
}

/* The size of the names and values with their NULs; 0 (and a failed buffer) when they can't be sent. */
static size_t pairs_size(struct buf *out, const struct wire_pair *pairs, size_t n) {
  size_t size = 1;
  for (size_t i = 0; i < n; i++) {
    /* The list ends at the first empty name. */
    if (!pairs[i].name[0]) {
      wire_fail(out, DSQL_EINVAL);
      return 0;
    }
    size += strlen(pairs[i].name) + strlen(pairs[i].value) + 2;
    if (size > WIRE_STARTUP_MAX - 4) {
      wire_fail(out, DSQL_ETOOBIG);
      return 0;
    }
  }
  return size;
}

void wire_startup(struct buf *out, uint32_t version, const struct wire_pair *pairs, size_t n) {
  size_t size = pairs_size(out, pairs, n);
  uint8_t *p = size ? begin_untyped(out, size + 4) : NULL;

  if (!p) return;
  store_be32(p, version);
  p += 4;
  for (size_t i = 0; i < n; i++) {
    p = wire_store_cstr(p, pairs[i].name, strlen(pairs[i].name));
    p = wire_store_cstr(p, pairs[i].value, strlen(pairs[i].value));
  }
  *p = 0;
}

void wire_ssl_request(struct buf *out) {
  uint8_t *p = begin_untyped(out, 4);
  if (p) store_be32(p, WIRE_SSL_REQUEST_CODE);
}

void wire_cancel_request(struct buf *out, uint32_t pid, const uint8_t *key, size_t key_len) {
  uint8_t *p;

  if (key_len < WIRE_CANCEL_KEY_MIN || key_len > WIRE_CANCEL_KEY_MAX) {
    wire_fail(out, DSQL_EINVAL);
    return;
  }
  p = begin_untyped(out, 8 + key_len);
  if (!p) return;
  store_be32(p, WIRE_CANCEL_REQUEST_CODE);
  store_be32(p + 4, pid);
  memcpy(p + 8, key, key_len);
}

void wire_terminate(struct buf *out) { (void)wire_begin(out, 'X', 0, 0); }
