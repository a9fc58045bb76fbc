#include "scram_peer.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

static bool refuse(struct peer *p, const char *problem) {
  p->problem = problem;
  return false;
}

static void hmac(const uint8_t *key, const void *text, size_t n, uint8_t out[SCRAM_KEY_SIZE]) {
  unsigned len;
  (void)HMAC(EVP_sha256(), key, SCRAM_KEY_SIZE, text, n, out, &len);
}

void peer_keys(const struct peer *p, uint8_t client_key[SCRAM_KEY_SIZE], uint8_t server_key[SCRAM_KEY_SIZE]) {
  uint8_t salted[SCRAM_KEY_SIZE];
  (void)PKCS5_PBKDF2_HMAC(p->password.ptr, (int)p->password.len, p->salt, (int)p->salt_len, p->iterations, EVP_sha256(),
                          SCRAM_KEY_SIZE, salted);
  hmac(salted, "Client Key", 10, client_key);
  hmac(salted, "Server Key", 10, server_key);
}

bool peer_first(struct peer *p, const void *message, size_t n) {
  char text[PEER_MESSAGE_MAX], salt[128];
  const char *bare;

  (void)snprintf(text, sizeof text, "%.*s", (int)n, (const char *)message);
  bare = strstr(text, ",,");
  if (!bare || strlen(text) != n) return refuse(p, "no gs2 header");
  bare += 2;
  (void)snprintf(p->gs2, sizeof p->gs2, "%.*s", (int)(bare - text), text);
  if (strcmp(p->gs2, "y,,") == 0 && p->offers_plus) return refuse(p, "downgrade: y, but PLUS was offered");
  if (strncmp(bare, "n=,r=", 5) != 0) return refuse(p, "no empty user name and nonce");
  (void)snprintf(p->client_first_bare, sizeof p->client_first_bare, "%s", bare);
  (void)snprintf(p->client_nonce, sizeof p->client_nonce, "%s", bare + 5);
  (void)EVP_EncodeBlock((unsigned char *)salt, p->salt, (int)p->salt_len);
  (void)snprintf(p->server_first, sizeof p->server_first, "r=%s%s,s=%s,i=%d%s", p->client_nonce, p->nonce, salt,
                 p->iterations, p->extensions ? p->extensions : "");
  return true;
}

static bool check_binding(struct peer *p, const char *c) {
  uint8_t input[256];
  char expected[512];
  size_t n = strlen(p->gs2);

  memcpy(input, p->gs2, n);
  if (p->gs2[0] == 'p') {
    if (!p->binding_len) return refuse(p, "no channel to bind to");
    memcpy(input + n, p->binding, p->binding_len);
    n += p->binding_len;
  }
  (void)EVP_EncodeBlock((unsigned char *)expected, input, (int)n);
  return strcmp(c, expected) == 0 || refuse(p, "channel binding check failed");
}

bool peer_final(struct peer *p, const void *message, size_t n) {
  char text[PEER_MESSAGE_MAX], c[512], r[512], proof_text[64] = "", auth_message[3 * PEER_MESSAGE_MAX], expected[512];
  uint8_t client_key[SCRAM_KEY_SIZE], server_key[SCRAM_KEY_SIZE], stored[SCRAM_KEY_SIZE], signature[SCRAM_KEY_SIZE];
  uint8_t proof[64];
  unsigned char encoded[64];
  char *p_at;

  (void)snprintf(text, sizeof text, "%.*s", (int)n, (const char *)message);
  if (sscanf(text, "c=%511[^,],r=%511[^,],p=%63s", c, r, proof_text) != 3) return refuse(p, "malformed final message");
  if (strlen(proof_text) != 44 || !check_binding(p, c)) return p->problem ? false : refuse(p, "malformed proof");
  (void)snprintf(expected, sizeof expected, "%s%s", p->client_nonce, p->nonce);
  if (strcmp(r, expected) != 0) return refuse(p, "nonce mismatch");
  p_at = strstr(text, ",p=");
  *p_at = '\0';
  (void)snprintf(auth_message, sizeof auth_message, "%s,%s,%s", p->client_first_bare, p->server_first, text);

  peer_keys(p, client_key, server_key);
  (void)SHA256(client_key, sizeof client_key, stored);
  hmac(stored, auth_message, strlen(auth_message), signature);
  if (EVP_DecodeBlock(proof, (unsigned char *)proof_text, 44) != 33) return refuse(p, "malformed proof");
  for (size_t i = 0; i < SCRAM_KEY_SIZE; i++)
    if ((proof[i] ^ signature[i]) != client_key[i]) return refuse(p, "wrong password");
  hmac(server_key, auth_message, strlen(auth_message), signature);
  (void)EVP_EncodeBlock(encoded, signature, sizeof signature);
  (void)snprintf(p->server_final, sizeof p->server_final, "v=%s", (char *)encoded);
  return true;
}
