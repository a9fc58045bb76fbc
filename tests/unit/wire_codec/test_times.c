/* Timestamps as Unix time and as ISO 8601. What the server's to_json() writes is asked in tests/live/scalars_test.c. */
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "dsql/scalars.h"
#include "random.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define LAST_US INT64_C(9223371331199999999)
#define FIRST_US INT64_C(-211813488000000000)

Test(codec_times, timespec) {
  static const struct {
    int64_t us, s;
    long ns;
  } same[] = {{0, 946684800, 0},
              {-DSQL_UNIX_EPOCH_US, 0, 0},
              {-DSQL_UNIX_EPOCH_US - 1, -1, 999999000},
              {1, 946684800, 1000},
              {-1, 946684799, 999999000},
              {LAST_US, INT64_C(9224318015999), 999999000},
              {FIRST_US, INT64_C(-210866803200), 0}};
  struct timespec t;
  int64_t us = 0;
  for (size_t i = 0; i < COUNT(same); i++) {
    cr_assert_eq(dsql_timestamp_to_timespec(same[i].us, &t), 0);
    cr_expect(t.tv_sec == same[i].s && t.tv_nsec == same[i].ns, "%lld: %lld.%ld", (long long)same[i].us,
              (long long)t.tv_sec, t.tv_nsec);
    cr_assert_eq(dsql_timestamp_from_timespec(&t, &us), 0);
    cr_expect_eq(us, same[i].us);
  }
  t = (struct timespec){-1, 999999999};
  cr_expect(dsql_timestamp_from_timespec(&t, &us) == 0 && us == -DSQL_UNIX_EPOCH_US - 1, "rounded down");
  t = (struct timespec){0, 1999};
  cr_expect(dsql_timestamp_from_timespec(&t, &us) == 0 && us == 1 - DSQL_UNIX_EPOCH_US);
}

Test(codec_times, timespec_out_of_range) {
  static const int64_t none[] = {DSQL_TIMESTAMP_INFINITY, DSQL_TIMESTAMP_NEG_INFINITY, LAST_US + 1, FIRST_US - 1,
                                 INT64_MAX - 1};
  static const struct {
    struct timespec t;
    int code;
  } refused[] = {{{0, -1}, DSQL_EINVAL},
                 {{0, 1000000000}, DSQL_EINVAL},
                 {{INT64_MAX, 0}, DSQL_ERANGE},
                 {{INT64_MIN, 0}, DSQL_ERANGE},
                 {{INT64_C(9224318016000), 0}, DSQL_ERANGE},
                 {{INT64_C(-210866803201), 999999999}, DSQL_ERANGE}};
  struct timespec t = {7, 7};
  int64_t us = 7;
  for (size_t i = 0; i < COUNT(none); i++) cr_expect_eq(dsql_timestamp_to_timespec(none[i], &t), DSQL_ERANGE);
  for (size_t i = 0; i < COUNT(refused); i++)
    cr_expect_eq(dsql_timestamp_from_timespec(&refused[i].t, &us), refused[i].code, "case %zu", i);
  cr_expect(t.tv_sec == 7 && t.tv_nsec == 7 && us == 7, "written on failure");
}

Test(codec_times, iso) {
  static const struct {
    int64_t us;
    const char *plain, *utc;
  } same[] = {
      {0, "2000-01-01T00:00:00", "2000-01-01T00:00:00+00:00"},
      {-1, "1999-12-31T23:59:59.999999", "1999-12-31T23:59:59.999999+00:00"},
      {LAST_US, "294276-12-31T23:59:59.999999", "294276-12-31T23:59:59.999999+00:00"},
      {FIRST_US, "4714-11-24T00:00:00 BC", "4714-11-24T00:00:00+00:00 BC"},
      {DSQL_TIMESTAMP_INFINITY, "infinity", "infinity"},
      {DSQL_TIMESTAMP_NEG_INFINITY, "-infinity", "-infinity"},
  };
  char text[DSQL_ISO_SIZE];
  size_t len;
  int64_t us;
  for (size_t i = 0; i < COUNT(same); i++) {
    cr_assert_eq(dsql_timestamp_to_iso(same[i].us, text, NULL), 0);
    cr_expect_str_eq(text, same[i].plain);
    cr_assert(dsql_timestamp_from_iso(text, strlen(text), &us) == 0 && us == same[i].us, "%s", text);
    cr_assert_eq(dsql_timestamptz_to_iso(same[i].us, text, &len), 0);
    cr_expect_str_eq(text, same[i].utc);
    cr_expect_eq(len, strlen(text));
    cr_assert(dsql_timestamptz_from_iso(text, len, &us) == 0 && us == same[i].us, "%s", text);
  }
  cr_expect_eq(dsql_timestamp_to_iso(LAST_US + 1, text, NULL), DSQL_ERANGE);
  cr_expect_eq(dsql_timestamptz_to_iso(FIRST_US - 1, text, NULL), DSQL_ERANGE);
}

Test(codec_times, iso_dates) {
  static const struct {
    int32_t days;
    const char *text;
  } same[] = {{0, "2000-01-01"},
              {-DSQL_UNIX_EPOCH_DAYS, "1970-01-01"},
              {-2451545, "4714-11-24 BC"},
              {DSQL_DATE_INFINITY, "infinity"},
              {DSQL_DATE_NEG_INFINITY, "-infinity"}};
  char text[DSQL_ISO_SIZE];
  int32_t days;
  for (size_t i = 0; i < COUNT(same); i++) {
    cr_assert_eq(dsql_date_to_iso(same[i].days, text, NULL), 0);
    cr_expect_str_eq(text, same[i].text);
    cr_expect(dsql_date_from_iso(text, strlen(text), &days) == 0 && days == same[i].days, "%s", text);
  }
  cr_expect_eq(dsql_date_to_iso(-2451546, text, NULL), DSQL_ERANGE);
  cr_expect_eq(dsql_date_from_iso("2026-02-29", 10, &days), DSQL_EINVAL);
  cr_expect_eq(dsql_date_from_iso("5874898-01-01", 13, &days), DSQL_ERANGE);
}

Test(codec_times, iso_is_read_in_more_forms) {
  static const char *const same[] = {
      "2026-01-31T12:34:56Z",   "2026-01-31 12:34:56+00",       "2026-01-31T18:04:56+05:30",  "2026-01-31T04:34:56-08",
      "2026-01-31 12:34:56.0Z", "2026-01-31T12:34:56+00:00:00", "2026-01-31T12:34:56.000000Z"};
  static const char *const none[] = {"",
                                     "T",
                                     "Z",
                                     "2026-01-31",
                                     "2026-01-31T12:34:56",
                                     "2026-01-31T12:34:56ZZ",
                                     "2026-01-31TT12:34:56Z",
                                     "2026-01-31T12:34:56Z+00",
                                     "2026-01-31Z12:34:56",
                                     "2026-01-31T24:00:00Z",
                                     "2026-13-31T12:34:56Z",
                                     "2026-01-31T12:34Z",
                                     "2026-01-31T12:34:56.1234567Z",
                                     "2026-01-31T12:34:56Z                                          ",
                                     "ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ"};
  int64_t want, us;
  cr_assert_eq(dsql_timestamp_from_iso("2026-01-31 12:34:56", 19, &want), 0);
  for (size_t i = 0; i < COUNT(same); i++)
    cr_expect(dsql_timestamptz_from_iso(same[i], strlen(same[i]), &us) == 0 && us == want, "%s", same[i]);
  for (size_t i = 0; i < COUNT(none); i++)
    cr_expect_eq(dsql_timestamptz_from_iso(none[i], strlen(none[i]), &us), DSQL_EINVAL, "%s", none[i]);
  cr_expect_eq(dsql_timestamp_from_iso("2026-01-31T12:34:56Z", 20, &us), DSQL_EINVAL, "no time zone here");
  cr_expect_eq(dsql_timestamptz_from_iso("294276-12-31T23:59:59-01", 24, &us), DSQL_ERANGE);
}

Test(codec_times, round_trips) {
  struct random r = random_start("codec_times");
  for (int i = 0; i < 20000; i++) {
    int64_t us = (int64_t)((uint64_t)FIRST_US + random_below(&r, (uint64_t)LAST_US - (uint64_t)FIRST_US)), back;
    struct timespec t;
    char text[DSQL_ISO_SIZE];
    size_t len;
    if (i % 2) us = (int64_t)(random_wide(&r) >> 8) - (INT64_C(1) << 50);
    if (us < FIRST_US) continue;
    cr_assert_eq(dsql_timestamp_to_timespec(us, &t), 0);
    cr_assert(dsql_timestamp_from_timespec(&t, &back) == 0 && back == us, "%lld", (long long)us);
    cr_assert_eq(dsql_timestamptz_to_iso(us, text, &len), 0);
    cr_assert(dsql_timestamptz_from_iso(text, len, &back) == 0 && back == us, "%s", text);
  }
}
