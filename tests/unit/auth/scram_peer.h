/* scram_peer.h - the server's side of SCRAM-SHA-256(-PLUS) for tests, by other means than the code under test: it
 * computes from the password with PKCS5_PBKDF2_HMAC(), and checks what PostgreSQL's auth-scram.c checks. */
#ifndef DSQL_TEST_SCRAM_PEER_H
#define DSQL_TEST_SCRAM_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/scram.h"

enum { PEER_MESSAGE_MAX = 2048 };

struct peer {
  dsql_str password; /* prepared, as the server has it */
  uint8_t salt[64];
  size_t salt_len;
  int iterations;
  const char *nonce;      /* the server's part */
  const char *extensions; /* appended to its first message, with the comma */
  bool offers_plus;       /* then a client's "y" is a downgrade */
  const uint8_t *binding; /* of the server's certificate */
  size_t binding_len;

  char gs2[64], client_first_bare[PEER_MESSAGE_MAX], client_nonce[64];
  char server_first[PEER_MESSAGE_MAX], server_final[PEER_MESSAGE_MAX];
  const char *problem; /* why the client was refused */
};

/* Each takes the client's message and fills the answer; false: refused, see problem. */
bool peer_first(struct peer *p, const void *message, size_t n);
bool peer_final(struct peer *p, const void *message, size_t n);
/* What peer_final() checks the client with, for tests of keys given in advance. */
void peer_keys(const struct peer *p, uint8_t client_key[SCRAM_KEY_SIZE], uint8_t server_key[SCRAM_KEY_SIZE]);

#endif
