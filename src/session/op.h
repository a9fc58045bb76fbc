/* op.h - one operation of a session: its encoded messages and what is expected in answer to them.
 *
 * The owner encodes the whole operation into `bytes` when the user calls, so inputs are copied once, in wire form.
 * The session moves the bytes to its output only when they may leave; until then an operation can be dropped in O(1),
 * and after a failed connect attempt it moves to the next session as it is.
 *
 * Replies arrive in the order of `steps`, lowest bit first (Protocol, "Extended Query"):
 *
 *   step            cleared by                       when it fails (ErrorResponse)
 *   CLOSE           CloseComplete                    group failed, this one is the culprit
 *   PARSE           ParseComplete                    "
 *   PARAMS          ParameterDescription             "
 *   STMT_COLUMNS    RowDescription | NoData          "
 *   BIND            BindComplete                     "
 *   COLUMNS         RowDescription | NoData          "
 *   EXECUTE         DataRow*, then CommandComplete | EmptyQueryResponse; DataRow+ and PortalSuspended,
 *                   when it has a row limit
 *   SCRIPT          any number of results, ended by ReadyForQuery (simple protocol)
 *   (none left)     next operation of the group; behind the last: ReadyForQuery ends the group */
#ifndef DSQL_SESSION_OP_H
#define DSQL_SESSION_OP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "session/sql.h"

enum op_step {
  STEP_CLOSE = 1u << 0,
  STEP_PARSE = 1u << 1,
  STEP_PARAMS = 1u << 2,
  STEP_STMT_COLUMNS = 1u << 3,
  STEP_BIND = 1u << 4,
  STEP_COLUMNS = 1u << 5,
  STEP_EXECUTE = 1u << 6,
  STEP_SCRIPT = 1u << 7
};

/* How an operation ended; final only in its SESSION_OP_DONE event. */
enum op_outcome {
  OP_PENDING,
  OP_SUCCEEDED,
  OP_FAILED,       /* its own ErrorResponse (a SESSION_ERROR event came before), or refused for a local reason */
  OP_UNDONE,       /* it ran, then its group failed */
  OP_SKIPPED,      /* not run: an earlier member of its group failed */
  OP_ROLLED_BACK,  /* a COMMIT that was answered with the tag ROLLBACK */
  OP_COPY_REFUSED, /* it turned out to be a COPY, or one of the other direction, which was ended cleanly */
  OP_LOST          /* the connection went first */
};

/* Has its Execute a row limit? Only then may PortalSuspended stand for its end; rows beyond the limit are the owner's to
 * judge: a server may know none. */
enum op_limit { LIMIT_NONE, LIMIT_SET, LIMIT_REACHED /* PortalSuspended was read */ };

/* What the owner is prepared for. */
enum op_copy_plan { COPY_UNPLANNED, COPY_PLAN_IN, COPY_PLAN_OUT };

/* Protocol, "COPY Operations".
 *
 *   state           event                                  next
 *   COPY_NONE       CopyInResponse, planned                COPY_SENDING (EVENT_COPY)
 *                   CopyInResponse, not planned            COPY_FAILING, CopyFail sent
 *                   CopyOutResponse, planned               COPY_RECEIVING (EVENT_COPY)
 *                   CopyOutResponse, not planned           COPY_SWALLOWING
 *   COPY_SENDING    session_copy_done()                    COPY_SENT, CopyDone sent
 *                   session_copy_fail(), abandoned         COPY_FAILING, CopyFail sent
 *                   ErrorResponse                          COPY_NONE: the server drops what still comes
 *   COPY_SENT       CommandComplete                        COPY_NONE
 *   COPY_FAILING    ErrorResponse                          COPY_FAILING: it is the outcome
 *   COPY_RECEIVING  CopyData                               COPY_RECEIVING (EVENT_COPY_DATA)
 *                   CopyDone                               COPY_ENDED
 *   COPY_SWALLOWING CopyData                               COPY_SWALLOWING
 *                   CopyDone                               COPY_ENDED
 *   COPY_ENDED      CommandComplete                        COPY_NONE */
enum op_copy { COPY_NONE, COPY_SENDING, COPY_SENT, COPY_FAILING, COPY_RECEIVING, COPY_SWALLOWING, COPY_ENDED };

/* Where a statement stands in relation to the transaction block of the session, as far as it is certain. */
enum op_block {
  BLOCK_NONE,   /* outside, or it is not certain: the group's Sync commits */
  BLOCK_OPEN,   /* inside (or not run at all) */
  BLOCK_FAILED, /* inside one that has failed */
  BLOCK_GONE    /* the server ended the session before it */
};

struct op_queue;

struct op {
  struct list node;
  struct op_queue *queue; /* that counts it, from the push on */
  struct buf bytes;       /* encoded messages */
  uint8_t steps;          /* what is still expected */
  uint8_t first_steps;    /* what was expected at first */
  bool sync;              /* ends its group: bytes end with Sync, or are a simple Query */
  bool read_only;         /* never in doubt */
  bool no_rows;           /* neither described nor answered with rows: DataRow is a violation */
  bool whole;             /* EVENT_ANSWER may stand for EVENT_ROWS and EVENT_RESULT */
  bool barrier;           /* its group travels alone: nothing is sent behind it before its ReadyForQuery (COPY) */
  bool abandoned;         /* nobody waits for it: its replies are swallowed */
  bool group_failed_here; /* the culprit */
  bool settled;           /* its effects were committed by an explicit COMMIT in its group */
  bool reverted;          /* its effects were rolled back by a COMMIT or ROLLBACK in its group that answered ROLLBACK */
  bool rows_seen;
  bool rows_open;              /* DataRow is legal: not behind NoData, in a script only behind RowDescription */
  bool result_seen;            /* a script's */
  bool copy_refused;           /* there was a COPY that was not planned */
  uint8_t limit;               /* enum op_limit, the owner's at first */
  enum op_copy_plan copy_plan; /* the owner's */
  enum op_copy copy;
  uint64_t copy_done_at;  /* where in the output stream its CopyDone begins, its commit point; 0: none was sent */
  enum sql_effect effect; /* on the transaction block */
  enum op_outcome outcome;
  unsigned flags;      /* DSQL_IN_DOUBT, DSQL_NOT_SENT, DSQL_ROLLED_BACK: set with the outcome */
  int cause_index;     /* of the culprit in the group; -1 */
  uint64_t begin, end; /* range in the session's output stream; 0, 0 while not gathered */
  enum op_block block; /* doubt.c's working state */
  bool in_doubt;
};

/* Operations that were not sent yet, in order. It belongs to the owner and outlives sessions: after a failed connect
 * attempt the next session goes on with it. */
struct op_queue {
  struct list list;
  struct op *group_open; /* first member of a group whose Sync was not pushed yet */
  bool grouping;         /* between op_queue_group_begin() and the operation with the Sync */
  size_t ops, bytes;     /* queued and in flight: what the owner's caps are held against */
};

void op_queue_init(struct op_queue *q);
/* A fresh one, of which the owner has set bytes, steps, sync, no_rows, whole, read_only, barrier, limit, copy_plan and
 * effect. */
void op_queue_push(struct op_queue *q, struct op *op);
/* Ends its own group; before the group that is open, if any, and without a part in it. */
void op_queue_push_aside(struct op_queue *q, struct op *op);
void op_queue_push_first(struct op_queue *q, struct op *op); /* a retry, renewed: before everything that waits */
/* Operations pushed from here until the next one with op->sync form one group and leave together. */
void op_queue_group_begin(struct op_queue *q);
/* Moves op's whole group, of which nothing was sent, to `dropped`. */
void op_queue_drop(struct op *op, struct list *dropped);
struct op *op_queue_pop(struct op_queue *q); /* NULL when empty */
void op_queue_forget(struct op *op);         /* unlinks, from wherever it is, and stops counting it */
/* What waits in from, which has no open group, goes before everything that waits in q. */
void op_queue_put_before(struct op_queue *q, struct op_queue *from);

void op_init(struct op *op, const dsql_alloc *alloc, size_t bytes_max, void *storage, size_t storage_size);
void op_deinit(struct op *op);
void op_renew(struct op *op); /* as it was when it was pushed */

static inline unsigned op_next_step(const struct op *op) { return op->steps & (0u - op->steps); }

#endif
