#include "local/rate_bucket.h"

void rate_bucket_init(struct rate_bucket *b, uint32_t rate, uint32_t burst, uint64_t now_ms) {
  *b = (struct rate_bucket){rate, burst, (uint64_t)burst * 1000, now_ms};
}

bool rate_bucket_take(struct rate_bucket *b, uint64_t now_ms) {
  uint64_t full = (uint64_t)b->burst * 1000, passed = now_ms - b->at_ms;

  b->at_ms = now_ms;
  b->millis = passed > full / b->rate ? full : b->millis + passed * b->rate;
  if (b->millis > full) b->millis = full;
  if (b->millis < 1000) return false;
  b->millis -= 1000;
  return true;
}
