/* describe.h - what a statement takes and gives, without running it (Protocol, "Extended Query"): for who has to know the
 * types before there are values - bindings to other languages, generators of code, tools. */
#ifndef DSQL_DESCRIBE_H
#define DSQL_DESCRIBE_H

#include "dsql/dsql.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One flight: Parse, Describe, Sync. Nothing is executed and nothing left on the server, so it works through any pooler,
 * and is never in doubt. oids (may be NULL) give the types of the first n parameters; 0 leaves one to the server.
 * dsql_future_result() gives a result without rows or tag, whose columns are those that the statement would give: none,
 * when it gives no rows. Fails as a query does that can't be parsed: a table that is not there, a type that can't be
 * inferred (42P18). In a pipeline it is a member like others. */
DSQL_API DSQL_NODISCARD dsql_future *dsql_describe(dsql_conn *c, const char *sql, const uint32_t *oids, size_t n,
                                                   const dsql_call *o);
/* The types of $1, $2, ...; they live as long as f. ENOTREADY, the failure's code, ETYPE (f is of another call). */
DSQL_API DSQL_NODISCARD int dsql_future_params(dsql_future *f, const uint32_t **oids, size_t *n);

#ifdef __cplusplus
}
#endif
#endif
