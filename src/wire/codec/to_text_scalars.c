#include "wire/codec/print.h"
#include "wire/codec/scalars.h"

bool codec_scalar_has_binary(uint32_t oid) {
  switch (oid) {
    case DSQL_TID:
    case DSQL_XID:
    case DSQL_CID:
    case DSQL_POINT:
    case DSQL_LSEG:
    case DSQL_PATH:
    case DSQL_BOX:
    case DSQL_POLYGON:
    case DSQL_LINE:
    case DSQL_CIDR:
    case DSQL_CIRCLE:
    case DSQL_MACADDR8:
    case DSQL_MACADDR:
    case DSQL_INET:
    case DSQL_BIT:
    case DSQL_VARBIT:
    case DSQL_PG_LSN:
    case DSQL_JSONPATH:
    case DSQL_XID8: return true;
    default: return false;
  }
}

/* One function per type of a bounded size: decodes, and appends the text at *end. */
#define TO_TEXT(name, type, decode, print)                                                                             \
  static int name##_to_text(const uint8_t *p, size_t n, char **end) {                                                  \
    type v;                                                                                                            \
    int rc = decode(p, n, &v);                                                                                         \
    if (rc == 0) *end = print;                                                                                         \
    return rc;                                                                                                         \
  }

TO_TEXT(tid, dsql_tid, codec_tid_binary, codec_print_tid(*end, &v))
TO_TEXT(xid, uint32_t, codec_oid_binary, codec_print_u64(*end, v))
TO_TEXT(xid8, uint64_t, codec_u64_binary, codec_print_u64(*end, v))
TO_TEXT(lsn, uint64_t, codec_u64_binary, codec_print_lsn(*end, v))
TO_TEXT(point, dsql_point, codec_point_binary, codec_print_point(*end, &v))
TO_TEXT(line, dsql_line, codec_line_binary, codec_print_line(*end, &v))
TO_TEXT(lseg, dsql_lseg, codec_lseg_binary, codec_print_lseg(*end, &v))
TO_TEXT(box, dsql_box, codec_box_binary, codec_print_box(*end, &v))
TO_TEXT(circle, dsql_circle, codec_circle_binary, codec_print_circle(*end, &v))
TO_TEXT(inet, dsql_inet, codec_inet_binary, codec_print_inet(*end, &v, false))
TO_TEXT(cidr, dsql_inet, codec_inet_binary, codec_print_inet(*end, &v, true))
TO_TEXT(macaddr, dsql_macaddr, codec_macaddr_binary, codec_print_mac(*end, v.bytes, sizeof v.bytes))
TO_TEXT(macaddr8, dsql_macaddr8, codec_macaddr8_binary, codec_print_mac(*end, v.bytes, sizeof v.bytes))

static int short_to_text(uint32_t oid, const uint8_t *p, size_t n, char **end) {
  switch (oid) {
    case DSQL_TID: return tid_to_text(p, n, end);
    case DSQL_XID:
    case DSQL_CID: return xid_to_text(p, n, end);
    case DSQL_XID8: return xid8_to_text(p, n, end);
    case DSQL_PG_LSN: return lsn_to_text(p, n, end);
    case DSQL_POINT: return point_to_text(p, n, end);
    case DSQL_LINE: return line_to_text(p, n, end);
    case DSQL_LSEG: return lseg_to_text(p, n, end);
    case DSQL_BOX: return box_to_text(p, n, end);
    case DSQL_CIRCLE: return circle_to_text(p, n, end);
    case DSQL_INET: return inet_to_text(p, n, end);
    case DSQL_CIDR: return cidr_to_text(p, n, end);
    case DSQL_MACADDR: return macaddr_to_text(p, n, end);
    case DSQL_MACADDR8: return macaddr8_to_text(p, n, end);
    default: return DSQL_ETYPE;
  }
}

/* Room for the text of count things of size bytes each, and two brackets. */
static char *room(struct arena *a, size_t count, size_t size) {
  return count <= (SIZE_MAX - 2) / size ? arena_alloc(a, 2 + count * size) : NULL;
}

static int bits_to_text(struct arena *a, const uint8_t *p, size_t n, dsql_str *out) {
  dsql_bits v;
  int rc = codec_bits_binary(p, n, &v);
  char *text = rc ? NULL : room(a, v.count, 1);
  if (!text) return rc ? rc : DSQL_ENOMEM;
  *out = (dsql_str){text, (size_t)(codec_print_bits(text, &v) - text)};
  return 0;
}

#define POINTS_TO_TEXT(name)                                                                                           \
  static int name##_to_text(struct arena *a, const uint8_t *p, size_t n, dsql_str *out) {                              \
    dsql_##name v;                                                                                                     \
    int rc = codec_##name##_binary(a, p, n, &v);                                                                       \
    char *text = rc ? NULL : room(a, v.count, CODEC_PRINT_POINT_MAX);                                                  \
    if (!text) return rc ? rc : DSQL_ENOMEM;                                                                           \
    *out = (dsql_str){text, (size_t)(codec_print_##name(text, &v) - text)};                                            \
    return 0;                                                                                                          \
  }

POINTS_TO_TEXT(path)
POINTS_TO_TEXT(polygon)

int codec_scalar_to_text(struct arena *a, uint32_t oid, const uint8_t *p, size_t n, dsql_str *out) {
  char buffer[CODEC_PRINT_MAX], *end = buffer, *text;
  int rc;
  switch (oid) {
    case DSQL_BIT:
    case DSQL_VARBIT: return bits_to_text(a, p, n, out);
    case DSQL_PATH: return path_to_text(a, p, n, out);
    case DSQL_POLYGON: return polygon_to_text(a, p, n, out);
    case DSQL_JSONPATH: return codec_jsonpath_binary(p, n, out);
    default: rc = short_to_text(oid, p, n, &end);
  }
  if (rc) return rc;
  text = arena_strndup(a, buffer, (size_t)(end - buffer));
  if (!text) return DSQL_ENOMEM;
  *out = (dsql_str){text, (size_t)(end - buffer)};
  return 0;
}
