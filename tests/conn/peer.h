/* peer.h - the server's end of a connection, played by the test itself on the same thread: it sees what the client has
 * written, answers in words (support/backend_script.h), and the loop turns only while something is awaited. So every
 * state between two messages can be reached and held.
 *
 *   struct peer p;
 *   peer_open(&p, "");
 *   dsql_conn *c = peer_connect(&p);
 *   dsql_future *f = dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL);
 *   peer_expect(&p, "PBDES");
 *   peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
 *   cr_assert_eq(peer_settle(&p, f), 0);
 *   peer_close(&p);      the connections were closed before: asserts that no block is live */
#ifndef DSQL_TEST_CONN_PEER_H
#define DSQL_TEST_CONN_PEER_H

#include "backend_script.h"
#include "client.h"

struct peer_link {
  int fd; /* -1: none */
  size_t len;
  uint8_t in[64 * 1024];
};

struct peer {
  struct client x;
  int listener;
  char conninfo[512];
  dsql_config config; /* of the next peer_dial() */
  struct peer_link main, cancel;
  struct backend_script script;
};

/* options: more of the connection string. */
void peer_open(struct peer *p, const char *options);
/* The same on 127.0.0.1, host name "localhost"; options has to say sslmode. */
void peer_open_tcp(struct peer *p, const char *options);
/* Closes the runtime too, unless the test has begun to and set x.rt to NULL. */
void peer_close(struct peer *p);

dsql_conn *peer_dial(struct peer *p);
/* Accepts into a link; the test fails when nobody comes. */
void peer_accept(struct peer *p, struct peer_link *l);
/* Reads a packet without a type byte: a StartupMessage or a CancelRequest. True: it was a CancelRequest. */
bool peer_startup(struct peer *p, struct peer_link *l);
/* Dials, accepts and answers the start-up; the session is ready. */
dsql_conn *peer_connect(struct peer *p);

/* Turns the loop until messages of exactly these types have arrived. Their bodies are left in p->main.in, unread again
 * by the next call. Returns the position behind them. */
void peer_expect(struct peer *p, const char *types);
/* The body of the nth message that the last peer_expect() saw. */
const uint8_t *peer_body(const struct peer *p, size_t n, size_t *len);
/* Turns the loop for a while: nothing may arrive. */
void peer_expect_nothing(struct peer *p);
void peer_expect_end(struct peer *p); /* the client closes */
void peer_send(struct peer *p, const char *words);
/* In parts of step bytes, each of which is read before the next; 0: as one. */
void peer_send_parts(struct peer *p, const char *words, size_t step);
void peer_send_message(struct peer *p, char type, const void *body, size_t n);
void peer_drop(struct peer_link *l);
/* A few turns, without waiting. */
void peer_turn(struct peer *p);
void peer_turn_ms(struct peer *p, unsigned ms);
/* Turns until f is ready; returns its code and leaves it to the caller. */
int peer_settle(struct peer *p, dsql_future *f);
/* The same, with assertions on the error, and f destroyed. */
#define peer_fails(p, f, code, flags) peer_check_fails((p), (f), (code), (flags), __FILE__, __LINE__)
void peer_check_fails(struct peer *p, dsql_future *f, int code, unsigned flags, const char *file, int line);
/* Succeeds; destroyed. */
#define peer_succeeds(p, f) peer_check_succeeds((p), (f), __FILE__, __LINE__)
void peer_check_succeeds(struct peer *p, dsql_future *f, const char *file, int line);

#endif
