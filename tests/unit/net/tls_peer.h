/* tls_peer.h - an OpenSSL server on one end of a socket, in a thread of its own with blocking calls. */
#ifndef DSQL_TEST_TLS_PEER_H
#define DSQL_TEST_TLS_PEER_H

#include <openssl/ssl.h>
#include <uv.h>

#include "unit/tls/zoo.h"

enum tls_peer_job {
  TLS_PEER_ECHO,   /* sends back what comes until close_notify or the end of the stream */
  TLS_PEER_TELL,   /* sends `tell`, then close_notify and closes */
  TLS_PEER_DROP,   /* sends `tell`, then closes without a word */
  TLS_PEER_STALL,  /* accepts, then reads nothing until `resume`, then everything */
  TLS_PEER_GARBAGE /* sends `tell`, then bytes that are no TLS record */
};

struct tls_peer {
  uv_thread_t thread;
  SSL_CTX *ctx;
  int fd;
  enum tls_peer_job job;
  int max_version; /* 0: the newest */
  const void *tell;
  size_t tell_len;
  uv_sem_t resume;
  /* what happened */
  bool accepted, close_notify;
  int alert; /* of the client's, while the handshake failed; 0: none */
  uint64_t received;
  bool bad; /* what came is not the pattern */
};

/* Takes fd over. */
void tls_peer_start(struct tls_peer *p, const struct identity *id, int fd);
void tls_peer_join(struct tls_peer *p);

#endif
