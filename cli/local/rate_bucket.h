/* rate_bucket.h - the limit of connects per second: a bucket of `burst` tokens, refilled at `rate` per second. Pure. */
#ifndef DSQL_CLI_LOCAL_RATE_BUCKET_H
#define DSQL_CLI_LOCAL_RATE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct rate_bucket {
  uint32_t rate, burst;
  uint64_t millis; /* thousandths of a connect that are left */
  uint64_t at_ms;
};

/* Full. rate and burst are above 0; times are of a monotonic clock. */
void rate_bucket_init(struct rate_bucket *b, uint32_t rate, uint32_t burst, uint64_t now_ms);
bool rate_bucket_take(struct rate_bucket *b, uint64_t now_ms);

#endif
