/* copy.h - a COPY at work: what a query has besides, in its arena. The states are those of session/op.h; the source is
 * asked in the link's flush while the operation is COPY_SENDING, so that what waits to be sent stays small.
 *
 *   the source says        then
 *   MORE                   asked again while less than SESSION_GATHER_SOFT_MAX waits, else at the next flush
 *   LATER                  asked again behind dsql_resume()
 *   END                    CopyDone; the answer is the outcome
 *   FAIL, or a bad row     CopyFail; the outcome is that failure, once the server has answered
 *   (the query is given up) CopyFail; it is drained like any other */
#ifndef DSQL_CONN_COPY_H
#define DSQL_CONN_COPY_H

#include "base/error.h"
#include "conn/query.h"
#include "dsql/copy.h"

struct dsql_conn;

struct dsql_copy {
  struct query *q; /* NULL: what it writes is kept, see below */
  dsql_copy_source source;
  dsql_copy_sink sink;
  void *arg;
  const uint8_t *data, *data_end; /* dsql_copy_in_bytes() */
  struct fault fault;             /* why it has to fail */
  int app_code;                   /* dsql_copy_fail() */
  unsigned columns;
  bool binary, csv;
  bool in_block;      /* it must not run outside of a transaction block */
  bool framed;        /* its data are rows, without what stands around those of the binary format */
  bool format_is_due; /* and binary is what the server has to say */
  bool waits;         /* the source said LATER */
  bool asking;        /* it runs */
  bool raw, rows;     /* what it has written so far */
  size_t from;        /* where in the output its current message begins */
  uint64_t written;
  struct buf
      *quick; /* the output, while the source runs, has written a binary row and nothing speaks against another */

  /* Rows that are kept: with q NULL they go here, and kept() is called behind each, with where it begins. */
  struct buf *keep;
  struct arena *texts; /* for the time of a row */
  void (*kept)(struct dsql_copy *copy, size_t from);
};

/* A call. One of source, sink and data; data need not be copied. */
struct copy_how {
  const char *name, *sql;
  enum op_copy_plan plan;
  dsql_copy_source source;
  dsql_copy_sink sink;
  void *arg;
  const void *data;
  size_t data_len;
  bool in_block, framed, binary; /* binary: of framed data */
};
dsql_future *copy_start(struct dsql_conn *c, const struct copy_how *how, const dsql_call *o);
/* Does sql, behind its STDIN or STDOUT, have this word? */
bool copy_mentions(const char *sql, const char *word);

/* EVENT_COPY, EVENT_COPY_DATA: as for query_on_rows(). */
void copy_on_begin(struct query *q, const uint8_t *body, size_t n);
size_t copy_on_data(struct query *q, const uint8_t *run, size_t n);
/* The flush: c->copying is asked for more. */
void copy_pull(struct dsql_conn *c);
/* c->copying was given up. */
void copy_stop(struct dsql_conn *c);
void copy_resume(struct query *q);
/* c, or its COPY, is at its end: a source that runs at this moment writes nothing any more. */
void copy_shut(struct dsql_conn *c);

#endif
