#include <assert.h>
#include <openssl/err.h>

#include "tls/internal.h"

/* A record's most overhead: header, explicit nonce or IV, MAC or tag, padding (RFC 5246, 6.2.3). */
enum { RECORD_OVERHEAD_MAX = SSL3_RT_HEADER_LENGTH + SSL3_RT_MAX_ENCRYPTED_OVERHEAD };

enum tls_status tls_read(struct tls *t, void *dst, size_t cap, size_t *n, struct fault *f) {
  int rc;

  assert(cap > 0 && (t->established || t->failed));
  *n = 0;
  if (t->failed) return tls_refuse_failed(f);
  t->fault = f;
  ERR_clear_error();
  rc = SSL_read_ex(t->ssl, dst, cap, n);
  if (rc != 1) return tls_outcome(t, rc, "read");
  t->fault = NULL;
  return TLS_OK;
}

size_t tls_write_bound(size_t n) {
  size_t records = n / SSL3_RT_MAX_PLAIN_LENGTH + 1;
  if (n > SIZE_MAX / 2) return SIZE_MAX;
  return n + records * RECORD_OVERHEAD_MAX;
}

enum tls_status tls_write(struct tls *t, const void *p, size_t n, struct fault *f) {
  size_t written = 0;
  int rc;

  assert(t->established || t->failed);
  if (t->failed) return tls_refuse_failed(f);
  if (n == 0) return TLS_OK;
  /* Room for everything first: a record that is cut half-way would end the session. */
  if (!buf_reserve(t->out, tls_write_bound(n))) {
    fault_set(f, t->out->error,
              t->out->error == DSQL_ENOMEM ? "out of memory while encrypting %zu bytes"
                                           : "%zu bytes don't fit into the TLS output buffer",
              n);
    t->failed = true;
    return TLS_FAILED;
  }
  t->fault = f;
  ERR_clear_error();
  rc = SSL_write_ex(t->ssl, p, n, &written);
  if (rc != 1) return tls_outcome(t, rc, "write");
  assert(written == n);
  t->fault = NULL;
  return TLS_OK;
}

void tls_shutdown(struct tls *t) {
  if (!t->established || t->failed) return;
  ERR_clear_error();
  (void)SSL_shutdown(t->ssl);
}
