/* SCRAM exchanges that succeed, against vectors and against a server. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <string.h>

#include "auth/base64.h"
#include "auth/scram.h"
#include "auth/scram_steps.h"
#include "scram_peer.h"
#include "test_alloc.h"

static const uint8_t nonce[SCRAM_NONCE_SIZE] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};
static const dsql_str pencil = {"pencil", 6};

static void assert_text(const struct buf *b, const char *expected) {
  cr_assert_eq(b->len, strlen(expected), "%.*s", (int)b->len, (const char *)b->data);
  cr_assert_eq(memcmp(b->data, expected, b->len), 0, "%.*s", (int)b->len, (const char *)b->data);
}

/* RFC 7677, section 3: its messages carry a user name, which PostgreSQL's don't, so the computation is what is tested. */
Test(scram, rfc7677) {
  static const char auth_message[] =
      "n=user,r=rOprNGfwEbeRWgbNEkqO,"
      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  static const char proof[] = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
  static const char verifier[] = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
  uint8_t salt[16], signature[SCRAM_KEY_SIZE];
  char text[BASE64_ENCODED_SIZE(SCRAM_KEY_SIZE) + 1] = {0};
  struct scram_keys k;
  size_t n;

  cr_assert(base64_decode("W22ZaJ0SNY7soEsUEjb6gQ==", 24, salt, &n) && n == sizeof salt);
  cr_assert(scram_keys_derive((const uint8_t *)"pencil", 6, salt, sizeof salt, 4096, &k));
  cr_assert(scram_hmac(k.stored_key, auth_message, strlen(auth_message), signature));
  for (size_t i = 0; i < sizeof signature; i++) signature[i] ^= k.client_key[i];
  base64_encode(signature, sizeof signature, text);
  cr_assert_str_eq(text, proof);
  cr_assert(scram_hmac(k.server_key, auth_message, strlen(auth_message), signature));
  base64_encode(signature, sizeof signature, text);
  cr_assert_str_eq(text, verifier);
}

/* Whole exchanges as libpq would have them, computed with Python's hashlib and hmac. */
#define NONCE "AAECAwQFBgcICQoLDA0ODxAR"
#define LONG_SALT "s=AAECAwQFBgcICQoLDA0ODw==,i=4096"
static const struct vector {
  enum scram_mechanism mechanism;
  bool supported;
  dsql_str password;
  const char *client_first, *server_first, *client_final, *server_final;
} vectors[] = {
    {SCRAM_SHA_256,
     false,
     {"pencil", 6},
     "n,,n=,r=" NONCE,
     "r=" NONCE "server," LONG_SALT,
     "c=biws,r=" NONCE "server,p=LXYoldFap+A2udkR/UF6selImp78prBMh5Tg+hNGIVU=",
     "v=Zn2kx/LpJ02Zh2DR/j4NNwbSCvTNBspLsq/XfUyQfNc="},
    {SCRAM_SHA_256,
     true,
     {"pencil", 6},
     "y,,n=,r=" NONCE,
     "r=" NONCE "server," LONG_SALT,
     "c=eSws,r=" NONCE "server,p=/e/RLUUI6LlPMibJAcRfmPZ5mMrL4877l6hi2m76fuA=",
     "v=jMGGjc54p98Ob40tuQe6pkWXgxdeXQCRhsBXA9xQ+uo="},
    {SCRAM_SHA_256_PLUS,
     true,
     {"pencil", 6},
     "p=tls-server-end-point,,n=,r=" NONCE,
     "r=" NONCE "server," LONG_SALT,
     "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM=,r=" NONCE
     "server,p=jBpWdCWP3V7PAst+v6NBHwPUEkns6SflXbwJXyTrBfg=",
     "v=9HhpO8/bzlOIFbg1Ode+6xdcbySsnjTqyeAGzdowyaA="},
    {SCRAM_SHA_256, /* SASLprep: I, soft hyphen, X is hashed as IX */
     false,
     {"I\xC2\xADX", 4},
     "n,,n=,r=" NONCE,
     "r=" NONCE "!~,s=/////////w==,i=1",
     "c=biws,r=" NONCE "!~,p=QMQgM33sfh4LoPT2vZ2pxYfsB1fboGPNBkZ3/7n50Tc=",
     "v=q9AIt1DmyIvlf/+yizQ1uUE9CHKzldxU7p6e8cMPF1M="},
    {SCRAM_SHA_256, /* not UTF-8: hashed as it is */
     false,
     {"\xFF\xFE", 2},
     "n,,n=,r=" NONCE,
     "r=" NONCE "x,s=c2FsdA==,i=2",
     "c=biws,r=" NONCE "x,p=OXXmQXsFs3o7m/5/3Q9ID618eKtFNk0uhNOQjO5hGFc=",
     "v=QxJ2Jo1qpW3HJPjI/orDS/ADD3p3p3TgSP/fv4TkfDM="},
};

static void run_vector(const struct vector *v) {
  struct test_alloc heap;
  struct scram s;
  struct buf out;
  struct fault f = {0};
  uint8_t binding[32];
  uint32_t iterations;
  struct scram_params p = {v->mechanism, v->supported, binding, sizeof binding, v->password, NULL, NULL, nonce, 0, 0,
                           NULL};

  for (size_t i = 0; i < sizeof binding; i++) binding[i] = (uint8_t)(100 + i);
  test_alloc_init(&heap);
  buf_init(&out, &heap.hook, 1000);
  cr_assert_eq(scram_begin(&s, &heap.hook, &p, &f), 0);
  cr_assert_eq(scram_client_first(&s, &out, &f), 0);
  assert_text(&out, v->client_first);
  buf_reset(&out);
  cr_assert_not(scram_needs_derivation(&s, &iterations));
  cr_assert_eq(scram_server_first(&s, v->server_first, strlen(v->server_first), &f), 0, "%s", f.text);
  cr_assert(scram_needs_derivation(&s, &iterations));
  cr_assert_eq(scram_derive_inline(&s, &f), 0);
  cr_assert_not(scram_needs_derivation(&s, &iterations));
  cr_assert_eq(scram_client_final(&s, &out, &f), 0);
  assert_text(&out, v->client_final);
  cr_assert_not(scram_verified(&s));
  cr_assert_eq(scram_server_final(&s, v->server_final, strlen(v->server_final), &f), 0, "%s", f.text);
  cr_assert(scram_verified(&s));
  cr_assert_eq(scram_channel_bound(&s), v->mechanism == SCRAM_SHA_256_PLUS);
  cr_assert_eq(f.code, 0);
  scram_end(&s);
  cr_assert_not(scram_verified(&s));
  buf_deinit(&out);
  test_alloc_assert_empty(&heap);
}

Test(scram, vectors) {
  for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) run_vector(&vectors[i]);
}

/* ---- against a server ------------------------------------------------------------------------------------------- */

enum derive { INLINE, THREAD, GIVEN_KEYS };

/* Runs up to and including the server's verdict on the client; the exchange is then due for server-final-message. */
static bool log_in(struct scram *s, const dsql_alloc *alloc, struct peer *peer, const struct scram_params *p,
                   enum derive how) {
  struct scram_derivation d;
  struct fault f = {0};
  uint32_t iterations;
  struct buf out;
  bool ok;

  buf_init(&out, alloc, 2000);
  cr_assert_eq(scram_begin(s, alloc, p, &f), 0, "%s", f.text);
  cr_assert_eq(scram_client_first(s, &out, &f), 0);
  ok = peer_first(peer, out.data, out.len);
  buf_reset(&out);
  if (ok) {
    cr_assert_eq(scram_server_first(s, peer->server_first, strlen(peer->server_first), &f), 0, "%s", f.text);
    cr_assert_eq(scram_needs_derivation(s, &iterations), how != GIVEN_KEYS);
    cr_assert_eq(iterations, (uint32_t)peer->iterations);
    if (how == INLINE) cr_assert_eq(scram_derive_inline(s, &f), 0);
    if (how == THREAD) {
      cr_assert_eq(scram_derivation_init(&d, s, &f), 0);
      scram_derive(&d);
      cr_assert_eq(scram_keys_set(s, &d, &f), 0);
      scram_derivation_deinit(&d);
    }
    cr_assert_eq(scram_client_final(s, &out, &f), 0);
    ok = peer_final(peer, out.data, out.len);
  }
  buf_deinit(&out);
  return ok;
}

static struct peer peer_of(dsql_str password) {
  return (struct peer){.password = password, .salt = {7, 8, 9, 250}, .salt_len = 16, .iterations = 3, .nonce = "zz+/1"};
}

Test(scram, server_accepts_and_is_verified) {
  static const uint8_t digest[SCRAM_BINDING_MAX] = {1, 2, 3, 255, 254};
  struct test_alloc heap;

  test_alloc_init(&heap);
  for (unsigned i = 0; i < 6 * 64; i++) {
    struct scram_params p = {.password = pencil, .nonce = nonce};
    struct peer peer = peer_of(pencil);
    struct fault f = {0};
    struct scram s;

    p.mechanism = i % 3 == 2 ? SCRAM_SHA_256_PLUS : SCRAM_SHA_256;
    p.binding_supported = i % 3 == 1;
    p.binding = peer.binding = digest;
    p.binding_len = peer.binding_len = 1 + i % SCRAM_BINDING_MAX;
    peer.salt_len = 1 + i % sizeof peer.salt;
    peer.iterations = 1 + (int)i;
    peer.extensions = i % 4 == 1 ? ",a=1" : i % 4 == 2 ? ",Z=x=y,q=+" : NULL;
    cr_assert(log_in(&s, &heap.hook, &peer, &p, i % 2 ? INLINE : THREAD), "%s", peer.problem);
    cr_assert_eq(scram_server_final(&s, peer.server_final, strlen(peer.server_final), &f), 0, "%s", f.text);
    cr_assert(scram_verified(&s));
    scram_end(&s);
  }
  test_alloc_assert_empty(&heap);
}

Test(scram, keys_given) {
  struct test_alloc heap;
  uint8_t client_key[SCRAM_KEY_SIZE], server_key[SCRAM_KEY_SIZE];
  struct scram_params p = {.client_key = client_key, .server_key = server_key, .nonce = nonce};
  struct peer peer = peer_of(pencil);
  struct fault f = {0};
  struct scram s;

  test_alloc_init(&heap);
  peer_keys(&peer, client_key, server_key);
  cr_assert(log_in(&s, &heap.hook, &peer, &p, GIVEN_KEYS), "%s", peer.problem);
  cr_assert_eq(scram_server_final(&s, peer.server_final, strlen(peer.server_final), &f), 0);
  cr_assert(scram_verified(&s));
  scram_end(&s);
  test_alloc_assert_empty(&heap);
}

Test(scram, server_extensions_in_the_final_message) {
  struct test_alloc heap;
  struct scram_params p = {.password = pencil, .nonce = nonce};
  struct peer peer = peer_of(pencil);
  struct fault f = {0};
  struct scram s;

  test_alloc_init(&heap);
  cr_assert(log_in(&s, &heap.hook, &peer, &p, INLINE));
  cr_assert(strlen(peer.server_final) + 5 < sizeof peer.server_final);
  memcpy(peer.server_final + strlen(peer.server_final), ",x=y", 5);
  cr_assert_eq(scram_server_final(&s, peer.server_final, strlen(peer.server_final), &f), 0);
  cr_assert(scram_verified(&s));
  scram_end(&s);
  test_alloc_assert_empty(&heap);
}

/* The server is right to refuse these: proof that the peer of this test has teeth. */
Test(scram, server_refuses) {
  static const uint8_t ours[4] = {1, 2, 3, 4}, theirs[4] = {1, 2, 3, 5};
  struct test_alloc heap;
  struct scram_params wrong = {.password = {"pencils", 7}, .nonce = nonce};
  struct scram_params downgraded = {.binding_supported = true, .password = pencil, .nonce = nonce};
  struct scram_params in_the_middle = {
      SCRAM_SHA_256_PLUS, true, ours, sizeof ours, pencil, NULL, NULL, nonce, 0, 0, NULL};
  struct peer peer = peer_of(pencil);
  struct scram s;

  test_alloc_init(&heap);
  cr_assert_not(log_in(&s, &heap.hook, &peer, &wrong, INLINE));
  cr_assert_str_eq(peer.problem, "wrong password");
  scram_end(&s);

  peer = peer_of(pencil);
  peer.offers_plus = true;
  cr_assert_not(log_in(&s, &heap.hook, &peer, &downgraded, INLINE));
  cr_assert_str_eq(peer.problem, "downgrade: y, but PLUS was offered");
  scram_end(&s);

  peer = peer_of(pencil);
  peer.binding = theirs;
  peer.binding_len = sizeof theirs;
  cr_assert_not(log_in(&s, &heap.hook, &peer, &in_the_middle, INLINE));
  cr_assert_str_eq(peer.problem, "channel binding check failed");
  scram_end(&s);
  test_alloc_assert_empty(&heap);
}

/* A password of the greatest length, which SASLprep makes eleven times as long. */
Test(scram, longest_password) {
  struct test_alloc heap;
  size_t n = SCRAM_PASSWORD_MAX / 3 * 3;
  char *password = malloc(n);
  struct scram_params p = {.password = {password, n}, .nonce = nonce};
  struct fault f = {0};
  struct scram s;

  test_alloc_init(&heap);
  for (size_t i = 0; i < n; i += 3) memcpy(password + i, "\xEF\xB7\xBA", 3);
  cr_assert_eq(scram_begin(&s, &heap.hook, &p, &f), 0, "%s", f.text);
  cr_assert_eq(s.password.len, n * 11);
  scram_end(&s);
  free(password);
  test_alloc_assert_empty(&heap);
}
