/* server.h - the fake server: PostgreSQL's sessions as far as the library can tell.
 *
 *   STARTUP    with TLS: an SSLRequest, the handshake, and then records
 *              StartupMessage: asks for the password, or READY; refuses. CancelRequest: ends
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

struct server_plan {
  bool dsql, tls;
  bool lenient; /* passes over a password that it has not asked for */
  bool hooked;  /* the program asks "SELECT hook" on each new session, ahead of anything else */
  server_password_fn judge;
  uint64_t age_limit_ms;
};
extern struct server_plan server;
void server_init(const struct server_plan *plan);
unsigned server_sessions(void);
/* All sessions end with 57P01 or without a word; nobody is let in for a while. */
void server_restart(void);
/* Of one host, so many sessions of a thousand. */
void server_end_host(unsigned host, unsigned permille);
/* From now on it asks for something else: for nothing, for an MD5 digest (a password, where none was asked for), or as at
 * first. */
void server_change_method(void);
void server_calm(void);
/* To all sessions that listen: with the next number. */
enum { SERVER_CHANNELS = 2 };
void server_notify(unsigned channel);

/* ---- for the network ---- */
struct backend *backend_new(struct net_conn *c, unsigned host);
/* All of it is taken. */
void backend_feed(struct backend *s, const uint8_t *p, size_t n);
void backend_gone(struct backend *s); /* the client has gone, or the connection was cut: frees s */

#endif
