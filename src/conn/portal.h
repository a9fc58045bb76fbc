/* portal.h - a portal at work. Each chunk is a query without an operation: its future, deadline and result. The operations
 * are queries of our own, "runs", whose rows go to chunks.
 *
 *   state     means                                  a fetch                         left by
 *   LIMITED   a named portal; each chunk is an       queues another run              a run that ends without
 *             Execute with a limit, a run                                            PortalSuspended: ENDED; a row over
 *                                                                                    the limit: STREAM
 *   STREAM    one run gives all the rows: no block   waits for rows; reading goes    its end: ENDED
 *             was open, or the server knows no       on while one does
 *             limit
 *   ENDED     the statement has succeeded            gets what is left in `ahead`
 *   FAILED    `error` tells why, or it is closed     refused with that error
 *
 * Any failure of a run or a chunk leads to FAILED, and takes the chunks along that wait. In STREAM a chunk is complete when
 * the row behind it comes, so the last one is known to be the last. That row stands in `ahead`, and reading pauses. When
 * others wait for the connection inside a block, "spilling", reading goes on and all the rest is put there: who asks them
 * first might never ask for the next chunk.
 *
 * References: the user (or, inside a transaction's body, the connection), each chunk's future, each run. */
#ifndef DSQL_CONN_PORTAL_H
#define DSQL_CONN_PORTAL_H

#include "base/error.h"
#include "conn/encode.h"
#include "conn/query.h"
#include "dsql/portal.h"
#include "wire/frontend.h"

enum portal_state { PORTAL_LIMITED, PORTAL_STREAM, PORTAL_ENDED, PORTAL_FAILED };

struct portal_chunk {
  struct list node; /* in the portal's `waiting` until it is complete */
  struct dsql_portal *portal;
  struct query *q;        /* whose arena this is in */
  struct portal_run *run; /* LIMITED: which brings its rows */
  size_t rows_max;
};

struct portal_run {
  struct list node;
  struct dsql_portal *portal;
  struct query *q;
  struct portal_chunk *chunk; /* NULL: nobody wants its rows (any more), or it is the stream */
};

struct dsql_portal {
  struct dsql_rt *rt;
  struct dsql_conn *conn; /* NULL: it is gone, or another's */
  struct list node;       /* in the connection's portals */
  unsigned refs;
  enum portal_state state;
  bool owned;    /* by the connection */
  bool closed;   /* by who held it */
  bool in_block; /* it was made inside a transaction block */
  bool spilling;
  struct list runs, waiting;
  struct portal_run *stream;
  struct query *first; /* the first run's: it has the columns, and stays for as long as there are chunks */
  struct buf ahead;    /* rows that were read and are in no chunk: DataRow messages, from ahead_at on */
  size_t ahead_at;
  const struct error *error;
  struct arena arena; /* error */
  char name[WIRE_NAME_SIZE];
};

/* A call: one of sql and s. owned: the portal is the connection's to close, and the call is in its pipeline. */
struct portal_how {
  const char *name, *sql;
  struct dsql_stmt *s;
  dsql_params params;
  int32_t rows_max;
  bool owned;
};
dsql_future *portal_start(struct dsql_conn *c, const struct portal_how *how, const dsql_call *o, dsql_portal **out);

/* ---- portal_rows.c: rows into chunks ---- */
/* The row callback of every run: tells query_on_rows() whose they are, and is never called. */
int portal_marks_rows(const dsql_result *row, void *run);
/* Rows of a run, as for query_on_rows(). */
size_t portal_on_rows(struct query *q, const uint8_t *rows, size_t n);
/* What `ahead` has goes to the chunk, which waits. False: the portal has failed over it. */
bool portal_fill(struct dsql_portal *p, struct portal_chunk *chunk);
static inline bool portal_chunk_is_full(const struct portal_chunk *chunk) {
  return chunk->q->result.rows >= chunk->rows_max;
}
static inline bool portal_has_ahead(const struct dsql_portal *p) { return p->ahead_at < p->ahead.len; }
/* e NULL: success; else copied. */
void portal_chunk_complete(struct portal_chunk *chunk, const struct error *e);
void portal_fail(struct dsql_portal *p, const struct error *e);
void portal_fail_with(struct dsql_portal *p, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A run is over, by its future. */
void portal_on_run(dsql_future *f, void *run);
void portal_unref(struct dsql_portal *p);

/* The connection goes from who has borrowed it: its portals end, and what they have under way is given up. */
void portals_drop(struct dsql_conn *c);
/* It is closed, and what they had under way has ended with it. */
void portals_forget(struct dsql_conn *c);
/* The flush, while c->copying is a run that has paused: does anybody wait behind it? */
void portal_on_flush(struct dsql_conn *c);

#endif
