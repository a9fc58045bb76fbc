/* scram_steps.h - what the steps of SCRAM share. Private to this layer and its tests. */
#ifndef DSQL_AUTH_SCRAM_STEPS_H
#define DSQL_AUTH_SCRAM_STEPS_H

#include "auth/scram.h"
#include "base/cursor.h"

/* 0 when the exchange is in `state`, else the fault for a step out of order. */
int scram_expect(const struct scram *s, enum scram_state state, const char *step, struct fault *f);
/* Ends a step: goes to `next`, or when rc is a failure ends the exchange with all its secrets. Returns rc. */
int scram_settle(struct scram *s, int rc, enum scram_state next);

/* gs2-header with its flag: "n,,", "y,,", "p=tls-server-end-point,,". */
const char *scram_gs2_header(const struct scram *s);

/* Takes "x=value" and the comma behind it (which must be followed by something). False: none there, or malformed. */
bool scram_read_attribute(struct cursor *c, char name, dsql_str *value);
/* True when all that is left is extensions: attributes that may be ignored (RFC 5802, section 5.1). */
bool scram_extensions_valid(struct cursor c);

/* Any thread; false: OpenSSL refused. */
bool scram_hmac(const uint8_t key[SCRAM_KEY_SIZE], const void *p, size_t n, uint8_t out[SCRAM_KEY_SIZE]);
/* Fills stored_key from client_key. */
bool scram_store_key(struct scram_keys *k);
bool scram_keys_derive(const uint8_t *password, size_t password_len, const uint8_t *salt, size_t salt_len,
                       uint32_t iterations, struct scram_keys *out);
int scram_crypto_failed(struct fault *f);

#endif
