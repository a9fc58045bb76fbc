/* The pure parts of `dsql bench`: histogram, timeline, pacer, failures. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/failures.h"
#include "bench/histogram.h"
#include "bench/pacer.h"
#include "bench/timeline.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- histogram ---- */

static struct histogram h;

Test(histogram, every_value_is_in_its_bucket) {
  for (size_t i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
    uint64_t low = histogram_floor(i), high = histogram_floor(i + 1);
    cr_assert_lt(low, high, "bucket %zu", i);
    cr_assert_eq(histogram_bucket(low), i);
    cr_assert_eq(histogram_bucket(high - 1), i);
    cr_assert((high - 1 - low) * (1 << HISTOGRAM_SUB_BITS) <= low, "bucket %zu is too wide", i);
  }
  cr_assert_eq(histogram_bucket(0), 0);
  cr_assert_eq(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
  cr_assert_eq(histogram_floor(HISTOGRAM_BUCKETS - 1) >> (HISTOGRAM_MAX_BITS - 1), 1);
}

static int compare(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* Against the definition, on values of every size. */
Test(histogram, percentiles_are_those_of_the_sorted_values) {
  enum { N = 5000 };
  static uint64_t v[N];
  static const double at[] = {0.01, 1, 25, 50, 90, 99, 99.9, 99.99, 100};
  uint64_t random = 1, sum = 0;

  for (size_t i = 0; i < N; i++) {
    random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    v[i] = (random >> 20) >> (random >> 59); /* up to 2^44 */
    sum += v[i];
    histogram_add(&h, v[i]);
  }
  qsort(v, N, sizeof *v, compare);
  cr_assert(h.count == N && h.sum == sum && h.min == v[0] && h.max == v[N - 1]);
  cr_assert_float_eq(histogram_mean(&h), (double)sum / N, 1);
  for (size_t i = 0; i < COUNT(at); i++) {
    size_t rank = (size_t)(at[i] / 100 * N + 0.999999);
    uint64_t exact = v[rank - 1], got = histogram_percentile(&h, at[i]);
    if (exact >> HISTOGRAM_MAX_BITS) continue; /* past the range only the maximum is known */
    cr_expect(got >= exact && got - exact <= exact >> HISTOGRAM_SUB_BITS, "p%g: %llu, exactly %llu", at[i],
              (unsigned long long)got, (unsigned long long)exact);
  }
  cr_assert_eq(histogram_percentile(&h, 100), h.max);
}

Test(histogram, empty_and_single) {
  memset(&h, 0, sizeof h);
  cr_assert_eq(histogram_percentile(&h, 50), 0);
  cr_assert_eq(histogram_mean(&h), 0);
  histogram_add(&h, 123456789);
  cr_assert_eq(histogram_percentile(&h, 0), 123456789);
  cr_assert_eq(histogram_percentile(&h, 50), 123456789);
  cr_assert_eq(histogram_percentile(&h, 100), 123456789);
}

/* ---- timeline ---- */

Test(timeline, nothing_is_lost_however_long_the_run_is) {
  static struct timeline t;
  struct timeline_bin bins[40];
  uint64_t width, done = 0, failed = 0;
  size_t n;

  for (uint64_t s = 0; s < 4000; s++) {
    timeline_done(&t, s * 1000000000);
    if (s % 10 == 0) timeline_failed(&t, s * 1000000000 + 1);
  }
  n = timeline_resample(&t, UINT64_C(4000000000000), COUNT(bins), bins, &width);
  cr_assert(n > COUNT(bins) / 2 && n <= COUNT(bins), "%zu bins", n);
  cr_assert(width * n >= UINT64_C(4000000000000), "the run is covered");
  for (size_t i = 0; i < n; i++) {
    done += bins[i].done;
    failed += bins[i].failed;
    if (i + 1 < n) cr_expect_float_eq((double)bins[i].done, (double)width / 1e9, 12, "bin %zu", i);
  }
  cr_assert_eq(done, 4000);
  cr_assert_eq(failed, 400);
}

Test(timeline, silence_at_the_end_shows) {
  static struct timeline t;
  struct timeline_bin bins[10];
  uint64_t width;
  size_t n;

  timeline_done(&t, 5);
  n = timeline_resample(&t, 1000000000, COUNT(bins), bins, &width);
  cr_assert_eq(n, 10);
  cr_assert_eq(width, 100000000);
  cr_assert_eq(bins[0].done, 1);
  cr_assert_eq(bins[9].done, 0);
  memset(&t, 0, sizeof t);
  cr_assert_eq(timeline_resample(&t, 0, COUNT(bins), bins, &width), 1, "an empty run has a bin");
}

/* ---- pacer ---- */

static void expect(struct pacer *p, uint64_t now_ns, enum pacer_answer answer, uint64_t at_ns) {
  uint64_t at = 0;
  cr_assert_eq(pacer_next(p, now_ns, &at), answer, "at %llu", (unsigned long long)now_ns);
  if (answer != PACER_END) cr_assert_eq(at, at_ns, "at %llu: %llu", (unsigned long long)now_ns, (unsigned long long)at);
}

/* A server that stands still for 50 ns gets what was due meanwhile afterwards, and each counts from its own time. */
Test(pacer, the_open_loop_keeps_its_times) {
  struct pacer p = {.open = true, .interval_ns = 10, .duration_ns = 100, .begin_ns = 1000};

  expect(&p, 1000, PACER_START, 1000);
  expect(&p, 1000, PACER_WAIT, 1010);
  expect(&p, 1050, PACER_START, 1010);
  expect(&p, 1050, PACER_START, 1020);
  expect(&p, 1051, PACER_START, 1030);
  expect(&p, 1051, PACER_START, 1040);
  expect(&p, 1051, PACER_START, 1050);
  expect(&p, 1051, PACER_WAIT, 1060);
  cr_assert_eq(pacer_missed(&p, 1051), 0);
  cr_assert_eq(pacer_missed(&p, 1071), 2);
  expect(&p, 1100, PACER_END, 0);
  cr_assert_eq(pacer_missed(&p, 1200), 4, "1060 to 1090");
}

Test(pacer, a_count_ends_it) {
  struct pacer closed = {.count = 2, .begin_ns = 7}, open = {.open = true, .interval_ns = 5, .count = 2, .begin_ns = 7};

  expect(&closed, 7, PACER_START, 7);
  expect(&closed, 9, PACER_START, 9);
  expect(&closed, 9, PACER_END, 0);
  expect(&open, 7, PACER_START, 7);
  expect(&open, 100, PACER_START, 12);
  expect(&open, 100, PACER_END, 0);
  cr_assert_eq(pacer_missed(&open, 1000), 0);
  cr_assert_eq(pacer_missed(&closed, 1000), 0);
}

/* A ceiling is no schedule: nothing is caught up. */
Test(pacer, a_ceiling_holds) {
  struct pacer p = {.interval_ns = 10, .duration_ns = 100, .begin_ns = 0};

  expect(&p, 0, PACER_START, 0);
  expect(&p, 3, PACER_WAIT, 10);
  expect(&p, 55, PACER_START, 55);
  expect(&p, 55, PACER_WAIT, 65);
  expect(&p, 93, PACER_START, 93);
  expect(&p, 94, PACER_END, 0); /* the next would be behind the end */
}

Test(pacer, a_failure_is_followed_by_a_pause) {
  struct pacer p = {.count = 10};

  expect(&p, 5, PACER_START, 5);
  pacer_failed(&p, 5);
  expect(&p, 6, PACER_WAIT, 20000005);
  expect(&p, 20000005, PACER_START, 20000005);
}

/* ---- failures ---- */

static dsql_error server_error(const char *sqlstate, const char *message) {
  dsql_error e = {.code = DSQL_ESERVER, .message = {message, strlen(message)}};
  memcpy(e.sqlstate, sqlstate, 6);
  return e;
}

Test(failures, are_counted_by_what_they_are) {
  static struct failures f;
  dsql_error a = server_error("40001", "first"), b = server_error("40001", "second");
  dsql_error c = {.code = DSQL_EIO, .message = {"refused", 7}};

  failures_add(&f, DSQL_ESERVER, &a);
  failures_add(&f, DSQL_ESERVER, &b);
  failures_add(&f, DSQL_EIO, &c);
  failures_add(&f, DSQL_ENOMEM, NULL);
  cr_assert(f.total == 4 && f.kinds == 3);
  cr_assert_str_eq(f.kind[0].key, "40001");
  cr_assert_str_eq(f.kind[0].text, "first");
  cr_assert_eq(f.kind[0].count, 2);
  cr_assert_str_eq(f.kind[1].key, "DSQL_EIO");
  cr_assert_str_eq(f.kind[2].key, "DSQL_ENOMEM");
  cr_assert_str_eq(f.kind[2].text, "out of memory");
}

Test(failures, many_kinds_and_long_texts) {
  static struct failures f;
  static char text[600];
  uint64_t count = 0;

  for (size_t i = 0; i + 3 < sizeof text; i += 3) memcpy(text + i, "\xe6\x97\xa5", 3); /* 日 */
  for (int i = 0; i < 100; i++) {
    char sqlstate[6] = {'X', '0', '0', (char)('0' + i / 10), (char)('0' + i % 10), 0};
    dsql_error e = server_error(sqlstate, text);
    failures_add(&f, DSQL_ESERVER, &e);
  }
  cr_assert(f.kinds == FAILURES_KINDS && f.total == 100);
  cr_assert_str_eq(f.kind[FAILURES_KINDS - 1].key, "other");
  for (size_t i = 0; i < f.kinds; i++) {
    count += f.kind[i].count;
    cr_assert_eq(strlen(f.kind[i].text) % 3, 0, "cut inside a character");
  }
  cr_assert_eq(count, 100);
}
