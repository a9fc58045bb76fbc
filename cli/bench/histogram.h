/* histogram.h - how values are distributed, in constant memory: 512 buckets for each power of two (as HdrHistogram has
 * them), so that a value is known to 1/512 of itself, whatever its size. Pure. */
#ifndef DSQL_CLI_BENCH_HISTOGRAM_H
#define DSQL_CLI_BENCH_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
  HISTOGRAM_SUB_BITS = 9,
  HISTOGRAM_MAX_BITS = 43, /* values from 2^43 on (2.4 hours in nanoseconds) share the last bucket */
  HISTOGRAM_BUCKETS = (HISTOGRAM_MAX_BITS - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS
};

/* Zero-initialised is empty. count, sum, min and max are exact. */
struct histogram {
  uint64_t count, sum, min, max;
  uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t value);
/* The least recorded value that at least per_cent of all values do not exceed, or the largest one of its bucket: never
 * too small, and too large by 1/512 at most. 0 when empty. */
uint64_t histogram_percentile(const struct histogram *h, double per_cent);
double histogram_mean(const struct histogram *h); /* 0 when empty */

/* Bucket i has the values from histogram_floor(i) up to, and without, histogram_floor(i + 1). */
size_t histogram_bucket(uint64_t value);
uint64_t histogram_floor(size_t bucket);

#endif
