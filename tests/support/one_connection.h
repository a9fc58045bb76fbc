/* one_connection.h - for suites whose every test begins with one connection to the default server: c, of the client x.
 * TestSuite(name, .init = open_all, .fini = close_all). Included once, by the test itself. */
#ifndef DSQL_TEST_ONE_CONNECTION_H
#define DSQL_TEST_ONE_CONNECTION_H

#include "client.h"

static struct client x;
static dsql_conn *c;

static void open_all(void) {
  client_open(&x);
  c = client_connect(&x, "%s", server_conninfo(server_default()));
}

static void close_all(void) {
  dsql_conn_close(c);
  client_close(&x);
}

#endif
