/* fake_server.h - a scripted, hostile PostgreSQL server: blocking sockets, one thread per connection, every connection
 * runs the plan that was current when it was accepted. It lives in the test's process.
 *
 *   struct fake_server *s = fake_start(FAKE_UNIX);
 *   fake_plan_set(s, &(struct fake_plan){.steps = script});
 *   ... connect to fake_conninfo(s) ...
 *   fake_stop(s);        after the runtime was closed: every connection's end is waited for
 */
#ifndef DSQL_TEST_FAKE_SERVER_H
#define DSQL_TEST_FAKE_SERVER_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake_server;
struct fake_conn;

enum fake_action {
  FAKE_END,     /* read until the client's end of stream, then close */
  FAKE_STARTUP, /* read one packet without a type byte: StartupMessage, SSLRequest */
  FAKE_AWAIT,   /* read messages up to and including one of this type */
  FAKE_MESSAGE, /* send a message: type, its length, bytes */
  FAKE_RAW,     /* send bytes as they are */
  FAKE_TLS,     /* the server's side of a handshake, by plan.tls */
  FAKE_CALL,    /* whatever else; false ends the connection */
  FAKE_CLOSE,   /* a clean end of stream */
  FAKE_RESET,   /* TCP RST */
  FAKE_DEAF     /* read nothing more; wait for the client to close */
};

struct fake_step {
  enum fake_action action;
  char type;
  const void *bytes;
  size_t len;
  bool (*call)(struct fake_conn *c);
};

/* Steps. FAKE_M('Z', "I") sends a ReadyForQuery; bytes are a string literal, NULs inside included. */
#define FAKE_M(t, literal)                                                                                             \
  { FAKE_MESSAGE, (t), literal, sizeof(literal) - 1, NULL }
#define FAKE_R(literal)                                                                                                \
  { FAKE_RAW, 0, literal, sizeof(literal) - 1, NULL }
#define FAKE_A(t)                                                                                                      \
  { FAKE_AWAIT, (t), NULL, 0, NULL }
#define FAKE_DO(what)                                                                                                  \
  { what, 0, NULL, 0, NULL }
#define FAKE_FN(fn)                                                                                                    \
  { FAKE_CALL, 0, NULL, 0, (fn) }
/* A start-up without authentication, as far as ReadyForQuery. */
#define FAKE_AUTH_OK FAKE_M('R', "\0\0\0\0")
#define FAKE_TRUSTED                                                                                                   \
  FAKE_DO(FAKE_STARTUP), FAKE_AUTH_OK,                                                                                 \
      FAKE_M('S', "server_version\0"                                                                                   \
                  "18.0\0"),                                                                                           \
      FAKE_M('S', "in_hot_standby\0"                                                                                   \
                  "off\0"),                                                                                            \
      FAKE_M('K', "\0\0\0\7\0\0\0\x9"), FAKE_M('Z', "I")
/* The answer to dsql_query() up to its rows: ParseComplete, BindComplete, one column "x" of this type (4 bytes). */
#define FAKE_ONE_COLUMN(oid, size)                                                                                     \
  FAKE_M('1', ""), FAKE_M('2', ""),                                                                                    \
      FAKE_M('T', "\0\1"                                                                                               \
                  "x\0"                                                                                                \
                  "\0\0\0\0"                                                                                           \
                  "\0\0" oid size "\xff\xff\xff\xff"                                                                   \
                  "\0\0")
#define FAKE_INT4_COLUMN FAKE_ONE_COLUMN("\0\0\0\x17", "\0\4")
#define FAKE_SELECTED FAKE_M('C', "SELECT 1\0"), FAKE_M('Z', "I")

/* What fake_scram() does wrong. All zero: nothing. */
struct fake_scram {
  const char *password;   /* NULL: "secret" */
  const char *iterations; /* the text sent in place of 16 */
  bool foreign_nonce;     /* not ours extended */
  bool same_nonce;        /* ours, with nothing added */
  bool wrong_signature;
  bool ok_before_final;                      /* AuthenticationOk in place of SASLFinal */
  bool stop_before_first, stop_before_final; /* then read until the end of stream */
};

struct fake_plan {
  const struct fake_step *steps; /* ends at FAKE_END, CLOSE, RESET, DEAF or fake_serve() */
  SSL_CTX *tls;
  struct fake_scram scram;
  bool has_cut;
  size_t cut_at;   /* a clean end of stream behind this many bytes sent */
  size_t split_at; /* this many bytes are read by the client before the next is sent; Unix sockets only */
  bool split_all;  /* the same at every byte */
  bool has_reset;
  size_t reset_at;      /* TCP RST when this many bytes were received */
  size_t rows, row_len; /* of the answers of fake_serve(); 0: 1 row, 2 bytes */
  void *arg;            /* of FAKE_CALL */
};

enum fake_transport { FAKE_UNIX /* in the abstract namespace */, FAKE_TCP };

struct fake_server *fake_start(enum fake_transport transport);
void fake_stop(struct fake_server *s);
/* The smallest socket buffers for connections accepted from now on, so that both ends fill soon. */
void fake_shrink_buffers(struct fake_server *s);
/* Copied with its steps, up to FAKE_END, CLOSE, RESET, DEAF or fake_serve(). */
void fake_plan_set(struct fake_server *s, const struct fake_plan *plan);
/* "host=... port=... user=u dbname=d sslmode=..."; sslmode=disable, for more append "sslmode=verify-full". */
const char *fake_conninfo(const struct fake_server *s);
uint16_t fake_port(const struct fake_server *s);
/* Waits until no connection is being served. The client's loop does not turn meanwhile, so nothing that it has under
 * way (a CancelRequest) may be needed for that; after 30 s the test is aborted. */
void fake_wait_idle(struct fake_server *s);
/* How many connections were accepted, how many of them were CancelRequests, and the last one's totals when idle. */
struct fake_counts {
  unsigned connections, cancels, resets;
  unsigned blocked; /* how often a write found the socket's buffer full */
  bool blocking;    /* one waits for that just now */
  size_t sent, received;
};
struct fake_counts fake_counts(struct fake_server *s);
/* Blocks until a connection was reset (again): `seen` is fake_counts().resets from before. */
void fake_wait_reset(struct fake_server *s, unsigned seen);

/* ---- for FAKE_CALL ---- */
/* Bytes sent so far, and up to the end of SASLContinue. */
size_t fake_sent(const struct fake_conn *c);
size_t fake_challenged(const struct fake_conn *c);
void *fake_arg(struct fake_conn *c);
/* Queued; what is queued leaves before anything is read. */
void fake_put(struct fake_conn *c, const void *p, size_t n);
void fake_put_message(struct fake_conn *c, char type, const void *p, size_t n);
bool fake_flush(struct fake_conn *c);
bool fake_read(struct fake_conn *c, void *p, size_t n);
/* The body, cut to size, ends up in out with a NUL; false at the end of stream. */
bool fake_read_message(struct fake_conn *c, char *type, char *out, size_t size, size_t *n);
bool fake_await(struct fake_conn *c, char type);
/* Answers any query with plan.rows rows of one text column "x", until Terminate or the end of stream. */
bool fake_serve(struct fake_conn *c);
/* Server-side SCRAM-SHA-256 by plan.scram, from AuthenticationSASL to AuthenticationOk. */
bool fake_scram(struct fake_conn *c);

#endif
