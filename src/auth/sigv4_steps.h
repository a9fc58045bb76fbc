/* sigv4_steps.h - what presigned queries and signed headers have in common. Internal to the sigv4 files and their
 * tests. */
#ifndef DSQL_AUTH_SIGV4_STEPS_H
#define DSQL_AUTH_SIGV4_STEPS_H

#include "auth/sigv4.h"

enum { SIGV4_HASH_SIZE = 32, SIGV4_KEY_DATE_LEN = 8, SIGV4_TEXT_MAX = 1 << 20 };

#define SIGV4_ALGORITHM "AWS4-HMAC-SHA256"

/* False: OpenSSL refused or had no memory. The HMAC's key has any length. */
bool sigv4_sha256_hex(const void *p, size_t n, char out[SIGV4_HEX_SIZE]);
bool sigv4_hmac(const void *key, size_t key_len, const void *p, size_t n, uint8_t out[SIGV4_HASH_SIZE]);
int sigv4_crypto_failed(struct fault *f);

/* EINVAL names what is missing or can't be in a request. */
int sigv4_check(const struct sigv4_keys *k, const char *region, const char *service, struct fault *f);

/* <date>/<region>/<service>/aws4_request */
void sigv4_put_scope(struct buf *out, const char *date, const char *region, const char *service);
/* In the order of their encoded names, then values. */
void sigv4_sort(struct sigv4_pair *pairs, size_t count);
/* name=value&name=value, encoded. */
void sigv4_put_query(struct buf *out, const struct sigv4_pair *pairs, size_t count);
/* The canonical request of a presigned GET of "/". */
void sigv4_put_query_request(struct buf *out, const char *host, const char *query, size_t n);

/* The hex signature of a canonical request. 0, ENOMEM, EUNSUPPORTED (OpenSSL refused). */
int sigv4_sign(const uint8_t key[SIGV4_KEY_SIZE], const char *date, const char *region, const char *service,
               const struct buf *canonical, const dsql_alloc *alloc, char out[SIGV4_HEX_SIZE]);
/* The same with the key derived from the secret, and a fault. */
int sigv4_sign_with(const struct sigv4_keys *k, const char *date, const char *region, const char *service,
                    const struct buf *canonical, const dsql_alloc *alloc, char out[SIGV4_HEX_SIZE], struct fault *f);
/* The code of a buffer that failed, with its fault. */
int sigv4_no_room(const struct buf *b, struct fault *f);

#endif
