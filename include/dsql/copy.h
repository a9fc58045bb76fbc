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
  DSQL_COPY_MORE,  /* something was written; call again when there is room */
  DSQL_COPY_LATER, /* nothing is there now: not before dsql_resume() on the future */
  DSQL_COPY_END,   /* that was all */
  DSQL_COPY_FAIL   /* undo it: the future fails with EABORT, see dsql_copy_fail() */
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
DSQL_API bool dsql_copy_is_binary(const dsql_copy *copy);
DSQL_API unsigned dsql_copy_columns(const dsql_copy *copy);

/* Called from the loop with each CopyData message: one row in text and csv; in binary one row, but for the signature in
 * front of the first (Protocol leaves both to the server). The view lives until it returns. What it returns, and what it
 * may do, is as for dsql_row_fn: 0, DSQL_ROW_PAUSE, or an app_code to stop. */
typedef int (*dsql_copy_sink)(const void *data, size_t n, void *arg);
/* sql: one COPY ... TO STDOUT. EINVAL when it is something else. */
DSQL_API DSQL_NODISCARD dsql_future *dsql_copy_out(dsql_conn *c, const char *sql, dsql_copy_sink sink, void *arg,
                                                   const dsql_call *o);

#ifdef __cplusplus
}
#endif
#endif
