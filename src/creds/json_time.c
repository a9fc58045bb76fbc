/* json_time.c - the times of AWS's JSON: RFC 3339, and the variations that SSO's cached files have. */
#include "creds/json.h"

/* Exactly `digits` digits. */
static bool number(const char **p, const char *end, int digits, int *out) {
  if (end - *p < digits) return false;
  *out = 0;
  for (; digits > 0; digits--, (*p)++) {
    if (**p < '0' || **p > '9') return false;
    *out = *out * 10 + (**p - '0');
  }
  return true;
}

static bool literal(const char **p, const char *end, const char *any_of) {
  if (*p == end || !**p || !strchr(any_of, **p)) return false;
  (*p)++;
  return true;
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar; years begin in March, so that the leap day is their last. */
static int64_t days_from_civil(int year, int month, int day) {
  int y = month <= 2 ? year - 1 : year, shifted = month > 2 ? month - 3 : month + 9;
  int64_t of_year = (153 * shifted + 2) / 5 + day - 1;
  return (int64_t)y * 365 + y / 4 - y / 100 + y / 400 + of_year - 719468;
}

static bool valid_date(int year, int month, int day) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  return day <= days[month - 1] + (month == 2 && leap);
}

static void skip_fraction(const char **p, const char *end) {
  const char *q = *p;
  if (q == end || *q != '.') return;
  for (q++; q < end && *q >= '0' && *q <= '9'; q++) *p = q + 1;
}

/* "Z", "UTC", "+hh:mm", "-hhmm". */
static bool zone(const char **p, const char *end, int *offset_s) {
  int hours, minutes, sign;

  *offset_s = 0;
  if (literal(p, end, "Zz")) return true;
  if (end - *p == 3 && memcmp(*p, "UTC", 3) == 0) {
    *p = end;
    return true;
  }
  if (*p == end) return false;
  sign = **p == '-' ? -1 : 1;
  if (!literal(p, end, "+-") || !number(p, end, 2, &hours)) return false;
  if (*p < end && **p == ':') (*p)++;
  if (!number(p, end, 2, &minutes) || hours > 23 || minutes > 59) return false;
  *offset_s = sign * (hours * 3600 + minutes * 60);
  return true;
}

bool json_time(const char *s, size_t n, int64_t *unix_s) {
  const char *p = s, *end = s + n;
  int year, month, day, hour, minute, second, offset_s;

  if (!number(&p, end, 4, &year) || !literal(&p, end, "-") || !number(&p, end, 2, &month)) return false;
  if (!literal(&p, end, "-") || !number(&p, end, 2, &day) || !literal(&p, end, "Tt ")) return false;
  if (!number(&p, end, 2, &hour) || !literal(&p, end, ":") || !number(&p, end, 2, &minute)) return false;
  if (!literal(&p, end, ":") || !number(&p, end, 2, &second)) return false;
  skip_fraction(&p, end);
  if (!zone(&p, end, &offset_s) || p != end) return false;
  if (!valid_date(year, month, day) || hour > 23 || minute > 59 || second > 60) return false;
  *unix_s = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset_s;
  if (*unix_s == 0) *unix_s = 1;
  return true;
}
