/* codec.h - values of PostgreSQL's types to and from the two wire formats.
 *
 * Text means what servers 12..18 send with DateStyle ISO (any field order), any IntervalStyle, any TimeZone and either
 * bytea_output. Binary is the type's send function (src/backend/utils/adt). Both decode to the same value, in the units
 * of dsql.h. Nothing here depends on the locale.
 *
 * Decoders return 0, DSQL_EPROTO (bytes that are no value of the type, a wrong width), or DSQL_ERANGE (well formed but
 * outside the type's range); *out is written only on 0. Those that take an arena also return DSQL_ENOMEM; what they
 * give lives in the arena or is a view of the input. */
#ifndef DSQL_WIRE_CODEC_H
#define DSQL_WIRE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/cursor.h"
#include "dsql/dsql.h"

/* The types whose results we ask for in binary: all that codec_to_text() knows. */
bool codec_has_binary(uint32_t oid);
/* The types whose two formats are the same bytes: text, varchar, bpchar, name, json, unknown. */
bool codec_is_text(uint32_t oid);

/* A binary value as the text that the server would have sent (timestamptz in UTC). Text types and jsonb give views of
 * p, the others new strings in the arena. DSQL_ETYPE when there is no codec for oid. */
int codec_to_text(struct arena *a, uint32_t oid, const uint8_t *p, size_t n, dsql_str *out);

/* ---- bool, integers, "char" --------------------------------------------------------------------------------- */

static inline int codec_bool_binary(const uint8_t *p, size_t n, bool *out) {
  if (n != 1 || *p > 1) return DSQL_EPROTO;
  *out = *p != 0;
  return 0;
}

static inline int codec_int2_binary(const uint8_t *p, size_t n, int16_t *out) {
  if (n != 2) return DSQL_EPROTO;
  *out = (int16_t)load_be16(p);
  return 0;
}

static inline int codec_int4_binary(const uint8_t *p, size_t n, int32_t *out) {
  if (n != 4) return DSQL_EPROTO;
  *out = (int32_t)load_be32(p);
  return 0;
}

static inline int codec_int8_binary(const uint8_t *p, size_t n, int64_t *out) {
  if (n != 8) return DSQL_EPROTO;
  *out = (int64_t)load_be64(p);
  return 0;
}

static inline int codec_oid_binary(const uint8_t *p, size_t n, uint32_t *out) {
  if (n != 4) return DSQL_EPROTO;
  *out = load_be32(p);
  return 0;
}

static inline int codec_bool_text(const char *s, size_t n, bool *out) {
  if (n != 1 || (*s != 't' && *s != 'f')) return DSQL_EPROTO;
  *out = *s == 't';
  return 0;
}

int codec_int2_text(const char *s, size_t n, int16_t *out);
int codec_int4_text(const char *s, size_t n, int32_t *out);
int codec_int8_text(const char *s, size_t n, int64_t *out);
int codec_oid_text(const char *s, size_t n, uint32_t *out);

/* "char": one byte. In text the byte 0 is the empty string and, since PostgreSQL 16, bytes over 127 are '\ooo'. */
int codec_char_text(const char *s, size_t n, uint8_t *out);
int codec_char_binary(const uint8_t *p, size_t n, uint8_t *out);

/* ---- floats ------------------------------------------------------------------------------------------------- */

static inline int codec_float4_binary(const uint8_t *p, size_t n, float *out) {
  uint32_t bits;
  if (n != 4) return DSQL_EPROTO;
  bits = load_be32(p);
  memcpy(out, &bits, sizeof bits);
  return 0;
}

static inline int codec_float8_binary(const uint8_t *p, size_t n, double *out) {
  uint64_t bits;
  if (n != 8) return DSQL_EPROTO;
  bits = load_be64(p);
  memcpy(out, &bits, sizeof bits);
  return 0;
}

/* Correctly rounded, so that the shortest form comes back as the same bits. */
int codec_float4_text(const char *s, size_t n, float *out);
int codec_float8_text(const char *s, size_t n, double *out);

/* ---- uuid, bytea, jsonb ------------------------------------------------------------------------------------- */

int codec_uuid_text(const char *s, size_t n, dsql_uuid *out);
int codec_uuid_binary(const uint8_t *p, size_t n, dsql_uuid *out);

/* Hex ("\x00ff") or escape form; binary bytea is its own bytes. */
int codec_bytea_text(struct arena *a, const char *s, size_t n, dsql_str *out);

/* The document behind the version byte, a view. */
int codec_jsonb_binary(const uint8_t *p, size_t n, dsql_str *out);

/* ---- dates and times ---------------------------------------------------------------------------------------- */

int codec_date_text(const char *s, size_t n, int32_t *days);
int codec_date_binary(const uint8_t *p, size_t n, int32_t *days);
int codec_time_text(const char *s, size_t n, int64_t *time_us); /* 24:00:00 is a value */
int codec_time_binary(const uint8_t *p, size_t n, int64_t *time_us);
int codec_timetz_text(const char *s, size_t n, dsql_timetz *out);
int codec_timetz_binary(const uint8_t *p, size_t n, dsql_timetz *out);
int codec_timestamp_text(const char *s, size_t n, int64_t *us);
int codec_timestamptz_text(const char *s, size_t n, int64_t *us); /* the offset is required and applied */
int codec_timestamp_binary(const uint8_t *p, size_t n, int64_t *us);
static inline int codec_timestamptz_binary(const uint8_t *p, size_t n, int64_t *us) {
  return codec_timestamp_binary(p, n, us);
}
int codec_interval_text(const char *s, size_t n, dsql_interval *out); /* any IntervalStyle */
int codec_interval_binary(const uint8_t *p, size_t n, dsql_interval *out);

/* ---- numeric ------------------------------------------------------------------------------------------------ */

enum { CODEC_SCALE_MAX = 18 };

bool codec_numeric_text_valid(const char *s, size_t n);
int codec_numeric_binary_to_text(struct arena *a, const uint8_t *p, size_t n, dsql_str *out);
/* The exact value times 10^scale. DSQL_ERANGE when that is no int64 (too many decimals, too large, NaN, infinite) or
 * scale > CODEC_SCALE_MAX. */
int codec_numeric_scaled_text(const char *s, size_t n, unsigned scale, int64_t *out);
int codec_numeric_scaled_binary(const uint8_t *p, size_t n, unsigned scale, int64_t *out);

#endif
