/* scram.h - SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677; channel binding tls-server-end-point of RFC 5929)
 * as PostgreSQL speaks it: the user name in the messages is empty, the StartupMessage's counts.
 *
 *   scram_begin -> scram_client_first -> scram_server_first -> derivation, if one is needed -> scram_client_final
 *   -> scram_server_final -> scram_verified
 *
 * A pure machine: bytes in, bytes out. Steps return 0 or the fault's code; after a fault, and on a step out of order,
 * the exchange is over: every further step fails. Codes: EPROTO for a message that is malformed or comes out of order,
 * EAUTH for one that is well-formed and not acceptable (iteration count out of bounds, wrong server signature, the
 * server's own refusal, no password), EINVAL for bad params, ENOMEM, EUNSUPPORTED (OpenSSL refuses the computation).
 *
 * The password and the keys are cleansed as soon as they are not needed any more, and by scram_end(). Faults never
 * contain them. */
#ifndef DSQL_AUTH_SCRAM_H
#define DSQL_AUTH_SCRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/scram_cache.h"
#include "base/buf.h"
#include "base/error.h"

enum scram_mechanism { SCRAM_SHA_256, SCRAM_SHA_256_PLUS };

enum {
  SCRAM_KEY_SIZE = 32,
  SCRAM_NONCE_SIZE = 18,      /* random bytes, as many as libpq takes; */
  SCRAM_NONCE_TEXT_SIZE = 24, /* in base64 */
  SCRAM_BINDING_MAX = 64,     /* tls-server-end-point is one digest */
  SCRAM_PASSWORD_MAX = 65535, /* the server's own limit of a password packet */
  SCRAM_MESSAGE_MAX = 8192,   /* of the server's messages; PostgreSQL's are about 90 bytes */

  /* Default of the most iterations. A server can make the client compute for as long as it likes (CVE-2026-42198 of
   * pgjdbc): this is 0.1..0.3 s of one thread, and leaves room above OWASP's advice of 600,000; PostgreSQL's default is
   * 4,096. */
  SCRAM_ITERATIONS_MAX = 1000000,
  /* Up to here the derivation may run on the event loop: 0.9 ms with SHA instructions, 1.9 ms without. */
  SCRAM_ITERATIONS_INLINE_MAX = 8192
};

/* All of it is copied but the cache. */
struct scram_params {
  enum scram_mechanism mechanism;
  bool binding_supported; /* with SCRAM_SHA_256: we could bind, but the server offered no PLUS ("y", else "n") */
  const uint8_t *binding; /* with SCRAM_SHA_256_PLUS: the channel binding data */
  size_t binding_len;
  dsql_str password;         /* as the user gave it; SASLprep is done inside */
  const uint8_t *client_key; /* both keys, of SCRAM_KEY_SIZE bytes, instead of a password: then nothing is derived */
  const uint8_t *server_key;
  const uint8_t *nonce;                    /* SCRAM_NONCE_SIZE bytes from a strong random source */
  uint32_t iterations_min, iterations_max; /* 0: 1 and SCRAM_ITERATIONS_MAX */
  struct scram_cache *cache;               /* outlives the exchange; NULL: none */
};

enum scram_state {
  SCRAM_OVER, /* not begun, failed or ended */
  SCRAM_BEGUN,
  SCRAM_FIRST_SENT,
  SCRAM_FIRST_RECEIVED, /* keys are needed: none were given, and none are in the cache */
  SCRAM_KEYED,
  SCRAM_FINAL_SENT,
  SCRAM_VERIFIED
};

struct scram_keys {
  uint8_t client_key[SCRAM_KEY_SIZE], stored_key[SCRAM_KEY_SIZE], server_key[SCRAM_KEY_SIZE];
};

/* Fields are the machine's own; zero is a valid state (over). */
struct scram {
  const dsql_alloc *alloc;
  enum scram_state state;
  enum scram_mechanism mechanism;
  bool binding_supported, keys_given;
  bool recalled; /* the keys are from the cache */
  uint8_t binding[SCRAM_BINDING_MAX];
  size_t binding_len;
  uint32_t iterations_min, iterations_max, iterations;
  char nonce[SCRAM_NONCE_TEXT_SIZE];
  struct buf password; /* prepared; emptied once the keys are known */
  struct buf salt;
  struct buf transcript;                    /* RFC 5802's AuthMessage, as far as it has come */
  size_t server_nonce_at, server_nonce_len; /* in transcript: the nonce of both, from server-first-message */
  struct scram_keys keys;
  uint8_t server_signature[SCRAM_KEY_SIZE];
  struct scram_cache *cache; /* NULL: none, or not to be used */
  uint8_t cache_tag[SCRAM_CACHE_TAG_SIZE];
};

/* s needs no initialisation; it may be ended at any time, and must be unless begin failed. alloc outlives it. */
int scram_begin(struct scram *s, const dsql_alloc *alloc, const struct scram_params *p, struct fault *f);
void scram_end(struct scram *s);

/* Appends client-first-message, the body of SASLInitialResponse. out's own failure is the caller's to check. */
int scram_client_first(struct scram *s, struct buf *out, struct fault *f);
/* Takes the body of AuthenticationSASLContinue, and the keys that fit it out of the cache. */
int scram_server_first(struct scram *s, const void *p, size_t n, struct fault *f);

/* True between scram_server_first() and scram_keys_set() or scram_derive_inline(). */
bool scram_needs_derivation(const struct scram *s, uint32_t *iterations);
int scram_derive_inline(struct scram *s, struct fault *f);

/* The same work on another thread: a copy of all that it needs, made by _init() and freed by _deinit() on the owner's
 * thread, with scram_derive() on any thread between them. It is independent of the exchange, which may end before; one
 * that can't be made leaves the exchange as it is. */
struct scram_derivation {
  const dsql_alloc *alloc;
  uint8_t *input; /* the password, then the salt */
  size_t password_len, salt_len;
  uint32_t iterations;
  bool done; /* keys are valid */
  struct scram_keys keys;
};
int scram_derivation_init(struct scram_derivation *d, const struct scram *s, struct fault *f);
void scram_derive(struct scram_derivation *d);
void scram_derivation_deinit(struct scram_derivation *d); /* a zeroed one too */
int scram_keys_set(struct scram *s, const struct scram_derivation *d, struct fault *f);

/* Appends client-final-message, the body of SASLResponse. */
int scram_client_final(struct scram *s, struct buf *out, struct fault *f);
/* Takes the body of AuthenticationSASLFinal. What was derived goes to the cache. */
int scram_server_final(struct scram *s, const void *p, size_t n, struct fault *f);

/* The server has proved that it knows the password: AuthenticationOk may be accepted only then. */
static inline bool scram_verified(const struct scram *s) { return s->state == SCRAM_VERIFIED; }
/* And that it is the peer of our TLS connection. */
static inline bool scram_channel_bound(const struct scram *s) {
  return scram_verified(s) && s->mechanism == SCRAM_SHA_256_PLUS;
}

#endif
