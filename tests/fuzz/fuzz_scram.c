/* All of the authentication layer that reads foreign bytes. The first byte says which part, the second sets its
 * options, the rest is input:
 *   S P K  an exchange (SCRAM-SHA-256, -PLUS, keys given): the server's first and final message, a newline between
 *   M      the mechanism list of AuthenticationSASL
 *   R      the value of require_auth
 *   N      a password for SASLprep */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/sasl_choice.h"
#include "auth/saslprep.h"
#include "auth/scram.h"
#include "base/utf8.h"
#include "test_alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                             \
  do {                                                                                                                 \
    if (!(condition)) abort();                                                                                         \
  } while (0)

static const uint8_t some_bytes[SCRAM_KEY_SIZE] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};

/* A fault is complete, and fit to be printed. */
static void check_fault(int rc, const struct fault *f) {
  size_t n = strlen(f->text);
  REQUIRE(rc == f->code && rc <= 0);
  REQUIRE((rc == 0) == (n == 0) && n < sizeof f->text);
  for (size_t i = 0; i < n; i++) REQUIRE(f->text[i] >= 0x20 && f->text[i] < 0x7F);
}

static int derive(struct scram *s, bool elsewhere, struct fault *f) {
  struct scram_derivation d;
  uint32_t iterations;
  int rc;

  if (!scram_needs_derivation(s, &iterations)) return 0;
  REQUIRE(iterations >= 1 && iterations <= 16);
  if (!elsewhere) return scram_derive_inline(s, f);
  rc = scram_derivation_init(&d, s, f);
  if (!rc) {
    scram_derive(&d);
    rc = scram_keys_set(s, &d, f);
  } else {
    scram_end(s); /* which failing to start a derivation leaves to the caller */
  }
  scram_derivation_deinit(&d);
  return rc;
}

static void run_exchange(const struct scram_params *p, struct test_alloc *heap, const uint8_t *data, size_t size) {
  const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
  size_t first = newline ? (size_t)(newline - data) : size;
  struct fault f = {0};
  struct buf out;
  struct scram s;
  int rc;

  buf_init(&out, &mem_default, 1 << 16);
  rc = scram_begin(&s, &heap->hook, p, &f);
  if (!rc) rc = scram_client_first(&s, &out, &f);
  if (!rc) rc = scram_server_first(&s, data, first, &f);
  if (!rc) rc = derive(&s, first % 2, &f);
  if (!rc) rc = scram_client_final(&s, &out, &f);
  if (!rc && newline) rc = scram_server_final(&s, newline + 1, size - first - 1, &f);
  check_fault(rc, &f);
  REQUIRE(scram_verified(&s) == (rc == 0 && newline));
  REQUIRE(rc == 0 || (s.state == SCRAM_OVER && heap->live == 0));
  REQUIRE(rc != DSQL_ENOMEM || test_alloc_fired(heap));
  scram_end(&s);
  buf_deinit(&out);
}

static void fuzz_exchange(char kind, uint8_t option, const uint8_t *data, size_t size) {
  struct scram_params p = {.password = {"pencil", 6}, .nonce = some_bytes, .iterations_max = 16};
  struct test_alloc heap;

  if (kind == 'P') {
    p.mechanism = SCRAM_SHA_256_PLUS;
    p.binding = some_bytes;
    p.binding_len = sizeof some_bytes;
  }
  if (kind == 'K') p.client_key = p.server_key = some_bytes;
  test_alloc_init(&heap);
  test_alloc_arm(&heap, option % 16, option & 16);
  run_exchange(&p, &heap, data, size);
  REQUIRE(heap.live == 0);
}

static void fuzz_mechanisms(uint8_t option, const uint8_t *data, size_t size) {
  struct sasl_offer offer = {.list = data,
                             .list_len = size,
                             .tls = option & 1,
                             .binding_available = option & 2,
                             .policy = (enum channel_binding)(option / 4 % 3),
                             .have_password = option & 32,
                             .have_token = option & 64};
  struct sasl_choice choice;
  struct fault f = {0};
  int rc;

  offer.require_auth = option & 128 ? 0 : REQUIRE_AUTH_ANY;
  rc = sasl_choose(&offer, &choice, &f);
  check_fault(rc, &f);
  if (rc) return;
  REQUIRE(offer.require_auth);
  if (choice.oauth) {
    REQUIRE(offer.have_token && offer.policy != CHANNEL_BINDING_REQUIRE && memmem(data, size, "OAUTHBEARER", 11));
    return;
  }
  REQUIRE(memmem(data, size, sasl_mechanism_name(choice.mechanism), strlen(sasl_mechanism_name(choice.mechanism))));
  REQUIRE(choice.mechanism == SCRAM_SHA_256 || (offer.tls && offer.binding_available));
  REQUIRE(choice.mechanism == SCRAM_SHA_256_PLUS || offer.policy != CHANNEL_BINDING_REQUIRE);
}

static void fuzz_require_auth(const uint8_t *data, size_t size) {
  struct fault f = {0};
  uint32_t mask;
  int rc = require_auth_parse((dsql_str){(const char *)data, size}, &mask, &f);

  check_fault(rc, &f);
  REQUIRE(require_auth_allows(mask, AUTH_SCRAM) == require_auth_allows(mask, AUTH_SCRAM_PLUS));
  REQUIRE(rc == 0 || mask == REQUIRE_AUTH_ANY);
}

static void fuzz_saslprep(uint8_t option, const uint8_t *data, size_t size) {
  dsql_str password = {(const char *)data, size};
  enum saslprep_verdict verdict = SASLPREP_PREPARED;
  struct test_alloc heap;
  struct buf out;
  int rc;

  test_alloc_init(&heap);
  test_alloc_arm(&heap, option % 8, false);
  buf_init(&out, &heap.hook, 12 * size + 1);
  rc = saslprep_password(password, &out, &verdict);
  REQUIRE(rc == 0 || (rc == DSQL_ENOMEM && test_alloc_fired(&heap)));
  if (rc == 0 && verdict == SASLPREP_PREPARED) REQUIRE(utf8_valid((const char *)out.data, out.len));
  if (rc == 0 && verdict == SASLPREP_RAW) REQUIRE(out.len == size && memcmp(out.data, data, size) == 0);
  buf_deinit(&out);
  REQUIRE(heap.live == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t option = size > 1 ? data[1] : 0;
  const uint8_t *input = data + (size > 2 ? 2 : size);
  size_t n = size > 2 ? size - 2 : 0;

  if (size == 0) return 0;
  switch (data[0]) {
    case 'S':
    case 'P':
    case 'K': fuzz_exchange((char)data[0], option, input, n); break;
    case 'M': fuzz_mechanisms(option, input, n); break;
    case 'R': fuzz_require_auth(input, n); break;
    case 'N': fuzz_saslprep(option, input, n); break;
    default: break;
  }
  return 0;
}
