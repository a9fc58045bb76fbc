/* raw.h - a blocking PostgreSQL client over TLS for the cluster probe: it says what no well-behaved client would, and
 * shows every message that comes back. Independent of the library's session, transport and TLS layers on purpose. */
#ifndef DSQL_CLUSTER_RAW_H
#define DSQL_CLUSTER_RAW_H

#include <openssl/ssl.h>

#include "target/target.h"
#include "wire/backend.h"
#include "wire/frontend.h"

enum raw_way { RAW_DIRECT, RAW_SSLREQUEST };
enum raw_status { RAW_MESSAGE, RAW_CLOSED, RAW_TIMEOUT };

enum { RAW_IN_SIZE = 128 * 1024, RAW_TEXT_SIZE = 1000, RAW_TIMEOUT_MS = 10000 };

struct raw {
  int fd;
  SSL *ssl;
  char answer;         /* to the SSLRequest; 0: none was sent or nothing came back */
  struct wire_frame m; /* of the last RAW_MESSAGE; valid until the next call */
  size_t have, used;
  uint8_t in[RAW_IN_SIZE];
  char why[RAW_TEXT_SIZE]; /* of a failure */
};

/* What a start-up told. */
struct login {
  bool asked; /* an authentication request came; its code is auth */
  uint32_t auth;
  bool negotiated; /* NegotiateProtocolVersion came */
  uint32_t version;
  unsigned unknown_options;
  unsigned parameter_count;
  char parameters[RAW_TEXT_SIZE];
  size_t key_len; /* 0: no BackendKeyData */
  uint32_t pid;
  uint8_t key[WIRE_BACKEND_KEY_MAX];
  char error[RAW_TEXT_SIZE]; /* "severity code: message"; empty: logged in */
};

/* The first host of t. False: r->why tells; raw_close() is due either way. */
bool raw_open(struct raw *r, const struct target *t, enum raw_way way);
void raw_close(struct raw *r);
/* Sends what is in b, and empties it. */
bool raw_send(struct raw *r, struct buf *b);
/* The next whole message into r->m. A broken stream is RAW_CLOSED. */
enum raw_status raw_next(struct raw *r, int timeout_ms);
/* Reads until a message of one of these types, "" for the end of stream; an ErrorResponse on the way goes to error. */
enum raw_status raw_until(struct raw *r, const char *types, int timeout_ms, char error[RAW_TEXT_SIZE]);
/* StartupMessage as far as ReadyForQuery. True when logged in. */
bool raw_login(struct raw *r, const struct target *t, uint32_t protocol, const struct wire_pair *extra,
               struct login *out);
/* A connection that is logged in by protocol 3.0, for probes that need no more than that. */
bool raw_ready(struct raw *r, const struct target *t, struct login *login);

/* The StartupMessage, with one more pair unless it is NULL. */
void raw_put_startup(struct buf *b, const struct target *t, uint32_t protocol, const struct wire_pair *extra);
void raw_put_password(struct buf *b, const struct target *t);
/* "FATAL 57P01: ..." out of an ErrorResponse's body. */
void raw_error_text(const uint8_t *body, size_t n, char out[RAW_TEXT_SIZE]);
uint64_t raw_now_ms(void);

#endif
