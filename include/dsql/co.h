/* co.h - optional: a transaction body written from top to bottom, with waits inside branches and loops.
 *
 *   static dsql_step body(dsql_tx *tx, const void *in, void *scratch) {
 *     struct state *s = scratch;
 *     DSQL_TX_BEGIN(tx);
 *     for (s->i = 0; s->i < 3; s->i++) {
 *       dsql_tx_query(tx, "select ...", DSQL_NO_PARAMS);
 *       DSQL_TX_AWAIT(tx);
 *       ... dsql_tx_result(tx, 0) ...
 *     }
 *     DSQL_TX_END(tx);
 *   }
 *
 * Local variables do not survive DSQL_TX_AWAIT: what has to stands in scratch. No DSQL_TX_AWAIT inside another switch,
 * and at most one per source line. C only. */
#ifndef DSQL_CO_H
#define DSQL_CO_H

#include "dsql/dsql.h"

/* clang-format off */
#define DSQL_TX_BEGIN(tx) switch (*dsql_tx_point(tx)) { case 0:
#define DSQL_TX_AWAIT(tx) do { *dsql_tx_point(tx) = __LINE__; return DSQL_WAIT; case __LINE__:; } while (0)
/* A point that no AWAIT of this body has set must never commit. */
#define DSQL_TX_END(tx) return DSQL_COMMIT; default: return dsql_tx_abort(tx, DSQL_EINVAL); }
/* clang-format on */

#endif
