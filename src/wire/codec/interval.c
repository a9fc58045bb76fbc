#include "wire/codec.h"
#include "wire/codec/calendar.h"
#include "wire/codec/interval_scan.h"
#include "wire/codec/print.h"

static const dsql_interval positive_infinity = {INT64_MAX, INT32_MAX, INT32_MAX};
static const dsql_interval negative_infinity = {INT64_MIN, INT32_MIN, INT32_MIN};

static bool interval_equal(const dsql_interval *a, const dsql_interval *b) {
  return a->time_us == b->time_us && a->days == b->days && a->months == b->months;
}

static bool fits_int32(int64_t v) { return v >= INT32_MIN && v <= INT32_MAX; }

static int from_sum(const struct interval_sum *sum, dsql_interval *out) {
  int64_t months = sum->parts[INTERVAL_MONTHS], days = sum->parts[INTERVAL_DAYS];
  if (sum->over || !fits_int32(months) || !fits_int32(days)) return DSQL_ERANGE;
  *out = (dsql_interval){sum->parts[INTERVAL_US], (int32_t)days, (int32_t)months};
  return 0;
}

int codec_interval_text(const char *s, size_t n, dsql_interval *out) {
  static bool (*const styles[])(struct scan *, struct interval_sum *) = {interval_scan_postgres, interval_scan_iso,
                                                                         interval_scan_sql};
  if (text_is(s, n, "infinity")) {
    *out = positive_infinity;
    return 0;
  }
  if (text_is(s, n, "-infinity")) {
    *out = negative_infinity;
    return 0;
  }
  for (size_t i = 0; i < sizeof styles / sizeof *styles; i++) {
    struct scan in = scan_of(s, n);
    struct interval_sum sum = {0};
    if (!styles[i](&in, &sum)) continue;
    return from_sum(&sum, out);
  }
  return DSQL_EPROTO;
}

/* int64 microseconds, int32 days, int32 months. */
int codec_interval_binary(const uint8_t *p, size_t n, dsql_interval *out) {
  if (n != 16) return DSQL_EPROTO;
  *out = (dsql_interval){(int64_t)load_be64(p), (int32_t)load_be32(p + 8), (int32_t)load_be32(p + 12)};
  return 0;
}

/* The server's AddPostgresIntPart(): a positive part right behind a negative one gets a '+'. */
static char *print_part(char *p, int64_t v, const char *unit, bool *first, bool *after_negative) {
  if (v == 0) return p;
  if (!*first) *p++ = ' ';
  if (*after_negative && v > 0) *p++ = '+';
  p = codec_print_i64(p, v);
  p = print_str(p, unit);
  if (v != 1) *p++ = 's';
  *after_negative = v < 0;
  *first = false;
  return p;
}

char *codec_print_interval(char *p, const dsql_interval *v) {
  bool first = true, after_negative = false;
  uint64_t us = v->time_us < 0 ? 0 - (uint64_t)v->time_us : (uint64_t)v->time_us;
  if (interval_equal(v, &positive_infinity)) return print_str(p, "infinity");
  if (interval_equal(v, &negative_infinity)) return print_str(p, "-infinity");
  p = print_part(p, v->months / 12, " year", &first, &after_negative);
  p = print_part(p, v->months % 12, " mon", &first, &after_negative);
  p = print_part(p, v->days, " day", &first, &after_negative);
  if (us == 0 && !first) return p;
  if (!first) *p++ = ' ';
  if (v->time_us < 0)
    *p++ = '-';
  else if (after_negative)
    *p++ = '+';
  p = codec_print_padded(p, us / (uint64_t)US_PER_HOUR, 2);
  *p++ = ':';
  p = codec_print_padded(p, us / (uint64_t)US_PER_MINUTE % 60, 2);
  return codec_print_seconds(p, us % (uint64_t)US_PER_MINUTE);
}
