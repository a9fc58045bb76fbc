/* print.h - writers of the server's text forms. Each writes at p, returns the end of what it wrote, adds no NUL, and
 * needs at most CODEC_PRINT_MAX bytes. */
#ifndef DSQL_WIRE_CODEC_PRINT_H
#define DSQL_WIRE_CODEC_PRINT_H

#include <stdint.h>
#include <string.h>

#include "dsql/dsql.h"

/* The longest is a line segment, four doubles of 24 characters each: "[(x,y),(x,y)]". */
enum { CODEC_PRINT_MAX = 128 };

static inline char *print_str(char *p, const char *s) {
  size_t n = strlen(s);
  memcpy(p, s, n);
  return p + n;
}

char *codec_print_u64(char *p, uint64_t v);
char *codec_print_i64(char *p, int64_t v);
/* At least width digits, filled up with zeros. */
char *codec_print_padded(char *p, uint64_t v, unsigned width);
char *codec_print_float4(char *p, float v);
char *codec_print_float8(char *p, double v);
char *codec_print_char(char *p, uint8_t v);
char *codec_print_uuid(char *p, const dsql_uuid *v);
/* These take values that the decoders accept. */
char *codec_print_date(char *p, int32_t days);
char *codec_print_time(char *p, int64_t time_us);
char *codec_print_timetz(char *p, const dsql_timetz *v);
char *codec_print_timestamp(char *p, int64_t us);
char *codec_print_timestamptz(char *p, int64_t us);
char *codec_print_interval(char *p, const dsql_interval *v);
/* ":SS" or ":SS.ffffff" without the fraction's trailing zeros; us < 60,000,000. */
char *codec_print_seconds(char *p, uint64_t us);

#endif
