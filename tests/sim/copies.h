/* copies.h - operations that stream: COPY in both directions, and portals on connections that were acquired. */
#ifndef DSQL_TEST_SIM_COPIES_H
#define DSQL_TEST_SIM_COPIES_H

#include "work.h"

dsql_future *copies_in(struct op *op, const dsql_call *o);
dsql_future *copies_in_batches(struct op *op);
dsql_future *copies_out(struct op *op, const dsql_call *o);
/* A portal, fetched from until its end, or until somebody loses interest. in_block: c is in one, or about to be. */
void copies_fetch(dsql_conn *c);

#endif
