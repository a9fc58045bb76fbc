/* The getters of values of the types of dsql/scalars.h; see value.c. */
#include "wire/codec/scalars.h"

/* 0, ENULL, ETYPE. A value whose type nobody knows is what it is taken for. */
static int check(const dsql_value *v, uint32_t oid, uint32_t other) {
  if (v->null) return DSQL_ENULL;
  return v->oid == oid || v->oid == other || v->oid == 0 ? 0 : DSQL_ETYPE;
}

/* Defines dsql_value_<name>() for the types oid and other. */
#define VALUE(name, oid, other, type, binary, text)                                                                    \
  int dsql_value_##name(const dsql_value *v, type *out) {                                                              \
    int rc = check(v, oid, other);                                                                                     \
    if (rc) return rc;                                                                                                 \
    return v->format ? binary(v->ptr, v->len, out) : text(v->ptr, v->len, out);                                        \
  }

VALUE(inet, DSQL_INET, DSQL_CIDR, dsql_inet, codec_inet_binary, codec_inet_text)
VALUE(macaddr, DSQL_MACADDR, DSQL_MACADDR, dsql_macaddr, codec_macaddr_binary, codec_macaddr_text)
VALUE(macaddr8, DSQL_MACADDR8, DSQL_MACADDR8, dsql_macaddr8, codec_macaddr8_binary, codec_macaddr8_text)
VALUE(point, DSQL_POINT, DSQL_POINT, dsql_point, codec_point_binary, codec_point_text)
VALUE(line, DSQL_LINE, DSQL_LINE, dsql_line, codec_line_binary, codec_line_text)
VALUE(lseg, DSQL_LSEG, DSQL_LSEG, dsql_lseg, codec_lseg_binary, codec_lseg_text)
VALUE(box, DSQL_BOX, DSQL_BOX, dsql_box, codec_box_binary, codec_box_text)
VALUE(circle, DSQL_CIRCLE, DSQL_CIRCLE, dsql_circle, codec_circle_binary, codec_circle_text)
VALUE(pg_lsn, DSQL_PG_LSN, DSQL_PG_LSN, uint64_t, codec_u64_binary, codec_lsn_text)
VALUE(tid, DSQL_TID, DSQL_TID, dsql_tid, codec_tid_binary, codec_tid_text)
VALUE(xid, DSQL_XID, DSQL_CID, uint32_t, codec_oid_binary, codec_oid_text)
VALUE(xid8, DSQL_XID8, DSQL_XID8, uint64_t, codec_u64_binary, codec_xid8_text)

int dsql_value_bits(const dsql_value *v, dsql_bits *out) {
  int rc = check(v, DSQL_BIT, DSQL_VARBIT);
  if (rc) return rc;
  if (v->format) return codec_bits_binary(v->ptr, v->len, out);
  return v->memory ? codec_bits_text(v->memory, v->ptr, v->len, out) : DSQL_EINVAL;
}

/* Those of points, which need memory in both formats. */
#define POINTS_VALUE(name, oid)                                                                                        \
  int dsql_value_##name(const dsql_value *v, dsql_##name *out) {                                                       \
    int rc = check(v, oid, oid);                                                                                       \
    if (rc) return rc;                                                                                                 \
    if (!v->memory) return DSQL_EINVAL;                                                                                \
    return v->format ? codec_##name##_binary(v->memory, v->ptr, v->len, out)                                           \
                     : codec_##name##_text(v->memory, v->ptr, v->len, out);                                            \
  }

POINTS_VALUE(path, DSQL_PATH)
POINTS_VALUE(polygon, DSQL_POLYGON)

int dsql_value_decimal(const dsql_value *v, dsql_decimal *out) {
  dsql_str text;
  int rc = v->memory ? dsql_value_numeric(v, &text) : v->null ? DSQL_ENULL : DSQL_EINVAL;
  return rc ? rc : codec_decimal_text(v->memory, text.ptr, text.len, out);
}
