/* client.h - one connection of a client, from the first byte to the last.
 *
 *   FIRST      plain bytes: direct TLS, SSLRequest, GSSENCRequest, CancelRequest, or a refused StartupMessage
 *   HANDSHAKE  of TLS
 *   STARTUP    the StartupMessage is awaited
 *   STALLED    an injected stall
 *   PASSWORD   the token is awaited
 *   SERVER     the private server is dialed, then its AuthenticationOk awaited
 *   RELAY      relay.h does the rest
 *   CANCEL     a CancelRequest is handed on
 *   LAST       what is to be sent still is, then the socket closes
 *   CLOSED     handles are closing
 *
 * The client is freed when its handles are closed. */
#ifndef DSQL_CLI_LOCAL_CLIENT_H
#define DSQL_CLI_LOCAL_CLIENT_H

#include "local/flow.h"
#include "local/front.h"
#include "local/startup.h"

enum client_phase {
  CLIENT_FIRST,
  CLIENT_HANDSHAKE,
  CLIENT_STARTUP,
  CLIENT_STALLED,
  CLIENT_PASSWORD,
  CLIENT_SERVER,
  CLIENT_RELAY,
  CLIENT_CANCEL,
  CLIENT_LAST,
  CLIENT_CLOSED
};

struct client {
  struct flow net;    /* first: flow_of(handle) is the client, too */
  struct flow server; /* the private server */
  struct list link;
  struct front *front;
  enum client_phase phase;
  uv_timer_t deadline; /* of the start-up, of the last bytes; then the connection's age */
  uv_timer_t wake;     /* of stalls, and when the relay asks */
  uv_connect_t connect;
  unsigned handles; /* not yet closed */
  bool direct_tls, ssl_asked, gss_asked, tls_on;
  bool counted; /* as a session */
  bool old;     /* has reached its age: ends with the transaction */
  bool server_gone, net_gone;
  bool pumping;
  struct tls_front tls;
  struct buf in;          /* from the client, in the clear, not yet used up */
  struct buf from_server; /* not yet used up */
  struct startup startup;
  bool startup_parsed;
  struct fault_hit hit; /* drawn for the connect */
  struct relay relay;
  bool relay_on;
};

static inline struct client *client_of_net(struct flow *f) { return (struct client *)(void *)f; }
static inline struct client *client_of_server(struct flow *f) {
  return (struct client *)(void *)((char *)f - offsetof(struct client, server));
}

void client_accept(struct front *f, uv_stream_t *listener);
/* At once, without a word. Safe in any phase. */
void client_close(struct client *c);

/* ---- client_end.c ---- */

/* Sends what is queued, then FIN; waits a little for the client's, so that nothing sent is lost. polite: with TLS's
 * close_notify. */
void client_finish(struct client *c, bool polite);
/* FATAL to the client, one line to the log, then the end. reason: for the log; NULL: the message. */
void client_refuse(struct client *c, const char *sqlstate, const char *message, const char *hint, const char *reason);
/* One line to the log, no word to the client. */
void client_drop(struct client *c, const char *reason);
/* Puts bytes on their way to the client, through TLS where it is on. */
void client_send(struct client *c, const void *p, size_t n);
void client_log(const struct client *c, const char *what, const char *reason);

/* ---- client_first.c, client_startup.c, client_server.c, client_relay.c: use up what is in c->in ---- */

void client_first(struct client *c, const uint8_t *p, size_t n);
void client_cipher(struct client *c, const uint8_t *p, size_t n);
void client_startup(struct client *c);
void client_after_stall(struct client *c);
void client_password(struct client *c);
/* Dials; then either hands on the CancelRequest in c->in, or the StartupMessage. */
void client_dial(struct client *c);
void client_server_bytes(struct client *c);
void client_relay_begin(struct client *c);
void client_pump(struct client *c); /* does nothing in other phases */

/* What flows report. */
void client_on_bytes(struct flow *f, const uint8_t *p, size_t n);
void client_on_end(struct flow *f);
void client_on_sent(struct flow *f);

#endif
