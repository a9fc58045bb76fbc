/* timeline.h - how much was done when, in constant memory: when the run outgrows the bins, pairs of them become one. Pure. */
#ifndef DSQL_CLI_BENCH_TIMELINE_H
#define DSQL_CLI_BENCH_TIMELINE_H

#include <stddef.h>
#include <stdint.h>

enum { TIMELINE_BINS = 512, TIMELINE_FIRST_WIDTH_NS = 20000000 };

struct timeline_bin {
  uint64_t done, failed;
};

/* Zero-initialised is empty. */
struct timeline {
  uint64_t width_ns; /* of a bin; 0: nothing was added yet */
  size_t used;
  struct timeline_bin bins[TIMELINE_BINS];
};

/* at_ns: since the run began. */
void timeline_done(struct timeline *t, uint64_t at_ns);
void timeline_failed(struct timeline *t, uint64_t at_ns);

/* The same in at most n bins (written to out) of equal width (*width_ns, a multiple of t's), which cover elapsed_ns.
 * Returns how many they are; the last one may reach beyond elapsed_ns. */
size_t timeline_resample(const struct timeline *t, uint64_t elapsed_ns, size_t n, struct timeline_bin *out,
                         uint64_t *width_ns);

#endif
