/* ISO 8601 basic format in UTC, without the C library's calendar: that depends on the environment. */
#include <stdio.h>

#include "auth/sigv4.h"

enum { DAY_S = 86400, DAYS_0000_TO_1970 = 719528 };

static bool is_leap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

static int month_days(int64_t year, int month) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 0000-01-01 to January 1st of the year; year 0 was a leap year. */
static int64_t year_days(int64_t year) {
  return year == 0 ? 0 : 366 + (year - 1) * 365 + (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
}

bool sigv4_date(int64_t unix_s, char out[SIGV4_DATE_SIZE]) {
  int64_t days, second, year;
  int month = 1;

  if (unix_s < -(int64_t)DAYS_0000_TO_1970 * DAY_S) return false;
  if (unix_s >= (year_days(10000) - DAYS_0000_TO_1970) * DAY_S) return false;
  days = (unix_s + (int64_t)DAYS_0000_TO_1970 * DAY_S) / DAY_S;
  second = (unix_s + (int64_t)DAYS_0000_TO_1970 * DAY_S) % DAY_S;
  year = days / 366; /* not past the true one */
  while (year_days(year + 1) <= days) year++;
  days -= year_days(year);
  for (; days >= month_days(year, month); month++) days -= month_days(year, month);
  (void)snprintf(out, SIGV4_DATE_SIZE, "%04u%02u%02uT%02u%02u%02uZ", (unsigned)year % 10000, (unsigned)month % 100,
                 (unsigned)(days + 1) % 100, (unsigned)(second / 3600) % 100, (unsigned)(second / 60 % 60),
                 (unsigned)(second % 60));
  return true;
}

static bool read_number(const char *s, size_t n, int *out) {
  *out = 0;
  for (size_t i = 0; i < n; i++) {
    if (s[i] < '0' || s[i] > '9') return false;
    *out = *out * 10 + (s[i] - '0');
  }
  return true;
}

bool sigv4_parse_date(const char *s, size_t n, int64_t *unix_s) {
  int year, month, day, hour, minute, second;
  int64_t days;

  if (n != SIGV4_DATE_SIZE - 1 || s[8] != 'T' || s[15] != 'Z') return false;
  if (!read_number(s, 4, &year) || !read_number(s + 4, 2, &month) || !read_number(s + 6, 2, &day)) return false;
  if (!read_number(s + 9, 2, &hour) || !read_number(s + 11, 2, &minute) || !read_number(s + 13, 2, &second))
    return false;
  if (month < 1 || month > 12 || day < 1 || day > month_days(year, month)) return false;
  if (hour > 23 || minute > 59 || second > 59) return false;
  days = year_days(year) + day - 1 - DAYS_0000_TO_1970;
  for (int m = 1; m < month; m++) days += month_days(year, m);
  *unix_s = days * DAY_S + hour * 3600 + minute * 60 + second;
  return true;
}
