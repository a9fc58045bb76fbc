/* load.h - many clients on few server connections of a pooler: 10,000 queries, transactions or pipelines, each of which
 * must succeed with its own value. */
#ifndef DSQL_TEST_LIVE_LOAD_H
#define DSQL_TEST_LIVE_LOAD_H

#include "client.h"

enum { LOAD_CLIENTS = 32, LOAD_QUERIES = 10000, LOAD_STATEMENTS = 16, LOAD_POOLS_MAX = 4 };

extern int load_queries; /* 10,000 unless the test changes it */
extern struct client load_x;
extern char load_conninfo[256];      /* of the pooler, as trust_user */
extern unsigned load_binary_results; /* of load_statements() */

/* What scripts/pg has written about 18 for this key; 0: nothing. */
int load_port(const char *key);
/* Between these two the others can be called. */
void load_open(const char *port_key);
void load_close(void);
dsql_stmt *load_prepare(const char *sql);
dsql_pool *load_pool(const char *options, uint32_t conns);

/* options: of the connections. pools: how many share the clients. */
void load_statements(const char *options, int pools);   /* one at a time */
void load_transactions(const char *options, int pools); /* of three flights: a read, two reads at once, the COMMIT */
/* Of six statements, on a connection for each client. */
void load_pipelines(const char *options);

#endif
