#include "bench/timeline.h"

#include <string.h>

static void halve(struct timeline *t) {
  for (size_t i = 0; i < TIMELINE_BINS / 2; i++) {
    const struct timeline_bin *a = &t->bins[2 * i], *b = a + 1;
    t->bins[i] = (struct timeline_bin){a->done + b->done, a->failed + b->failed};
  }
  memset(&t->bins[TIMELINE_BINS / 2], 0, sizeof t->bins / 2);
  t->width_ns *= 2;
  t->used = (t->used + 1) / 2;
}

static struct timeline_bin *bin_at(struct timeline *t, uint64_t at_ns) {
  size_t i;

  if (t->width_ns == 0) t->width_ns = TIMELINE_FIRST_WIDTH_NS;
  while (at_ns / t->width_ns >= TIMELINE_BINS) halve(t);
  i = (size_t)(at_ns / t->width_ns);
  if (i >= t->used) t->used = i + 1;
  return &t->bins[i];
}

void timeline_done(struct timeline *t, uint64_t at_ns) { bin_at(t, at_ns)->done++; }
void timeline_failed(struct timeline *t, uint64_t at_ns) { bin_at(t, at_ns)->failed++; }

size_t timeline_resample(const struct timeline *t, uint64_t elapsed_ns, size_t n, struct timeline_bin *out,
                         uint64_t *width_ns) {
  uint64_t width = t->width_ns ? t->width_ns : TIMELINE_FIRST_WIDTH_NS, covered;
  size_t bins, group;

  covered = (elapsed_ns + width - 1) / width;
  if (covered < t->used) covered = t->used;
  if (covered == 0) covered = 1;
  group = (size_t)((covered + n - 1) / n);
  bins = (size_t)((covered + group - 1) / group);
  memset(out, 0, bins * sizeof *out);
  for (size_t i = 0; i < t->used; i++) {
    out[i / group].done += t->bins[i].done;
    out[i / group].failed += t->bins[i].failed;
  }
  *width_ns = width * group;
  return bins;
}
