/* rt.h - the runtime: what the library needs of the caller's uv_loop_t, without uv.h. One per loop, loop-affine.
 *
 * A loop turn: libuv calls one of our callbacks; it calls rt_enter(), does its work and, as its last act, calls
 * rt_leave(), which drains the ready queue (the callbacks of futures run there and nowhere else). What user code then
 * queues for sending is written once: in our check handle, which always runs, right after libuv has polled; or, when it
 * was queued elsewhere (a timer, outside of any callback, an embedded loop), in our prepare handle, right before libuv
 * polls, and until then an idle handle keeps the poll from blocking. So answers that bring new queries, which is what
 * happens most, start and stop no handle. */
#ifndef DSQL_RT_RT_H
#define DSQL_RT_RT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/heap.h"
#include "base/list.h"
#include "dsql/dsql.h"

/* Who observes it (rt/observe.h), NULL: nobody. Every call looks, so it is the first field, read in place. */
struct observer;
static inline struct observer *rt_observer(const struct dsql_rt *rt) {
  return *(struct observer *const *)(const void *)rt;
}

struct uv_loop_s *rt_loop(struct dsql_rt *rt);
const dsql_alloc *rt_alloc(struct dsql_rt *rt);
struct arena_pool *rt_chunks(struct dsql_rt *rt);
bool rt_closing(const struct dsql_rt *rt);

/* ---- time: milliseconds of the loop's clock (cached per turn), and a fine one for statistics ---- */
uint64_t rt_now_ms(struct dsql_rt *rt); /* outside our callbacks it is refreshed first */
/* That much later than now, by a fresh look at the clock: for the time of a call, which may come from a callback that has
 * been at work since this turn began. */
uint64_t rt_after_ms(struct dsql_rt *rt, uint64_t ms);
uint64_t rt_clock_us(void);
int64_t rt_wall_ms(void); /* Unix time; may jump, either way */

/* For jitter, not for secrets: a generator per runtime, seeded by the system. */
uint64_t rt_random(struct dsql_rt *rt);

/* ---- tasks: run once at the next drain, in order; a task may requeue itself (then it runs in a later drain) ---- */
struct rt_task {
  struct list node; /* list_init() before first use */
  void (*run)(struct rt_task *t);
};
void rt_ready(struct dsql_rt *rt, struct rt_task *t); /* does nothing when queued already */
void rt_unready(struct rt_task *t);
/* Like rt_ready(), but run in the check or the prepare handle, after every user callback that has to do with what was
 * polled: for the one write. */
void rt_flush_later(struct dsql_rt *rt, struct rt_task *t);
/* Every libuv callback of ours begins with rt_enter() and ends with rt_leave(), which drains the ready queue. Nothing of
 * the caller may be touched after rt_leave(). In between, queueing a task costs no handle operation. */
void rt_enter(struct dsql_rt *rt);
void rt_leave(struct dsql_rt *rt);
/* The same for the callback of a uv_poll_t: what stays queued needs nothing to be seen to, our check handle follows. */
void rt_leave_polled(struct dsql_rt *rt);
/* True inside the drain: where tasks, and user callbacks, run. */
bool rt_draining(const struct dsql_rt *rt);
/* True between rt_enter() and rt_leave(), so in the drain as well: dsql_future_run() is wrong there. */
bool rt_entered(const struct dsql_rt *rt);

/* ---- timers: one uv_timer_t behind a heap. Background timers do not keep the loop alive. ---- */
struct rt_timer {
  struct heap_node node; /* zero-initialised is idle */
  void (*fire)(struct rt_timer *t);
  bool background; /* not to be changed while armed */
};
/* deadline_ms as of rt_now_ms(); restarting an armed timer moves it. The callback runs inside a libuv callback of ours.
 * While the runtime's last handles are being closed nothing is armed. */
void rt_timer_start(struct dsql_rt *rt, struct rt_timer *t, uint64_t deadline_ms);
void rt_timer_stop(struct dsql_rt *rt, struct rt_timer *t);

/* ---- the thread pool. The memory of w must live until done() was called, which always happens. ---- */
struct rt_work {
  void (*run)(struct rt_work *w);  /* in a pool thread: touches only what w owns, never the hook */
  void (*done)(struct rt_work *w); /* on the loop */
  struct dsql_rt *rt;
  void *request; /* the uv_work_t */
};
int rt_work_start(struct dsql_rt *rt, struct rt_work *w); /* 0, ENOMEM, EIO */

/* ---- what rt_close has to wait for: sockets, lookups, work ---- */
/* Everything that owns handles registers; on dsql_rt_close() each is asked to close itself and must remove itself. */
struct rt_closer {
  struct list node;
  void (*close)(struct rt_closer *c); /* start closing; idempotent */
};
void rt_closer_add(struct dsql_rt *rt, struct rt_closer *c);
void rt_closer_remove(struct dsql_rt *rt, struct rt_closer *c);
/* Counts things under way (uv handles being closed, uv requests) that must end before the runtime's memory goes. */
void rt_hold(struct dsql_rt *rt);
void rt_release(struct dsql_rt *rt);

/* ---- memory: fixed-size blocks and big slabs with free lists, so that a warm query takes nothing from the hook ----
 * The free lists keep at most 4096 blocks (6 MiB) and 1024 arena chunks (4 MiB); the two slabs are kept. */
enum { RT_BLOCK_SIZE = 1536, RT_SLAB_SIZE = 64 * 1024 };
void *rt_block_get(struct dsql_rt *rt); /* RT_BLOCK_SIZE bytes, not zeroed; NULL when there is no memory */
void rt_block_put(struct dsql_rt *rt, void *block);
/* Scratch for the duration of one callback; index 0: received bytes, 1: decrypted bytes. NULL when there is no memory. */
uint8_t *rt_slab(struct dsql_rt *rt, unsigned index);

/* What an upper layer keeps once per runtime: a pointer of its own, NULL at first. It must have gone (a closer sees to it)
 * when the runtime goes. */
enum rt_slot { RT_SLOT_HTTP, RT_SLOT_TOKENS, RT_SLOT_TYPES, RT_SLOTS };
void **rt_slot(struct dsql_rt *rt, enum rt_slot slot);

/* The one error that dsql_target_new() and the like may hand out: lives until the next call. */
const struct error *rt_set_error(struct dsql_rt *rt, const struct fault *f);

/* Learned facts per host (which key share a server chose); a small bounded table with least-recently-used
 * replacement. 0 when unknown. */
int rt_hint_get(struct dsql_rt *rt, const char *host, uint16_t port);
void rt_hint_set(struct dsql_rt *rt, const char *host, uint16_t port, int hint);
/* The same under any text (how a server authenticates a user); a table of its own. 0 when unknown. */
int rt_fact_get(struct dsql_rt *rt, const char *key);
void rt_fact_set(struct dsql_rt *rt, const char *key, int fact);

#endif
