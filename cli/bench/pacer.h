/* pacer.h - when the next piece of work begins. Pure: the time is an argument.
 *
 *   closed loop   whenever there is room; with a ceiling, not sooner than interval_ns after the last start
 *   open loop     the k-th at k * interval_ns, whether or not there is room then. Work that has to wait is still due at
 *                 its time and its latency counts from there: a slow server cannot hide behind work that was not begun
 *                 (the "coordinated omission")
 *
 * It ends with the count or the duration, whichever is given; in the open loop what was due then and not begun is
 * missed. */
#ifndef DSQL_CLI_BENCH_PACER_H
#define DSQL_CLI_BENCH_PACER_H

#include <stdbool.h>
#include <stdint.h>

struct pacer {
  bool open;
  uint64_t interval_ns; /* 0: a closed loop without a ceiling */
  uint64_t count;       /* 0: no limit */
  uint64_t duration_ns; /* 0: no limit */
  uint64_t begin_ns;
  uint64_t begun;         /* so far */
  uint64_t not_before_ns; /* of the closed loop */
};

enum pacer_answer { PACER_START, PACER_WAIT, PACER_END };

/* START: one piece begins now, and *at_ns is when it was meant to. WAIT: ask again at *at_ns. */
enum pacer_answer pacer_next(struct pacer *p, uint64_t now_ns, uint64_t *at_ns);
/* A failure that comes at once, as a refused connection does, must not become a flood of attempts. */
void pacer_failed(struct pacer *p, uint64_t now_ns);
/* How many were due before the end and not begun. */
uint64_t pacer_missed(const struct pacer *p, uint64_t end_ns);

#endif
