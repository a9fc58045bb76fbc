/* What a client of `dsql local` sends before it is let in. Byte 0 says what the rest is:
 *   S  its first bytes and its StartupMessage (byte 1: the allocation that fails)
 *   T  a token (byte 1: the allocation that fails)
 *   F  a change to a good token: two bytes where, one byte that is put there, or inserted, or none */
#include <string.h>

#include "auth/token.h"
#include "base/cursor.h"
#include "fuzz_check.h"
#include "local/startup.h"
#include "local/token_verify.h"
#include "test_alloc.h"
#include "wire/frontend.h"

#define HOST "abcdefghijklmnopqrstuvwxyz.dsql.us-east-1.on.aws"
#define SECRET_KEY "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
#define SESSION_TOKEN "AQoEXAMPLEH4aoAH0gNCAPy/rGQ=="

enum { NOW_S = 1792584000, GOOD_SIZE = 1024, SIGNATURE_SIZE = 64 };

static const struct token_expected expected = {{"AKIDEXAMPLE", SECRET_KEY, SESSION_TOKEN}, HOST, "us-east-1"};

/* ---- tokens ---- */

static size_t good_token(char out[GOOD_SIZE]) {
  const struct token_request q = {
      .keys = expected.keys, .host = HOST, .region = "us-east-1", .admin = true, .unix_s = NOW_S};
  struct fault f = {0};
  struct buf b;

  buf_init_on(&b, &mem_default, GOOD_SIZE, out, GOOD_SIZE);
  CHECK(token_sign(&q, &mem_default, &b, NULL, &f) == 0);
  buf_put_u8(&b, 0);
  CHECK(buf_ok(&b) && b.fixed);
  return b.len - 1;
}

static int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Every escape undone, so that two ways of writing one token are equal. */
static size_t decoded(const char *s, size_t n, char *out) {
  size_t at = 0;
  for (size_t i = 0; i < n; i++) {
    bool escape = s[i] == '%' && i + 2 < n && hex(s[i + 1]) >= 0 && hex(s[i + 2]) >= 0;
    out[at++] = escape ? (char)(hex(s[i + 1]) * 16 + hex(s[i + 2])) : s[i];
    if (escape) i += 2;
  }
  return at;
}

/* In a block of its size. No refusal shows a secret. */
static bool verify(const char *token, size_t n, const dsql_alloc *alloc) {
  struct token_refusal why;
  char *copy = malloc(n ? n : 1);
  bool ok;

  CHECK(copy);
  if (n) memcpy(copy, token, n);
  ok = token_verify(&expected, "admin", copy, n, NOW_S, alloc, &why);
  CHECK(strlen(why.reason) < sizeof why.reason && strlen(why.hint) < sizeof why.hint && !*why.reason == ok);
  CHECK(!ok || !*why.hint);
  CHECK(!strstr(why.reason, SECRET_KEY) && !strstr(why.hint, SECRET_KEY));
  free(copy);
  return ok;
}

/* None that is not signed with the key is accepted: those of the one good token that an input can have. */
static void check_token(const char *token, size_t n, size_t fail_at) {
  char good[GOOD_SIZE], *plain = malloc(n ? n : 1);
  const char *signature;
  struct test_alloc heap;

  CHECK(plain);
  (void)good_token(good);
  signature = good + strlen(good) - SIGNATURE_SIZE;
  test_alloc_init(&heap);
  test_alloc_arm(&heap, fail_at, false);
  if (verify(token, n, &heap.hook)) {
    size_t length = decoded(token, n, plain);
    CHECK(memmem(plain, length, signature, SIGNATURE_SIZE));
  }
  test_alloc_assert_empty(&heap);
  free(plain);
}

static void check_change(const uint8_t *data, size_t size) {
  char good[GOOD_SIZE], changed[GOOD_SIZE + 1], a[GOOD_SIZE], b[GOOD_SIZE + 1];
  size_t n = good_token(good), at, put, skip, a_len, b_len;

  if (size < 4) return;
  at = (size_t)(data[0] << 8 | data[1]) % (n + 1);
  put = data[3] % 3 != 1; /* replaces or inserts, or drops */
  skip = data[3] % 3 != 0 && at < n;
  memcpy(changed, good, at);
  if (put) changed[at] = (char)data[2];
  memcpy(changed + at + put, good + at + skip, n - at - skip);
  a_len = decoded(good, n, a);
  b_len = decoded(changed, n + put - skip, b);
  CHECK(verify(good, n, &mem_default));
  CHECK(verify(changed, n + put - skip, &mem_default) == (a_len == b_len && memcmp(a, b, a_len) == 0));
}

/* ---- the first bytes ---- */

static bool allowed(const char *name, size_t n) { return n > 0 && name[0] != 'w'; }

/* The server's words (pg_split_opts): nothing but "-c" and a setting that is allowed, in turn. */
static void check_options(const char *s) {
  for (bool setting = false; *s; setting = !setting) {
    const char *start = s + strspn(s, " \t\n\v\f\r");
    CHECK(!setting ? strncmp(start, "-c ", 3) == 0 : allowed(start, strcspn(start, "=")) && strchr(start, '='));
    for (s = start; *s && !strchr(" \t\n\v\f\r", *s); s++)
      if (*s == '\\' && s[1]) s++;
  }
}

static void check_pair(const char *name, const char *value) {
  if (strcmp(name, "options") == 0)
    check_options(value);
  else
    CHECK(strcmp(name, "user") == 0 || strcmp(name, "database") == 0 || allowed(name, strlen(name)));
}

/* What goes on to the private server is one whole StartupMessage, as PostgreSQL reads it. */
static void check_forward(const struct startup *s) {
  const char *at = (const char *)s->forward.data + 8, *end = (const char *)s->forward.data + s->forward.len - 1;
  const char *name = "";
  size_t strings = 0;

  CHECK(s->forward.len >= 9 && load_be32(s->forward.data) == s->forward.len);
  CHECK(load_be32(s->forward.data + 4) == WIRE_PROTOCOL_3_0 && *end == '\0');
  for (; at < end; strings++) {
    const char *nul = memchr(at, 0, (size_t)(end - at));
    CHECK(nul && (strings % 2 || nul > at)); /* no name is empty */
    if (strings % 2)
      check_pair(name, at);
    else
      name = at;
    at = nul + 1;
  }
  CHECK(strings % 2 == 0 && strings > 0);
}

static void check_startup(const uint8_t *data, size_t n, size_t fail_at) {
  enum startup_verdict verdict;
  struct test_alloc heap;
  struct startup s;

  test_alloc_init(&heap);
  test_alloc_arm(&heap, fail_at, false);
  verdict = startup_parse(data, n, allowed, &heap.hook, &s);
  CHECK(verdict != STARTUP_NO_MEMORY || test_alloc_fired(&heap));
  CHECK(strlen(s.user) < sizeof s.user && strlen(s.bad) < sizeof s.bad);
  CHECK(strlen(s.database) < sizeof s.database && strlen(s.cluster_id) < sizeof s.cluster_id);
  if (verdict == STARTUP_OK) {
    CHECK(*s.user && s.version >> 16 == 3);
    check_forward(&s);
  }
  startup_deinit(&s);
  test_alloc_assert_empty(&heap);
}

static void check_first(const uint8_t *data, size_t size, size_t fail_at) {
  size_t total, shorter;
  enum first_kind kind = startup_first(data, size, &total);

  if (size && kind != FIRST_MORE && kind != FIRST_GARBAGE && kind != FIRST_TLS) {
    CHECK(total >= 8 && total <= STARTUP_MESSAGE_MAX && total <= size);
    CHECK(startup_first(data, total, &shorter) == kind && shorter == total);
  }
  if (kind == FIRST_STARTUP) check_startup(data, total, fail_at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  switch (data[0]) {
    case 'S': check_first(data + 2, size - 2, data[1]); break;
    case 'T': check_token((const char *)data + 2, size - 2, data[1]); break;
    case 'F': check_change(data + 1, size - 1); break;
    default: break;
  }
  return 0;
}
