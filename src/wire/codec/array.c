/* Arrays: dimensions and their product are checked against the bytes that are left before an element is given out. */
#include "wire/codec/array.h"

static int array_binary(const dsql_value *v, uint32_t element, dsql_array *out) {
  struct cursor c = cursor_of(container_bytes(v), v->len);
  int32_t ndim = cursor_i32(&c), flags = cursor_i32(&c);
  int rc;

  out->elem_oid = cursor_u32(&c);
  if (c.failed || ndim < 0 || ndim > DSQL_DIMS_MAX || (flags != 0 && flags != 1)) return DSQL_EPROTO;
  if (element && out->elem_oid != element) return DSQL_EPROTO;
  out->ndim = ndim;
  for (int i = 0; i < ndim; i++) {
    out->dims[i] = cursor_i32(&c);
    out->lower_bounds[i] = cursor_i32(&c);
  }
  if (c.failed) return DSQL_EPROTO;
  rc = array_count(out, cursor_left(&c) / 4); /* an element has at least its length */
  if (rc == 0 && out->count == 0 && !cursor_done(&c)) rc = DSQL_EPROTO;
  out->inside.pos = (const char *)c.pos;
  return rc;
}

int array_count(dsql_array *a, size_t most) {
  uint64_t count = a->ndim > 0;
  int32_t upper;

  for (int i = 0; i < a->ndim; i++) {
    if (a->dims[i] < 0) return DSQL_EPROTO;
    if (__builtin_add_overflow(a->lower_bounds[i], a->dims[i], &upper)) return DSQL_ERANGE;
    count *= (uint32_t)a->dims[i]; /* both below 2^31, or the check below would have ended it */
    if (count > most || count > INT32_MAX) return DSQL_EPROTO;
  }
  a->count = (size_t)count;
  if (count == 0) a->ndim = 0;
  return 0;
}

int dsql_array_begin(const dsql_value *v, dsql_array *out) {
  dsql_array a = {0};
  int rc = container_check(v, CONTAINER_ARRAY, &a.elem_oid);

  if (rc) return rc;
  a.inside.pos = container_bytes(v);
  a.inside.end = a.inside.pos + v->len;
  a.inside.format = v->format;
  a.inside.delimiter = container_delimiter(a.elem_oid);
  a.inside.memory = v->memory;
  rc = v->format ? array_binary(v, a.elem_oid, &a) : array_text_begin(&a);
  a.inside.left = a.count;
  if (rc == 0) *out = a;
  return rc;
}

static int next_binary(dsql_array *a, dsql_value *element) {
  struct cursor c = cursor_of(a->inside.pos, (size_t)(a->inside.end - a->inside.pos));
  int rc = container_binary_element(&c, element);

  if (rc) return rc;
  a->inside.pos = (const char *)c.pos;
  return a->inside.left == 1 && !cursor_done(&c) ? DSQL_EPROTO : 0;
}

int dsql_array_next(dsql_array *a, dsql_value *element) {
  int rc;

  if (a->inside.left == 0) return 0;
  *element = (dsql_value){.oid = a->elem_oid, .format = a->inside.format, .memory = a->inside.memory};
  rc = a->inside.format ? next_binary(a, element) : array_text_next(a, element);
  if (rc) return rc;
  a->inside.left--;
  return 1;
}
