/* calendar.h - the proleptic Gregorian calendar, and the parts that dates, times and timestamps share. Years are
 * astronomical: 0 is 1 BC. */
#ifndef DSQL_WIRE_CODEC_CALENDAR_H
#define DSQL_WIRE_CODEC_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/codec/scan.h"

#define US_PER_S INT64_C(1000000)
#define US_PER_MINUTE INT64_C(60000000)
#define US_PER_HOUR INT64_C(3600000000)
#define US_PER_DAY INT64_C(86400000000)

struct calendar_date {
  int64_t year;
  unsigned month, day;
};

bool calendar_valid(const struct calendar_date *d);
/* Days since 2000-01-01, for years of up to 18 digits' worth less than INT64_MAX / 400. */
int64_t calendar_days(const struct calendar_date *d);
struct calendar_date calendar_from_days(int64_t days);

/* "YYYY-MM-DD", with four to seven digits of the year; a " BC" comes later and is for calendar_bc() to apply. */
bool calendar_scan_date(struct scan *s, struct calendar_date *out);
/* " BC" or nothing, then the end; false when the year does not exist. */
bool calendar_scan_era(struct scan *s, struct calendar_date *d);
/* "HH:MM:SS[.ffffff]", up to 24:00:00. */
bool calendar_scan_time(struct scan *s, int64_t *time_us);
/* "+HH[:MM[:SS]]" in seconds east of UTC, less than 16 hours. */
bool calendar_scan_zone(struct scan *s, int32_t *utc_offset_s);

/* Each returns the end of what it wrote; the era is the caller's. */
char *calendar_print_date(char *p, const struct calendar_date *d);
char *calendar_print_zone(char *p, int32_t utc_offset_s);

#endif
