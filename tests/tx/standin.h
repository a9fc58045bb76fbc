/* standin.h - the smallest thing that lends connections by the contract of src/pool/pool.h: first come, first served, a
 * limit, ROLLBACK of what comes back inside a transaction. It tells the test what it was given back. */
#ifndef DSQL_TEST_TX_STANDIN_H
#define DSQL_TEST_TX_STANDIN_H

#include "pool/pool.h"

struct standin_counts {
  unsigned asked, withdrawn, reused, destroyed, lent;
};

/* o may be NULL. */
struct dsql_pool *standin_new(struct dsql_rt *rt, struct dsql_target *t, unsigned conns_max, const dsql_tx_options *o);
/* Fails what waits; closes idle connections, and those lent out as they come back; then frees itself. */
void standin_close(struct dsql_pool *p);
struct standin_counts standin_counts(void);
struct pool_tx_counts standin_tx_counts(void);

#endif
