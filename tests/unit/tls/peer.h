/* peer.h - a TLS server of OpenSSL's over memory BIOs, and the client engine connected to it in the same process. */
#ifndef DSQL_TEST_PEER_H
#define DSQL_TEST_PEER_H

#include <openssl/ssl.h>

#include "test_alloc.h"
#include "tls/tls.h"
#include "zoo.h"

struct peer_spec {
  const struct identity *identity;
  const char *groups; /* NULL: P-256 only, as PostgreSQL 12..17 */
  const char *alpn;   /* NULL: "postgresql"; "": no ALPN; else that, even when it was not offered */
  int min, max;       /* versions; 0: any */
  X509 *root_sent;    /* at the end of the server's chain */
  X509 *client_ca;    /* asks for a client certificate */
  bool client_required;
  int tickets;     /* per handshake; PostgreSQL has 0 */
  SSL_CTX *shared; /* use this one instead */
};

struct link {
  struct test_alloc heap;
  struct tls_context *ctx;
  struct tls tls;
  struct buf out; /* from the client */
  struct buf in;  /* to the client, not yet read by it */
  SSL_CTX *server_ctx;
  SSL *server;
  BIO *server_in, *server_out;
  char sni[300]; /* as the server saw it */
  struct fault fault;
  size_t input_total; /* bytes that reached the client */
};

SSL_CTX *peer_new(const struct peer_spec *spec);

void link_open(struct link *l, const struct peer_spec *spec);
void link_close(struct link *l); /* asserts that no block is live */
/* Loads the context; a failure is left in l->fault. */
int link_load(struct link *l, const struct tls_config *c);
int link_start(struct link *l, const struct tls_session_params *p); /* tls_init() */
/* Ends the session but keeps the context, for a second one. */
void link_restart(struct link *l, const struct peer_spec *spec);

/* Moves what the client has sent to the server, and what the server has to say into l->in. */
void link_pump(struct link *l);
/* Runs the handshake with input in pieces of `piece` bytes (0: as it comes). */
enum tls_status link_handshake(struct link *l, size_t piece);
/* All in one: load, init, handshake. */
enum tls_status link_connect(struct link *l, const struct tls_config *c, const struct tls_session_params *p);

/* Reads up to cap bytes, lending all of l->in and keeping the rest. */
enum tls_status link_read(struct link *l, void *dst, size_t cap, size_t *n);
void link_server_write(struct link *l, const void *p, size_t n);
/* What the server has decrypted; 0 when nothing waits. */
size_t link_server_read(struct link *l, void *dst, size_t cap);

#endif
