#include "base/buf.h"
#include "wire/codec/scalars.h"

enum { BINARY = 1, LEN_REFUSED = -2 };

static dsql_param refused(void) { return (dsql_param){.len = LEN_REFUSED}; }

static dsql_param short_param(uint32_t oid, const void *p, size_t n) {
  dsql_param param = {.oid = oid, .format = BINARY, .len = (int32_t)n};
  memcpy(param.imm, p, n);
  return param;
}

static dsql_param u32_param(uint32_t oid, uint32_t v) {
  uint8_t wire[4];
  store_be32(wire, v);
  return short_param(oid, wire, sizeof wire);
}

static dsql_param u64_param(uint32_t oid, uint64_t v) {
  uint8_t wire[8];
  store_be64(wire, v);
  return short_param(oid, wire, sizeof wire);
}

dsql_param dsql_xid(uint32_t v) { return u32_param(DSQL_XID, v); }
dsql_param dsql_cid(uint32_t v) { return u32_param(DSQL_CID, v); }
dsql_param dsql_xid8(uint64_t v) { return u64_param(DSQL_XID8, v); }
dsql_param dsql_pg_lsn(uint64_t v) { return u64_param(DSQL_PG_LSN, v); }
dsql_param dsql_macaddr_param(dsql_macaddr v) { return short_param(DSQL_MACADDR, v.bytes, sizeof v.bytes); }
dsql_param dsql_macaddr8_param(dsql_macaddr8 v) { return short_param(DSQL_MACADDR8, v.bytes, sizeof v.bytes); }

dsql_param dsql_tid_param(dsql_tid v) {
  uint8_t wire[6];
  store_be32(wire, v.block);
  store_be16(wire + 4, v.offset);
  return short_param(DSQL_TID, wire, sizeof wire);
}

static dsql_param network_param(uint32_t oid, const dsql_inet *v) {
  uint8_t wire[20], size = v->family == 4 ? 4 : 16;
  if ((v->family != 4 && v->family != 6) || v->prefix_bits > 8 * size) return refused();
  wire[0] = v->family == 4 ? CODEC_INET4 : CODEC_INET6;
  wire[1] = v->prefix_bits;
  wire[2] = oid == DSQL_CIDR;
  wire[3] = size;
  memcpy(wire + 4, v->bytes, size);
  return short_param(oid, wire, 4U + size);
}

dsql_param dsql_inet_param(dsql_inet v) { return network_param(DSQL_INET, &v); }
dsql_param dsql_cidr_param(dsql_inet v) { return network_param(DSQL_CIDR, &v); }

static uint8_t *put_double(uint8_t *p, double v) {
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  store_be64(p, bits);
  return p + 8;
}

static uint8_t *put_point(uint8_t *p, const dsql_point *v) { return put_double(put_double(p, v->x), v->y); }

dsql_param dsql_point_param(dsql_point v) {
  uint8_t wire[16];
  put_point(wire, &v);
  return short_param(DSQL_POINT, wire, sizeof wire);
}

dsql_param dsql_line_param(dsql_line v) {
  uint8_t wire[24];
  put_double(put_double(put_double(wire, v.a), v.b), v.c);
  return short_param(DSQL_LINE, wire, sizeof wire);
}

dsql_param dsql_circle_param(dsql_circle v) {
  uint8_t wire[24];
  put_double(put_point(wire, &v.center), v.radius);
  return short_param(DSQL_CIRCLE, wire, sizeof wire);
}

/* What was written to the caller's memory. */
static dsql_param written(uint32_t oid, const void *wire, size_t n) {
  return (dsql_param){.oid = oid, .format = BINARY, .len = (int32_t)n, .data = wire};
}

static dsql_param two_points(uint32_t oid, const dsql_point *a, const dsql_point *b, void *wire, size_t cap) {
  if (cap < DSQL_LSEG_WIRE_SIZE) return refused();
  put_point(put_point(wire, a), b);
  return written(oid, wire, DSQL_LSEG_WIRE_SIZE);
}

dsql_param dsql_lseg_param(const dsql_lseg *v, void *wire, size_t cap) {
  return v ? two_points(DSQL_LSEG, &v->p[0], &v->p[1], wire, cap) : dsql_null_of(DSQL_LSEG);
}

dsql_param dsql_box_param(const dsql_box *v, void *wire, size_t cap) {
  return v ? two_points(DSQL_BOX, &v->high, &v->low, wire, cap) : dsql_null_of(DSQL_BOX);
}

/* The server takes no more points either: a field is less than 1 GiB. */
static bool points_fit(size_t count, size_t header, size_t cap) {
  return count >= 1 && count <= (INT32_MAX - header) / 16 && cap >= header + 16 * count;
}

static void put_points(uint8_t *p, const dsql_point *points, size_t count) {
  store_be32(p, (uint32_t)count);
  p += 4;
  for (size_t i = 0; i < count; i++) p = put_point(p, points + i);
}

dsql_param dsql_path_param(const dsql_path *v, void *wire, size_t cap) {
  if (!v) return dsql_null_of(DSQL_PATH);
  if (!points_fit(v->count, 5, cap)) return refused();
  *(uint8_t *)wire = v->closed;
  put_points((uint8_t *)wire + 1, v->points, v->count);
  return written(DSQL_PATH, wire, DSQL_PATH_WIRE_SIZE(v->count));
}

dsql_param dsql_polygon_param(const dsql_polygon *v, void *wire, size_t cap) {
  if (!v) return dsql_null_of(DSQL_POLYGON);
  if (!points_fit(v->count, 4, cap)) return refused();
  put_points(wire, v->points, v->count);
  return written(DSQL_POLYGON, wire, DSQL_POLYGON_WIRE_SIZE(v->count));
}

dsql_param dsql_bits_param(const dsql_bits *v, void *wire, size_t cap) {
  size_t size;
  if (!v) return dsql_null_of(DSQL_VARBIT);
  if (v->count > INT32_MAX) return refused();
  size = DSQL_BITS_WIRE_SIZE(v->count);
  if (cap < size || !codec_bits_valid(v)) return refused();
  store_be32(wire, (uint32_t)v->count);
  if (v->count) memcpy((uint8_t *)wire + 4, v->bytes, size - 4);
  return written(DSQL_VARBIT, wire, size);
}
