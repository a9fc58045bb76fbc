/* spans.h - the hooks of dsql/observe.h, on three of four seeds: each start must have one end. */
#ifndef DSQL_TEST_SIM_SPANS_H
#define DSQL_TEST_SIM_SPANS_H

#include "dsql/observe.h"

void spans_watch(dsql_rt *rt);
/* The runtime is gone: all have ended. */
void spans_check(void);

#endif
