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
#include "dsql/copy.h"

struct dsql_conn;
struct query;

struct dsql_copy {
  struct query *q;
  dsql_copy_source source;
  dsql_copy_sink sink;
  void *arg;
  const uint8_t *data, *data_end; /* dsql_copy_in_bytes() */
  struct fault fault;             /* why it has to fail */
  unsigned columns;
  bool binary, csv;
  bool waits;     /* the source said LATER */
  bool asking;    /* it runs */
  bool raw, rows; /* what it has written so far */
};

/* EVENT_COPY, EVENT_COPY_DATA: as for query_on_rows(). */
void copy_on_begin(struct query *q, const uint8_t *body, size_t n);
size_t copy_on_data(struct query *q, const uint8_t *run, size_t n);
/* The flush: c->copying is asked for more. */
void copy_pull(struct dsql_conn *c);
/* c->copying was given up. */
void copy_stop(struct dsql_conn *c);
void copy_resume(struct query *q);

#endif
