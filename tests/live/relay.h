/* relay.h - a TCP relay on a port of its own, whose other end can be changed: so "the server" behind a host and port that
 * the library knows becomes another one. It can also lose connections at the worst moments. */
#ifndef DSQL_TEST_LIVE_RELAY_H
#define DSQL_TEST_LIVE_RELAY_H

#include <stdint.h>

enum relay_loss {
  RELAY_PASS,
  /* The client's second burst, and what follows it, are not passed on, and the stream ends. */
  RELAY_CUT_BEFORE,
  /* They are; the server's answers are not, and when no more of them come the stream ends. */
  RELAY_CUT_AFTER
};

struct relay;

struct relay *relay_start(void);
void relay_stop(struct relay *r); /* after the last connection through it was closed */
uint16_t relay_port(const struct relay *r);
/* For connections from now on; `losses` of them are lost, the rest pass. Starts counting anew. */
void relay_set(struct relay *r, int port, enum relay_loss loss, unsigned losses);
unsigned relay_connections(struct relay *r); /* since relay_set() */

#endif
