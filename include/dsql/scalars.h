/* scalars.h - optional: PostgreSQL's scalar types beyond those of dsql.h, as plain C values: network addresses, bit
 * strings, geometry, the server's own identifiers; times as struct timespec and ISO 8601; numeric as digits.
 *
 * The getters are like those of dsql.h: the same value whether the column came as text or binary; 0, or EINVAL, ENULL,
 * ETYPE, ERANGE, EPROTO, ENOMEM; *out is written only on 0. Only what has no fixed size (path, polygon, bit strings,
 * decimals) takes memory, from the result's own, and lives as long as the result. All other types are text:
 * dsql_get_text() reads tsvector, tsquery, money, xml, hstore, ltree and whatever else a server has, and dsql_text()
 * sends it. */
#ifndef DSQL_SCALARS_H
#define DSQL_SCALARS_H

#include "dsql/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct timespec;

/* Type OIDs (src/include/catalog/pg_type.dat). Those of hstore and ltree differ from database to database. */
/* clang-format off */
enum dsql_scalar_oid {
  DSQL_TID = 27, DSQL_XID = 28, DSQL_CID = 29, DSQL_XML = 142, DSQL_POINT = 600, DSQL_LSEG = 601, DSQL_PATH = 602,
  DSQL_BOX = 603, DSQL_POLYGON = 604, DSQL_LINE = 628, DSQL_CIDR = 650, DSQL_CIRCLE = 718, DSQL_MACADDR8 = 774,
  DSQL_MONEY = 790, DSQL_MACADDR = 829, DSQL_INET = 869, DSQL_BIT = 1560, DSQL_VARBIT = 1562, DSQL_PG_LSN = 3220,
  DSQL_TSVECTOR = 3614, DSQL_TSQUERY = 3615, DSQL_JSONPATH = 4072, DSQL_XID8 = 5069
};
/* clang-format on */

/* ---- values ---------------------------------------------------------------------------------------------------- */

/* inet and cidr. Of IPv4 the first four bytes count; the others are zeros in what is read. */
typedef struct dsql_inet {
  uint8_t family;      /* 4 or 6 */
  uint8_t prefix_bits; /* 0..32 or 0..128; all of them for a single address */
  uint8_t bytes[16];   /* in network order */
} dsql_inet;
typedef struct dsql_macaddr {
  uint8_t bytes[6];
} dsql_macaddr;
typedef struct dsql_macaddr8 {
  uint8_t bytes[8];
} dsql_macaddr8;

/* bit(n) and bit varying: bit i is bytes[i / 8] >> (7 - i % 8) & 1, what is left of the last byte is zero. */
typedef struct dsql_bits {
  const uint8_t *bytes;
  size_t count;
} dsql_bits;

typedef struct dsql_point {
  double x, y;
} dsql_point;
typedef struct dsql_line {
  double a, b, c; /* ax + by + c = 0; a and b are not both 0 */
} dsql_line;
typedef struct dsql_lseg {
  dsql_point p[2];
} dsql_lseg;
typedef struct dsql_box {
  dsql_point high, low; /* upper right, lower left: the server sorts them */
} dsql_box;
typedef struct dsql_circle {
  dsql_point center;
  double radius; /* not negative */
} dsql_circle;
typedef struct dsql_path {
  const dsql_point *points;
  size_t count; /* at least one */
  bool closed;
} dsql_path;
typedef struct dsql_polygon {
  const dsql_point *points;
  size_t count; /* at least one */
} dsql_polygon;

typedef struct dsql_tid {
  uint32_t block;
  uint16_t offset;
} dsql_tid;

/* A numeric as it is: sign * digits / 10^scale. */
enum dsql_decimal_kind { DSQL_DECIMAL_FINITE, DSQL_DECIMAL_NAN, DSQL_DECIMAL_INFINITY, DSQL_DECIMAL_NEG_INFINITY };
typedef struct dsql_decimal {
  enum dsql_decimal_kind kind;
  bool negative;   /* never for zero */
  unsigned scale;  /* decimals: 0..16383 */
  dsql_str digits; /* '0'..'9' without leading zeros, "0" for zero; empty unless finite */
} dsql_decimal;

/* ---- results ---------------------------------------------------------------------------------------------------- */

DSQL_API DSQL_NODISCARD int dsql_get_inet(const dsql_result *r, size_t row, unsigned col,
                                          dsql_inet *out); /* cidr too */
DSQL_API DSQL_NODISCARD int dsql_get_macaddr(const dsql_result *r, size_t row, unsigned col, dsql_macaddr *out);
DSQL_API DSQL_NODISCARD int dsql_get_macaddr8(const dsql_result *r, size_t row, unsigned col, dsql_macaddr8 *out);
DSQL_API DSQL_NODISCARD int dsql_get_bits(const dsql_result *r, size_t row, unsigned col, dsql_bits *out);
DSQL_API DSQL_NODISCARD int dsql_get_point(const dsql_result *r, size_t row, unsigned col, dsql_point *out);
DSQL_API DSQL_NODISCARD int dsql_get_line(const dsql_result *r, size_t row, unsigned col, dsql_line *out);
DSQL_API DSQL_NODISCARD int dsql_get_lseg(const dsql_result *r, size_t row, unsigned col, dsql_lseg *out);
DSQL_API DSQL_NODISCARD int dsql_get_box(const dsql_result *r, size_t row, unsigned col, dsql_box *out);
DSQL_API DSQL_NODISCARD int dsql_get_circle(const dsql_result *r, size_t row, unsigned col, dsql_circle *out);
DSQL_API DSQL_NODISCARD int dsql_get_path(const dsql_result *r, size_t row, unsigned col, dsql_path *out);
DSQL_API DSQL_NODISCARD int dsql_get_polygon(const dsql_result *r, size_t row, unsigned col, dsql_polygon *out);
DSQL_API DSQL_NODISCARD int dsql_get_pg_lsn(const dsql_result *r, size_t row, unsigned col, uint64_t *out);
DSQL_API DSQL_NODISCARD int dsql_get_tid(const dsql_result *r, size_t row, unsigned col, dsql_tid *out);
DSQL_API DSQL_NODISCARD int dsql_get_xid(const dsql_result *r, size_t row, unsigned col, uint32_t *out); /* cid too */
DSQL_API DSQL_NODISCARD int dsql_get_xid8(const dsql_result *r, size_t row, unsigned col, uint64_t *out);
DSQL_API DSQL_NODISCARD int dsql_get_decimal(const dsql_result *r, size_t row, unsigned col, dsql_decimal *out);

/* The same of values by themselves: elements of arrays, fields of composites, bounds (dsql/types.h). Bit strings, paths,
 * polygons and decimals need the memory of the result that the value was read from; EINVAL without. */
DSQL_API DSQL_NODISCARD int dsql_value_inet(const dsql_value *v, dsql_inet *out);
DSQL_API DSQL_NODISCARD int dsql_value_macaddr(const dsql_value *v, dsql_macaddr *out);
DSQL_API DSQL_NODISCARD int dsql_value_macaddr8(const dsql_value *v, dsql_macaddr8 *out);
DSQL_API DSQL_NODISCARD int dsql_value_bits(const dsql_value *v, dsql_bits *out);
DSQL_API DSQL_NODISCARD int dsql_value_point(const dsql_value *v, dsql_point *out);
DSQL_API DSQL_NODISCARD int dsql_value_line(const dsql_value *v, dsql_line *out);
DSQL_API DSQL_NODISCARD int dsql_value_lseg(const dsql_value *v, dsql_lseg *out);
DSQL_API DSQL_NODISCARD int dsql_value_box(const dsql_value *v, dsql_box *out);
DSQL_API DSQL_NODISCARD int dsql_value_circle(const dsql_value *v, dsql_circle *out);
DSQL_API DSQL_NODISCARD int dsql_value_path(const dsql_value *v, dsql_path *out);
DSQL_API DSQL_NODISCARD int dsql_value_polygon(const dsql_value *v, dsql_polygon *out);
DSQL_API DSQL_NODISCARD int dsql_value_pg_lsn(const dsql_value *v, uint64_t *out);
DSQL_API DSQL_NODISCARD int dsql_value_tid(const dsql_value *v, dsql_tid *out);
DSQL_API DSQL_NODISCARD int dsql_value_xid(const dsql_value *v, uint32_t *out);
DSQL_API DSQL_NODISCARD int dsql_value_xid8(const dsql_value *v, uint64_t *out);
DSQL_API DSQL_NODISCARD int dsql_value_decimal(const dsql_value *v, dsql_decimal *out);

/* ---- parameters ------------------------------------------------------------------------------------------------- */

/* A value that is none of its type (another family, too many prefix bits, bits behind the last) makes a parameter with which the call fails with EINVAL. */
DSQL_API dsql_param dsql_inet_param(dsql_inet v);
DSQL_API dsql_param dsql_cidr_param(dsql_inet v); /* the server wants zeros behind the prefix */
DSQL_API dsql_param dsql_macaddr_param(dsql_macaddr v);
DSQL_API dsql_param dsql_macaddr8_param(dsql_macaddr8 v);
DSQL_API dsql_param dsql_point_param(dsql_point v);
DSQL_API dsql_param dsql_line_param(dsql_line v);
DSQL_API dsql_param dsql_circle_param(dsql_circle v);
DSQL_API dsql_param dsql_pg_lsn(uint64_t v);
DSQL_API dsql_param dsql_tid_param(dsql_tid v);
DSQL_API dsql_param dsql_xid(uint32_t v);
DSQL_API dsql_param dsql_cid(uint32_t v);
DSQL_API dsql_param dsql_xid8(uint64_t v);

/* These are larger than a dsql_param. Their wire form is written to memory of the caller's, which must live until the
 * call that takes the parameter; with less than the type needs the call fails with EINVAL. */
#define DSQL_LSEG_WIRE_SIZE 32
#define DSQL_BOX_WIRE_SIZE 32
#define DSQL_PATH_WIRE_SIZE(points) (5 + 16 * (size_t)(points))
#define DSQL_POLYGON_WIRE_SIZE(points) (4 + 16 * (size_t)(points))
#define DSQL_BITS_WIRE_SIZE(bits) (4 + ((size_t)(bits) + 7) / 8)
DSQL_API dsql_param dsql_lseg_param(const dsql_lseg *v, void *wire, size_t cap);
DSQL_API dsql_param dsql_box_param(const dsql_box *v, void *wire, size_t cap);
DSQL_API dsql_param dsql_path_param(const dsql_path *v, void *wire, size_t cap);
DSQL_API dsql_param dsql_polygon_param(const dsql_polygon *v, void *wire, size_t cap);
DSQL_API dsql_param dsql_bits_param(const dsql_bits *v, void *wire, size_t cap); /* bit varying; casts to bit(n) */

/* ---- times ------------------------------------------------------------------------------------------------------- */

/* Timestamps of dsql.h (microseconds since 2000) as Unix time; timestamp without time zone counts as UTC. Infinities,
 * and what a time_t or a timestamp can't hold, are ERANGE. */
DSQL_API DSQL_NODISCARD int dsql_timestamp_to_timespec(int64_t us, struct timespec *out);
/* Nanoseconds are rounded down. tv_nsec outside 0..999,999,999 is EINVAL. */
DSQL_API DSQL_NODISCARD int dsql_timestamp_from_timespec(const struct timespec *t, int64_t *us);

/* ISO 8601, as the server's to_json() writes it: "2026-01-31", "2026-01-31T12:34:56.5", and for timestamptz
 * "2026-01-31T12:34:56.5+00:00"; years before 1 end in " BC", infinities are "infinity" and "-infinity". Each writes the
 * text and its NUL; len may be NULL. ERANGE when the value is none of the type. */
#define DSQL_ISO_SIZE 48
DSQL_API DSQL_NODISCARD int dsql_date_to_iso(int32_t days, char out[DSQL_ISO_SIZE], size_t *len);
DSQL_API DSQL_NODISCARD int dsql_timestamp_to_iso(int64_t us, char out[DSQL_ISO_SIZE], size_t *len);
DSQL_API DSQL_NODISCARD int dsql_timestamptz_to_iso(int64_t us, char out[DSQL_ISO_SIZE], size_t *len);
/* Read the same, with a space in place of the T, and 'Z' or an offset ("+05:30", "-08") where there is a time zone.
 * EINVAL: no such text; ERANGE: a time that the type can't hold. */
DSQL_API DSQL_NODISCARD int dsql_date_from_iso(const char *s, size_t n, int32_t *days);
DSQL_API DSQL_NODISCARD int dsql_timestamp_from_iso(const char *s, size_t n, int64_t *us);
DSQL_API DSQL_NODISCARD int dsql_timestamptz_from_iso(const char *s, size_t n, int64_t *us);

#ifdef __cplusplus
}
#endif

#endif
