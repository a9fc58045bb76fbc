#include <math.h>

#include "value.h"
#include "wire/codec/scalars.h"

/* Text has one NaN, binary has many. */
static void one_nan(double *v, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (isnan(v[i])) v[i] = (double)NAN;
}

#define VALUE(type, name, make)                                                                                        \
  do {                                                                                                                 \
    type v = {0};                                                                                                      \
    rc = binary ? codec_##name##_binary(p, n, &v) : codec_##name##_text(p, n, &v);                                     \
    if (rc == 0) *out = make;                                                                                          \
  } while (0)
#define DOUBLES(type, name, make)                                                                                      \
  do {                                                                                                                 \
    type v;                                                                                                            \
    rc = binary ? codec_##name##_binary(p, n, &v) : codec_##name##_text(p, n, &v);                                     \
    if (rc == 0) one_nan((double *)(void *)&v, sizeof v / sizeof(double));                                             \
    if (rc == 0) *out = make;                                                                                          \
  } while (0)

static int points_value(struct arena *a, uint32_t oid, bool binary, const void *p, size_t n, dsql_param *out) {
  dsql_path path = {0};
  dsql_polygon polygon = {0};
  void *wire;
  int rc;
  if (oid == DSQL_PATH) {
    rc = binary ? codec_path_binary(a, p, n, &path) : codec_path_text(a, p, n, &path);
    polygon = (dsql_polygon){path.points, path.count};
  } else {
    rc = binary ? codec_polygon_binary(a, p, n, &polygon) : codec_polygon_text(a, p, n, &polygon);
  }
  if (rc) return rc;
  wire = arena_alloc(a, DSQL_PATH_WIRE_SIZE(polygon.count));
  if (!wire) return DSQL_ENOMEM;
  one_nan((double *)(uintptr_t)polygon.points, 2 * polygon.count);
  *out = oid == DSQL_PATH ? dsql_path_param(&path, wire, DSQL_PATH_WIRE_SIZE(path.count))
                          : dsql_polygon_param(&polygon, wire, DSQL_POLYGON_WIRE_SIZE(polygon.count));
  return 0;
}

static int bits_value(struct arena *a, bool binary, const void *p, size_t n, dsql_param *out) {
  dsql_bits v;
  int rc = binary ? codec_bits_binary(p, n, &v) : codec_bits_text(a, p, n, &v);
  void *wire = rc ? NULL : arena_alloc(a, DSQL_BITS_WIRE_SIZE(v.count));
  if (!wire) return rc ? rc : DSQL_ENOMEM;
  *out = dsql_bits_param(&v, wire, DSQL_BITS_WIRE_SIZE(v.count));
  return 0;
}

static int xid_value(uint32_t oid, bool binary, const void *p, size_t n, dsql_param *out) {
  uint32_t v;
  int rc = binary ? codec_oid_binary(p, n, &v) : codec_oid_text(p, n, &v);
  if (rc == 0) *out = oid == DSQL_XID ? dsql_xid(v) : dsql_cid(v);
  return rc;
}

static int u64_value(uint32_t oid, bool binary, const void *p, size_t n, dsql_param *out) {
  uint64_t v;
  int rc;
  if (binary)
    rc = codec_u64_binary(p, n, &v);
  else
    rc = oid == DSQL_XID8 ? codec_xid8_text(p, n, &v) : codec_lsn_text(p, n, &v);
  if (rc == 0) *out = oid == DSQL_XID8 ? dsql_xid8(v) : dsql_pg_lsn(v);
  return rc;
}

int value_scalar_param(struct arena *a, uint32_t oid, bool binary, const void *p, size_t n, dsql_param *out) {
  int rc = 0;
  uint8_t *wire;
  switch (oid) {
    case DSQL_INET: VALUE(dsql_inet, inet, dsql_inet_param(v)); break;
    case DSQL_CIDR: VALUE(dsql_inet, inet, dsql_cidr_param(v)); break;
    case DSQL_MACADDR: VALUE(dsql_macaddr, macaddr, dsql_macaddr_param(v)); break;
    case DSQL_MACADDR8: VALUE(dsql_macaddr8, macaddr8, dsql_macaddr8_param(v)); break;
    case DSQL_TID: VALUE(dsql_tid, tid, dsql_tid_param(v)); break;
    case DSQL_POINT: DOUBLES(dsql_point, point, dsql_point_param(v)); break;
    case DSQL_LINE: DOUBLES(dsql_line, line, dsql_line_param(v)); break;
    case DSQL_CIRCLE: DOUBLES(dsql_circle, circle, dsql_circle_param(v)); break;
    case DSQL_LSEG:
    case DSQL_BOX:
      wire = arena_alloc(a, 32);
      if (!wire) return DSQL_ENOMEM;
      if (oid == DSQL_LSEG)
        DOUBLES(dsql_lseg, lseg, dsql_lseg_param(&v, wire, 32));
      else
        DOUBLES(dsql_box, box, dsql_box_param(&v, wire, 32));
      break;
    case DSQL_PATH:
    case DSQL_POLYGON: return points_value(a, oid, binary, p, n, out);
    case DSQL_BIT:
    case DSQL_VARBIT: return bits_value(a, binary, p, n, out);
    case DSQL_XID:
    case DSQL_CID: return xid_value(oid, binary, p, n, out);
    case DSQL_XID8:
    case DSQL_PG_LSN: return u64_value(oid, binary, p, n, out);
    default: rc = DSQL_ETYPE;
  }
  return rc;
}

int value_scalar(struct arena *a, uint32_t oid, bool binary, const void *p, size_t n, struct value *out) {
  dsql_param param;
  uint8_t *bytes;
  int rc;
  if (oid == DSQL_JSONPATH) {
    dsql_str s = {p, n};
    rc = binary ? codec_jsonpath_binary(p, n, &s) : 0;
    out->bytes = s.ptr;
    out->size = s.len;
    return rc;
  }
  rc = value_scalar_param(a, oid, binary, p, n, &param);
  if (rc) return rc;
  if (param.len < 0) return DSQL_EINVAL;
  bytes = arena_alloc(a, (size_t)param.len);
  if (!bytes) return DSQL_ENOMEM;
  memcpy(bytes, param.data ? param.data : param.imm, (size_t)param.len);
  out->bytes = bytes;
  out->size = (size_t)param.len;
  return 0;
}
