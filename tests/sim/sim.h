/* sim.h - the world of one simulated run: time, chance, what is due, what was violated. One thread, one world at a time.
 *
 *   world.c    the clock, the random numbers, the events; reports of violations
 *   fake_uv.c  takes libuv's place: its loop turns only when the world tells it to
 *   net.c      takes the place of src/net/socket.c: byte pipes with delays, cuts and stalls to the fake server
 *   fake_tls.c takes the TLS library's place; cluster.c the hosts that the server runs on, and their roles
 *   server.c   a PostgreSQL session, message by message; statement.c what its statements do; store.c the data
 *   sniffer.c  what the client's kernel has taken, judged by the rule of what may leave a doubt
 *   spans.c    the hooks of dsql/observe.h: each start has its end
 *   secrets.c  where passwords and tokens come from
 *   work.c     what the program under the library does; body.c its transactions; checks.c what must hold
 *   main.c     seeds
 *
 * All of the library is the real one but for src/net/socket.c and TLS; the same seed gives the same run, byte for byte. */
#ifndef DSQL_TEST_SIM_SIM_H
#define DSQL_TEST_SIM_SIM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "base/list.h"

/* Something that is due; embedded in what it is about. */
struct event {
  struct heap_node node;
  void (*fire)(struct event *e);
};

/* How likely each fault is, of a thousand opportunities; all zero is a calm world. */
struct faults {
  unsigned refuse, blackhole;   /* connects */
  unsigned startup, password;   /* sessions refused by the server */
  unsigned cut, stall, split;   /* connections cut at a random byte; held up; bytes that come in small pieces */
  unsigned statement, commit;   /* errors of statements, of COMMIT */
  unsigned fatal, die;          /* FATAL at a message; the server vanishes behind a commit, or ahead of it */
  unsigned secret, slow_secret; /* sources of passwords that fail, or take their time */
  unsigned memory;              /* allocations */
  unsigned restart;             /* of the whole server, per operation */
  unsigned handshake;           /* TLS that fails */
  unsigned method, role;        /* whether the server asks for other secrets, and hosts change their roles */
  unsigned hook, notice;        /* after_connect; messages that nobody has asked for */
  unsigned stay;                /* of FATALs: the server does not close behind them */
};

struct sim {
  uint64_t seed, rng, now_us;
  int64_t wall_ms; /* added to the time since the start: Unix time */
  uint64_t hash;   /* of everything that has happened: two runs of a seed have the same */
  struct heap events;
  struct faults faults;
  bool verbose, failed;
  unsigned live_events;
};
extern struct sim sim;

void sim_init(uint64_t seed, bool verbose);

uint64_t sim_random(void);
static inline uint64_t sim_below(uint64_t n) { return n ? sim_random() % n : 0; }
static inline uint64_t sim_between(uint64_t a, uint64_t b) { return a + sim_below(b - a + 1); }
static inline bool sim_chance(unsigned permille) { return permille && sim_below(1000) < permille; }
/* Small ones are more likely: uniform in the exponent. */
uint64_t sim_scaled(uint64_t most);

void sim_at(struct event *e, uint64_t delay_us, void (*fire)(struct event *e));
void sim_stop(struct event *e);
/* Runs what is due now; true when there was something. */
bool sim_run_due(void);
/* UINT64_MAX: nothing is to come. */
uint64_t sim_next_us(void);
int64_t sim_wall_ms(void);
void sim_note(uint64_t value); /* into the hash */

/* A line of the trace, with --verbose. */
void sim_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Ends the program, with the seed and how to see it again. */
_Noreturn void sim_violated(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define sim_check(condition, ...) ((condition) ? (void)0 : sim_violated(__VA_ARGS__))

void *sim_alloc(size_t n); /* zeroed; the program ends without memory */

#endif
