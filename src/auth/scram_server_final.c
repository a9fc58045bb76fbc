/* server-final-message = ("v=" base64(ServerSignature) / "e=" error) ["," extensions] (RFC 5802, section 7) */
#include <openssl/crypto.h>

#include "auth/base64.h"
#include "auth/printable.h"
#include "auth/scram_steps.h"

enum { SIGNATURE_TEXT_SIZE = BASE64_ENCODED_SIZE(SCRAM_KEY_SIZE) };

static int malformed(struct fault *f) {
  return fault_set(f, DSQL_EPROTO, "malformed SCRAM message from the server: v=, a signature in base64, was expected");
}

static int read_message(struct scram *s, const void *p, size_t n, struct fault *f) {
  struct cursor c = cursor_of(p, n);
  uint8_t signature[BASE64_DECODED_MAX(SIGNATURE_TEXT_SIZE)];
  size_t len;
  dsql_str value;

  if (scram_read_attribute(&c, 'e', &value))
    return fault_set(f, DSQL_EAUTH, "the server refused SCRAM authentication: %s",
                     printable_of(value.ptr, value.len).text);
  if (!scram_read_attribute(&c, 'v', &value) || value.len != SIGNATURE_TEXT_SIZE || !scram_extensions_valid(c))
    return malformed(f);
  if (!base64_decode(value.ptr, value.len, signature, &len) || len != SCRAM_KEY_SIZE) return malformed(f);
  if (CRYPTO_memcmp(signature, s->server_signature, SCRAM_KEY_SIZE) != 0)
    return fault_set(f, DSQL_EAUTH,
                     "wrong SCRAM signature from the server: it does not know this password, so it is not the server "
                     "it claims to be");
  return 0;
}

static void keep_keys(struct scram *s) {
  struct scram_cache_entry e = {.iterations = s->iterations};

  memcpy(e.tag, s->cache_tag, sizeof e.tag);
  memcpy(e.client_key, s->keys.client_key, sizeof e.client_key);
  memcpy(e.server_key, s->keys.server_key, sizeof e.server_key);
  scram_cache_put(s->cache, &e);
  mem_cleanse(&e, sizeof e);
  mem_cleanse(&s->keys, sizeof s->keys);
}

int scram_server_final(struct scram *s, const void *p, size_t n, struct fault *f) {
  int rc = scram_expect(s, SCRAM_FINAL_SENT, "server-final-message", f);
  if (!rc) rc = read_message(s, p, n, f);
  if (!rc && s->cache && !s->recalled) keep_keys(s);
  return scram_settle(s, rc, SCRAM_VERIFIED);
}
