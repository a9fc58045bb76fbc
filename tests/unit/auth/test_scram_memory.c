/* What SCRAM leaves in memory: no leaks when allocations fail, no secrets in what it frees. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include "auth/scram.h"
#include "scram_peer.h"
#include "test_alloc.h"

static const uint8_t nonce[SCRAM_NONCE_SIZE] = {1};

/* Not ASCII, so that SASLprep has work to do: a soft hyphen in the middle, dropped from the prepared form. */
static const dsql_str given = {"correct-horse\xC2\xAD-battery", 23};
static const dsql_str prepared = {"correct-horse-battery", 21};

static struct peer peer_of(void) {
  return (struct peer){.password = prepared, .salt_len = 16, .iterations = 2, .nonce = "server"};
}

/* A whole exchange, the derivation by its own object; stops at the first failure. */
static int exchange(struct scram *s, const dsql_alloc *alloc, const struct scram_params *p, struct fault *f) {
  struct peer peer = peer_of();
  struct scram_derivation d = {0};
  struct buf out;
  int rc;

  buf_init(&out, &mem_default, 1000);
  rc = scram_begin(s, alloc, p, f);
  if (!rc) rc = scram_client_first(s, &out, f);
  if (!rc && peer_first(&peer, out.data, out.len)) {
    buf_reset(&out);
    rc = scram_server_first(s, peer.server_first, strlen(peer.server_first), f);
  }
  if (!rc) rc = scram_derivation_init(&d, s, f);
  if (!rc) {
    scram_derive(&d);
    rc = scram_keys_set(s, &d, f);
  }
  scram_derivation_deinit(&d);
  if (!rc) rc = scram_client_final(s, &out, f);
  if (!rc) cr_assert(peer_final(&peer, out.data, out.len), "%s", peer.problem);
  if (!rc) rc = scram_server_final(s, peer.server_final, strlen(peer.server_final), f);
  buf_deinit(&out);
  return rc;
}

Test(scram_memory, every_allocation_fails_in_turn) {
  static const dsql_str passwords[] = {{"correct-horse-battery", 21}, {"correct-horse\xC2\xAD-battery", 23}};
  struct test_alloc heap;
  unsigned failures = 0;

  test_alloc_init(&heap);
  for (size_t i = 0; i < 4; i++) {
    struct scram_params p = {.password = passwords[i / 2], .nonce = nonce};
    for (size_t n = 1;; n++) {
      struct fault f = {0};
      struct scram s;
      int rc;

      test_alloc_arm(&heap, n, i % 2);
      rc = exchange(&s, &heap.hook, &p, &f);
      cr_assert_eq(scram_verified(&s), rc == 0);
      scram_end(&s);
      test_alloc_assert_empty(&heap);
      cr_assert_eq(rc, test_alloc_fired(&heap) ? DSQL_ENOMEM : 0, "allocation %zu: %d %s", n, rc, f.text);
      cr_assert_eq(f.code, rc);
      if (!test_alloc_fired(&heap)) break;
      failures++;
    }
  }
  cr_assert_geq(failures, 4 * 4, "only %u failures were tried", failures);
}

/* ---- a hook that looks into what it is given back --------------------------------------------------------------- */

struct needle {
  const void *bytes;
  size_t len;
};

struct scanner {
  dsql_alloc hook;
  struct needle needles[8];
  unsigned needle_count, scans, finds, live;
};

static bool contains(const void *hay, size_t n, const struct needle *needle) {
  return needle->len && memmem(hay, n, needle->bytes, needle->len) != NULL;
}

static bool any_secret(const struct scanner *sc, const void *p, size_t n) {
  for (unsigned i = 0; i < sc->needle_count; i++)
    if (contains(p, n, &sc->needles[i])) return true;
  return false;
}

static void *scan_realloc(void *ctx, void *ptr, size_t size) {
  struct scanner *sc = ctx;
  size_t *head = ptr ? (size_t *)ptr - 2 : NULL, *fresh = NULL;

  if (size) {
    fresh = malloc(2 * sizeof *fresh + size);
    fresh[0] = size;
    sc->live++;
  }
  if (head && fresh) memcpy(fresh + 2, ptr, head[0] < size ? head[0] : size);
  if (head) {
    sc->scans++;
    if (any_secret(sc, ptr, head[0])) sc->finds++;
    sc->live--;
    free(head);
  }
  return fresh ? fresh + 2 : NULL;
}

static void add_needle(struct scanner *sc, const void *bytes, size_t len) {
  cr_assert_lt(sc->needle_count, sizeof sc->needles / sizeof sc->needles[0]);
  sc->needles[sc->needle_count++] = (struct needle){bytes, len};
}

Test(scram_memory, the_scanner_finds_what_is_left) {
  struct scanner sc = {.hook = {scan_realloc, &sc}};
  char *p;

  add_needle(&sc, "horse", 5);
  p = mem_strdup(&sc.hook, "a horse");
  mem_free(&sc.hook, p);
  cr_assert_eq(sc.finds, 1);
  p = mem_strdup(&sc.hook, "a horse");
  mem_free_secret(&sc.hook, p, 7);
  cr_assert_eq(sc.finds, 1);
  cr_assert_eq(sc.live, 0);
}

/* The password in both forms and as code points, and all keys. */
static void add_secrets(struct scanner *sc, uint8_t client_key[SCRAM_KEY_SIZE], uint8_t server_key[SCRAM_KEY_SIZE],
                        const uint32_t wide[5]) {
  struct peer peer = peer_of();
  peer_keys(&peer, client_key, server_key);
  add_needle(sc, "horse", 5);
  add_needle(sc, "battery", 7);
  add_needle(sc, wide, 5 * sizeof *wide);
  add_needle(sc, client_key, 8);
  add_needle(sc, server_key, 8);
}

static const uint32_t wide_horse[] = {'h', 'o', 'r', 's', 'e'};

Test(scram_memory, nothing_secret_is_left_by_an_exchange) {
  struct scanner sc = {.hook = {scan_realloc, &sc}};
  uint8_t client_key[SCRAM_KEY_SIZE], server_key[SCRAM_KEY_SIZE];
  struct scram_params p = {.password = given, .nonce = nonce};
  struct fault f = {0};
  struct scram s;

  add_secrets(&sc, client_key, server_key, wide_horse);
  cr_assert_eq(exchange(&s, &sc.hook, &p, &f), 0, "%s", f.text);
  cr_assert_not(any_secret(&sc, &s, sizeof s), "the struct of a completed exchange");
  scram_end(&s);
  for (size_t i = 0; i < sizeof s; i++) cr_assert_eq(((const uint8_t *)&s)[i], 0);
  cr_assert_geq(sc.scans, 5);
  cr_assert_eq(sc.finds, 0);
  cr_assert_eq(sc.live, 0);
}

/* Ended in every state before it is complete. */
Test(scram_memory, nothing_secret_is_left_by_a_part_of_an_exchange) {
  uint8_t client_key[SCRAM_KEY_SIZE], server_key[SCRAM_KEY_SIZE];
  struct scram_params p = {.password = given, .nonce = nonce};

  for (unsigned until = SCRAM_BEGUN; until <= SCRAM_FINAL_SENT; until++) {
    struct scanner sc = {.hook = {scan_realloc, &sc}};
    struct peer peer = peer_of();
    struct fault f = {0};
    struct scram s;
    struct buf out;

    add_secrets(&sc, client_key, server_key, wide_horse);
    buf_init(&out, &mem_default, 1000);
    cr_assert_eq(scram_begin(&s, &sc.hook, &p, &f), 0);
    if (until >= SCRAM_FIRST_SENT) cr_assert_eq(scram_client_first(&s, &out, &f), 0);
    if (until >= SCRAM_FIRST_RECEIVED) {
      cr_assert(peer_first(&peer, out.data, out.len));
      cr_assert_eq(scram_server_first(&s, peer.server_first, strlen(peer.server_first), &f), 0);
    }
    if (until >= SCRAM_KEYED) cr_assert_eq(scram_derive_inline(&s, &f), 0);
    if (until >= SCRAM_FINAL_SENT) cr_assert_eq(scram_client_final(&s, &out, &f), 0);
    scram_end(&s);
    cr_assert_not(any_secret(&sc, &s, sizeof s));
    cr_assert_eq(sc.finds, 0, "ended in state %u", until);
    cr_assert_eq(sc.live, 0);
    buf_deinit(&out);
  }
}

Test(scram_memory, given_keys_are_cleansed) {
  struct scanner sc = {.hook = {scan_realloc, &sc}};
  uint8_t client_key[SCRAM_KEY_SIZE], server_key[SCRAM_KEY_SIZE];
  struct scram_params p = {.client_key = client_key, .server_key = server_key, .nonce = nonce};
  struct fault f = {0};
  struct scram s;

  add_secrets(&sc, client_key, server_key, wide_horse);
  cr_assert_eq(scram_begin(&s, &sc.hook, &p, &f), 0);
  cr_assert(any_secret(&sc, &s, sizeof s)); /* they are in there */
  cr_assert_eq(scram_server_first(&s, "x", 1, &f), DSQL_EPROTO);
  cr_assert_not(any_secret(&sc, &s, sizeof s));
  cr_assert_not(any_secret(&sc, &f, sizeof f));
  cr_assert_eq(sc.live, 0);
}

/* ---- derivation on another thread, which must not touch the hook ------------------------------------------------ */

static void *derive_on_thread(void *arg) {
  scram_derive(arg);
  return NULL;
}

Test(scram_memory, derivation_outlives_its_exchange) {
  struct scanner sc = {.hook = {scan_realloc, &sc}};
  uint8_t client_key[SCRAM_KEY_SIZE], server_key[SCRAM_KEY_SIZE];
  struct scram_params p = {.password = given, .nonce = nonce};
  struct peer peer = peer_of();
  struct scram_derivation d;
  struct fault f = {0};
  struct scram s;
  struct buf out;
  pthread_t thread;

  add_secrets(&sc, client_key, server_key, wide_horse);
  buf_init(&out, &mem_default, 1000);
  cr_assert_eq(scram_begin(&s, &sc.hook, &p, &f), 0);
  cr_assert_eq(scram_client_first(&s, &out, &f), 0);
  cr_assert(peer_first(&peer, out.data, out.len));
  cr_assert_eq(scram_server_first(&s, peer.server_first, strlen(peer.server_first), &f), 0);
  cr_assert_eq(scram_derivation_init(&d, &s, &f), 0);
  cr_assert_eq(pthread_create(&thread, NULL, derive_on_thread, &d), 0);
  scram_end(&s);
  cr_assert_eq(pthread_join(thread, NULL), 0);
  cr_assert(d.done);
  cr_assert_eq(memcmp(d.keys.client_key, client_key, SCRAM_KEY_SIZE), 0);
  cr_assert_eq(memcmp(d.keys.server_key, server_key, SCRAM_KEY_SIZE), 0);
  scram_derivation_deinit(&d);
  cr_assert_not(any_secret(&sc, &d, sizeof d));
  cr_assert_eq(sc.finds, 0);
  cr_assert_eq(sc.live, 0);
  buf_deinit(&out);
}
