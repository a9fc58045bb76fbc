/* tls.h - one TLS session, client side, without a socket: ciphertext is lent to it with tls_feed() and what has to be
 * sent is appended to a buffer of the owner's.
 *
 *   tls_init(&t, ctx, &params, &out, f);
 *   while (tls_handshake(&t, f) == TLS_WANT) { send out; receive; tls_feed(&t, p, n); }
 *   tls_write(&t, query, n, f);                        then send out: many writes, one send
 *   while (tls_read(&t, dst, cap, &n, f) == TLS_OK) use dst[0..n);
 *
 * What is in out is to be sent after every call, also when it failed: it may hold the alert that tells the peer why.
 * One thread; a struct tls must not move between tls_init() and tls_deinit(). Faults have the code DSQL_ETLS unless
 * stated otherwise, and never contain secrets; names taken from certificates are reduced to printable characters. */
#ifndef DSQL_TLS_H
#define DSQL_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "tls/tls_context.h"

enum tls_status {
  TLS_OK,
  TLS_WANT,   /* all input is used up: send what is in out, then feed more */
  TLS_CLOSED, /* the peer ended the session properly (close_notify); a bare EOF is the owner's to report as an error */
  TLS_FAILED  /* see the fault; every later call fails, too */
};

enum tls_group { TLS_GROUP_UNKNOWN, TLS_GROUP_P256, TLS_GROUP_X25519, TLS_GROUP_OTHER };

/* The strings are views that must live as long as the session. */
struct tls_session_params {
  const char *sni_host;    /* server name to ask for; NULL (sslsni=0), "" or an IP literal: none is sent */
  const char *verify_host; /* the name or IP literal that the certificate must be for; only verify-full needs it */
  bool require_alpn;       /* direct TLS: the server must have chosen "postgresql" */
  /* The group whose key share goes out first. A server that takes neither of the shares sent costs one more round
   * trip (a HelloRetryRequest); the owner remembers per host what tls_negotiated_group() told. PostgreSQL before 18
   * takes P-256 only by default, which is why UNKNOWN means P-256. */
  enum tls_group first_group;
};

struct tls {
  struct ssl_st *ssl;
  struct tls_context *context; /* referenced */
  struct buf *out;
  const uint8_t *in; /* lent input, not yet read */
  size_t in_len;
  struct fault *fault; /* where callbacks report, during a call */
  const char *sni_host, *verify_host;
  unsigned client_hellos;
  bool require_alpn, name_verified, cert_requested, established, failed;
};

/* out is where ciphertext goes; it is never cleared here. Takes a reference to ctx, which must be loaded. EINVAL (no
 * usable host), ENOMEM, ETLS; after a failure tls_deinit() is allowed but not needed. */
int tls_init(struct tls *t, struct tls_context *ctx, const struct tls_session_params *p, struct buf *out,
             struct fault *f);
/* Sends nothing: tls_shutdown() does. Leaves out alone. */
void tls_deinit(struct tls *t);

/* Lends n bytes of received ciphertext; they are read during the following calls. What they leave unread
 * (tls_pending_input()) must be fed again, first, before the memory goes. */
void tls_feed(struct tls *t, const void *p, size_t n);
static inline size_t tls_pending_input(const struct tls *t) { return t->in_len; }

enum tls_status tls_handshake(struct tls *t, struct fault *f);
/* Plaintext of at most one record into dst; *n is 0 unless TLS_OK. cap > 0. Call until it is not TLS_OK. */
enum tls_status tls_read(struct tls *t, void *dst, size_t cap, size_t *n, struct fault *f);
/* Encrypts all of p into out: TLS_OK or TLS_FAILED. ENOMEM or ETOOBIG, before anything was encrypted, when out can't
 * take tls_write_bound(n) more bytes. */
enum tls_status tls_write(struct tls *t, const void *p, size_t n, struct fault *f);
size_t tls_write_bound(size_t n);
/* Appends close_notify. Nothing is written afterwards. */
void tls_shutdown(struct tls *t);

/* Plaintext or a part of a record is waiting inside. */
bool tls_has_pending(const struct tls *t);
/* Frees OpenSSL's two record buffers (33 KB) until they are needed again; false when a record is half read. */
bool tls_release_buffers(struct tls *t);

/* What follows is meaningful once tls_handshake() said TLS_OK. */
enum tls_group tls_negotiated_group(const struct tls *t);
bool tls_hello_retried(const struct tls *t); /* a HelloRetryRequest cost one more round trip */
bool tls_session_reused(const struct tls *t);
const char *tls_version_string(const struct tls *t); /* "TLSv1.3" */
const char *tls_cipher_string(const struct tls *t);

enum { TLS_END_POINT_MAX = 64 };
/* The "tls-server-end-point" channel binding (RFC 5929, section 4.1): the server certificate's hash by its signature's
 * hash function, MD5 and SHA-1 replaced by SHA-256. EUNSUPPORTED when that signature has no hash (Ed25519). */
int tls_server_end_point(const struct tls *t, uint8_t out[TLS_END_POINT_MAX], size_t *n, struct fault *f);

#endif
