/* runner.h - keeps slots busy: a piece of work begins in a free slot when the pacer says so.
 *
 *   RUNNING --the pacer's end, or runner_stop()--> ENDING --last busy slot done--> runner_run() returns */
#ifndef DSQL_CLI_BENCH_RUNNER_H
#define DSQL_CLI_BENCH_RUNNER_H

#include <stddef.h>
#include <uv.h>

#include "bench/pacer.h"

struct runner;

struct runner_work {
  /* Begins work in that slot, which was meant to begin at due_ns (uv_hrtime). Ends in one runner_done(), also inside. */
  void (*start)(void *owner, size_t slot, uint64_t due_ns);
  /* Ends what is under way as soon as possible; runner_done() comes for each all the same. */
  void (*cancel)(void *owner);
  /* A few times a second, while it runs. */
  void (*tick)(void *owner, uint64_t elapsed_ns);
};

struct runner {
  struct pacer pacer; /* the caller's to fill in, but for begin_ns */
  const struct runner_work *work;
  void *owner;
  uint64_t end_ns;    /* afterwards: when the last piece ended */
  size_t slots, idle; /* free ones are free_slots[0..idle) */
  size_t *free_slots;
  uv_loop_t *loop;
  uv_poll_t due; /* on a timerfd: libuv's timers are too coarse to begin work on time */
  uv_timer_t ticker;
  int timer_fd;
  bool ending, pumping;
};

/* Runs the loop until all is done. 0, or libuv's status when it could not begin. */
int runner_run(struct runner *r, uv_loop_t *loop, size_t slots);
/* ok: it succeeded. The slot may be used again at once. */
void runner_done(struct runner *r, size_t slot, bool ok);
void runner_stop(struct runner *r);

#endif
