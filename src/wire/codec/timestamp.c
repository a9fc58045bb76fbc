#include "wire/codec.h"
#include "wire/codec/calendar.h"
#include "wire/codec/print.h"

/* 4714-11-24 00:00 BC to the end of 294276: IS_VALID_TIMESTAMP in src/include/datatype/timestamp.h. */
#define TIMESTAMP_MIN INT64_C(-211813488000000000)
#define TIMESTAMP_END INT64_C(9223371331200000000)

static bool timestamp_valid(int64_t us) { return us >= TIMESTAMP_MIN && us < TIMESTAMP_END; }

static bool scan_infinity(const char *s, size_t n, int64_t *us) {
  bool negative = text_is(s, n, "-infinity");
  if (!negative && !text_is(s, n, "infinity")) return false;
  *us = negative ? DSQL_TIMESTAMP_NEG_INFINITY : DSQL_TIMESTAMP_INFINITY;
  return true;
}

/* "date time[zone][ BC]". A local time may be outside the range that its time in UTC must be in. */
static int timestamp_text(const char *s, size_t n, bool with_zone, int64_t *us) {
  struct scan in = scan_of(s, n);
  struct calendar_date d;
  int64_t days, time, v;
  int32_t offset = 0;
  if (scan_infinity(s, n, us)) return 0;
  if (!calendar_scan_date(&in, &d) || !scan_char(&in, ' ') || !calendar_scan_time(&in, &time)) return DSQL_EPROTO;
  if (with_zone && !calendar_scan_zone(&in, &offset)) return DSQL_EPROTO;
  if (!calendar_scan_era(&in, &d) || time == US_PER_DAY) return DSQL_EPROTO;
  days = calendar_days(&d);
  if (days < TIMESTAMP_MIN / US_PER_DAY - 1 || days > TIMESTAMP_END / US_PER_DAY + 1) return DSQL_ERANGE;
  v = days * US_PER_DAY + time - offset * US_PER_S;
  if (!timestamp_valid(v)) return DSQL_ERANGE;
  *us = v;
  return 0;
}

int codec_timestamp_text(const char *s, size_t n, int64_t *us) { return timestamp_text(s, n, false, us); }
int codec_timestamptz_text(const char *s, size_t n, int64_t *us) { return timestamp_text(s, n, true, us); }

int codec_timestamp_binary(const uint8_t *p, size_t n, int64_t *us) {
  int64_t v;
  if (n != 8) return DSQL_EPROTO;
  v = (int64_t)load_be64(p);
  if (!timestamp_valid(v) && v != DSQL_TIMESTAMP_INFINITY && v != DSQL_TIMESTAMP_NEG_INFINITY) return DSQL_ERANGE;
  *us = v;
  return 0;
}

static char *print_timestamp(char *p, int64_t us, const char *zone) {
  int64_t time = us % US_PER_DAY, days = us / US_PER_DAY;
  struct calendar_date d;
  if (us == DSQL_TIMESTAMP_INFINITY) return print_str(p, "infinity");
  if (us == DSQL_TIMESTAMP_NEG_INFINITY) return print_str(p, "-infinity");
  if (time < 0) {
    time += US_PER_DAY;
    days--;
  }
  d = calendar_from_days(days);
  p = calendar_print_date(p, &d);
  *p++ = ' ';
  p = print_str(codec_print_time(p, time), zone);
  return d.year > 0 ? p : print_str(p, " BC");
}

char *codec_print_timestamp(char *p, int64_t us) { return print_timestamp(p, us, ""); }
char *codec_print_timestamptz(char *p, int64_t us) { return print_timestamp(p, us, "+00"); }
