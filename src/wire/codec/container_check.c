#include "wire/codec/container.h"

int container_check(const dsql_value *v, enum container_kind kind, uint32_t *element) {
  const struct container *c;

  if (v->null) return DSQL_ENULL;
  c = codec_container(v->oid);
  if (c ? c->kind != kind : v->oid && v->oid < FIRST_USER_OID) return DSQL_ETYPE;
  *element = c ? c->element : 0;
  return 0;
}

int container_binary_element(struct cursor *c, dsql_value *out) {
  int32_t len = cursor_i32(c);

  if (c->failed || len < -1) return DSQL_EPROTO;
  out->null = len < 0;
  out->len = len < 0 ? 0 : (size_t)len;
  out->ptr = len < 0 ? (const void *)"" : cursor_bytes(c, out->len);
  return c->failed ? DSQL_EPROTO : 0;
}
