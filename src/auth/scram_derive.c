/* SaltedPassword := Hi(password, salt, i); ClientKey := HMAC(SaltedPassword, "Client Key");
 * StoredKey := H(ClientKey); ServerKey := HMAC(SaltedPassword, "Server Key") (RFC 5802, section 3) */
#include <assert.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "auth/pbkdf2.h"
#include "auth/scram_steps.h"

bool scram_store_key(struct scram_keys *k) {
  unsigned n = 0;
  bool ok;

  ERR_set_mark();
  ok = EVP_Digest(k->client_key, SCRAM_KEY_SIZE, k->stored_key, &n, EVP_sha256(), NULL) == 1 && n == SCRAM_KEY_SIZE;
  ERR_pop_to_mark();
  return ok;
}

bool scram_keys_derive(const uint8_t *password, size_t password_len, const uint8_t *salt, size_t salt_len,
                       uint32_t iterations, struct scram_keys *out) {
  static const char client[] = "Client Key", server[] = "Server Key";
  uint8_t salted[SCRAM_KEY_SIZE];
  bool ok = pbkdf2_sha256(password, password_len, salt, salt_len, iterations, salted) &&
            scram_hmac(salted, client, sizeof client - 1, out->client_key) &&
            scram_hmac(salted, server, sizeof server - 1, out->server_key) && scram_store_key(out);
  mem_cleanse(salted, sizeof salted);
  return ok;
}

bool scram_needs_derivation(const struct scram *s, uint32_t *iterations) {
  *iterations = s->iterations;
  return s->state == SCRAM_FIRST_RECEIVED;
}

static int derive_here(struct scram *s, struct fault *f) {
  bool ok = scram_keys_derive(s->password.data, s->password.len, s->salt.data, s->salt.len, s->iterations, &s->keys);
  buf_deinit(&s->password);
  return ok ? 0 : scram_crypto_failed(f);
}

int scram_derive_inline(struct scram *s, struct fault *f) {
  int rc = scram_expect(s, SCRAM_FIRST_RECEIVED, "key derivation", f);
  if (!rc) rc = derive_here(s, f);
  return scram_settle(s, rc, SCRAM_KEYED);
}

int scram_derivation_init(struct scram_derivation *d, const struct scram *s, struct fault *f) {
  int rc = scram_expect(s, SCRAM_FIRST_RECEIVED, "key derivation", f);

  *d = (struct scram_derivation){.alloc = s->alloc};
  if (rc) return rc;
  d->input = mem_alloc(s->alloc, s->password.len + s->salt.len);
  if (!d->input) return fault_set(f, DSQL_ENOMEM, "out of memory");
  d->password_len = s->password.len;
  d->salt_len = s->salt.len;
  d->iterations = s->iterations;
  memcpy(d->input, s->password.data, d->password_len);
  memcpy(d->input + d->password_len, s->salt.data, d->salt_len);
  return 0;
}

void scram_derive(struct scram_derivation *d) {
  d->done =
      scram_keys_derive(d->input, d->password_len, d->input + d->password_len, d->salt_len, d->iterations, &d->keys);
}

void scram_derivation_deinit(struct scram_derivation *d) {
  mem_free_secret(d->alloc, d->input, d->password_len + d->salt_len);
  mem_cleanse(d, sizeof *d);
}

static int take_keys(struct scram *s, const struct scram_derivation *d, struct fault *f) {
  assert(d->iterations == s->iterations && d->salt_len == s->salt.len);
  buf_deinit(&s->password);
  if (!d->done) return scram_crypto_failed(f);
  s->keys = d->keys;
  return 0;
}

int scram_keys_set(struct scram *s, const struct scram_derivation *d, struct fault *f) {
  int rc = scram_expect(s, SCRAM_FIRST_RECEIVED, "key derivation", f);
  if (!rc) rc = take_keys(s, d, f);
  return scram_settle(s, rc, SCRAM_KEYED);
}
