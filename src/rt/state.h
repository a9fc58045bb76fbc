/* state.h - the runtime's own fields; private to src/rt, the one header of it that knows libuv. */
#ifndef DSQL_RT_STATE_H
#define DSQL_RT_STATE_H

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "rt/future.h"

enum {
  RT_BLOCKS_FREE_MAX = 4096, /* 6 MiB */
  RT_CHUNKS_FREE_MAX = 1024, /* 4 MiB */
  RT_SLABS = 2,
  RT_HINTS = 64,
  RT_FACTS = 64
};

struct rt_hint {
  char *host; /* NULL: a free entry */
  uint64_t used;
  int hint;
  uint16_t port;
};

struct rt_fact {
  char *key; /* NULL: a free entry */
  uint64_t used;
  int fact;
};

/* Where dsql_future_run() looks after each turn; on its stack, because the future and the runtime may be gone then. */
struct rt_awaited {
  struct dsql_future *future; /* NULL: gone */
  int code;                   /* what it ended with, when gone */
};

struct dsql_rt {
  struct observer *observer; /* first: rt_observer() reads it. NULL: nobody looks */
  uv_loop_t *loop;
  dsql_alloc alloc;
  uint64_t random;

  /* The five handles; all are unref'd except idle (while started) and timer (while a foreground timer is armed). */
  uv_idle_t idle;
  uv_prepare_t prepare;
  uv_check_t check;
  uv_timer_t timer;
  uv_async_t async;
  unsigned handles_open;

  struct list ready, flush;
  bool armed;    /* idle and prepare run */
  bool entered;  /* inside a libuv callback of ours: rt_leave() follows */
  bool draining; /* inside a task */

  struct heap timers;
  uint64_t timer_due_ms; /* when the uv_timer_t fires, never later than the heap's first */
  size_t timers_foreground;
  bool timers_firing;

  uv_mutex_t post_lock;
  struct list posts; /* under post_lock */
  bool post_closed;  /* under post_lock */
  struct rt_task post_task;

  struct list closers, open;
  size_t holds;
  bool closing, ask_closers, check_closed, handles_closed;
  dsql_cb close_cb;
  void *close_arg;

  struct rt_block *blocks_free;
  size_t blocks_free_count;
  uint8_t *slabs[RT_SLABS];
  struct arena_pool chunks;
  struct arena last_error;

  void *slot_values[RT_SLOTS];
  struct rt_hint hints[RT_HINTS];
  struct rt_fact facts[RT_FACTS];
  uint64_t hint_clock; /* of both */

  struct rt_awaited *awaited;
#ifndef NDEBUG
  uv_thread_t thread; /* that last ran a callback of ours */
  bool thread_known;
#endif
};

/* rt->awaited while a hook of dsql_rt_observe() runs: nobody is to let go of a future that is pending. */
extern struct rt_awaited rt_hook_awaits;

/* Keeps the poll from blocking and the prepare callback running, as long as there is something to do. */
void rt_settle(struct dsql_rt *rt);
void rt_drain(struct dsql_rt *rt);
void rt_tasks_init(struct dsql_rt *rt);
/* Runs in the check or prepare callback while closing: closes the handles once nothing is under way. */
void rt_close_step(struct dsql_rt *rt);
/* Hands the posted functions of other threads to the ready queue; false when there are none. */
bool rt_posts_take(struct dsql_rt *rt);
int rt_posts_init(struct dsql_rt *rt);
void rt_posts_stop(struct dsql_rt *rt);
void rt_timers_init(struct dsql_rt *rt);
void rt_memory_deinit(struct dsql_rt *rt);
void rt_hints_deinit(struct dsql_rt *rt);
void observe_deinit(struct dsql_rt *rt); /* when all spans have ended */

/* Debug builds: calls from another thread than the loop's are a programming error. Known from the first turn on. */
static inline void rt_assert_thread(const struct dsql_rt *rt) {
#ifndef NDEBUG
  uv_thread_t self = uv_thread_self();
  if (rt->thread_known && !uv_thread_equal(&self, &rt->thread)) {
    (void)fputs("libdsql: called from another thread than the loop's; only dsql_rt_post() may be\n", stderr);
    abort();
  }
#else
  (void)rt;
#endif
}

#endif
