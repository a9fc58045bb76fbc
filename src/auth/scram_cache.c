#include "auth/scram_cache.h"

#include <openssl/crypto.h>
#include <string.h>

#include "auth/scram_steps.h"

void scram_cache_enable(struct scram_cache *c, const uint8_t random[SCRAM_CACHE_SECRET_SIZE]) {
  memcpy(c->secret, random, sizeof c->secret);
  c->enabled = true;
}

void scram_cache_clear(struct scram_cache *c) { mem_cleanse(c, sizeof *c); }

bool scram_cache_tag(const struct scram_cache *c, dsql_str password, dsql_str salt, uint8_t tag[SCRAM_CACHE_TAG_SIZE]) {
  uint8_t of_password[SCRAM_CACHE_TAG_SIZE];
  bool ok = c->enabled && scram_hmac(c->secret, password.ptr, password.len, of_password) &&
            scram_hmac(of_password, salt.ptr, salt.len, tag);
  mem_cleanse(of_password, sizeof of_password);
  return ok;
}

static struct scram_cache_entry *find(struct scram_cache *c, const uint8_t tag[SCRAM_CACHE_TAG_SIZE],
                                      uint32_t iterations) {
  for (size_t i = 0; i < SCRAM_CACHE_ENTRIES; i++) {
    struct scram_cache_entry *e = &c->entries[i];
    if (e->used && e->iterations == iterations && CRYPTO_memcmp(e->tag, tag, SCRAM_CACHE_TAG_SIZE) == 0) return e;
  }
  return NULL;
}

const struct scram_cache_entry *scram_cache_find(struct scram_cache *c, const uint8_t tag[SCRAM_CACHE_TAG_SIZE],
                                                 uint32_t iterations) {
  struct scram_cache_entry *e = find(c, tag, iterations);

  if (!e) {
    c->misses++;
    return NULL;
  }
  c->hits++;
  e->used = ++c->clock;
  return e;
}

void scram_cache_put(struct scram_cache *c, const struct scram_cache_entry *entry) {
  struct scram_cache_entry *oldest = &c->entries[0];

  if (!c->enabled || find(c, entry->tag, entry->iterations)) return;
  for (size_t i = 1; i < SCRAM_CACHE_ENTRIES; i++)
    if (c->entries[i].used < oldest->used) oldest = &c->entries[i];
  *oldest = *entry; /* all of it: nothing of the old one is left */
  oldest->used = ++c->clock;
}

void scram_cache_drop(struct scram_cache *c, const uint8_t tag[SCRAM_CACHE_TAG_SIZE], uint32_t iterations) {
  struct scram_cache_entry *e = find(c, tag, iterations);
  if (e) mem_cleanse(e, sizeof *e);
}
