/* C arrays as parameters. */
#include "dsql/types.h"

#define ARRAY(name, oid, type, make)                                                                                   \
  dsql_param dsql_##name##_array(void *memory, size_t cap, const type *v, size_t n) {                                  \
    dsql_builder b;                                                                                                    \
    dsql_builder_init(&b, memory, cap);                                                                                \
    dsql_build_list(&b, oid, n);                                                                                       \
    for (size_t i = 0; i < n; i++) dsql_build_value(&b, make(v[i]));                                                   \
    return dsql_built(&b);                                                                                             \
  }

static dsql_param text(dsql_str s) { return dsql_text_n(s.ptr, s.len); }

ARRAY(bool, DSQL_BOOL, bool, dsql_bool)
ARRAY(int2, DSQL_INT2, int16_t, dsql_int2)
ARRAY(int4, DSQL_INT4, int32_t, dsql_int4)
ARRAY(int8, DSQL_INT8, int64_t, dsql_int8)
ARRAY(oid, DSQL_OID, uint32_t, dsql_oid)
ARRAY(float8, DSQL_FLOAT8, double, dsql_float8)
ARRAY(text, DSQL_TEXT, dsql_str, text)
ARRAY(uuid, DSQL_UUID, dsql_uuid, dsql_uuid_param)
ARRAY(timestamptz, DSQL_TIMESTAMPTZ, int64_t, dsql_timestamptz)
