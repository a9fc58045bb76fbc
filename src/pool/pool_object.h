/* pool_object.h - dsql_pool: the machine of pool_state.h at work on real connections.
 *
 * Events of connections, of the timer and of borrowers go to the machine at once; its actions are carried out by
 * pool_run(), from the loop. A connection that is connecting is known here only, a slot in the list `connecting`.
 *
 *   a slot        its connection           is watched for
 *   CONNECTING    starts up, with the      dsql_conn_ready(), and what may ride
 *                 calls of a rider perhaps
 *   IDLE          idle                     being lost
 *   LENT          the borrower's           -
 *   DRAINING      has work under way       being quiet or lost
 *   ROLLING_BACK  runs a ROLLBACK of ours  its future */
#ifndef DSQL_POOL_POOL_OBJECT_H
#define DSQL_POOL_POOL_OBJECT_H

#include "base/histogram.h"
#include "conn/conn.h"
#include "pool/pool.h"
#include "rt/future.h"
#include "rt/observe.h"

enum conn_use { USE_CONNECTING, USE_IDLE, USE_LENT, USE_DRAINING, USE_ROLLING_BACK };

struct pool_conn {
  struct pool_slot slot;   /* first */
  struct conn_owner owner; /* of conn */
  struct list node;        /* connecting, or all others */
  struct dsql_pool *pool;
  struct dsql_conn *conn;
  dsql_future *work;  /* ready future, or ROLLBACK */
  dsql_future *reset; /* reset_sql, sent ahead of the borrower */
  struct rt_timer connect_timer;
  struct acquire *untaken; /* the ready future that has it, until somebody takes it */
  uint64_t opened_us;
  enum conn_use use;
  uint64_t waited_us; /* its rider: not in the statistics yet */
  bool used, spoiled; /* it was lent before; its reset has failed */
  bool early;         /* who has it was granted it before it was up */
};

struct dsql_pool {
  struct dsql_rt *rt;
  struct dsql_target *target;
  unsigned refs; /* the open pool, the close's future, each slot, each future of a borrower, transactions */
  struct pool_state state;
  struct rt_task task;
  struct rt_timer timer;
  struct rt_closer closer;
  struct list connecting, others; /* of pool_conn */
  struct arena cause_arena;
  const struct error *cause; /* of the last connect that failed */
  struct pool_conn *body;    /* whose borrower's body runs */
  struct dsql_future close_future, shell;
  bool ending;                                   /* close_future is somebody's */
  bool ended;                                    /* nothing is open */
  bool shut;                                     /* by the end of the runtime */
  uint64_t acquire_timeout_ms, connect_limit_ms; /* 0: none */
  char *reset_sql;
  void *tx_defaults;
  dsql_before_connect_fn before_connect;
  void *before_connect_arg;
  dsql_release_fn on_release;
  void *on_release_arg;
  uint64_t rollbacks;
  struct pool_tx_counts tx_counts;
  dsql_histogram acquire_time, connect_time;
};

/* ---- pool.c ---- */
/* Carries the actions out and arms the timer; from the loop. */
void pool_run(struct dsql_pool *p);
/* The same, from the loop, later. */
void pool_run_later(struct dsql_pool *p);

/* After an event that has no action. */
void pool_arm(struct dsql_pool *p);

/* ---- pool_connect.c ---- */
void pool_connect(struct dsql_pool *p, uint64_t generation);
/* But for those that are ridden, which are left alone; or, forced, cut off, and then told as any that fails. */
void pool_connect_abort_all(struct dsql_pool *p, bool forced);
/* To its rider, before it is up: its connection. */
dsql_conn *pool_ride(struct pool_conn *pc, uint64_t waited_us);
void pool_alight(struct pool_conn *pc, enum pool_verdict v);

/* ---- pool_lend.c ---- */
/* From idle to lent: its connection. */
dsql_conn *pool_lend(struct pool_conn *pc);
void pool_set_idle(struct pool_conn *pc);
/* Its rider has left it before it was up: what is left on it is cleaned up, as when it comes back. */
void pool_clean(struct pool_conn *pc);
void pool_drop(struct pool_conn *pc); /* it has left the machine: closes the connection, frees pc */
/* The deadline of the close: what is lent is cut off, what is being cleaned is closed. */
void pool_force(struct dsql_pool *p);

/* ---- pool_ask.c ---- */
void pool_tell_failed(struct dsql_pool *p, struct pool_request *r, enum pool_failure why);
void pool_tell_granted(struct dsql_pool *p, struct pool_request *r, struct pool_conn *pc);

/* ---- pool_observe.c: the span of who waits; where it ends, w->span is there ---- */
void pool_observe_start(struct dsql_pool *p, struct pool_waiter *w);
void pool_observe_granted(struct dsql_pool *p, struct pool_waiter *w, struct dsql_conn *c);
void pool_observe_failed(struct dsql_pool *p, struct pool_waiter *w, const struct error *e);
/* It was served at once. */
void pool_observe_taken(struct dsql_pool *p, struct dsql_conn *c);

/* ---- pool_acquire.c ---- */
void pool_acquires_shut(struct dsql_pool *p);

static inline struct pool_conn *pool_conn_of(struct pool_slot *s) { return (struct pool_conn *)(void *)s; }
/* Of a connection that is known to be a pool's. */
static inline struct pool_conn *pool_conn_get(const struct dsql_conn *c) {
  return LIST_ENTRY(c->owner, struct pool_conn, owner);
}
static inline struct pool_conn *pool_conn_find(const struct dsql_conn *c) { return c->owner ? pool_conn_get(c) : NULL; }

#endif
