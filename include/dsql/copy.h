/* copy.h - COPY ... FROM STDIN and COPY ... TO STDOUT, streamed with back-pressure (Protocol, "COPY Operations").
 *
 * A COPY travels alone: calls made behind it wait until it has ended. It has no place in a pipeline (EINVAL). Outside a
 * transaction block it commits by itself; a connection that is lost leaves it in doubt only when its end was sent.
 * dsql_future_result() gives a result without rows, whose dsql_result_affected() is the number of rows copied.
 *
 * However it ends - canceled, past its deadline, failed by its source, refused by the server - the connection is usable
 * afterwards, or closed when the server does not answer within drain_timeout_ms. */
#ifndef DSQL_COPY_H
#define DSQL_COPY_H

#include "dsql/dsql.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dsql_copy dsql_copy; /* a COPY FROM STDIN, inside its source */

typedef enum dsql_copy_next {
  DSQL_COPY_MORE, /* something was written; call again when there is room */
  DSQL_COPY_LATER, /* nothing is there now: not before dsql_resume() on the future, or at once if that was inside this call */
  DSQL_COPY_END, /* that was all */
  DSQL_COPY_FAIL /* undo it: the future fails with EABORT, see dsql_copy_fail() */
} dsql_copy_next;

/* Called from the loop whenever the connection takes more: what it wrote and could not be sent yet is 64 KiB at most,
 * and what one call writes beyond. May destroy the future, start work and close things. Returning DSQL_COPY_MORE without
 * having written anything is EINVAL. */
typedef dsql_copy_next (*dsql_copy_source)(dsql_copy *copy, void *arg);

/* sql: one COPY ... FROM STDIN. EINVAL when it is something else. */
DSQL_API DSQL_NODISCARD dsql_future *dsql_copy_in(dsql_conn *c, const char *sql, dsql_copy_source source, void *arg,
                                                  const dsql_call *o);
/* The same with all the data at hand. It is not copied: it must live until the future is complete. */
DSQL_API DSQL_NODISCARD dsql_future *dsql_copy_in_bytes(dsql_conn *c, const char *sql, const void *data, size_t n,
                                                        const dsql_call *o);

/* For use inside the source. Data in the format that the SQL names, cut anywhere. 0; ENOMEM, which loses the
 * connection. */
DSQL_API int dsql_copy_write(dsql_copy *copy, const void *data, size_t n);
/* One row of typed values, for FORMAT binary and FORMAT text (not csv); the signature and the end of the binary format
 * are written too. In binary each value must have exactly the column's type; in text any value is written as the server
 * would. 0, or EINVAL, ERANGE, ETOOBIG, ENOMEM: need not be looked at, the COPY then ends with that failure. Not together
 * with dsql_copy_write(). */
DSQL_API int dsql_copy_row(dsql_copy *copy, dsql_params row);
/* For `return dsql_copy_fail(copy, MY_CODE)`: app_code goes to dsql_error.app_code. */
DSQL_API dsql_copy_next dsql_copy_fail(dsql_copy *copy, int app_code);
/* Payload written so far, this call included; 0 when the source is asked for the first time of an attempt. */
DSQL_API uint64_t dsql_copy_written(const dsql_copy *copy);
DSQL_API bool dsql_copy_is_binary(const dsql_copy *copy);
DSQL_API unsigned dsql_copy_columns(const dsql_copy *copy);

/* Called from the loop with each CopyData message: one row in text and csv; in binary one row, but for the signature in
 * front of the first (Protocol leaves both to the server). The view lives until it returns. What it returns, and what it
 * may do, is as for dsql_row_fn: 0, DSQL_ROW_PAUSE, or an app_code to stop. */
typedef int (*dsql_copy_sink)(const void *data, size_t n, void *arg);
/* sql: one COPY ... TO STDOUT. EINVAL when it is something else. */
DSQL_API DSQL_NODISCARD dsql_future *dsql_copy_out(dsql_conn *c, const char *sql, dsql_copy_sink sink, void *arg,
                                                   const dsql_call *o);

/* The same on a connection that is borrowed for just this, as by dsql_pool_query(). */
DSQL_API DSQL_NODISCARD dsql_future *dsql_pool_copy_in(dsql_pool *p, const char *sql, dsql_copy_source source,
                                                       void *arg, const dsql_call *o);
DSQL_API DSQL_NODISCARD dsql_future *dsql_pool_copy_in_bytes(dsql_pool *p, const char *sql, const void *data, size_t n,
                                                             const dsql_call *o);
DSQL_API DSQL_NODISCARD dsql_future *dsql_pool_copy_out(dsql_pool *p, const char *sql, dsql_copy_sink sink, void *arg,
                                                        const dsql_call *o);

/* In a transaction's body: queued like dsql_tx_query(), and dsql_tx_result() of the index they return has the number of
 * rows. What the step has queued before it travels ahead, what is queued behind it waits, COMMIT included.
 * The body is run anew for every attempt and queues its COPY again: a source whose position stands in scratch, which is
 * zeroed then, begins anew by itself; any other one has to, when dsql_copy_written() is 0. Source, sink and data must live
 * until the transaction has ended; they are not used behind the step that follows. dsql_resume() on the transaction's
 * future goes on with a source that said DSQL_COPY_LATER and a sink that said DSQL_ROW_PAUSE. */
DSQL_API int dsql_tx_copy_in(dsql_tx *tx, const char *sql, dsql_copy_source source, void *arg);
DSQL_API int dsql_tx_copy_in_bytes(dsql_tx *tx, const char *sql, const void *data, size_t n);
DSQL_API int dsql_tx_copy_out(dsql_tx *tx, const char *sql, dsql_copy_sink sink, void *arg);

/* ---- batches: many transactions, for what no single one may hold (Aurora DSQL: 3,000 rows, 10 MiB) ---- */

enum dsql_copy_format {
  DSQL_COPY_FORMAT_OF_SQL, /* binary when that word stands behind STDIN */
  DSQL_COPY_FORMAT_TEXT,   /* or csv */
  DSQL_COPY_FORMAT_BINARY
};

/* Zero means: the default named here. A row that is larger than bytes_max is a batch of its own. */
typedef struct dsql_copy_batch_options {
  size_t size;
  uint32_t rows_max; /* 3,000 on Aurora DSQL, else DSQL_NO_LIMIT */
  size_t bytes_max;  /* 8 MiB: of the data as it travels; the limit of Aurora DSQL is one of what is stored */
  enum dsql_copy_format format;
  uint64_t rows_skip;        /* the first rows of the source that are passed over: an earlier call has committed them */
  const dsql_tx_options *tx; /* of every batch; the pool's. Needed during the call only */
} dsql_copy_batch_options;
DSQL_API void dsql_copy_batch_options_init_sized(dsql_copy_batch_options *o, size_t size);
#define dsql_copy_batch_options_init(o) dsql_copy_batch_options_init_sized((o), sizeof *(o))

/* sql: one COPY ... FROM STDIN, run once per batch, each of which commits by itself and is tried again as by
 * dsql_retry_statement(): its bytes are kept until it is committed, and the source is asked for every row once. Each
 * dsql_copy_write() is one whole row, its line end included (in the binary format: its count of fields and the fields); or
 * it is rows by dsql_copy_row(). No connection is held while the source is asked. The order is kept, one batch at a time.
 * A batch that fails for good ends it with that error; rows behind it are not sent. o may be NULL. */
DSQL_API DSQL_NODISCARD dsql_future *dsql_copy_in_batches(dsql_pool *p, const char *sql, dsql_copy_source source,
                                                          void *arg, const dsql_copy_batch_options *o);

/* At any time, also when the future has failed. Exact: a batch is counted when its commit is known. To go on after a
 * failure, pass rows_skip = rows_taken and the same rows; when rows_in_doubt is not 0, look first whether the next
 * rows_in_doubt rows are there, all or none, and add them when they are. */
typedef struct dsql_copy_progress {
  size_t size;
  uint64_t rows_committed; /* as the server counted them: fewer than taken where it leaves rows out (COPY ... WHERE) */
  uint64_t rows_taken;     /* of the source: those passed over, and those whose batch was committed */
  uint64_t rows_in_doubt;  /* of the batch that failed last, when it may have been committed */
  uint64_t batches;        /* committed */
  uint64_t bytes;          /* committed, as they traveled */
} dsql_copy_progress;
DSQL_API void dsql_copy_progress_get(const dsql_future *f, dsql_copy_progress *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
