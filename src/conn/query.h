/* query.h - one user call: its future, its operation and its result in one block of the runtime's free list.
 *
 * Two ends besides the user hold the block: the future (until the user destroyed it and it is complete) and the
 * session's operation (until EVENT_OP_DONE, which for a canceled one comes after the future has completed). */
#ifndef DSQL_CONN_QUERY_H
#define DSQL_CONN_QUERY_H

#include "conn/result.h"
#include "rt/future.h"
#include "session/op.h"

struct dsql_conn;
struct observe_span;
struct session_event;
struct dsql_stmt;
struct statement;

/* What of the block follows the struct: the encoded request, then the first rows. */
enum { QUERY_REQUEST_SIZE = 288 };

/* The parameters of a statement that is described. */
struct query_params {
  size_t count;
  uint32_t oids[];
};

struct query {
  struct dsql_future future; /* first; it and op initialise themselves */
  struct op op;
  struct rt_timer timer;       /* from here to result: zeroed */
  struct dsql_conn *conn;      /* NULL once the operation has left the connection */
  struct dsql_result *current; /* the result being read; NULL between results of a script */
  struct dsql_result *last;    /* the newest finished one */
  struct columns *shared;      /* counted columns that result refers to */
  const struct error *error;   /* its own, until the group's end decides */
  dsql_row_fn each;
  void *each_arg;
  struct dsql_copy *copy;            /* what it is besides; NULL: no COPY */
  const struct query_params *params; /* of dsql_describe(): none until they come; NULL: it is another call */
  struct observe_span *span;         /* NULL: it is not observed */
  struct statement *statement;       /* the session's named statement that this refers to; NULL: unnamed */
  uint64_t group;                    /* number of the pipeline group it is a member of */
  uint32_t bind_at;                  /* in op.bytes: the Bind message, for encoding it once more */
  int stop_code;                     /* what the row callback stopped it with */
  bool parses;                       /* its Parse creates statement */
  bool text_results;
  bool op_live, future_live;
  bool watched; /* there is a timer, or a span: somebody is to be told of the end */
  bool paused, retried, grouped;
  bool went_nameless;        /* retried because of what a pooler did with the name */
  char tx_status;            /* of the ReadyForQuery that ended its group; 0: none did */
  struct dsql_result result; /* initialises itself, like what follows */
  struct arena arena;        /* rows, errors, columns of an unnamed statement */
  struct arena row_arena;    /* a streamed row's texts */
  size_t bytes_max;
};

/* A fresh pending query on c, or NULL when there is no memory. */
struct query *query_new(struct dsql_conn *c, const dsql_call *o);
/* The same for a request of our own, a Sync or a Close: nobody holds its future, and it has no deadline. */
struct query *query_new_own(struct dsql_conn *c);
/* Its future was let go of. */
void query_on_free(struct dsql_future *f);
/* The operation is out of the session: lets that end go. */
void query_op_done(struct query *q);
/* Completes the future unless it is complete; error NULL is success. */
void query_complete(struct query *q, const struct error *error);
static inline bool query_pending(const struct query *q) { return !q->future.ready; }
static inline struct query *query_of_op(struct op *op) { return LIST_ENTRY(op, struct query, op); }
bool query_is(const struct dsql_future *f); /* f is one's */
static inline struct query *query_of_future(struct dsql_future *f) { return (struct query *)(void *)f; }

/* The user or a deadline gives up on it: completes now with code (ECANCELED, ETIMEDOUT, ETOOBIG, EABORT), unsent ones
 * are dropped, sent ones are swallowed, and the server is asked to cancel where that can hit nothing else. With a COMMIT
 * in flight in its group it shows no more rows, and its future waits for the answer; at a deadline the doubt is reported
 * and the socket goes. */
void query_give_up(struct query *q, int code, const char *reason);
/* Another member of its group, which is not sent yet, can't be started: all of it ends with ESKIPPED. */
void query_skip_group(struct query *q);

/* All that waits in the queue ends: the attempt to connect that it was to travel with has failed. NOT_SENT, CONN_LOST. */
void query_put_off_all(struct dsql_conn *c);

/* ENOMEM with these flags: in place of an error for which there is no memory. */
const struct error *query_nomem(unsigned flags);

/* Events of the session. */
void query_on_columns(struct query *q, const uint8_t *body, size_t n, bool of_statement);
/* Returns how many bytes of the run were consumed; less than n when the consumer paused. */
size_t query_on_rows(struct query *q, const struct session_event *ev);
/* Rows and result in one. */
void query_on_answer(struct query *q, const struct session_event *ev);
/* A row does not fit the columns that were described. */
void query_violation(struct query *q);
void query_on_params(struct query *q, const uint8_t *oids, size_t n);
void query_on_result(struct query *q, dsql_str tag);
void query_on_error(struct query *q, const uint8_t *body, size_t n);
void query_on_done(struct query *q);
void query_on_success(struct query *q); /* of EVENT_GROUP_OK */

#endif
