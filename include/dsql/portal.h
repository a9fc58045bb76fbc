/* portal.h - a large result in chunks, each asked for: dsql_query_fetch() (Protocol, "Extended Query").
 *
 * Inside a transaction block each chunk is one round trip: the server keeps the rows behind it in a portal, and the
 * connection is free for other calls meanwhile, other portals among them. Outside of one a portal ends with the statement,
 * so the statement runs on as one: the server is held back by not reading, no round trip is waited for per chunk, and
 * calls made behind it wait until its last row was fetched or the portal closed. Which of the two it is, is decided at the
 * call: by the session's status and the calls that were made before. docs/portals.md has the whole.
 *
 *   dsql_portal *p;
 *   dsql_future *f = dsql_query_fetch(c, "select ...", DSQL_NO_PARAMS, 1000, NULL, &p);
 *   while (!failed(f)) {                                   awaited as any future
 *     ... dsql_future_result(f, &r): up to 1000 rows
 *     dsql_future_destroy(f);
 *     f = dsql_portal_done(p) ? NULL : dsql_portal_fetch(p, 1000, NULL);
 *   }
 *   dsql_portal_close(p);
 *
 * MEMORY   One chunk per future that is alive, and what the kernel holds.
 * ORDER    Fetches may be called without waiting for those before: they give the chunks in that order. Calling the next
 *          before looking at this one keeps the server busy meanwhile.
 * OUTCOME  The rows of a chunk are provisional until dsql_portal_done(), and inside a block until its COMMIT.
 * ENDS     The first fetch that fails, or is canceled, ends the portal: those behind it fail with its error. So does the
 *          end of the transaction (SQLSTATE 34000, from the server), the loss of the connection, and giving it back to its
 *          pool (ECLOSED). Canceling a fetch inside a block fails the transaction; dsql_future_detach() does not.
 *
 * A server that ignores row limits is served as well: what it sends beyond the chunk waits unread, as outside of a block,
 * but for other calls on the connection: for these the rest is read ahead into memory, up to result_bytes_max. */
#ifndef DSQL_PORTAL_H
#define DSQL_PORTAL_H

#include "dsql/dsql.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dsql_portal dsql_portal;

/* One statement and its first chunk, in the same flight: rows_max rows, 1 at least (EINVAL), or fewer when there are no
 * more. *portal, to be closed, is NULL only together with a NULL future. No place in a pipeline (EINVAL). */
DSQL_API DSQL_NODISCARD dsql_future *dsql_query_fetch(dsql_conn *c, const char *sql, dsql_params p, int32_t rows_max,
                                                      const dsql_call *o, dsql_portal **portal);
DSQL_API DSQL_NODISCARD dsql_future *dsql_query_stmt_fetch(dsql_conn *c, dsql_stmt *s, dsql_params p, int32_t rows_max,
                                                           const dsql_call *o, dsql_portal **portal);
/* The next rows_max rows. A chunk with fewer rows than that is the last one; behind it chunks are empty, without a round
 * trip. timeout_ms and result_bytes_max of o count for this chunk; the rest is as it was at first. */
DSQL_API DSQL_NODISCARD dsql_future *dsql_portal_fetch(dsql_portal *p, int32_t rows_max, const dsql_call *o);
/* True from the chunk on with which the statement has succeeded, when all of its rows are in chunks. NULL: true. */
DSQL_API bool dsql_portal_done(const dsql_portal *p);
/* At any time, also before the last row and when the connection is gone; NULL is allowed. Fetches that are pending end with
 * ECANCELED. Nothing is waited for: inside a block a Close travels with what is called next, and the transaction goes on;
 * outside the statement is canceled, and its answer swallowed. Chunks that were fetched stay. */
DSQL_API void dsql_portal_close(dsql_portal *p);

/* In a transaction's body: queued like dsql_tx_query(), and dsql_tx_result() of the index that they return has the chunk.
 * *portal is the transaction's: it lives until the attempt ends, and may be closed before. Keep it in scratch. */
DSQL_API int dsql_tx_query_fetch(dsql_tx *tx, const char *sql, dsql_params p, int32_t rows_max, dsql_portal **portal);
DSQL_API int dsql_tx_query_stmt_fetch(dsql_tx *tx, dsql_stmt *s, dsql_params p, int32_t rows_max, dsql_portal **portal);
DSQL_API int dsql_tx_portal_fetch(dsql_tx *tx, dsql_portal *p, int32_t rows_max);

#ifdef __cplusplus
}
#endif
#endif
