/* report.h - what a run has measured, one variant beside the other; printed by table.c, report_json.c and html.c. Times
 * are nanoseconds. */
#ifndef DSQL_CLI_BENCH_REPORT_H
#define DSQL_CLI_BENCH_REPORT_H

#include <stdbool.h>
#include <time.h>

#include "bench/failures.h"
#include "bench/histogram.h"
#include "bench/timeline.h"
#include "out.h"

/* From the moment that a connection is due to its first row; together they are the total. */
enum bench_phase {
  BENCH_WAITED, /* for a free slot; only with --rate */
  BENCH_PREPARE,
  BENCH_DNS,
  BENCH_SOCKET,
  BENCH_SSLREQUEST,
  BENCH_TLS,
  BENCH_AUTH,
  BENCH_FIRST_ROW,
  BENCH_PHASES
};

struct bench_name {
  const char *key, *label;
};
extern const struct bench_name bench_phase_names[BENCH_PHASES];

enum { VARIANTS_MAX = 4, COUNTERS_MAX = 8, NOTES_MAX = 8, FACTS_MAX = 16, REPORT_TEXT = 256 };

struct variant {
  char name[48];
  struct histogram total, phases[BENCH_PHASES];
  struct timeline timeline;
  struct failures failures;
  uint64_t round_trips_sum, round_trips_min, round_trips_max; /* until the session was ready */
  uint64_t first_ns; /* the first connection of all, before the measuring; 0: none */
  uint64_t counters[COUNTERS_MAX];
};

struct report_fact {
  const char *key;
  char text[REPORT_TEXT];
};

struct report {
  const char *work;  /* "connect" */
  const char *units; /* "connections" */
  bool phases;       /* phases, round trips and first_ns were measured */
  const struct bench_name *counters;
  size_t counters_n;
  struct variant *variants; /* owned */
  size_t variants_n;
  struct report_fact facts[FACTS_MAX]; /* target and options */
  size_t facts_n;
  char notes[NOTES_MAX][REPORT_TEXT];
  size_t notes_n;
  time_t started_s;
  uint64_t elapsed_ns;
  bool interrupted;
};

bool report_init(struct report *r, size_t variants_n); /* false: no memory */
void report_deinit(struct report *r);
void report_fact(struct report *r, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
void report_note(struct report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint64_t report_done(const struct report *r); /* of all variants */
double report_per_s(const struct report *r, const struct variant *v);

void report_table(struct out *o, const struct report *r);
void report_json(struct out *o, const struct report *r);
void report_html(struct out *o, const struct report *r);

void out_printf(struct out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Milliseconds with three to four significant digits: "0.0314", "4.203", "1234". */
void report_ms(char *out, size_t size, double ns);

/* ---- figures.c: the rows of the tables ---- */
enum figure_kind { FIGURE_COUNT, FIGURE_MS, FIGURE_PER_S, FIGURE_TRIPS, FIGURE_PER_CENT };

struct figure {
  const char *section; /* the same pointer for neighbours of one section; NULL: the head */
  const char *label;
  enum figure_kind kind;
  bool ratio; /* is worth comparing */
  double values[VARIANTS_MAX];
};
enum { FIGURES_MAX = 48 };

size_t figures_of(const struct report *r, struct figure out[FIGURES_MAX]);
void figure_text(char *out, size_t size, enum figure_kind kind, double value);

#endif
