#include "wire/codec/calendar.h"

#include "wire/codec/print.h"

enum { DAYS_PER_ERA = 146097, YEARS_PER_ERA = 400 };

/* From 0000-03-01, where an era of 400 years begins, to 2000-01-01. */
enum { EPOCH_SHIFT = 730425 };

static bool is_leap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

bool calendar_valid(const struct calendar_date *d) {
  static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (d->month < 1 || d->month > 12 || d->day < 1) return false;
  return d->day <= days[d->month - 1] + (d->month == 2 && is_leap(d->year) ? 1u : 0u);
}

/* Counting years from March puts the leap day last, so that (153 * month + 2) / 5 gives the days before a month. */
int64_t calendar_days(const struct calendar_date *d) {
  int64_t year = d->year - (d->month <= 2);
  int64_t era = (year >= 0 ? year : year - (YEARS_PER_ERA - 1)) / YEARS_PER_ERA;
  int64_t year_of_era = year - era * YEARS_PER_ERA;
  unsigned month = d->month > 2 ? d->month - 3 : d->month + 9;
  int64_t day_of_year = (153 * month + 2) / 5 + d->day - 1;
  int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * DAYS_PER_ERA + day_of_era - EPOCH_SHIFT;
}

struct calendar_date calendar_from_days(int64_t days) {
  int64_t z = days + EPOCH_SHIFT;
  int64_t era = (z >= 0 ? z : z - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
  unsigned day_of_era = (unsigned)(z - era * DAYS_PER_ERA);
  unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  unsigned month = (5 * day_of_year + 2) / 153;
  struct calendar_date d = {.day = day_of_year - (153 * month + 2) / 5 + 1,
                            .month = month < 10 ? month + 3 : month - 9};
  d.year = year_of_era + era * YEARS_PER_ERA + (d.month <= 2);
  return d;
}

bool calendar_scan_date(struct scan *s, struct calendar_date *out) {
  struct scan in = *s;
  uint64_t year, month, day;
  if (!scan_digits(&in, 4, 7, &year) || !scan_char(&in, '-')) return false;
  if (!scan_digits(&in, 2, 2, &month) || !scan_char(&in, '-') || !scan_digits(&in, 2, 2, &day)) return false;
  *out = (struct calendar_date){(int64_t)year, (unsigned)month, (unsigned)day};
  *s = in;
  return true;
}

bool calendar_scan_era(struct scan *s, struct calendar_date *d) {
  if (d->year == 0) return false;
  if (scan_word(s, " BC")) d->year = 1 - d->year;
  return scan_done(s) && calendar_valid(d);
}

bool calendar_scan_time(struct scan *s, int64_t *time_us) {
  struct scan in = *s;
  uint64_t hour, minute, second, fraction = 0;
  int64_t us;
  if (!scan_digits(&in, 2, 2, &hour) || !scan_char(&in, ':')) return false;
  if (!scan_digits(&in, 2, 2, &minute) || !scan_char(&in, ':') || !scan_digits(&in, 2, 2, &second)) return false;
  if (scan_char(&in, '.') && !scan_fraction_us(&in, &fraction)) return false;
  if (minute > 59 || second > 59) return false;
  us = (int64_t)hour * US_PER_HOUR + (int64_t)minute * US_PER_MINUTE + (int64_t)(second * 1000000 + fraction);
  if (us > US_PER_DAY) return false;
  *time_us = us;
  *s = in;
  return true;
}

bool calendar_scan_zone(struct scan *s, int32_t *utc_offset_s) {
  struct scan in = *s;
  uint64_t hour, minute = 0, second = 0;
  bool west = scan_char(&in, '-');
  int32_t offset;
  if (!west && !scan_char(&in, '+')) return false;
  if (!scan_digits(&in, 2, 2, &hour)) return false;
  if (scan_char(&in, ':') && !scan_digits(&in, 2, 2, &minute)) return false;
  if (scan_char(&in, ':') && !scan_digits(&in, 2, 2, &second)) return false;
  if (hour > 15 || minute > 59 || second > 59) return false;
  offset = (int32_t)(hour * 3600 + minute * 60 + second);
  *utc_offset_s = west ? -offset : offset;
  *s = in;
  return true;
}

char *calendar_print_date(char *p, const struct calendar_date *d) {
  p = codec_print_padded(p, (uint64_t)(d->year > 0 ? d->year : 1 - d->year), 4);
  *p++ = '-';
  p = codec_print_padded(p, d->month, 2);
  *p++ = '-';
  return codec_print_padded(p, d->day, 2);
}

char *calendar_print_zone(char *p, int32_t utc_offset_s) {
  uint32_t offset = (uint32_t)(utc_offset_s < 0 ? -utc_offset_s : utc_offset_s);
  *p++ = utc_offset_s < 0 ? '-' : '+';
  p = codec_print_padded(p, offset / 3600, 2);
  if (offset % 3600 == 0) return p;
  *p++ = ':';
  p = codec_print_padded(p, offset / 60 % 60, 2);
  if (offset % 60 == 0) return p;
  *p++ = ':';
  return codec_print_padded(p, offset % 60, 2);
}
