/* histogram.h - counts of durations, in buckets that double. */
#ifndef DSQL_BASE_HISTOGRAM_H
#define DSQL_BASE_HISTOGRAM_H

#include "dsql/dsql.h"

static inline void histogram_add(dsql_histogram *h, uint64_t us) {
  unsigned bucket = us ? 64 - (unsigned)__builtin_clzll(us) : 0;

  if (bucket >= DSQL_HISTOGRAM_BUCKETS) bucket = DSQL_HISTOGRAM_BUCKETS - 1;
  h->count++;
  h->sum_us += us;
  if (us > h->max_us) h->max_us = us;
  h->buckets[bucket]++;
}

#endif
