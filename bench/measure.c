#include "measure.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* Defined by count_malloc.so when it is preloaded. */
extern uint64_t bench_malloc_count(void) __attribute__((weak));

static int64_t clock_ns(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t measure_wall_ns(void) { return clock_ns(CLOCK_MONOTONIC); }
int64_t measure_thread_cpu_ns(void) { return clock_ns(CLOCK_THREAD_CPUTIME_ID); }

static int64_t timeval_us(struct timeval t) { return (int64_t)t.tv_sec * 1000000 + t.tv_usec; }

static int64_t process_cpu_us(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return timeval_us(usage.ru_utime) + timeval_us(usage.ru_stime);
}

static long status_kb(const char *key) {
  char line[256];
  long kb = -1;
  FILE *f = fopen("/proc/self/status", "r");

  if (!f) die("no /proc/self/status");
  while (kb < 0 && fgets(line, sizeof line, f))
    if (strncmp(line, key, strlen(key)) == 0) kb = strtol(line + strlen(key), NULL, 10);
  fclose(f);
  return kb;
}

long measure_rss_kb(void) { return status_kb("VmRSS:"); }
long measure_peak_rss_kb(void) { return status_kb("VmHWM:"); }

void measure_sample(struct sample *out) {
  out->mallocs = bench_malloc_count ? bench_malloc_count() : 0;
  out->cpu_us = process_cpu_us();
  out->wall_ns = measure_wall_ns();
}

void report(const char *key, int64_t value) { printf("%s %" PRId64 "\n", key, value); }

void report_work(const struct sample *begin, const struct sample *end, uint64_t count, int64_t sum) {
  report("count", (int64_t)count);
  report("wall_us", (end->wall_ns - begin->wall_ns) / 1000);
  report("cpu_us", end->cpu_us - begin->cpu_us);
  report("mallocs", (int64_t)(end->mallocs - begin->mallocs));
  report("sum", sum);
}

uint64_t parse_count(const char *s) {
  char *end;
  unsigned long long n = strtoull(s, &end, 10);
  if (*s < '0' || *s > '9' || *end || n == 0 || n > 1000000000) die("COUNT is 1 to 1000000000, not %s", s);
  return n;
}

void die(const char *format, ...) {
  va_list arguments;

  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}
