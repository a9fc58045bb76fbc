/* random.h - deterministic random bits (splitmix64): a failure comes back with the same seed. */
#ifndef DSQL_TEST_CODEC_RANDOM_H
#define DSQL_TEST_CODEC_RANDOM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct random {
  uint64_t state;
};

/* DSQL_TEST_SEED replaces the fixed seed; it is printed either way. */
static inline struct random random_start(const char *test) {
  const char *text = getenv("DSQL_TEST_SEED");
  struct random r = {text ? strtoull(text, NULL, 0) : UINT64_C(0x6473716c)};
  fprintf(stderr, "%s: DSQL_TEST_SEED=%#llx\n", test, (unsigned long long)r.state);
  return r;
}

static inline uint64_t random_u64(struct random *r) {
  uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static inline uint64_t random_below(struct random *r, uint64_t end) { return random_u64(r) % end; }

/* Of a random width, so that small values are as common as large ones. */
static inline uint64_t random_wide(struct random *r) { return random_u64(r) >> random_below(r, 64); }

#endif
