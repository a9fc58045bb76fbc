/* Arrays as C arrays. Where all elements are of the one width and none is NULL they are read in a row; else one by one. */
#include "wire/codec/array.h"

/* The elements' bytes when each has this length and nothing is behind the last; else NULL. */
static const uint8_t *plain(const dsql_array *a, uint32_t oid, size_t width) {
  const uint8_t *p = (const uint8_t *)a->inside.pos;

  if (!a->inside.format || a->elem_oid != oid) return NULL;
  if ((size_t)(a->inside.end - a->inside.pos) / (4 + width) != a->count) return NULL;
  return (size_t)(a->inside.end - a->inside.pos) % (4 + width) ? NULL : p;
}

static int begin(const dsql_value *v, size_t cap, size_t *n, dsql_array *a) {
  int rc = dsql_array_begin(v, a);

  if (rc) return rc;
  *n = a->count;
  return a->count > cap ? DSQL_ETOOBIG : 0;
}

#define VALUES(name, type, oid, bits_type, bits_of)                                                                    \
  int dsql_value_##name##_array(const dsql_value *v, type *out, size_t cap, size_t *n) {                               \
    dsql_value element;                                                                                                \
    const uint8_t *p;                                                                                                  \
    dsql_array a;                                                                                                      \
    size_t i = 0;                                                                                                      \
    int rc = begin(v, cap, n, &a);                                                                                     \
                                                                                                                       \
    if (rc) return rc;                                                                                                 \
    p = plain(&a, oid, sizeof(type));                                                                                  \
    for (; p && i < a.count && load_be32(p) == sizeof(type); i++, p += 4 + sizeof(type)) {                             \
      bits_type bits = bits_of(p + 4);                                                                                 \
      memcpy(&out[i], &bits, sizeof bits);                                                                             \
    }                                                                                                                  \
    if (p && i == a.count) return 0;                                                                                   \
    for (i = 0; (rc = dsql_array_next(&a, &element)) > 0; i++) {                                                       \
      rc = dsql_value_##name(&element, &out[i]);                                                                       \
      if (rc) return rc;                                                                                               \
    }                                                                                                                  \
    return rc;                                                                                                         \
  }

VALUES(int4, int32_t, DSQL_INT4, uint32_t, load_be32)
VALUES(int8, int64_t, DSQL_INT8, uint64_t, load_be64)
VALUES(float8, double, DSQL_FLOAT8, uint64_t, load_be64)
