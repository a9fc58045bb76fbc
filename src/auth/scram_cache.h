/* scram_cache.h - ClientKey and ServerKey of exchanges that succeeded, so that the next one with the same password, salt
 * and iterations derives nothing (RFC 5802, section 3, allows a client to keep them). It belongs to one user name; the
 * salt is a role's own, so that hosts with roles of their own are told apart by it.
 *
 * What is in memory, and what it is worth to somebody who reads it:
 *   - The keys. They log in to the role they were derived for, and to no other, until its password is set anew; a
 *     password is guessed from them at the cost of the derivation, as from the server's own verifier.
 *   - A tag to find them by, HMAC-SHA-256 of the salt under one of the password under a random key that is here as well.
 *     A password is guessed from that at the cost of four hashes. So a cache has to live no longer than the password, or
 *     what it comes from, and with the same owner: then there is nothing to guess. The password itself is not kept.
 *
 * Keys come in only when the server's signature has shown that they are right, and go when an exchange that used them
 * does not succeed. What is replaced or dropped is cleansed. No allocation; not thread-safe. */
#ifndef DSQL_AUTH_SCRAM_CACHE_H
#define DSQL_AUTH_SCRAM_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Several, for a target with hosts that have roles of their own, and for the time while a password is changed. */
enum { SCRAM_CACHE_SECRET_SIZE = 32, SCRAM_CACHE_TAG_SIZE = 32, SCRAM_CACHE_KEY_SIZE = 32, SCRAM_CACHE_ENTRIES = 4 };

struct scram_cache_entry {
  uint64_t used; /* 0: empty; else the larger, the later */
  uint32_t iterations;
  uint8_t tag[SCRAM_CACHE_TAG_SIZE];
  uint8_t client_key[SCRAM_CACHE_KEY_SIZE], server_key[SCRAM_CACHE_KEY_SIZE];
};

/* Zero is a valid state: it finds and keeps nothing. */
struct scram_cache {
  bool enabled;
  uint8_t secret[SCRAM_CACHE_SECRET_SIZE];
  uint64_t clock;
  uint64_t hits, misses; /* lookups; a miss is a derivation */
  struct scram_cache_entry entries[SCRAM_CACHE_ENTRIES];
};

/* random: fresh bytes from a strong source, copied. */
void scram_cache_enable(struct scram_cache *c, const uint8_t random[SCRAM_CACHE_SECRET_SIZE]);
void scram_cache_clear(struct scram_cache *c); /* back to zero, cleansed */

/* False: the cache is not enabled, or OpenSSL refused. */
bool scram_cache_tag(const struct scram_cache *c, dsql_str password, dsql_str salt, uint8_t tag[SCRAM_CACHE_TAG_SIZE]);
/* NULL: not there. Counts the lookup; what is found lives until the next call. */
const struct scram_cache_entry *scram_cache_find(struct scram_cache *c, const uint8_t tag[SCRAM_CACHE_TAG_SIZE],
                                                 uint32_t iterations);
/* In place of what was used longest ago, unless it is there already. */
void scram_cache_put(struct scram_cache *c, const struct scram_cache_entry *entry);
void scram_cache_drop(struct scram_cache *c, const uint8_t tag[SCRAM_CACHE_TAG_SIZE], uint32_t iterations);

#endif
