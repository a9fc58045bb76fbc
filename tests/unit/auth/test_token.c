/* Tokens against tests/data/token_vectors.json, their limits, and the faults. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/sigv4_steps.h"
#include "auth/token.h"
#include "test_alloc.h"

#define HOST "a1b2c3d4e5f6g7h8i9j0klmnop.dsql.us-east-1.on.aws"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

enum { NOW_S = 1440938160 };

static const struct token_request baseline = {.keys = {"AKIDEXAMPLE", SECRET, NULL},
                                              .host = HOST,
                                              .region = "us-east-1",
                                              .admin = true,
                                              .duration_s = 900,
                                              .unix_s = NOW_S};

/* ---- vectors ---- */

static const char *text_of(const json_t *v, const char *name) {
  const char *s = json_string_value(json_object_get(v, name));
  cr_assert_not_null(s, "%s", name);
  return s;
}

static struct token_request request_of(const json_t *v) {
  return (struct token_request){.keys = {text_of(v, "access_key"), text_of(v, "secret_key"),
                                         json_string_value(json_object_get(v, "session_token"))},
                                .host = text_of(v, "hostname"),
                                .region = text_of(v, "region"),
                                .admin = strcmp(text_of(v, "action"), "DbConnectAdmin") == 0,
                                .duration_s = (uint32_t)json_integer_value(json_object_get(v, "expires")),
                                .unix_s = json_integer_value(json_object_get(v, "epoch_seconds"))};
}

static void check_token(const json_t *v, struct test_alloc *heap) {
  struct token_request q = request_of(v);
  struct token_made made = {0};
  struct fault f = {0};
  struct buf out;

  buf_init(&out, &heap->hook, 1 << 20);
  cr_assert_eq(token_sign(&q, &heap->hook, &out, &made, &f), 0, "%s: %s", text_of(v, "id"), f.text);
  buf_put_u8(&out, 0);
  cr_assert_str_eq((char *)out.data, text_of(v, "token"), "%s", text_of(v, "id"));
  cr_assert_eq(made.expires_s, q.unix_s + q.duration_s);
  cr_assert_not(made.clamped);
  buf_deinit(&out);
}

static void hex(const uint8_t *p, size_t n, char *out) {
  for (size_t i = 0; i < n; i++) snprintf(out + 2 * i, 3, "%02x", (unsigned)p[i]);
}

/* What a verifier does, step by step: the query is taken out of the vector's canonical request. */
static void check_steps(const json_t *v, struct test_alloc *heap) {
  struct token_request q = request_of(v);
  const char *canonical = text_of(v, "canonical_request"), *query = canonical + strlen("GET\n/\n");
  size_t n = strcspn(query, "\n");
  char date[SIGV4_DATE_SIZE], text[SIGV4_HEX_SIZE], to_sign[512];
  uint8_t key[SIGV4_KEY_SIZE];
  struct buf b;

  cr_assert(sigv4_date(q.unix_s, date));
  cr_assert_str_eq(date, text_of(v, "amz_date"));
  buf_init(&b, &heap->hook, 1 << 20);
  sigv4_put_query_request(&b, q.host, query, n);
  cr_assert(b.len == strlen(canonical) && memcmp(b.data, canonical, b.len) == 0, "%s", text_of(v, "id"));
  cr_assert(sigv4_sha256_hex(b.data, b.len, text));
  buf_reset(&b);
  sigv4_put_scope(&b, date, q.region, "dsql");
  buf_put_u8(&b, 0);
  cr_assert_str_eq((char *)b.data, text_of(v, "credential_scope"));
  snprintf(to_sign, sizeof to_sign, "AWS4-HMAC-SHA256\n%s\n%s\n%s", date, (char *)b.data, text);
  cr_assert_str_eq(to_sign, text_of(v, "string_to_sign"));
  buf_deinit(&b);
  cr_assert_eq(sigv4_signing_key(q.keys.secret_access_key, date, q.region, "dsql", key), 0);
  hex(key, sizeof key, text);
  cr_assert_str_eq(text, text_of(v, "signing_key_hex"));
  cr_assert_eq(sigv4_query_signature(key, date, q.region, "dsql", q.host, query, n, &heap->hook, text), 0);
  cr_assert_str_eq(text, text_of(v, "signature"));
}

static json_t *load_vectors(void) {
  const char *dir = getenv("DSQL_SOURCE_DIR");
  char path[512];
  json_error_t why;
  json_t *root;

  snprintf(path, sizeof path, "%s/tests/data/token_vectors.json", dir ? dir : "../../..");
  root = json_load_file(path, 0, &why);
  cr_assert_not_null(root, "%s: %s", path, why.text);
  return root;
}

Test(token, vectors) {
  json_t *root = load_vectors(), *v;
  struct test_alloc heap;
  size_t i;

  test_alloc_init(&heap);
  cr_assert_geq(json_array_size(json_object_get(root, "vectors")), 20);
  json_array_foreach(json_object_get(root, "vectors"), i, v) {
    check_token(v, &heap);
    check_steps(v, &heap);
  }
  fprintf(stderr, "token: %zu vectors\n", i);
  json_decref(root);
  test_alloc_assert_empty(&heap);
}

/* ---- helpers ---- */

static int sign(const struct token_request *q, char *out, size_t size, struct token_made *made, struct fault *f) {
  struct test_alloc heap;
  struct buf b;
  int rc;

  test_alloc_init(&heap);
  buf_init(&b, &heap.hook, 1 << 20);
  *f = (struct fault){0};
  rc = token_sign(q, &heap.hook, &b, made, f);
  cr_assert(rc == f->code && (rc == 0) == (b.len > 0));
  cr_assert_lt(b.len, size);
  if (b.len) memcpy(out, b.data, b.len);
  out[b.len] = '\0';
  buf_deinit(&b);
  test_alloc_assert_empty(&heap);
  return rc;
}

static void assert_refused(const struct token_request *q, int code, const char *part) {
  char token[4096];
  struct fault f;

  cr_assert_eq(sign(q, token, sizeof token, NULL, &f), code, "%s: %d %s", part, f.code, f.text);
  cr_assert(strstr(f.text, part), "%s: %s", part, f.text);
  cr_assert_not(strstr(f.text, "wJalr"), "%s", f.text);
  cr_assert_not(strstr(f.text, "hush"), "%s", f.text);
}

/* ---- what a request may hold ---- */

Test(token, empty_session_token_is_none) {
  struct token_request q = baseline;
  char with[4096], without[4096];
  struct fault f;

  cr_assert_eq(sign(&q, without, sizeof without, NULL, &f), 0);
  q.keys.session_token = "";
  cr_assert_eq(sign(&q, with, sizeof with, NULL, &f), 0);
  cr_assert_str_eq(with, without);
  q.keys.session_token = "x";
  cr_assert_eq(sign(&q, with, sizeof with, NULL, &f), 0);
  cr_assert_str_neq(with, without);
}

Test(token, durations) {
  static const struct {
    uint32_t asked, signed_for; /* 0: refused */
  } cases[] = {{0, 900}, {1, 1}, {900, 900}, {604800, 604800}, {604801, 0}, {UINT32_MAX, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct token_request q = baseline;
    struct token_made made;
    char token[4096], expected[64];
    struct fault f;
    q.duration_s = cases[i].asked;
    snprintf(expected, sizeof expected, "%u", (unsigned)cases[i].asked);
    if (cases[i].signed_for == 0) {
      assert_refused(&q, DSQL_EINVAL, expected);
      continue;
    }
    cr_assert_eq(sign(&q, token, sizeof token, &made, &f), 0);
    snprintf(expected, sizeof expected, "&X-Amz-Expires=%u&", (unsigned)cases[i].signed_for);
    cr_assert(strstr(token, expected), "%s", token);
    cr_assert_eq(made.expires_s, NOW_S + cases[i].signed_for);
  }
}

Test(token, clamped_to_the_keys) {
  static const struct {
    int64_t keys_expire_s;
    uint32_t signed_for; /* 0: refused */
    bool clamped;
  } cases[] = {
      {0, 900, false},
      {NOW_S + 900, 900, false},
      {NOW_S + 901, 900, false},
      {INT64_MAX, 900, false},
      {NOW_S + 899, 899, true},
      {NOW_S + 2, 2, true},
      {NOW_S + 1, 1, true},
      {NOW_S, 0, true},
      {NOW_S - 1, 0, true},
      {1, 0, true},
      {-1, 0, true},
      {INT64_MIN, 0, true},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct token_request q = baseline;
    struct token_made made;
    char token[4096], expected[64];
    struct fault f;
    q.keys_expire_s = cases[i].keys_expire_s;
    cr_assert_eq(token_wants_fresh_keys(&q), cases[i].clamped, "%lld", (long long)q.keys_expire_s);
    cr_assert_eq(token_needs_fresh_keys(&q), cases[i].signed_for == 0);
    if (cases[i].signed_for == 0) {
      assert_refused(&q, DSQL_ECREDENTIALS, "expired at");
      continue;
    }
    cr_assert_eq(sign(&q, token, sizeof token, &made, &f), 0);
    snprintf(expected, sizeof expected, "&X-Amz-Expires=%u&", (unsigned)cases[i].signed_for);
    cr_assert(strstr(token, expected), "%s", token);
    cr_assert_eq(made.expires_s, NOW_S + cases[i].signed_for);
    cr_assert_eq(made.clamped, cases[i].clamped);
  }
}

Test(token, expired_keys_are_dated) {
  struct token_request q = baseline;
  q.keys_expire_s = NOW_S - 60;
  assert_refused(&q, DSQL_ECREDENTIALS, "20150830T123500Z");
}

/* The time at which they are judged has no limit of its own: what can't be signed is refused, not miscalculated. */
Test(token, extreme_times) {
  struct token_request q = baseline;

  q.unix_s = INT64_MIN;
  q.keys_expire_s = INT64_MAX;
  cr_assert_not(token_wants_fresh_keys(&q));
  assert_refused(&q, DSQL_EINVAL, "-9223372036854775808");
  q.unix_s = INT64_MAX;
  cr_assert(token_wants_fresh_keys(&q));
  assert_refused(&q, DSQL_ECREDENTIALS, "expired");
  q.keys_expire_s = 0;
  assert_refused(&q, DSQL_EINVAL, "9223372036854775807");
}

Test(token, refused) {
  static const char *const hosts[] = {"https://" HOST, HOST ":5432", HOST "/", "a b",      "a?b",
                                      "a\nb",          "h\xC3\xA9",  "a%41",   "user@host"};
  static const char *const regions[] = {"us-east-1 ", "US-EAST-1", "us_east_1", "us/east", "us\n", "\xE2\x80\x90"};
  struct token_request q = baseline;

  q.host = NULL;
  assert_refused(&q, DSQL_EINVAL, "no host");
  q.host = "";
  assert_refused(&q, DSQL_EINVAL, "no host");
  for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
    q.host = hosts[i];
    assert_refused(&q, DSQL_EINVAL, hosts[i]);
  }
  q = baseline;
  q.region = "";
  assert_refused(&q, DSQL_EINVAL, "no region");
  for (size_t i = 0; i < sizeof regions / sizeof *regions; i++) {
    q.region = regions[i];
    assert_refused(&q, DSQL_EINVAL, "the token's region");
  }
  q = baseline;
  q.keys.session_token = "hush";
  q.keys.access_key_id = "";
  assert_refused(&q, DSQL_EINVAL, "access key id");
  q = baseline;
  q.keys.secret_access_key = "";
  assert_refused(&q, DSQL_EINVAL, "secret access key");
}

Test(token, users) {
  static const char *const others[] = {"", "Admin", "ADMIN", "admin ", "adm", "administrator"};
  cr_assert(token_user_is_admin("admin"));
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) cr_assert_not(token_user_is_admin(others[i]));
}

/* ---- sizes and memory ---- */

Test(token, long_session_tokens) {
  static const size_t sizes[] = {1024, 2500, 65536, 300000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct token_request q = baseline;
    char *session = malloc(sizes[i] + 1), *token = malloc(4 * sizes[i] + 4096);
    struct fault f;
    cr_assert(session && token);
    memset(session, '+', sizes[i]);
    session[sizes[i]] = '\0';
    q.keys.session_token = session;
    cr_assert_eq(sign(&q, token, 4 * sizes[i] + 4096, NULL, &f), 0, "%s", f.text);
    cr_assert_gt(strlen(token), 3 * sizes[i]);
    free(session);
    free(token);
  }
}

Test(token, out_of_room) {
  struct test_alloc heap;
  struct fault f = {0};
  struct buf b;

  test_alloc_init(&heap);
  for (size_t max = 8; max < 330; max += 40) {
    buf_init(&b, &heap.hook, max);
    buf_put_str(&b, "before");
    f = (struct fault){0};
    cr_assert_eq(token_sign(&baseline, &heap.hook, &b, NULL, &f), DSQL_ETOOBIG);
    cr_assert(b.len == 6 && memcmp(b.data, "before", 6) == 0);
    buf_deinit(&b);
  }
  test_alloc_assert_empty(&heap);
}

Test(token, every_allocation_fails_in_turn) {
  struct token_request q = baseline;
  struct test_alloc heap;
  char session[2501];
  bool fired = true;

  memset(session, 's', sizeof session - 1);
  session[sizeof session - 1] = '\0';
  q.keys.session_token = session;
  test_alloc_init(&heap);
  for (size_t n = 1; fired; n++) {
    struct fault f = {0};
    struct buf b;
    int rc;
    buf_init(&b, &heap.hook, 1 << 20);
    test_alloc_arm(&heap, n, false);
    rc = token_sign(&q, &heap.hook, &b, NULL, &f);
    fired = test_alloc_fired(&heap);
    cr_assert_eq(rc, fired ? DSQL_ENOMEM : 0, "%zu: %s", n, f.text);
    cr_assert_eq(b.len == 0, fired);
    buf_deinit(&b);
    test_alloc_assert_empty(&heap);
    cr_assert_lt(n, 100);
  }
}
