#include <stdio.h>

#include "bench/bench.h"

static void put_latencies(const struct report *r) {
  char p50[24], p99[24];

  for (size_t i = 0; i < r->variants_n; i++) {
    const struct histogram *h = &r->variants[i].total;
    report_ms(p50, sizeof p50, (double)histogram_percentile(h, 50));
    report_ms(p99, sizeof p99, (double)histogram_percentile(h, 99));
    fprintf(stderr, "%s %s p50 %s p99 %s ms", i ? " |" : " ", r->variants_n > 1 ? r->variants[i].name : "", p50, p99);
  }
}

void progress_show(const struct bench *b, uint64_t elapsed_ns) {
  const struct report *r = &b->report;
  const struct bench_args *a = b->args;
  uint64_t done = report_done(r), total = a->count * r->variants_n, failed = 0;

  if (!b->progress) return;
  for (size_t i = 0; i < r->variants_n; i++) failed += r->variants[i].failures.total;
  fprintf(stderr, "\r%.1f s", (double)elapsed_ns / 1e9);
  if (a->count)
    fprintf(stderr, "  %llu of %llu %s", (unsigned long long)done, (unsigned long long)total, r->units);
  else
    fprintf(stderr, " of %.1f s  %llu %s", (double)a->duration_ms / 1e3, (unsigned long long)done, r->units);
  put_latencies(r);
  if (failed) fprintf(stderr, "  %llu failed", (unsigned long long)failed);
  fputs("\x1b[K", stderr);
  (void)fflush(stderr);
}

void progress_clear(const struct bench *b) {
  if (b->progress) fputs("\r\x1b[K", stderr);
}
