/* The cache of SCRAM's keys: what is found in it, what comes in and goes, and what is left of it. */
#include <criterion/criterion.h>
#include <string.h>

#include "auth/scram.h"
#include "scram_peer.h"
#include "test_alloc.h"

static const uint8_t nonce[SCRAM_NONCE_SIZE] = {1};
static const uint8_t random_bytes[SCRAM_CACHE_SECRET_SIZE] = {9, 8, 7};
static const dsql_str pencil = {"pencil", 6}, crayon = {"crayon", 6};

struct world {
  struct test_alloc heap;
  struct scram_cache cache;
  struct scram_params params;
  struct peer peer;
  bool on_thread;   /* the derivation goes by its own object */
  bool derived;     /* the last exchange derived its keys */
  bool lying;       /* the server's signature is wrong */
  const char *text; /* of its fault */
};

static void open_world(struct world *w) {
  memset(w, 0, sizeof *w);
  test_alloc_init(&w->heap);
  scram_cache_enable(&w->cache, random_bytes);
  w->params = (struct scram_params){.password = pencil, .nonce = nonce, .cache = &w->cache};
  w->peer = (struct peer){.password = pencil, .salt = {1, 2, 3}, .salt_len = 16, .iterations = 3, .nonce = "zz"};
}

static void close_world(struct world *w) {
  static const struct scram_cache zero;
  scram_cache_clear(&w->cache);
  cr_assert_eq(memcmp(&w->cache, &zero, sizeof zero), 0);
  test_alloc_assert_empty(&w->heap);
}

static int derive(struct world *w, struct scram *s, struct fault *f) {
  struct scram_derivation d;
  int rc;

  if (!w->on_thread) return scram_derive_inline(s, f);
  rc = scram_derivation_init(&d, s, f);
  if (rc) return rc;
  scram_derive(&d);
  rc = scram_keys_set(s, &d, f);
  scram_derivation_deinit(&d);
  return rc;
}

static int run(struct world *w, struct scram *s, struct buf *out, struct fault *f) {
  uint32_t iterations;
  int rc = scram_begin(s, &w->heap.hook, &w->params, f);

  if (rc) return rc;
  rc = scram_client_first(s, out, f);
  if (rc || !buf_ok(out)) return rc ? rc : out->error;
  cr_assert(peer_first(&w->peer, out->data, out->len), "%s", w->peer.problem);
  buf_reset(out);
  rc = scram_server_first(s, w->peer.server_first, strlen(w->peer.server_first), f);
  w->derived = !rc && scram_needs_derivation(s, &iterations);
  if (w->derived) rc = derive(w, s, f);
  if (!rc) rc = scram_client_final(s, out, f);
  if (rc || !buf_ok(out)) return rc ? rc : out->error;
  if (!peer_final(&w->peer, out->data, out->len)) return DSQL_EAUTH;
  if (w->lying) w->peer.server_final[5] = w->peer.server_final[5] == 'A' ? 'B' : 'A';
  return scram_server_final(s, w->peer.server_final, strlen(w->peer.server_final), f);
}

/* A whole exchange; nothing of it is left but what is in the cache. */
static int log_in(struct world *w) {
  struct fault f = {0};
  struct scram s = {0};
  struct buf out;
  int rc;

  w->derived = false;
  w->peer.problem = NULL;
  buf_init(&out, &mem_default, 2000);
  rc = run(w, &s, &out, &f);
  scram_end(&s);
  buf_deinit(&out);
  return rc;
}

static void expect(struct world *w, bool derived, int line) {
  cr_assert_eq(log_in(w), 0, "line %d: %s", line, w->peer.problem);
  cr_assert_eq(w->derived, derived, "line %d", line);
}

#define derives(w) expect((w), true, __LINE__)
#define recalls(w) expect((w), false, __LINE__)

Test(scram_cache, the_second_exchange_derives_nothing) {
  static const uint8_t digest[32] = {1, 2};
  for (unsigned i = 0; i < 8; i++) {
    struct world w;
    open_world(&w);
    w.on_thread = i & 1;
    if (i & 2) { /* what the keys are used for does not matter */
      w.params.mechanism = SCRAM_SHA_256_PLUS;
      w.params.binding = w.peer.binding = digest;
      w.params.binding_len = w.peer.binding_len = sizeof digest;
    }
    if (i & 4)
      w.params.password = (dsql_str){"pen\xC2\xAD"
                                     "cil",
                                     8}; /* the same by SASLprep */
    derives(&w);
    w.params.password = pencil;
    recalls(&w);
    recalls(&w);
    cr_assert_eq(w.cache.hits, 2);
    cr_assert_eq(w.cache.misses, 1);
    close_world(&w);
  }
}

Test(scram_cache, whatever_differs_is_derived) {
  struct world w;
  open_world(&w);
  derives(&w);
  w.peer.salt[15] = 1;
  derives(&w);
  w.peer.salt[15] = 0;
  w.peer.salt_len = 15;
  derives(&w);
  w.peer.salt_len = 16;
  w.peer.iterations = 4;
  derives(&w);
  w.peer.iterations = 3;
  recalls(&w); /* four are kept */
  w.params.password = w.peer.password = crayon;
  derives(&w);
  recalls(&w);
  close_world(&w);
}

/* ALTER ROLE ... PASSWORD gives a new salt; and if it did not, the old keys still would not be used for the new password. */
Test(scram_cache, a_password_that_changed) {
  struct world w;
  open_world(&w);
  derives(&w);
  w.peer.password = crayon; /* on the server alone, with the same salt: a server that was restored, or lies */
  cr_assert_eq(log_in(&w), DSQL_EAUTH);
  cr_assert_not(w.derived);
  cr_assert_str_eq(w.peer.problem, "wrong password");
  cr_assert_eq(log_in(&w), DSQL_EAUTH);
  cr_assert(w.derived, "what was refused is not used again");
  w.params.password = crayon;
  derives(&w);
  recalls(&w);
  w.peer.salt[0]++;
  derives(&w);
  close_world(&w);
}

Test(scram_cache, only_what_the_server_has_proved_comes_in) {
  struct world w;
  open_world(&w);
  w.lying = true;
  for (int i = 0; i < 2; i++) {
    cr_assert_eq(log_in(&w), DSQL_EAUTH);
    cr_assert(w.derived);
  }
  w.lying = false;
  w.params.password = crayon; /* a wrong one */
  for (int i = 0; i < 2; i++) {
    cr_assert_eq(log_in(&w), DSQL_EAUTH);
    cr_assert(w.derived);
  }
  w.params.password = pencil;
  derives(&w);
  recalls(&w);
  w.lying = true; /* and goes when it no longer does */
  cr_assert_eq(log_in(&w), DSQL_EAUTH);
  cr_assert_not(w.derived);
  w.lying = false;
  derives(&w);
  close_world(&w);
}

Test(scram_cache, the_least_recently_used_is_replaced_and_gone) {
  uint8_t client_key[SCRAM_KEY_SIZE], server_key[SCRAM_KEY_SIZE];
  struct world w;

  open_world(&w);
  for (uint8_t i = 0; i < SCRAM_CACHE_ENTRIES; i++) {
    w.peer.salt[0] = i;
    derives(&w);
  }
  w.peer.salt[0] = 0;
  recalls(&w);
  w.peer.salt[0] = 1; /* the one that is to go */
  peer_keys(&w.peer, client_key, server_key);
  cr_assert_not_null(memmem(&w.cache, sizeof w.cache, client_key, sizeof client_key));
  cr_assert_not_null(memmem(&w.cache, sizeof w.cache, server_key, sizeof server_key));
  w.peer.salt[0] = 99;
  derives(&w);
  cr_assert_null(memmem(&w.cache, sizeof w.cache, client_key, sizeof client_key));
  cr_assert_null(memmem(&w.cache, sizeof w.cache, server_key, sizeof server_key));
  for (uint8_t i = 0; i < SCRAM_CACHE_ENTRIES; i++) {
    w.peer.salt[0] = i;
    if (i != 1) recalls(&w);
  }
  w.peer.salt[0] = 1;
  derives(&w);
  close_world(&w);
}

Test(scram_cache, what_is_dropped_is_cleansed_and_the_password_is_never_in_it) {
  uint8_t client_key[SCRAM_KEY_SIZE], server_key[SCRAM_KEY_SIZE];
  struct world w;

  open_world(&w);
  derives(&w);
  peer_keys(&w.peer, client_key, server_key);
  cr_assert_null(memmem(&w.cache, sizeof w.cache, "pencil", 6));
  cr_assert_not_null(memmem(&w.cache, sizeof w.cache, client_key, 8));
  w.peer.password = crayon;
  cr_assert_eq(log_in(&w), DSQL_EAUTH);
  cr_assert_null(memmem(&w.cache, sizeof w.cache, client_key, 8));
  cr_assert_null(memmem(&w.cache, sizeof w.cache, server_key, 8));
  close_world(&w);
}

Test(scram_cache, one_that_is_not_enabled_or_not_wanted_keeps_nothing) {
  uint8_t client_key[SCRAM_KEY_SIZE], server_key[SCRAM_KEY_SIZE];
  struct world w;

  open_world(&w);
  scram_cache_clear(&w.cache);
  derives(&w);
  derives(&w);
  w.params.cache = NULL;
  derives(&w);
  w.params.cache = &w.cache;
  scram_cache_enable(&w.cache, random_bytes);
  peer_keys(&w.peer, client_key, server_key);
  w.params.client_key = client_key;
  w.params.server_key = server_key;
  recalls(&w); /* they were given */
  cr_assert_eq(w.cache.hits + w.cache.misses, 0);
  w.params.client_key = w.params.server_key = NULL;
  derives(&w);
  close_world(&w);
}

/* Two caches with other random bytes have nothing in common by which a password could be recognised. */
Test(scram_cache, tags_depend_on_the_random_key) {
  static const uint8_t other[SCRAM_CACHE_SECRET_SIZE] = {1};
  struct scram_cache a = {0}, b = {0};
  uint8_t tag_a[SCRAM_CACHE_TAG_SIZE], tag_b[SCRAM_CACHE_TAG_SIZE];

  scram_cache_enable(&a, random_bytes);
  scram_cache_enable(&b, other);
  cr_assert(scram_cache_tag(&a, pencil, crayon, tag_a));
  cr_assert(scram_cache_tag(&b, pencil, crayon, tag_b));
  cr_assert_neq(memcmp(tag_a, tag_b, sizeof tag_a), 0);
}

/* Each allocation of the first and of the second exchange failing in turn: it fails or not, and the next one is right. */
Test(scram_cache, every_allocation_fails_in_turn) {
  unsigned failures = 0;
  for (unsigned second = 0; second < 2; second++)
    for (size_t n = 1;; n++) {
      struct world w;
      bool fired;

      open_world(&w);
      if (second) derives(&w);
      test_alloc_arm(&w.heap, n, false);
      {
        int rc = log_in(&w);
        fired = test_alloc_fired(&w.heap);
        cr_assert_eq(rc, fired ? DSQL_ENOMEM : 0, "exchange %u, allocation %zu: %d", second, n, rc);
      }
      test_alloc_arm(&w.heap, 0, false);
      expect(&w, !second && fired, __LINE__);
      close_world(&w);
      if (!fired) break;
      failures++;
    }
  cr_assert_geq(failures, 4);
}
