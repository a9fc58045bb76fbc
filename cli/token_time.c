#include "token.h"

/* Takes exactly that many digits off *s. */
static bool number(const char **s, unsigned digits, unsigned *out) {
  *out = 0;
  for (; digits > 0; digits--, (*s)++) {
    if (**s < '0' || **s > '9') return false;
    *out = *out * 10 + (unsigned)(**s - '0');
  }
  return true;
}

/* The separator is there in the extended form, and is not in the basic one. */
static bool separated(const char **s, char separator, bool extended) {
  if (!extended) return true;
  return *(*s)++ == separator;
}

static bool fraction(const char **s) {
  const char *start;

  if (**s != '.' && **s != ',') return true;
  for (start = ++*s; **s >= '0' && **s <= '9';) ++*s;
  return *s > start;
}

static unsigned days_in(unsigned year, unsigned month) {
  static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : days[month - 1];
}

/* Since 1970-01-01, in the proleptic Gregorian calendar. */
static int64_t days_until(unsigned year, unsigned month, unsigned day) {
  unsigned y = year - 1;
  int64_t days = (int64_t)y * 365 + y / 4 - y / 100 + y / 400 - 719162;

  for (unsigned m = 1; m < month; m++) days += days_in(year, m);
  return days + day - 1;
}

bool token_time_parse(const char *s, int64_t *out_unix_s) {
  unsigned year, month, day, hour, minute, second;
  bool extended;

  if (!number(&s, 4, &year)) return false;
  extended = *s == '-';
  if (!separated(&s, '-', extended) || !number(&s, 2, &month)) return false;
  if (!separated(&s, '-', extended) || !number(&s, 2, &day)) return false;
  if (*s != 'T' && *s != 't') return false;
  s++;
  if (!number(&s, 2, &hour) || !separated(&s, ':', extended) || !number(&s, 2, &minute)) return false;
  if (!separated(&s, ':', extended) || !number(&s, 2, &second) || !fraction(&s)) return false;
  if ((*s != 'Z' && *s != 'z') || s[1]) return false;
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in(year, month)) return false;
  if (hour > 23 || minute > 59 || second > 59) return false;
  *out_unix_s = days_until(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
  return *out_unix_s > 0;
}
