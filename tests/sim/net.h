/* net.h - the network between the library and the fake server: connections of two pipes. What the client sends is taken
 * by its "kernel" at once, as far as there is room, and arrives at the server later, in order, in pieces, perhaps never;
 * the same the other way. A connection can be cut at any byte of either direction, in an orderly way or by a reset, and
 * held up for up to a minute. */
#ifndef DSQL_TEST_SIM_NET_H
#define DSQL_TEST_SIM_NET_H

#include <stddef.h>

#include "sim.h"

struct net_conn;

void net_init(void);
/* Frees everything; the client's sockets must be closed. */
void net_deinit(void);
unsigned net_client_sockets(void); /* not closed by the client */
/* Of these, those whose session was let in. */
unsigned net_client_sessions(void);
/* UV_READABLE and UV_WRITABLE of the client's end. */
int net_events(int fd);
/* The socket has an error, which poll() reports whatever it is asked for. */
bool net_error(int fd);
void net_refuse_until(uint64_t us);

/* ---- for the server's end ---- */
void net_send(struct net_conn *c, const void *p, size_t n, uint64_t delay_us);
/* Everything sent before arrives, then the end of the stream; or a reset, which may overtake it. */
void net_finish(struct net_conn *c, bool reset, uint64_t delay_us);
void net_mark_ready(struct net_conn *c);
int net_fd(const struct net_conn *c);

#endif
