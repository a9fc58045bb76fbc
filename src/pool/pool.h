/* pool.h - dsql_pool from the inside: what transactions and the pool's own calls borrow connections with.
 *
 * A waiter belongs to its borrower, embedded in the borrower's own block, and is in the pool's hands from pool_ask()
 * until one of its two functions was called, or until pool_withdraw(). Both functions are called from the loop, never
 * inside pool_ask(), and may call anything of the pool. */
#ifndef DSQL_POOL_POOL_H
#define DSQL_POOL_POOL_H

#include "base/error.h"
#include "pool/pool_state.h"
#include "rt/rt.h"

struct dsql_pool;
struct observe_span;

struct pool_waiter {
  struct pool_request request; /* first */
  /* The borrower takes a connection that is not up yet, as soon as what is called at it travels with the start-up: c is
   * then DSQL_CONN_CONNECTING. Whatever fails on it is held against pool_rode_in_vain() first. */
  bool rides;
  struct observe_span *span; /* NULL: it does not wait, or is not observed */
  /* c is idle, outside a transaction, and the borrower's until pool_give_back(). It may have been lost by now. */
  void (*granted)(struct pool_waiter *w, dsql_conn *c);
  /* e lives until the call returns. */
  void (*failed)(struct pool_waiter *w, const struct error *e);
};

enum pool_verdict {
  POOL_REUSE,  /* the pool looks for itself: what is under way is finished, an open transaction rolled back */
  POOL_DESTROY /* whatever it looks like */
};

/* deadline_ms as of rt_now_ms(); 0: the pool's acquire_timeout_ms from now on. The functions must be set. */
void pool_ask(struct dsql_pool *p, struct pool_waiter *w, uint64_t deadline_ms);
/* O(1) but for its deadline. Does nothing when w is not in the pool's hands (any more). */
void pool_withdraw(struct dsql_pool *p, struct pool_waiter *w);
/* An idle connection when there is one and nobody waits; else NULL. For what can go on without a turn of the loop. */
dsql_conn *pool_take(struct dsql_pool *p);
void pool_give_back(struct dsql_pool *p, dsql_conn *c, enum pool_verdict v);
/* True when a call on c failed with e because c, granted before it was up, did not come up (this time), and nothing of
 * the call was sent: then c may be exchanged for another one, which is asked for in w's old place and with its old
 * deadline, as if it had never been granted. Nothing on c may be under way. */
bool pool_rode_in_vain(const dsql_conn *c, const struct error *e);
void pool_ask_again(struct dsql_pool *p, struct pool_waiter *w, dsql_conn *c);

/* Around every call of a transaction's body, with the connection that it holds: a request made inside, directly or
 * through the public calls, by which every connection would be held by a body that waits for another one, is refused
 * (EBUSY). NULL: the body has returned. Nests by hand: the previous one is returned. */
dsql_conn *pool_body(struct dsql_pool *p, dsql_conn *held);

/* Statistics that transactions keep. */
struct pool_tx_counts {
  uint64_t commits, retries, conflicts_data, conflicts_schema, in_doubt, flights, attempts;
};
struct pool_tx_counts *pool_tx_counts(struct dsql_pool *p);

/* The dsql_tx_options of the config, as many bytes as its size says; NULL: none were given. */
const struct dsql_tx_options *pool_tx_defaults(const struct dsql_pool *p);
struct dsql_rt *pool_rt(const struct dsql_pool *p);
struct dsql_target *pool_target(const struct dsql_pool *p);
/* False once dsql_pool_close() was called or the runtime is closing. */
bool pool_open(const struct dsql_pool *p);
/* Keeps the memory, not the connections. */
void pool_ref(struct dsql_pool *p);
void pool_unref(struct dsql_pool *p);

#endif
