/* one_server.h - for suites whose every test begins with a scripted server on a Unix socket, and the client x. Included
 * once, by the test itself. */
#ifndef DSQL_TEST_ONE_SERVER_H
#define DSQL_TEST_ONE_SERVER_H

#include "client.h"
#include "fake_server.h"

static struct client x;
static struct fake_server *server;

static void open_all(void) {
  client_open(&x);
  server = fake_start(FAKE_UNIX);
}

static void close_all(void) {
  client_close(&x);
  fake_stop(server);
}

#endif
