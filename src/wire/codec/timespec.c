#include <time.h>

#include "base/buf.h"
#include "wire/codec/calendar.h"
#include "wire/codec/scalars.h"

#define EPOCH_S (DSQL_UNIX_EPOCH_US / US_PER_S)
enum { NS_PER_US = 1000, NS_PER_S = 1000000000 };

/* 0, or ERANGE for what is no timestamp at all. */
static int check(int64_t us) {
  uint8_t wire[8];
  int64_t same;
  store_be64(wire, (uint64_t)us);
  return codec_timestamp_binary(wire, sizeof wire, &same);
}

/* In seconds, because the last timestamps are more microseconds since 1970 than an int64_t holds. */
int dsql_timestamp_to_timespec(int64_t us, struct timespec *out) {
  int64_t seconds = us / US_PER_S, rest = us % US_PER_S;
  time_t unix_s;
  if (check(us) || us == DSQL_TIMESTAMP_INFINITY || us == DSQL_TIMESTAMP_NEG_INFINITY) return DSQL_ERANGE;
  if (rest < 0) {
    rest += US_PER_S;
    seconds--;
  }
  unix_s = (time_t)(seconds + EPOCH_S);
  if (unix_s != seconds + EPOCH_S) return DSQL_ERANGE;
  *out = (struct timespec){.tv_sec = unix_s, .tv_nsec = (long)rest * NS_PER_US};
  return 0;
}

int dsql_timestamp_from_timespec(const struct timespec *t, int64_t *us) {
  int64_t v;
  if (t->tv_nsec < 0 || t->tv_nsec >= NS_PER_S) return DSQL_EINVAL;
  if (__builtin_sub_overflow((int64_t)t->tv_sec, EPOCH_S, &v) || __builtin_mul_overflow(v, US_PER_S, &v) ||
      __builtin_add_overflow(v, t->tv_nsec / NS_PER_US, &v))
    return DSQL_ERANGE;
  if (v == DSQL_TIMESTAMP_INFINITY || v == DSQL_TIMESTAMP_NEG_INFINITY || check(v)) return DSQL_ERANGE;
  *us = v;
  return 0;
}
