/* SCRAM through the session: the whole exchange, keys derived elsewhere, messages out of order, wrong proofs. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "../auth/scram_peer.h"
#include "rig.h"

static const uint8_t binding[32] = {1, 2, 3};

struct exchange {
  struct rig rig;
  struct peer peer;
};

static void start(struct exchange *x, int iterations, bool plus) {
  memset(x, 0, sizeof *x);
  rig_init(&x->rig);
  x->peer = (struct peer){.password = {"secret", 6},
                          .salt = "salt",
                          .salt_len = 4,
                          .iterations = iterations,
                          .nonce = "server",
                          .offers_plus = plus};
  x->rig.config.password = "secret";
  if (plus) {
    x->rig.config.tls = true;
    x->rig.config.binding_data = binding;
    x->rig.config.binding_len = sizeof binding;
    x->peer.binding = binding;
    x->peer.binding_len = sizeof binding;
  }
  cr_assert_eq(rig_start(&x->rig), 0);
  buf_reset(&x->rig.out);
}

static void authentication(struct exchange *x, uint32_t code, const char *text) {
  struct backend_script b = {.len = 0};
  uint8_t body[PEER_MESSAGE_MAX + 4];
  store_be32(body, code);
  memcpy(body + 4, text, strlen(text));
  backend_script_message(&b, 'R', body, 4 + strlen(text));
  rig_feed_bytes(&x->rig, b.data, b.len, 0);
}

/* The client's SASLInitialResponse is answered by the peer. */
static void first(struct exchange *x) {
  const uint8_t *m = x->rig.out.data;
  struct cursor c = cursor_of(m + 5, x->rig.out.len - 5);
  uint32_t n;
  cr_assert_eq(m[0], 'p');
  (void)cursor_cstr(&c);
  n = cursor_u32(&c);
  cr_assert(n == cursor_left(&c));
  cr_assert(peer_first(&x->peer, c.pos, n), "%s", x->peer.problem);
  buf_reset(&x->rig.out);
}

static void final(struct exchange *x) {
  cr_assert_eq(x->rig.out.data[0], 'p');
  cr_assert(peer_final(&x->peer, x->rig.out.data + 5, (size_t)load_be32(x->rig.out.data + 1) - 4), "%s",
            x->peer.problem);
  buf_reset(&x->rig.out);
}

static void derive(struct exchange *x) {
  cr_assert_eq(session_derivation_init(&x->rig.s, &x->rig.derivation), 0);
  scram_derive(&x->rig.derivation);
  session_derived(&x->rig.s, &x->rig.derivation);
  rig_pull(&x->rig);
}

Test(scram, whole_exchange) {
  for (int large = 0; large < 2; large++)
    for (int plus = 0; plus < 2; plus++) {
      struct exchange *x = malloc(sizeof *x);
      cr_assert_not_null(x);
      start(x, large ? SCRAM_ITERATIONS_INLINE_MAX + 1 : 4096, plus);
      x->rig.config.require_auth = REQUIRE_AUTH_ANY;
      rig_submit(&x->rig, "b:A|");
      rig_feed(&x->rig, plus ? "SASL:SCRAM-SHA-256-PLUS,SCRAM-SHA-256" : "SASL:SCRAM-SHA-256");
      rig_gather(&x->rig);
      first(x);
      authentication(x, 11, x->peer.server_first);
      rig_expect(&x->rig, large ? "derive\n" : "");
      if (large) {
        cr_assert_eq(x->rig.out.len, 0);
        rig_gather(&x->rig);
        cr_assert_eq(x->rig.out.len, 0, "nothing rides before the proof");
        derive(x);
      }
      cr_assert_eq(x->rig.s.phase, SESSION_SASL_FINAL);
      rig_gather(&x->rig);
      {
        size_t proof = (size_t)load_be32(x->rig.out.data + 1) + 1;
        cr_assert_gt(x->rig.out.len, proof, "it rides behind the proof");
        cr_assert_eq(x->rig.out.data[proof], 'B');
      }
      final(x);
      authentication(x, 12, x->peer.server_final);
      rig_feed(&x->rig, "R0 Z:I 2 C:A Z:I");
      rig_expect(&x->rig, "ready I\nresult 0 A\ndone 0 ok\ngroup I\n");
      cr_assert_eq(x->rig.s.method, plus ? AUTH_SCRAM_PLUS : AUTH_SCRAM);
      cr_assert_null(x->rig.s.scram, "an idle session does not carry it");
      rig_deinit(&x->rig);
      free(x);
    }
}

/* To where a message out of order comes. */
static void advance(struct exchange *x, enum session_phase phase) {
  start(x, phase == SESSION_SASL_DERIVE ? SCRAM_ITERATIONS_INLINE_MAX + 1 : 16, false);
  if (phase == SESSION_AUTHENTICATE) return;
  rig_feed(&x->rig, "SASL:SCRAM-SHA-256");
  first(x);
  if (phase == SESSION_SASL_CONTINUE) return;
  authentication(x, 11, x->peer.server_first);
  if (phase == SESSION_SASL_DERIVE || phase == SESSION_SASL_FINAL) return;
  final(x);
  authentication(x, 12, x->peer.server_final);
  if (phase == SESSION_AUTH_RESULT) return;
  rig_feed(&x->rig, "R0");
}

/* Every authentication message in every phase of an otherwise right exchange. */
Test(scram, out_of_order) {
  static const uint32_t codes[] = {0, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 99};
  size_t cases = 0;
  for (enum session_phase phase = SESSION_AUTHENTICATE; phase <= SESSION_STARTING; phase++)
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
      if (phase == SESSION_OAUTH_SENT || phase == SESSION_OAUTH_REFUSED) continue; /* see test_oauth.c */
      struct exchange *x = malloc(sizeof *x);
      struct backend_script b = {.len = 0};
      uint8_t body[64] = {0};
      size_t n = 4;
      bool right, unsupported;
      cr_assert_not_null(x);
      advance(x, phase);
      cr_assert_eq(x->rig.s.phase, phase);
      store_be32(body, codes[i]);
      if (codes[i] == 5) n = 8;
      if (codes[i] == 10) n = 4 + sizeof "SCRAM-SHA-256" + 1;
      if (codes[i] == 10) memcpy(body + 4, "SCRAM-SHA-256", sizeof "SCRAM-SHA-256");
      backend_script_message(&b, 'R', body, n);
      right = (phase == SESSION_AUTHENTICATE && (codes[i] == 0 || codes[i] == 5 || codes[i] == 10)) ||
              (phase == SESSION_AUTH_RESULT && codes[i] == 0);
      unsupported = phase == SESSION_AUTHENTICATE && !right && codes[i] != 11 && codes[i] != 12;
      rig_feed_bytes(&x->rig, b.data, b.len, 0);
      if (phase == SESSION_SASL_DERIVE) {
        cr_expect_eq(x->rig.s.phase, SESSION_SASL_DERIVE, "it is read when the keys are there");
        derive(x);
      }
      cr_expect_eq(x->rig.s.phase != SESSION_FAILED, right, "message %u in phase %d: %s", codes[i], phase,
                   session_fault(&x->rig.s)->text);
      if (!right) cr_expect_eq(session_fault(&x->rig.s)->code, unsupported ? DSQL_EAUTH : DSQL_EPROTO);
      rig_deinit(&x->rig);
      free(x);
      cases++;
    }
  printf("%zu cases\n", cases);
  cr_assert_eq(cases, 72);
}

Test(scram, ok_before_the_proof_of_the_server) {
  struct exchange *x = malloc(sizeof *x);
  cr_assert_not_null(x);
  advance(x, SESSION_SASL_FINAL);
  rig_feed(&x->rig, "R0 Z:I");
  rig_expect(&x->rig, "failed DSQL_EPROTO\n");
  cr_assert_not_null(strstr(session_fault(&x->rig.s)->text, "out of order"));
  rig_deinit(&x->rig);
  free(x);
}

Test(scram, a_wrong_server_signature) {
  struct exchange *x = malloc(sizeof *x);
  cr_assert_not_null(x);
  advance(x, SESSION_SASL_FINAL);
  rig_submit(&x->rig, "b:INSERT|");
  rig_gather(&x->rig);
  final(x);
  x->peer.server_final[5] = x->peer.server_final[5] == 'A' ? 'B' : 'A';
  authentication(x, 12, x->peer.server_final);
  cr_assert_eq(session_fault(&x->rig.s)->code, DSQL_EAUTH);
  cr_assert(session_ride_in_doubt(&x->rig.s), "somebody has it");
  rig_deinit(&x->rig);
  free(x);
}

/* A server that goes on while the keys are derived is not buffered without end; what it says is read afterwards. */
Test(scram, a_server_that_does_not_wait) {
  struct exchange *x = malloc(sizeof *x);
  static uint8_t noise[300000];
  cr_assert_not_null(x);
  advance(x, SESSION_SASL_DERIVE);
  rig_feed(&x->rig, "F:57P01");
  cr_assert_eq(x->rig.s.phase, SESSION_SASL_DERIVE);
  derive(x);
  rig_expect(&x->rig, "derive\nerror -1 57P01\nfailed DSQL_ESERVER\n");
  rig_deinit(&x->rig);

  advance(x, SESSION_SASL_DERIVE);
  rig_feed_bytes(&x->rig, noise, sizeof noise, 10000);
  cr_assert_eq(session_fault(&x->rig.s)->code, DSQL_EPROTO);
  cr_assert_lt(x->rig.heap.peak_bytes, 400000);
  rig_deinit(&x->rig);
  free(x);
}

/* The session ends while the keys are still derived: they are of no use, and harm nothing. */
Test(scram, keys_that_come_too_late) {
  struct exchange *x = malloc(sizeof *x);
  cr_assert_not_null(x);
  advance(x, SESSION_SASL_DERIVE);
  cr_assert_eq(session_derivation_init(&x->rig.s, &x->rig.derivation), 0);
  rig_eof(&x->rig);
  scram_derive(&x->rig.derivation);
  session_derived(&x->rig.s, &x->rig.derivation);
  cr_assert_eq(x->rig.out.len, 0);
  rig_expect(&x->rig, "derive\nfailed DSQL_ECLOSED\n");
  rig_deinit(&x->rig);
  free(x);
}

Test(scram, keys_given) {
  struct exchange *x = malloc(sizeof *x);
  uint8_t client_key[SCRAM_KEY_SIZE], server_key[SCRAM_KEY_SIZE];
  cr_assert_not_null(x);
  start(x, 100000, false);
  peer_keys(&x->peer, client_key, server_key);
  x->rig.s.config.password = NULL;
  x->rig.s.config.scram_client_key = client_key;
  x->rig.s.config.scram_server_key = server_key;
  rig_feed(&x->rig, "SASL:SCRAM-SHA-256");
  first(x);
  authentication(x, 11, x->peer.server_first);
  final(x);
  authentication(x, 12, x->peer.server_final);
  rig_feed(&x->rig, "R0 Z:I");
  rig_expect(&x->rig, "ready I\n");
  rig_deinit(&x->rig);
  free(x);
}

/* However many iterations, the second session of a target asks nobody to derive anything. */
Test(scram, keys_of_an_earlier_session) {
  static const uint8_t random[SCRAM_CACHE_SECRET_SIZE] = {5};
  struct scram_cache cache = {0};
  scram_cache_enable(&cache, random);
  for (int i = 0; i < 3; i++) {
    struct exchange *x = malloc(sizeof *x);
    cr_assert_not_null(x);
    start(x, SCRAM_ITERATIONS_INLINE_MAX + 1, false);
    x->rig.s.config.scram_cache = &cache;
    rig_feed(&x->rig, "SASL:SCRAM-SHA-256");
    first(x);
    authentication(x, 11, x->peer.server_first);
    rig_expect(&x->rig, i == 0 ? "derive\n" : "");
    if (i == 0) derive(x);
    final(x);
    authentication(x, 12, x->peer.server_final);
    rig_feed(&x->rig, "R0 Z:I");
    rig_expect(&x->rig, "ready I\n");
    rig_deinit(&x->rig);
    free(x);
  }
  cr_assert_eq(cache.hits, 2);
  cr_assert_eq(cache.misses, 1);
}
