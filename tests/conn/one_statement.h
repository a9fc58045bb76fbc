/* one_statement.h - for suites whose every test begins with one connection to a played server: c, of the peer p, and s, a
 * prepared statement that the test makes. Included once, by the test itself. */
#ifndef DSQL_TEST_ONE_STATEMENT_H
#define DSQL_TEST_ONE_STATEMENT_H

#include "peer.h"

static struct peer p;
static dsql_conn *c;
static dsql_stmt *s;

static void open_all(void) {
  peer_open(&p, "");
  c = peer_connect(&p);
}

static void close_all(void) {
  dsql_stmt_free(s);
  dsql_conn_close(c);
  peer_close(&p);
}

static dsql_future *run(void) { return dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL); }

#endif
