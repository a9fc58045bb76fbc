/* sslmode.h - libpq's six sslmodes as a plan: which transports to try in which order, and what to verify. Pure: whether
 * files exist is an argument. Source: PostgreSQL 18, "SSL Support" (libpq), and its fe-connect.c
 * (init_allowed_encryption_methods, pqConnectOptions2) and fe-secure-openssl.c (initialize_SSL). */
#ifndef DSQL_TLS_SSLMODE_H
#define DSQL_TLS_SSLMODE_H

#include <stdbool.h>

#include "base/error.h"
#include "tls/tls_context.h"

enum sslmode_transport {
  SSLMODE_PLAIN,
  SSLMODE_SSLREQUEST, /* TLS after the server's 'S' to an SSLRequest */
  SSLMODE_DIRECT      /* TLS at once, with ALPN */
};

enum sslmode_roots {
  SSLMODE_ROOTS_UNSET,  /* in a request: sslrootcert not given; in a plan: none, nothing is verified */
  SSLMODE_ROOTS_SYSTEM, /* sslrootcert=system */
  SSLMODE_ROOTS_FILE
};

struct sslmode_request {
  enum dsql_sslmode mode; /* DSQL_SSL_DEFAULT: not given, which means verify-full */
  bool direct;            /* sslnegotiation=direct */
  bool unix_socket;       /* TLS is never used there, whatever the mode */
  enum sslmode_roots roots;
  bool root_file_exists; /* the named file or, when none is named, the default one (~/.postgresql/root.crt) */
};

/* Attempts are made in this order, each on a new connection, the next one when the one before failed in any way up to
 * and including an ErrorResponse to the startup packet. */
struct sslmode_plan {
  enum sslmode_transport attempts[2];
  unsigned n;
  bool plain_on_refusal; /* the server's 'N' to an SSLRequest: go on in the clear, on the same connection; else fail */
  enum tls_verify verify;
  enum sslmode_roots roots;
};

/* EINVAL: a combination that libpq refuses, too. Two points where the library is stricter or has more to offer than
 * libpq: the default is verify-full, not prefer; verify-ca and verify-full without any sslrootcert use the system's
 * roots instead of failing. */
int sslmode_plan(const struct sslmode_request *r, struct sslmode_plan *out, struct fault *f);

/* "verify-full" and so on; false when it is no mode (libpq knows them in lower case only). */
bool sslmode_parse(const char *text, enum dsql_sslmode *mode);
const char *sslmode_name(enum dsql_sslmode mode);

#endif
