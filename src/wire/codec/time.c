#include "wire/codec.h"
#include "wire/codec/calendar.h"
#include "wire/codec/print.h"

/* Offsets are less than 16 hours (TZDISP_LIMIT in src/include/datatype/timestamp.h). */
enum { OFFSET_LIMIT_S = 16 * 3600 };

int codec_time_text(const char *s, size_t n, int64_t *time_us) {
  struct scan in = scan_of(s, n);
  int64_t v;
  if (!calendar_scan_time(&in, &v) || !scan_done(&in)) return DSQL_EPROTO;
  *time_us = v;
  return 0;
}

int codec_time_binary(const uint8_t *p, size_t n, int64_t *time_us) {
  int64_t v;
  if (n != 8) return DSQL_EPROTO;
  v = (int64_t)load_be64(p);
  if (v < 0 || v > US_PER_DAY) return DSQL_ERANGE;
  *time_us = v;
  return 0;
}

int codec_timetz_text(const char *s, size_t n, dsql_timetz *out) {
  struct scan in = scan_of(s, n);
  dsql_timetz v;
  if (!calendar_scan_time(&in, &v.time_us) || !calendar_scan_zone(&in, &v.utc_offset_s) || !scan_done(&in)) {
    return DSQL_EPROTO;
  }
  *out = v;
  return 0;
}

/* int64 microseconds, int32 seconds WEST of UTC. */
int codec_timetz_binary(const uint8_t *p, size_t n, dsql_timetz *out) {
  dsql_timetz v;
  int32_t west;
  int rc;
  if (n != 12) return DSQL_EPROTO;
  rc = codec_time_binary(p, 8, &v.time_us);
  if (rc) return rc;
  west = (int32_t)load_be32(p + 8);
  if (west <= -OFFSET_LIMIT_S || west >= OFFSET_LIMIT_S) return DSQL_ERANGE;
  v.utc_offset_s = -west;
  *out = v;
  return 0;
}

char *codec_print_seconds(char *p, uint64_t us) {
  uint64_t fraction = us % 1000000;
  *p++ = ':';
  p = codec_print_padded(p, us / 1000000, 2);
  if (fraction == 0) return p;
  *p++ = '.';
  p = codec_print_padded(p, fraction, 6);
  while (p[-1] == '0') p--;
  return p;
}

char *codec_print_time(char *p, int64_t time_us) {
  uint64_t us = (uint64_t)time_us;
  p = codec_print_padded(p, us / US_PER_HOUR, 2);
  *p++ = ':';
  p = codec_print_padded(p, us / US_PER_MINUTE % 60, 2);
  return codec_print_seconds(p, us % US_PER_MINUTE);
}

char *codec_print_timetz(char *p, const dsql_timetz *v) {
  return calendar_print_zone(codec_print_time(p, v->time_us), v->utc_offset_s);
}
