#include "wire/codec.h"
#include "wire/codec/calendar.h"
#include "wire/codec/print.h"

/* 4714-11-24 BC (Julian day 0) to 5874897-12-31: IS_VALID_DATE in src/include/datatype/timestamp.h. */
#define DATE_MIN (-2451545)
#define DATE_MAX 2145031948

static bool date_valid(int64_t days) { return days >= DATE_MIN && days <= DATE_MAX; }

int codec_date_text(const char *s, size_t n, int32_t *days) {
  struct scan in = scan_of(s, n);
  struct calendar_date d;
  int64_t v;
  if (text_is(s, n, "infinity")) {
    *days = DSQL_DATE_INFINITY;
    return 0;
  }
  if (text_is(s, n, "-infinity")) {
    *days = DSQL_DATE_NEG_INFINITY;
    return 0;
  }
  if (!calendar_scan_date(&in, &d) || !calendar_scan_era(&in, &d)) return DSQL_EPROTO;
  v = calendar_days(&d);
  if (!date_valid(v)) return DSQL_ERANGE;
  *days = (int32_t)v;
  return 0;
}

int codec_date_binary(const uint8_t *p, size_t n, int32_t *days) {
  int32_t v;
  if (n != 4) return DSQL_EPROTO;
  v = (int32_t)load_be32(p);
  if (!date_valid(v) && v != DSQL_DATE_INFINITY && v != DSQL_DATE_NEG_INFINITY) return DSQL_ERANGE;
  *days = v;
  return 0;
}

char *codec_print_date(char *p, int32_t days) {
  struct calendar_date d;
  if (days == DSQL_DATE_INFINITY) return print_str(p, "infinity");
  if (days == DSQL_DATE_NEG_INFINITY) return print_str(p, "-infinity");
  d = calendar_from_days(days);
  p = calendar_print_date(p, &d);
  return d.year > 0 ? p : print_str(p, " BC");
}
