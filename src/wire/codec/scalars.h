/* scalars.h - codecs of the types of dsql/scalars.h: network addresses, bit strings, geometry, identifiers, decimals.
 * Codes, formats and lifetimes are those of wire/codec.h. The writers are like those of print.h; codec_print_path(),
 * codec_print_polygon() and codec_print_bits() need the size that stands at them. */
#ifndef DSQL_WIRE_CODEC_SCALARS_H
#define DSQL_WIRE_CODEC_SCALARS_H

#include "dsql/scalars.h"
#include "wire/codec.h"

bool codec_scalar_has_binary(uint32_t oid);
int codec_scalar_to_text(struct arena *a, uint32_t oid, const uint8_t *p, size_t n, dsql_str *out);

/* ---- network: family, prefix bits, is_cidr, length, address (network_send in utils/adt/network.c) ----------------- */

/* inet and cidr. The server sends its own AF_INET and AF_INET6: 2 and 3, whatever its system's are. */
enum { CODEC_INET4 = 2, CODEC_INET6 = 3 };
int codec_inet_binary(const uint8_t *p, size_t n, dsql_inet *out);
int codec_inet_text(const char *s, size_t n, dsql_inet *out);
/* Without "/bits" when an inet has all of them; a cidr always has it. */
char *codec_print_inet(char *p, const dsql_inet *v, bool cidr);

int codec_macaddr_binary(const uint8_t *p, size_t n, dsql_macaddr *out);
int codec_macaddr_text(const char *s, size_t n, dsql_macaddr *out);
int codec_macaddr8_binary(const uint8_t *p, size_t n, dsql_macaddr8 *out);
int codec_macaddr8_text(const char *s, size_t n, dsql_macaddr8 *out);
/* n bytes as "08:00:2b". */
char *codec_print_mac(char *p, const uint8_t *bytes, size_t n);

/* ---- bit strings: int32 count, bytes (varbit_send in utils/adt/varbit.c) ------------------------------------------ */

int codec_bits_binary(const uint8_t *p, size_t n, dsql_bits *out); /* a view */
int codec_bits_text(struct arena *a, const char *s, size_t n, dsql_bits *out);
char *codec_print_bits(char *p, const dsql_bits *v); /* v->count bytes */
/* Whether the bits of the last byte that are behind the last bit are zeros. */
bool codec_bits_valid(const dsql_bits *v);

/* ---- geometry: float8s, counts as int32 (utils/adt/geo_ops.c) ----------------------------------------------------- */

int codec_point_binary(const uint8_t *p, size_t n, dsql_point *out);
int codec_point_text(const char *s, size_t n, dsql_point *out);
int codec_line_binary(const uint8_t *p, size_t n, dsql_line *out);
int codec_line_text(const char *s, size_t n, dsql_line *out);
int codec_lseg_binary(const uint8_t *p, size_t n, dsql_lseg *out);
int codec_lseg_text(const char *s, size_t n, dsql_lseg *out);
int codec_box_binary(const uint8_t *p, size_t n, dsql_box *out);
int codec_box_text(const char *s, size_t n, dsql_box *out);
int codec_circle_binary(const uint8_t *p, size_t n, dsql_circle *out);
int codec_circle_text(const char *s, size_t n, dsql_circle *out);
int codec_path_binary(struct arena *a, const uint8_t *p, size_t n, dsql_path *out);
int codec_path_text(struct arena *a, const char *s, size_t n, dsql_path *out);
int codec_polygon_binary(struct arena *a, const uint8_t *p, size_t n, dsql_polygon *out);
int codec_polygon_text(struct arena *a, const char *s, size_t n, dsql_polygon *out);

/* A double has at most 24 characters: "-1.7976931348623157e+308". So has a point 51, and in a list a comma. */
enum { CODEC_PRINT_POINT_MAX = 52 };
char *codec_print_point(char *p, const dsql_point *v);
char *codec_print_line(char *p, const dsql_line *v);
char *codec_print_lseg(char *p, const dsql_lseg *v);
char *codec_print_box(char *p, const dsql_box *v);
char *codec_print_circle(char *p, const dsql_circle *v);
char *codec_print_path(char *p, const dsql_path *v);       /* 2 + v->count * CODEC_PRINT_POINT_MAX bytes */
char *codec_print_polygon(char *p, const dsql_polygon *v); /* likewise */

/* ---- identifiers -------------------------------------------------------------------------------------------------- */

static inline int codec_u64_binary(const uint8_t *p, size_t n, uint64_t *out) {
  if (n != 8) return DSQL_EPROTO;
  *out = load_be64(p);
  return 0;
}

int codec_xid8_text(const char *s, size_t n, uint64_t *out);
int codec_lsn_text(const char *s, size_t n, uint64_t *out); /* "16/B374D848" */
char *codec_print_lsn(char *p, uint64_t v);
int codec_tid_binary(const uint8_t *p, size_t n, dsql_tid *out);
int codec_tid_text(const char *s, size_t n, dsql_tid *out);
char *codec_print_tid(char *p, const dsql_tid *v);

/* jsonpath: the text behind a version byte, like jsonb. */
static inline int codec_jsonpath_binary(const uint8_t *p, size_t n, dsql_str *out) {
  return codec_jsonb_binary(p, n, out);
}

/* ---- numeric's text, taken apart ---------------------------------------------------------------------------------- */

int codec_decimal_text(struct arena *a, const char *s, size_t n, dsql_decimal *out);

#endif
