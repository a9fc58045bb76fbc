#include "wire/codec/interval_scan.h"

#include "wire/codec/calendar.h"

/* A number with its sign, split at the decimal point, because "-0.5" seconds has a sign that its whole part loses. */
struct amount {
  uint64_t whole, fraction_us;
  bool negative, has_sign;
};

static bool scan_amount(struct scan *s, struct amount *a) {
  *a = (struct amount){.negative = scan_is(s, '-'), .has_sign = scan_is(s, '-') || scan_is(s, '+')};
  if (a->has_sign) s->pos++;
  if (!scan_digits(s, 1, 10, &a->whole)) return false;
  return !scan_char(s, '.') || scan_fraction_us(s, &a->fraction_us);
}

struct unit {
  const char *word; /* in the style postgres; a plural 's' may follow */
  char letter;      /* in ISO 8601, where M has two meanings */
  bool in_time;
  enum interval_part part;
  int64_t size;
};

static const struct unit units[] = {
    {" year", 'Y', false, INTERVAL_MONTHS, 12},      {" mon", 'M', false, INTERVAL_MONTHS, 1},
    {" day", 'D', false, INTERVAL_DAYS, 1},          {" hour", 'H', true, INTERVAL_US, US_PER_HOUR},
    {" min", 'M', true, INTERVAL_US, US_PER_MINUTE}, {" sec", 'S', true, INTERVAL_US, US_PER_S},
};
enum { UNIT_COUNT = sizeof units / sizeof *units };

/* Adds whole * size, which is at most 10^10 * 3.6 * 10^9 and must be watched, and the fraction. */
static void sum_add(struct interval_sum *sum, enum interval_part part, const struct amount *a, int64_t size) {
  int64_t whole, fraction = (int64_t)a->fraction_us, *total = &sum->parts[part];
  sum->over |= __builtin_mul_overflow((int64_t)a->whole, a->negative ? -size : size, &whole);
  sum->over |= __builtin_add_overflow(*total, whole, total);
  sum->over |= __builtin_add_overflow(*total, a->negative ? -fraction : fraction, total);
}

/* Only seconds have a fraction. */
static bool sum_add_unit(struct interval_sum *sum, const struct unit *u, const struct amount *a) {
  if (a->fraction_us && u->size != US_PER_S) return false;
  sum_add(sum, u->part, a, u->size);
  return true;
}

static void sum_negate(struct interval_sum *sum) {
  for (int i = 0; i <= INTERVAL_US; i++) sum->over |= __builtin_sub_overflow(0, sum->parts[i], &sum->parts[i]);
}

/* ":MM:SS[.ffffff]" behind the hours in a, whose sign counts for all of them. */
static bool scan_clock(struct scan *s, struct interval_sum *sum, const struct amount *a) {
  struct amount minute = {.negative = a->negative}, second = {.negative = a->negative};
  if (a->fraction_us || !scan_char(s, ':') || !scan_digits(s, 2, 2, &minute.whole)) return false;
  if (!scan_char(s, ':') || !scan_digits(s, 2, 2, &second.whole)) return false;
  if (scan_char(s, '.') && !scan_fraction_us(s, &second.fraction_us)) return false;
  if (minute.whole > 59 || second.whole > 59) return false;
  sum_add(sum, INTERVAL_US, a, US_PER_HOUR);
  sum_add(sum, INTERVAL_US, &minute, US_PER_MINUTE);
  sum_add(sum, INTERVAL_US, &second, US_PER_S);
  return true;
}

static const struct unit *scan_unit_word(struct scan *s) {
  for (int i = 0; i < UNIT_COUNT; i++) {
    if (!scan_word(s, units[i].word)) continue;
    (void)scan_char(s, 's');
    return &units[i];
  }
  return NULL;
}

static const struct unit *scan_unit_letter(struct scan *s, bool in_time) {
  for (int i = 0; i < UNIT_COUNT; i++) {
    if (units[i].in_time == in_time && scan_char(s, units[i].letter)) return &units[i];
  }
  return NULL;
}

/* "1 year 2 mons -3 days +04:05:06.789"; "@ 1 year 2 mons 3 days 4 hours 5 mins 6.789 secs ago"; "@ 0". */
bool interval_scan_postgres(struct scan *s, struct interval_sum *sum) {
  bool verbose = scan_word(s, "@ "), ago = false;
  if (verbose && text_is(s->pos, scan_left(s), "0")) return true;
  do {
    const struct unit *u;
    struct amount a;
    if (!scan_amount(s, &a)) return false;
    if (!verbose && scan_is(s, ':')) return scan_clock(s, sum, &a) && scan_done(s);
    u = scan_unit_word(s);
    if (!u || !sum_add_unit(sum, u, &a)) return false;
  } while (scan_char(s, ' ') && !(ago = verbose && scan_word(s, "ago")));
  if (ago) sum_negate(sum);
  return scan_done(s);
}

/* "P1Y2M3DT4H5M6.789S" with a sign at each number; "PT0S". */
bool interval_scan_iso(struct scan *s, struct interval_sum *sum) {
  bool in_time = false;
  if (!scan_char(s, 'P')) return false;
  do {
    const struct unit *u;
    struct amount a;
    if (!in_time) in_time = scan_char(s, 'T');
    if (!scan_amount(s, &a)) return false;
    u = scan_unit_letter(s, in_time);
    if (!u || !sum_add_unit(sum, u, &a)) return false;
  } while (!scan_done(s));
  return true;
}

/* "0"; "1-2"; "3 4:05:06"; "4:05:06"; "-1-2 +3 -4:05:06". A lone sign in front counts for all fields; the server gives
 * each field its own when they differ. */
bool interval_scan_sql(struct scan *s, struct interval_sum *sum) {
  bool negative = false, days = false;
  if (text_is(s->pos, scan_left(s), "0")) return true;
  do {
    struct amount a;
    if (!scan_amount(s, &a) || a.fraction_us) return false;
    if (!a.has_sign) a.negative = negative;
    negative = a.negative;
    if (scan_is(s, ':')) return scan_clock(s, sum, &a) && scan_done(s);
    if (days) return false;
    if (scan_char(s, '-')) {
      struct amount months = {.negative = a.negative};
      if (!scan_digits(s, 1, 2, &months.whole) || months.whole > 11) return false;
      sum_add(sum, INTERVAL_MONTHS, &a, 12);
      sum_add(sum, INTERVAL_MONTHS, &months, 1);
      if (scan_done(s)) return true;
    } else {
      sum_add(sum, INTERVAL_DAYS, &a, 1);
      days = true;
    }
  } while (scan_char(s, ' '));
  return false;
}
