/* client-final-message = "c=" base64(gs2-header [binding]) ",r=" nonce ",p=" base64(ClientProof)
 * ClientProof := ClientKey XOR HMAC(StoredKey, AuthMessage); ServerSignature := HMAC(ServerKey, AuthMessage)
 * (RFC 5802, sections 3 and 7) */
#include "auth/base64.h"
#include "auth/scram_steps.h"

enum { GS2_HEADER_MAX = 32, BINDING_TEXT_MAX = BASE64_ENCODED_SIZE(GS2_HEADER_MAX + SCRAM_BINDING_MAX) };

/* Completes the transcript with what client-final-message is without its proof; *start is where that begins. */
static int add_without_proof(struct scram *s, size_t *start, struct fault *f) {
  const char *header = scram_gs2_header(s);
  size_t header_len = strlen(header), input_len = header_len + s->binding_len;
  uint8_t input[GS2_HEADER_MAX + SCRAM_BINDING_MAX];
  char text[BINDING_TEXT_MAX];
  struct buf *t = &s->transcript;

  memcpy(input, header, header_len);
  memcpy(input + header_len, s->binding, s->binding_len);
  base64_encode(input, input_len, text);
  *start = t->len + 1;
  buf_put_str(t, ",c=");
  buf_put(t, text, BASE64_ENCODED_SIZE(input_len));
  buf_put_str(t, ",r=");
  /* Room first: the nonce comes out of the same buffer, which must not move while it is read. */
  if (buf_reserve(t, s->server_nonce_len)) buf_put(t, t->data + s->server_nonce_at, s->server_nonce_len);
  return buf_ok(t) ? 0 : fault_set(f, DSQL_ENOMEM, "out of memory");
}

static int write(struct scram *s, struct buf *out, struct fault *f) {
  uint8_t proof[SCRAM_KEY_SIZE];
  char text[BASE64_ENCODED_SIZE(SCRAM_KEY_SIZE)];
  size_t start;
  int rc = add_without_proof(s, &start, f);

  if (rc) return rc;
  if (!scram_hmac(s->keys.stored_key, s->transcript.data, s->transcript.len, proof) ||
      !scram_hmac(s->keys.server_key, s->transcript.data, s->transcript.len, s->server_signature))
    return scram_crypto_failed(f);
  for (size_t i = 0; i < sizeof proof; i++) proof[i] ^= s->keys.client_key[i];
  if (!s->cache || s->recalled) mem_cleanse(&s->keys, sizeof s->keys);
  base64_encode(proof, sizeof proof, text);
  buf_put(out, s->transcript.data + start, s->transcript.len - start);
  buf_put_str(out, ",p=");
  buf_put(out, text, sizeof text);
  return 0;
}

int scram_client_final(struct scram *s, struct buf *out, struct fault *f) {
  int rc = scram_expect(s, SCRAM_KEYED, "client-final-message", f);
  if (!rc) rc = write(s, out, f);
  return scram_settle(s, rc, SCRAM_FINAL_SENT);
}
