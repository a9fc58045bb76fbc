/* observer.h - who observes a runtime; private to the observe*.c files. */
#ifndef DSQL_RT_OBSERVER_H
#define DSQL_RT_OBSERVER_H

#include "rt/observe.h"

struct rt_awaited;

struct observer {
  struct dsql_rt *rt;
  dsql_hooks hooks;
  uint64_t last_id;
  size_t open; /* spans */
  bool in_hook;
  struct rt_awaited *awaited; /* while a hook runs: what it is otherwise */
  dsql_observe_stats stats;
  /* The log: a second in which lines are counted. */
  struct rt_timer slow_timer;
  uint64_t slow_since_us;
  uint32_t slow_lines;
  uint64_t slow_suppressed; /* and not told yet */
};

/* Calls the log. */
void observe_log(struct observer *o, const char *line, size_t n);

/* ---- observe_slow.c ---- */
/* A call has ended. */
void observe_slow(struct observer *o, const dsql_span *s);
/* Tells what was suppressed. */
void observe_slow_flush(struct observer *o);
void observe_slow_init(struct observer *o);

#endif
