/* server.h - the fake server: PostgreSQL's sessions as far as the library can tell.
 *
 *   STARTUP    StartupMessage: asks for the password, or READY; refuses. CancelRequest: ends
 *   PASSWORD   right: READY; wrong: FATAL, ends
 *   READY      extended and simple protocol; after an error everything is skipped up to the Sync
 *   BUSY       a statement takes its time; what arrives waits
 *
 * A session outside of a block is in an implicit transaction up to the Sync. */
#ifndef DSQL_TEST_SIM_SERVER_H
#define DSQL_TEST_SIM_SERVER_H

#include "base/buf.h"
#include "net.h"
#include "statement.h"
#include "store.h"

struct backend;

/* What the password is judged by: NULL, or why it is refused; wants false: none is asked for. */
typedef const char *(*server_password_fn)(const char *password);

void server_init(bool dsql, server_password_fn judge, uint64_t age_limit_ms);
unsigned server_sessions(void);
/* All sessions end with 57P01 or without a word; nobody is let in for a while. */
void server_restart(void);

/* ---- for the network ---- */
struct backend *backend_new(struct net_conn *c);
/* All of it is taken. */
void backend_feed(struct backend *s, const uint8_t *p, size_t n);
void backend_gone(struct backend *s); /* the client has gone, or the connection was cut: frees s */

#endif
