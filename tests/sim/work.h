/* work.h - the program under the library: one pool, and operations on it that begin at random times, some of which are
 * canceled, destroyed or let go of. Each has an id of its own; those that write put a row of that id, so that the store
 * tells how often it took effect.
 *
 *   IDLE -> PENDING -> DONE (its callback has run, or it was seen to be ready) -> destroyed
 *                  \-> GONE (destroyed or detached before; no callback may run any more) */
#ifndef DSQL_TEST_SIM_WORK_H
#define DSQL_TEST_SIM_WORK_H

#include <uv.h>

#include "dsql/dsql.h"
#include "secrets.h"
#include "sim.h"
#include "test_alloc.h"

enum op_kind {
  OP_ACQUIRE,
  OP_QUERY, /* pool: put */
  OP_STMT,  /* pool: put, prepared */
  OP_EXEC,  /* pool: a script with a put in a block */
  OP_READ,  /* pool: get, or rows one by one */
  OP_SLEEP, /* pool: takes its time, likely to be canceled */
  OP_TX,    /* put and moves in a body */
  OP_BATCH, /* declared: put and moves */
  OP_RETRY, /* dsql_retry_statement(): put */
  OP_ALL,   /* dsql_all() of two puts, with this id and the next one */
  OP_HELD,  /* put on a connection that was acquired */
  OP_COPY_IN,
  OP_COPY_OUT,
  OP_BATCHES, /* a COPY in many transactions */
  OP_FETCH,   /* a portal on a connection that was acquired */
  OP_NESTED,  /* put on the pool, awaited by a body: its outcome is not seen */
  OP_CONTROL  /* something done to the pool, the server or the clock */
};

enum op_state { OP_IDLE, OP_PENDING, OP_DONE, OP_GONE };

struct op {
  struct event event, hold;
  unsigned id;
  enum op_kind kind;
  enum op_state state;
  dsql_future *future; /* NULL: destroyed, or never there */
  dsql_conn *conn;     /* OP_ACQUIRE: held. OP_HELD: where it runs */
  int code;
  unsigned flags;
  uint64_t ticket;
  unsigned waits, moves, bodies, stepped; /* of a body: how often it waits, and moves at its end; calls; last step */
  bool writes, uncommitted;               /* uncommitted: in a block that is left open */
  bool idempotent, read_only;
  bool aborts, misbehaves, awaits, fetches, suicidal;
  bool watched, canceled, unjudged;
  uint64_t taken, in_doubt;   /* OP_BATCHES: rows */
  struct dsql_portal *portal; /* OP_FETCH, and of a body */
  char line[16];              /* what a COPY puts */
  struct op *partner;         /* in the same pipeline: both or none */
};

enum { OPS_MAX = 1000 };

struct work {
  uv_loop_t loop;
  struct test_alloc heap;
  dsql_rt *rt;
  dsql_target *target;
  dsql_pool *pool;
  dsql_stmt *put, *get;
  dsql_pool_config config;
  dsql_tx_options tx_options;
  struct op *ops[OPS_MAX];
  unsigned op_count, next_id;
  unsigned to_start; /* operations whose time has not come */
  unsigned in_call;  /* inside a call of the library's */
  uint64_t tickets;
  bool pool_closed, rt_closing, rt_closed;
  struct op *close_op;
  /* what checks.c has seen */
  bool jumped; /* the clock, since the last look */
  uint64_t connects_seen, bucket, bucket_ms;
  uint32_t conns_max; /* the most since the last look */
};
extern struct work work;

/* It may stand still until the program resumes it. */
static inline bool op_pauses(const struct op *op) {
  return op->kind == OP_READ || op->kind == OP_COPY_IN || op->kind == OP_COPY_OUT || op->kind == OP_BATCHES;
}

/* ---- work.c ---- */
void work_open(void);
void work_close_pool(void);
void work_close_runtime(void);
struct op *work_add(enum op_kind kind);
/* Around every call of the library's: no callback may run inside. */
static inline void work_enter(void) { work.in_call++; }
static inline void work_leave(void) { work.in_call--; }
void work_start(struct op *op, dsql_future *f);
/* Its outcome, when it is there and was not looked at. */
void work_look(struct op *op);
void work_let_go(struct op *op); /* destroys its future */

/* ---- ops.c ---- */
void ops_begin(struct op *op); /* what its kind does */
void ops_hold(struct op *op);  /* an acquired connection */
void ops_plan(struct op *op);

/* ---- body.c ---- */
dsql_future *body_run(struct op *op);
dsql_future *body_run_batch(struct op *op);

/* ---- checks.c ---- */
void checks_turn(void);
void checks_calm(void); /* everything is done, and the pool is open */
void checks_end(void);
void checks_granted(const struct op *op);
const char *op_name(const struct op *op);

#endif
