/* json.h - credentials out of the JSON that endpoints, processes and SSO's cache give. What was parsed is cleansed. */
#ifndef DSQL_CREDS_JSON_H
#define DSQL_CREDS_JSON_H

#include "base/buf.h"
#include "creds/credentials.h"

/* Names of the members; object NULL: at the top level, else the member that holds them. */
struct json_names {
  const char *object, *access_key_id, *secret_access_key, *session_token, *expiration;
  bool expiration_ms; /* a number of milliseconds since 1970, else RFC 3339 text */
  bool version_1;     /* "Version": 1 is required */
};

/* EPROTO: no JSON, or a member is missing or of the wrong type; names it, and shows no value. expiration may be missing. */
int json_credentials(const char *text, size_t n, const struct json_names *names, const dsql_alloc *alloc,
                     struct credentials *out, struct fault *f);
/* (Not json_string() and json_integer(): jansson has functions of these names.)
 * Appends a string member's value and a NUL; false when it is missing or no string. For error bodies and SSO's files. */
bool json_text_member(const char *text, size_t n, const char *member, struct buf *out);
bool json_integer_member(const char *text, size_t n, const char *member, int64_t *out);
/* "2026-11-21T10:00:00Z", also with fractions of a second, an offset, or "UTC" at its end. Never 0, which means "never"
 * of an expiration: the first second of 1970 is told as 1. */
bool json_time(const char *s, size_t n, int64_t *unix_s);

#endif
