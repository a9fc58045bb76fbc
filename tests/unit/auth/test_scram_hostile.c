/* SCRAM with a server that lies, stumbles or speaks out of turn. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "auth/scram.h"
#include "scram_peer.h"
#include "test_alloc.h"

#define NONCE "AAECAwQFBgcICQoLDA0ODxAR"
static const uint8_t nonce[SCRAM_NONCE_SIZE] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};
static const struct scram_params params = {.password = {"pencil", 6}, .nonce = nonce};

static struct test_alloc heap;

static void setup(void) { test_alloc_init(&heap); }
static void teardown(void) { test_alloc_assert_empty(&heap); }
TestSuite(hostile, .init = setup, .fini = teardown);

/* Drives the exchange until `state`, with an honest server. */
static void drive(struct scram *s, struct peer *peer, enum scram_state state) {
  struct fault f = {0};
  struct buf out;

  *peer = (struct peer){.password = params.password, .salt_len = 8, .iterations = 2, .nonce = "server"};
  buf_init(&out, &heap.hook, 1000);
  cr_assert_eq(scram_begin(s, &heap.hook, &params, &f), 0);
  if (state >= SCRAM_FIRST_SENT) cr_assert_eq(scram_client_first(s, &out, &f), 0);
  if (state >= SCRAM_FIRST_RECEIVED) {
    cr_assert(peer_first(peer, out.data, out.len));
    cr_assert_eq(scram_server_first(s, peer->server_first, strlen(peer->server_first), &f), 0);
  }
  if (state >= SCRAM_KEYED) cr_assert_eq(scram_derive_inline(s, &f), 0);
  buf_reset(&out);
  if (state >= SCRAM_FINAL_SENT) {
    cr_assert_eq(scram_client_final(s, &out, &f), 0);
    cr_assert(peer_final(peer, out.data, out.len));
  }
  if (state >= SCRAM_VERIFIED)
    cr_assert_eq(scram_server_final(s, peer->server_final, strlen(peer->server_final), &f), 0);
  cr_assert_eq(s->state, state);
  buf_deinit(&out);
}

static void assert_over(const struct scram *s) {
  cr_assert_eq(s->state, SCRAM_OVER);
  cr_assert_not(scram_verified(s));
  cr_assert_not(scram_channel_bound(s));
  test_alloc_assert_empty(&heap); /* also before scram_end() */
}

static void first_must_fail(const char *message, size_t n, int code, const char *text) {
  struct fault f = {0};
  struct peer peer;
  struct scram s;

  drive(&s, &peer, SCRAM_FIRST_SENT);
  cr_assert_eq(scram_server_first(&s, message, n, &f), code, "\"%.*s\": %d %s", (int)n, message, f.code, f.text);
  cr_assert_eq(f.code, code);
  cr_assert(strstr(f.text, text), "\"%.*s\": %s", (int)n, message, f.text);
  cr_assert_null(strstr(f.text, "pencil"));
  assert_over(&s);
  scram_end(&s);
}

Test(hostile, server_first) {
  static const struct {
    const char *message;
    int code;
    const char *text;
  } rows[] = {
      {"", DSQL_EPROTO, "nonce (r=)"},
      {"r=", DSQL_EPROTO, "nonce (r=)"},
      {"r=,s=c2FsdA==,i=4096", DSQL_EPROTO, "nonce (r=)"},
      {"s=c2FsdA==,i=4096", DSQL_EPROTO, "nonce (r=)"},
      {"R=" NONCE "x,s=c2FsdA==,i=4096", DSQL_EPROTO, "nonce (r=)"},
      {"r=" NONCE " x,s=c2FsdA==,i=4096", DSQL_EPROTO, "nonce (r=)"},
      {"r=" NONCE "\x7f,s=c2FsdA==,i=4096", DSQL_EPROTO, "nonce (r=)"},
      {"r=" NONCE "\xc3\xa9,s=c2FsdA==,i=4096", DSQL_EPROTO, "nonce (r=)"},
      {"r=" NONCE ",s=c2FsdA==,i=4096", DSQL_EPROTO, "does not extend ours"},
      {"r=AAECAwQFBgcICQoLDA0ODxA,s=c2FsdA==,i=4096", DSQL_EPROTO, "does not extend ours"},
      {"r=BAECAwQFBgcICQoLDA0ODxARserver,s=c2FsdA==,i=4096", DSQL_EPROTO, "does not extend ours"},
      {"r=AAECAwQFBgcICQoLDA0ODxASserver,s=c2FsdA==,i=4096", DSQL_EPROTO, "does not extend ours"},
      {"r=server" NONCE ",s=c2FsdA==,i=4096", DSQL_EPROTO, "does not extend ours"},
      {"r=aaecawqfbgciCQoLDA0ODxARserver,s=c2FsdA==,i=4096", DSQL_EPROTO, "does not extend ours"},
      {"m=1,r=" NONCE "x,s=c2FsdA==,i=4096", DSQL_EPROTO, "extension (m=)"},
      {"r=" NONCE "x", DSQL_EPROTO, "salt (s=)"},
      {"r=" NONCE "x,", DSQL_EPROTO, "nonce (r=)"},
      {"r=" NONCE "x,i=4096,s=c2FsdA==", DSQL_EPROTO, "salt (s=)"},
      {"r=" NONCE "x,s=,i=4096", DSQL_EPROTO, "salt (s=)"},
      {"r=" NONCE "x,s=c2FsdA,i=4096", DSQL_EPROTO, "salt (s=)"},
      {"r=" NONCE "x,s=c2FsdB==,i=4096", DSQL_EPROTO, "salt (s=)"},
      {"r=" NONCE "x,s=c2Fs dA=,i=4096", DSQL_EPROTO, "salt (s=)"},
      {"r=" NONCE "x,s=====,i=4096", DSQL_EPROTO, "salt (s=)"},
      {"r=" NONCE "x,s=c2FsdA==", DSQL_EPROTO, "iteration count (i=)"},
      {"r=" NONCE "x,s=c2FsdA==,", DSQL_EPROTO, "salt (s=)"},
      {"r=" NONCE "x,s=c2FsdA==,i", DSQL_EPROTO, "iteration count (i=)"},
      {"r=" NONCE "x,s=c2FsdA==,i=", DSQL_EPROTO, "no positive decimal number: \"\""},
      {"r=" NONCE "x,s=c2FsdA==,i=0", DSQL_EPROTO, "number: \"0\""},
      {"r=" NONCE "x,s=c2FsdA==,i=-1", DSQL_EPROTO, "number: \"-1\""},
      {"r=" NONCE "x,s=c2FsdA==,i=+1", DSQL_EPROTO, "number: \"+1\""},
      {"r=" NONCE "x,s=c2FsdA==,i=1x", DSQL_EPROTO, "number: \"1x\""},
      {"r=" NONCE "x,s=c2FsdA==,i= 1", DSQL_EPROTO, "number: \" 1\""},
      {"r=" NONCE "x,s=c2FsdA==,i=1 ", DSQL_EPROTO, "number: \"1 \""},
      {"r=" NONCE "x,s=c2FsdA==,i=04096", DSQL_EPROTO, "number: \"04096\""},
      {"r=" NONCE "x,s=c2FsdA==,i=0x10", DSQL_EPROTO, "number: \"0x10\""},
      {"r=" NONCE "x,s=c2FsdA==,i=1e3", DSQL_EPROTO, "number: \"1e3\""},
      {"r=" NONCE "x,s=c2FsdA==,i=4.5", DSQL_EPROTO, "number: \"4.5\""},
      {"r=" NONCE "x,s=c2FsdA==,i=\x1b[2J", DSQL_EPROTO, "number: \"?[2J\""},
      {"r=" NONCE "x,s=c2FsdA==,i=1000001", DSQL_EAUTH, "asks for 1000001 SCRAM iterations, and 1000000 are allowed"},
      {"r=" NONCE "x,s=c2FsdA==,i=2147483647", DSQL_EAUTH, "asks for 2147483647"},
      {"r=" NONCE "x,s=c2FsdA==,i=2147483648", DSQL_EAUTH, "asks for 2147483648"},
      {"r=" NONCE "x,s=c2FsdA==,i=4294967295", DSQL_EAUTH, "asks for 4294967295"},
      {"r=" NONCE "x,s=c2FsdA==,i=4294967296", DSQL_EAUTH, "asks for 4294967296"},
      {"r=" NONCE "x,s=c2FsdA==,i=4294967297", DSQL_EAUTH, "asks for 4294967297"},
      {"r=" NONCE "x,s=c2FsdA==,i=18446744073709551617", DSQL_EAUTH, "asks for 18446744073709551617"},
      {"r=" NONCE "x,s=c2FsdA==,i=99999999999999999999999999999999999999999999999999999999999999999999999999999999",
       DSQL_EAUTH, "..."},
      {"r=" NONCE "x,s=c2FsdA==,i=4096,", DSQL_EPROTO, "iteration count (i=)"},
      {"r=" NONCE "x,s=c2FsdA==,i=4096,x", DSQL_EPROTO, "extensions after i="},
      {"r=" NONCE "x,s=c2FsdA==,i=4096,x=", DSQL_EPROTO, "extensions after i="},
      {"r=" NONCE "x,s=c2FsdA==,i=4096,1=a", DSQL_EPROTO, "extensions after i="},
      {"r=" NONCE "x,s=c2FsdA==,i=4096,m=a", DSQL_EPROTO, "extensions after i="},
      {"r=" NONCE "x,s=c2FsdA==,i=4096,x=a,", DSQL_EPROTO, "extensions after i="},
      {"r=" NONCE "x,s=c2FsdA==,i=4096,x=a,,y=b", DSQL_EPROTO, "extensions after i="},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    first_must_fail(rows[i].message, strlen(rows[i].message), rows[i].code, rows[i].text);
}

Test(hostile, server_first_with_nul_bytes) {
  static const char in_nonce[] = "r=" NONCE "a\0b,s=c2FsdA==,i=4096", in_number[] = "r=" NONCE "a,s=c2FsdA==,i=4096\0";
  static const char in_extension[] = "r=" NONCE "a,s=c2FsdA==,i=4096,x=\0";
  first_must_fail(in_nonce, sizeof in_nonce - 1, DSQL_EPROTO, "nonce (r=)");
  first_must_fail(in_number, sizeof in_number - 1, DSQL_EPROTO, "number: \"4096?\"");
  first_must_fail(in_extension, sizeof in_extension - 1, DSQL_EPROTO, "extensions after i=");
}

Test(hostile, server_first_too_long) {
  char message[SCRAM_MESSAGE_MAX + 1];

  memset(message, 'x', sizeof message);
  memcpy(message, "r=" NONCE, 26);
  first_must_fail(message, sizeof message, DSQL_EPROTO, "8193 bytes");
  first_must_fail(message, SCRAM_MESSAGE_MAX, DSQL_EPROTO, "salt (s=)");
}

/* The longest message that passes: both nonce and the answer that repeats it fit. */
Test(hostile, server_first_longest) {
  static const char tail[] = ",s=c2FsdA==,i=1";
  char message[SCRAM_MESSAGE_MAX];
  struct fault f = {0};
  struct peer peer;
  struct scram s;
  struct buf out;

  memset(message, 'x', sizeof message);
  memcpy(message, "r=" NONCE, 26);
  memcpy(message + sizeof message - strlen(tail), tail, strlen(tail));
  drive(&s, &peer, SCRAM_FIRST_SENT);
  buf_init(&out, &heap.hook, 2 * SCRAM_MESSAGE_MAX);
  cr_assert_eq(scram_server_first(&s, message, sizeof message, &f), 0, "%s", f.text);
  cr_assert_eq(scram_derive_inline(&s, &f), 0);
  cr_assert_eq(scram_client_final(&s, &out, &f), 0);
  cr_assert(buf_ok(&out) && out.len > SCRAM_MESSAGE_MAX);
  buf_deinit(&out);
  scram_end(&s);
}

/* Every proper prefix of a good message is refused, unless it is itself well-formed: then only the count is cut. */
Test(hostile, server_first_cut_at_every_byte) {
  static const char message[] = "r=" NONCE "server,s=c2FsdHNhbHQ=,i=4096";
  size_t refused = 0, accepted = 0;

  for (size_t n = 0; n < strlen(message); n++) {
    char *exact = malloc(n ? n : 1); /* so that a read past the end is found */
    struct fault f = {0};
    struct peer peer;
    struct scram s;
    int rc;

    memcpy(exact, message, n);
    drive(&s, &peer, SCRAM_FIRST_SENT);
    rc = scram_server_first(&s, exact, n, &f);
    cr_assert(rc == 0 || rc == DSQL_EPROTO);
    cr_assert_eq(rc == 0, n > strlen(message) - 4, "%zu bytes", n);
    *(rc ? &refused : &accepted) += 1;
    scram_end(&s);
    free(exact);
  }
  cr_assert_eq(accepted, 3); /* i=4, i=40, i=409 */
  cr_assert_eq(refused, strlen(message) - 3);
}

Test(hostile, iteration_limits_of_the_user) {
  static const struct {
    uint32_t min, max, iterations;
    int code;
  } rows[] = {{0, 0, 1, 0},
              {0, 0, SCRAM_ITERATIONS_MAX, 0},
              {0, 0, SCRAM_ITERATIONS_MAX + 1, DSQL_EAUTH},
              {4096, 0, 4095, DSQL_EAUTH},
              {4096, 0, 4096, 0},
              {4096, 4096, 4096, 0},
              {0, 100, 101, DSQL_EAUTH},
              {0, 2000000, 2000000, 0}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct scram_params p = params;
    struct fault f = {0};
    struct scram s;
    struct buf out;
    uint32_t iterations;
    char message[100];

    p.iterations_min = rows[i].min;
    p.iterations_max = rows[i].max;
    buf_init(&out, &heap.hook, 1000);
    cr_assert_eq(scram_begin(&s, &heap.hook, &p, &f), 0);
    cr_assert_eq(scram_client_first(&s, &out, &f), 0);
    (void)snprintf(message, sizeof message, "r=" NONCE "x,s=c2FsdA==,i=%u", rows[i].iterations);
    cr_assert_eq(scram_server_first(&s, message, strlen(message), &f), rows[i].code, "row %zu", i);
    cr_assert_eq(scram_needs_derivation(&s, &iterations), rows[i].code == 0);
    cr_assert(rows[i].code || iterations == rows[i].iterations);
    scram_end(&s);
    buf_deinit(&out);
  }
}

Test(hostile, params) {
  static const uint8_t key[SCRAM_KEY_SIZE] = {1};
  static const uint8_t binding[SCRAM_BINDING_MAX + 1] = {1};
  static char long_password[SCRAM_PASSWORD_MAX + 1];
  const struct {
    struct scram_params p;
    int code;
    const char *text;
  } rows[] = {
      {{.nonce = nonce}, DSQL_EAUTH, "none was given"},
      {{.client_key = key, .nonce = nonce}, DSQL_EINVAL, "together"},
      {{.server_key = key, .password = {"x", 1}, .nonce = nonce}, DSQL_EINVAL, "together"},
      {{.password = {long_password, sizeof long_password}, .nonce = nonce}, DSQL_EINVAL, "longer than 65535"},
      {{.mechanism = SCRAM_SHA_256_PLUS, .password = {"x", 1}, .nonce = nonce}, DSQL_EINVAL, "data of 0 bytes"},
      {{SCRAM_SHA_256_PLUS, true, binding, sizeof binding, {"x", 1}, NULL, NULL, nonce, 0, 0, NULL},
       DSQL_EINVAL,
       "data of 65 bytes"},
      {{.password = {"x", 1}, .nonce = nonce, .iterations_min = 5, .iterations_max = 4}, DSQL_EINVAL, "over the most"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fault f = {0};
    struct scram s;
    cr_assert_eq(scram_begin(&s, &heap.hook, &rows[i].p, &f), rows[i].code);
    cr_assert(strstr(f.text, rows[i].text), "%s", f.text);
    assert_over(&s);
    scram_end(&s);
  }
}

static void final_must_fail(const char *message, size_t n, int code, const char *text) {
  struct fault f = {0};
  struct peer peer;
  struct scram s;

  drive(&s, &peer, SCRAM_FINAL_SENT);
  cr_assert_eq(scram_server_final(&s, message, n, &f), code, "\"%.*s\": %d %s", (int)n, message, f.code, f.text);
  cr_assert(strstr(f.text, text), "\"%.*s\": %s", (int)n, message, f.text);
  assert_over(&s);
  scram_end(&s);
}

Test(hostile, server_final) {
  static const struct {
    const char *message;
    int code;
    const char *text;
  } rows[] = {
      {"", DSQL_EPROTO, "v=, a signature"},
      {"v=", DSQL_EPROTO, "v=, a signature"},
      {"v", DSQL_EPROTO, "v=, a signature"},
      {"r=abc", DSQL_EPROTO, "v=, a signature"},
      {"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", DSQL_EPROTO, "v=, a signature"},
      {"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", DSQL_EPROTO, "v=, a signature"}, /* 33 bytes */
      {"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", DSQL_EPROTO, "v=, a signature"}, /* 31 bytes */
      {"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=", DSQL_EPROTO, "v=, a signature"}, /* stray bits */
      {"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", DSQL_EAUTH, "wrong SCRAM signature"},
      {"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,x=y", DSQL_EAUTH, "wrong SCRAM signature"},
      {"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,m=y", DSQL_EPROTO, "v=, a signature"},
      {"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,", DSQL_EPROTO, "v=, a signature"},
      {"e=invalid-proof", DSQL_EAUTH, "refused SCRAM authentication: invalid-proof"},
      {"e=", DSQL_EAUTH, "refused SCRAM authentication: "},
      {"e=a\x1b[31m\xff\n,v=x", DSQL_EAUTH, "refused SCRAM authentication: a?[31m??"},
      {"e=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", DSQL_EAUTH, "xxx..."},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    final_must_fail(rows[i].message, strlen(rows[i].message), rows[i].code, rows[i].text);
}

/* Every bit of the signature counts. */
Test(hostile, server_signature_changed_in_any_character) {
  struct peer peer;
  struct scram s;
  unsigned wrong = 0;

  for (size_t i = 2; i < 45; i++) {
    struct fault f = {0};
    drive(&s, &peer, SCRAM_FINAL_SENT);
    peer.server_final[i] = peer.server_final[i] == 'A' ? 'E' : 'A';
    cr_assert_neq(scram_server_final(&s, peer.server_final, strlen(peer.server_final), &f), 0);
    cr_assert_not(scram_verified(&s));
    if (f.code == DSQL_EAUTH) wrong++;
    scram_end(&s);
  }
  cr_assert_geq(wrong, 42);
}

Test(hostile, server_final_cut_at_every_byte) {
  struct peer peer;
  struct scram s;

  for (size_t n = 0; n < 46; n++) {
    struct fault f = {0};
    char *exact;

    drive(&s, &peer, SCRAM_FINAL_SENT);
    cr_assert_eq(strlen(peer.server_final), 46);
    exact = malloc(n ? n : 1);
    memcpy(exact, peer.server_final, n);
    cr_assert_eq(scram_server_final(&s, exact, n, &f), DSQL_EPROTO, "%zu bytes", n);
    cr_assert_not(scram_verified(&s));
    free(exact);
    scram_end(&s);
  }
}

/* Each step in each state but its own. */
enum step { CLIENT_FIRST, SERVER_FIRST, DERIVE, DERIVATION, KEYS_SET, CLIENT_FINAL, SERVER_FINAL, STEPS };

static int take_step(struct scram *s, enum step step, const struct peer *peer, struct fault *f) {
  struct scram_derivation d = {0};
  struct buf out;
  int rc = 0;

  buf_init(&out, &heap.hook, 1000);
  switch (step) {
    case CLIENT_FIRST: rc = scram_client_first(s, &out, f); break;
    case SERVER_FIRST: rc = scram_server_first(s, peer->server_first, strlen(peer->server_first), f); break;
    case DERIVE: rc = scram_derive_inline(s, f); break;
    case DERIVATION: rc = scram_derivation_init(&d, s, f); break;
    case KEYS_SET: rc = scram_keys_set(s, &d, f); break;
    case CLIENT_FINAL: rc = scram_client_final(s, &out, f); break;
    case SERVER_FINAL: rc = scram_server_final(s, peer->server_final, strlen(peer->server_final), f); break;
    case STEPS: break;
  }
  if (rc) cr_assert_eq(out.len, 0);
  scram_derivation_deinit(&d);
  buf_deinit(&out);
  return rc;
}

Test(hostile, steps_out_of_order) {
  static const enum scram_state due[STEPS] = {SCRAM_BEGUN,          SCRAM_FIRST_SENT,     SCRAM_FIRST_RECEIVED,
                                              SCRAM_FIRST_RECEIVED, SCRAM_FIRST_RECEIVED, SCRAM_KEYED,
                                              SCRAM_FINAL_SENT};
  unsigned tried = 0;

  for (unsigned state = SCRAM_BEGUN; state <= SCRAM_VERIFIED; state++) {
    for (unsigned step = 0; step < STEPS; step++) {
      struct fault f = {0};
      struct peer peer;
      struct scram s;

      if (due[step] == (enum scram_state)state) continue;
      drive(&s, &peer, (enum scram_state)state);
      cr_assert_eq(take_step(&s, (enum step)step, &peer, &f), DSQL_EPROTO, "step %u in state %u", step, state);
      cr_assert(strstr(f.text, "out of order"));
      if (step != DERIVATION) assert_over(&s);
      scram_end(&s);
      tried++;
    }
  }
  cr_assert_eq(tried, 6 * STEPS - STEPS);
}

Test(hostile, nothing_after_the_end) {
  struct scram zero = {0};
  struct peer peer = {0};

  for (unsigned step = 0; step < STEPS; step++) {
    struct fault f = {0};
    cr_assert_eq(take_step(&zero, (enum step)step, &peer, &f), DSQL_EPROTO);
    cr_assert(strstr(f.text, "over or was not begun"));
  }
  scram_end(&zero);
}

Test(hostile, derivation_fails_in_openssl) {
  struct scram_derivation d;
  struct fault f = {0};
  struct peer peer;
  struct scram s;

  drive(&s, &peer, SCRAM_FIRST_RECEIVED);
  cr_assert_eq(EVP_default_properties_enable_fips(NULL, 1), 1); /* and no FIPS provider is loaded */
  cr_assert_eq(scram_derivation_init(&d, &s, &f), 0);
  scram_derive(&d);
  cr_assert_not(d.done);
  cr_assert_eq(scram_keys_set(&s, &d, &f), DSQL_EUNSUPPORTED);
  scram_derivation_deinit(&d);
  scram_end(&s);
  cr_assert(strstr(f.text, "OpenSSL"));
}

Test(hostile, inline_derivation_fails_in_openssl) {
  struct fault f = {0};
  struct peer peer;
  struct scram s;

  drive(&s, &peer, SCRAM_FIRST_RECEIVED);
  cr_assert_eq(EVP_default_properties_enable_fips(NULL, 1), 1);
  cr_assert_eq(scram_derive_inline(&s, &f), DSQL_EUNSUPPORTED);
  assert_over(&s);
}

Test(hostile, proof_fails_in_openssl) {
  struct fault f = {0};
  struct peer peer;
  struct scram s;
  struct buf out;

  drive(&s, &peer, SCRAM_KEYED);
  buf_init(&out, &heap.hook, 1000);
  cr_assert_eq(EVP_default_properties_enable_fips(NULL, 1), 1);
  cr_assert_eq(scram_client_final(&s, &out, &f), DSQL_EUNSUPPORTED);
  cr_assert_eq(out.len, 0);
  assert_over(&s);
}
