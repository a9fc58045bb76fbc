/* tls_front.h - the server's side of TLS, over memory. */
#ifndef DSQL_CLI_LOCAL_TLS_FRONT_H
#define DSQL_CLI_LOCAL_TLS_FRONT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum tls_front_status { TLS_FRONT_OK, TLS_FRONT_WANT /* more input */, TLS_FRONT_CLOSED, TLS_FRONT_FAILED };

/* One for all connections: TLS 1.2 and 1.3, the certificate of dir/server.pem, ALPN "postgresql". NULL after telling
 * why on standard error. */
SSL_CTX *tls_front_context(const char *dir);

struct tls_front {
  SSL *ssl;
  BIO *in, *out; /* the SSL's */
  bool established, failed;
};

bool tls_front_init(struct tls_front *t, SSL_CTX *context);
void tls_front_deinit(struct tls_front *t);
/* Takes over n bytes that came from the client. False: no memory. */
bool tls_front_feed(struct tls_front *t, const uint8_t *p, size_t n);
enum tls_front_status tls_front_handshake(struct tls_front *t);
enum tls_front_status tls_front_read(struct tls_front *t, void *dst, size_t cap, size_t *n);
bool tls_front_write(struct tls_front *t, const void *p, size_t n);
void tls_front_close_notify(struct tls_front *t);
/* Appends what is to be sent. To be called after any of the calls above, also those that failed. */
void tls_front_take(struct tls_front *t, struct buf *out);

/* Once established. */
const char *tls_front_sni(const struct tls_front *t); /* NULL: none */
bool tls_front_alpn(const struct tls_front *t);       /* "postgresql" was negotiated */

#endif
