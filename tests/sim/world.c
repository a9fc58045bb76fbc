#include "sim.h"

#include <sys/types.h>

struct sim sim;

static const int64_t START_UNIX_MS = INT64_C(1770000000000);

void sim_init(uint64_t seed, bool verbose) {
  sim = (struct sim){.seed = seed, .rng = seed * UINT64_C(0x2545f4914f6cdd1d), .verbose = verbose};
  sim.now_us = 1000000;
  sim.wall_ms = START_UNIX_MS;
  heap_init(&sim.events);
}

static uint64_t mix(uint64_t z) { /* splitmix64 */
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

uint64_t sim_random(void) { return mix(sim.rng += UINT64_C(0x9e3779b97f4a7c15)); }

uint64_t sim_scaled(uint64_t most) {
  unsigned bits = 0;
  uint64_t limit;
  while (bits < 63 && (UINT64_C(1) << bits) <= most) bits++;
  limit = UINT64_C(2) << sim_below(bits);
  return sim_below((most < limit ? most : limit) + 1);
}

void sim_note(uint64_t value) { sim.hash = mix(sim.hash ^ value ^ sim.now_us); }

int64_t sim_wall_ms(void) { return sim.wall_ms + (int64_t)(sim.now_us / 1000); }

/* The library's own randomness: for nonces, and the order of hosts. */
ssize_t getrandom(void *p, size_t n, unsigned flags);
ssize_t getrandom(void *p, size_t n, unsigned flags) {
  (void)flags;
  for (size_t i = 0; i < n; i++) ((unsigned char *)p)[i] = (unsigned char)sim_random();
  return (ssize_t)n;
}

/* ---- events ---- */

void sim_at(struct event *e, uint64_t delay_us, void (*fire)(struct event *e)) {
  heap_remove(&sim.events, &e->node);
  e->fire = fire;
  heap_insert(&sim.events, &e->node, sim.now_us + delay_us);
}

void sim_stop(struct event *e) { heap_remove(&sim.events, &e->node); }

bool sim_run_due(void) {
  struct heap_node *n;
  bool any = false;

  while ((n = heap_min(&sim.events)) != NULL && n->key <= sim.now_us) {
    struct event *e = LIST_ENTRY(n, struct event, node);
    heap_remove(&sim.events, n);
    e->fire(e);
    any = true;
  }
  return any;
}

uint64_t sim_next_us(void) {
  struct heap_node *n = heap_min(&sim.events);
  return n ? n->key : UINT64_MAX;
}

/* ---- telling ---- */

static void print(FILE *to, const char *format, va_list args) {
  (void)fprintf(to, "%10.3f ms  ", (double)sim.now_us / 1000);
  (void)vfprintf(to, format, args);
  (void)fputc('\n', to);
}

void sim_trace(const char *format, ...) {
  va_list args;
  if (!sim.verbose) return;
  va_start(args, format);
  print(stdout, format, args);
  va_end(args);
}

void sim_violated(const char *format, ...) {
  va_list args;

  (void)fflush(stdout);
  (void)fprintf(stderr, "seed %llu: violated at ", (unsigned long long)sim.seed);
  va_start(args, format);
  print(stderr, format, args);
  va_end(args);
  (void)fprintf(stderr, "replay: test_sim --seed %llu --verbose\n", (unsigned long long)sim.seed);
  abort();
}

void *sim_alloc(size_t n) {
  void *p = calloc(1, n ? n : 1);
  if (!p) {
    perror("calloc");
    exit(2);
  }
  return p;
}
