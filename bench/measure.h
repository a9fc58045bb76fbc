/* measure.h - clocks, memory and allocation counts of this process, and the output of results. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdint.h>

struct sample {
  int64_t wall_ns;
  int64_t cpu_us;   /* user and system, all threads */
  uint64_t mallocs; /* with count_malloc.so preloaded, else 0 */
};

int64_t measure_wall_ns(void);
int64_t measure_thread_cpu_ns(void);
long measure_rss_kb(void);
long measure_peak_rss_kb(void); /* of the whole process so far */
void measure_sample(struct sample *out);

void report(const char *key, int64_t value);
/* What the measured part took: wall_us, cpu_us, mallocs, and the sum of all values. */
void report_work(const struct sample *begin, const struct sample *end, uint64_t count, int64_t sum);

/* Positive decimal numbers only; ends the program otherwise. */
uint64_t parse_count(const char *s);
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
