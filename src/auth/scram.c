#include "auth/scram.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "auth/base64.h"
#include "auth/saslprep.h"
#include "auth/scram_steps.h"

_Static_assert(BASE64_ENCODED_SIZE(SCRAM_NONCE_SIZE) == SCRAM_NONCE_TEXT_SIZE, "the nonce has no padding");

static int check_params(const struct scram_params *p, struct fault *f) {
  if (!p->client_key != !p->server_key)
    return fault_set(f, DSQL_EINVAL, "scram_client_key and scram_server_key must be given together");
  if (!p->client_key && p->password.len == 0)
    return fault_set(f, DSQL_EAUTH, "the server asks for a password (SCRAM-SHA-256) and none was given");
  if (p->password.len > SCRAM_PASSWORD_MAX)
    return fault_set(f, DSQL_EINVAL, "the password is longer than %d bytes", SCRAM_PASSWORD_MAX);
  if (p->mechanism == SCRAM_SHA_256_PLUS && (p->binding_len == 0 || p->binding_len > SCRAM_BINDING_MAX))
    return fault_set(f, DSQL_EINVAL, "channel binding data of %zu bytes, where 1 to %d are expected", p->binding_len,
                     SCRAM_BINDING_MAX);
  if (p->iterations_max && p->iterations_min > p->iterations_max)
    return fault_set(f, DSQL_EINVAL, "the least SCRAM iterations (%u) are over the most (%u)", p->iterations_min,
                     p->iterations_max);
  return 0;
}

static int take_secret(struct scram *s, const struct scram_params *p, struct fault *f) {
  if (p->client_key) {
    memcpy(s->keys.client_key, p->client_key, SCRAM_KEY_SIZE);
    memcpy(s->keys.server_key, p->server_key, SCRAM_KEY_SIZE);
    s->keys_given = true;
    s->cache = NULL;
    return scram_store_key(&s->keys) ? 0 : scram_crypto_failed(f);
  }
  if (saslprep_password(p->password, &s->password, NULL)) return fault_set(f, DSQL_ENOMEM, "out of memory");
  return 0;
}

int scram_begin(struct scram *s, const dsql_alloc *alloc, const struct scram_params *p, struct fault *f) {
  int rc = check_params(p, f);

  *s = (struct scram){
      .alloc = alloc, .mechanism = p->mechanism, .binding_supported = p->binding_supported, .cache = p->cache};
  if (rc) return rc;
  s->iterations_min = p->iterations_min ? p->iterations_min : 1;
  s->iterations_max = p->iterations_max ? p->iterations_max : SCRAM_ITERATIONS_MAX;
  if (p->mechanism == SCRAM_SHA_256_PLUS) {
    s->binding_len = p->binding_len;
    memcpy(s->binding, p->binding, p->binding_len);
  }
  base64_encode(p->nonce, SCRAM_NONCE_SIZE, s->nonce);
  /* SASLprep can make text 12 times as long; the transcript holds one server message and our own short ones. */
  buf_init(&s->password, alloc, 12 * (size_t)SCRAM_PASSWORD_MAX);
  buf_init(&s->salt, alloc, SCRAM_MESSAGE_MAX);
  buf_init(&s->transcript, alloc, 3 * (size_t)SCRAM_MESSAGE_MAX);
  s->password.secret = true;
  return scram_settle(s, take_secret(s, p, f), SCRAM_BEGUN);
}

/* Keys from the cache that did not lead to the server's signature are not used again, whoever is to blame. */
void scram_end(struct scram *s) {
  if (s->recalled && s->state == SCRAM_FINAL_SENT) scram_cache_drop(s->cache, s->cache_tag, s->iterations);
  buf_deinit(&s->password);
  buf_deinit(&s->salt);
  buf_deinit(&s->transcript);
  mem_cleanse(s, sizeof *s);
}

int scram_expect(const struct scram *s, enum scram_state state, const char *step, struct fault *f) {
  if (s->state == state) return 0;
  return fault_set(f, DSQL_EPROTO, "SCRAM step out of order: %s %s", step,
                   s->state == SCRAM_OVER ? "in an exchange that is over or was not begun" : "is not due");
}

int scram_settle(struct scram *s, int rc, enum scram_state next) {
  assert(next != SCRAM_OVER);
  if (rc)
    scram_end(s);
  else
    s->state = next;
  return rc;
}

const char *scram_gs2_header(const struct scram *s) {
  if (s->mechanism == SCRAM_SHA_256_PLUS) return "p=tls-server-end-point,,";
  return s->binding_supported ? "y,," : "n,,";
}

bool scram_read_attribute(struct cursor *c, char name, dsql_str *value) {
  size_t left = cursor_left(c), n;
  const char *p = (const char *)c->pos, *comma;

  if (left < 2 || p[0] != name || p[1] != '=') return false;
  comma = memchr(p + 2, ',', left - 2);
  n = comma ? (size_t)(comma - p) - 2 : left - 2;
  *value = (dsql_str){p + 2, n};
  (void)cursor_bytes(c, 2 + n);
  if (!comma) return true;
  (void)cursor_bytes(c, 1);
  return cursor_left(c) > 0;
}

static bool is_letter(uint8_t c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

bool scram_extensions_valid(struct cursor c) {
  while (cursor_left(&c) > 0) {
    dsql_str value;
    /* "m" marks an extension that must be understood. */
    if (!is_letter(*c.pos) || *c.pos == 'm' || !scram_read_attribute(&c, (char)*c.pos, &value)) return false;
    if (value.len == 0 || memchr(value.ptr, 0, value.len)) return false;
  }
  return true;
}

bool scram_hmac(const uint8_t key[SCRAM_KEY_SIZE], const void *p, size_t n, uint8_t out[SCRAM_KEY_SIZE]) {
  unsigned len = 0;
  bool ok;

  ERR_set_mark();
  ok = HMAC(EVP_sha256(), key, SCRAM_KEY_SIZE, p, n, out, &len) != NULL && len == SCRAM_KEY_SIZE;
  ERR_pop_to_mark(); /* what is left in the queue would be taken for an error of the next TLS call */
  return ok;
}

int scram_crypto_failed(struct fault *f) {
  return fault_set(f, DSQL_EUNSUPPORTED, "OpenSSL could not compute SHA-256, HMAC or PBKDF2 for SCRAM-SHA-256");
}
