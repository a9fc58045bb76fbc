/* sigv4.h - AWS Signature Version 4 (AWS documentation, "Create a signed AWS API request"): presigned queries and
 * signed requests. Pure: the time is an argument. */
#ifndef DSQL_AUTH_SIGV4_H
#define DSQL_AUTH_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

enum { SIGV4_DATE_SIZE = 17, SIGV4_KEY_SIZE = 32, SIGV4_HEX_SIZE = 65 };

struct sigv4_keys {
  const char *access_key_id, *secret_access_key;
  const char *session_token; /* NULL or "": none */
};

/* "20150830T123600Z" and its NUL. The year must be 0 to 9999: false otherwise. */
bool sigv4_date(int64_t unix_s, char out[SIGV4_DATE_SIZE]);
/* The reverse, strictly that form. */
bool sigv4_parse_date(const char *s, size_t n, int64_t *unix_s);

/* RFC 3986: unreserved characters literal, everything else %XX in upper case. */
void sigv4_encode(struct buf *out, const char *s, size_t n);

struct sigv4_pair {
  const char *name, *value;
};

/* A presigned GET of "/": appends the query, sorted by name, with its X-Amz-Signature. extra (Action=...) are the
 * caller's parameters, in any order. 0, EINVAL (a missing key, a date that can't be written), ENOMEM. */
struct sigv4_presign {
  struct sigv4_keys keys;
  const char *region, *service, *host;
  const struct sigv4_pair *extra;
  size_t extra_count;
  uint32_t expires_s;
  int64_t unix_s;
};
int sigv4_presign(const struct sigv4_presign *p, const dsql_alloc *alloc, struct buf *out, struct fault *f);

/* A request signed by headers: appends the value of its Authorization header. headers are those to be signed, their
 * names in lower case, each once, in any order, "host" and "x-amz-date" (and x-amz-security-token) among them. The path
 * is as it was before any encoding. */
struct sigv4_request {
  struct sigv4_keys keys;
  const char *region, *service;
  const char *method, *path;
  const struct sigv4_pair *query, *headers;
  size_t query_count, header_count;
  const void *body;
  size_t body_len;
  int64_t unix_s;
};
int sigv4_authorize(const struct sigv4_request *r, const dsql_alloc *alloc, struct buf *out, struct fault *f);

/* What a verifier needs. key_date is the first 8 characters of the date. Every secret on the stack is cleansed. */
int sigv4_signing_key(const char *secret_access_key, const char *key_date, const char *region, const char *service,
                      uint8_t out[SIGV4_KEY_SIZE]);
/* The hex signature of a presigned GET of "/" whose canonical query is given. */
int sigv4_query_signature(const uint8_t key[SIGV4_KEY_SIZE], const char *date, const char *region, const char *service,
                          const char *host, const char *canonical_query, size_t n, const dsql_alloc *alloc,
                          char out[SIGV4_HEX_SIZE]);

#endif
