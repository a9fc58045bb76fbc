/* Is a token verified as the service does it? Against tests/data/token_vectors.json, and against tokens that were
 * changed in every place. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/token.h"
#include "local/token_verify.h"
#include "test_alloc.h"

#define HOST "a1b2c3d4e5f6g7h8i9j0klmnop.dsql.us-east-1.on.aws"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

enum { NOW_S = 1440938160, TOKEN_MAX = 65536 };

static const struct token_expected baseline = {{"AKIDEXAMPLE", SECRET, NULL}, HOST, "us-east-1"};

static const char *text_of(const json_t *v, const char *name) {
  const char *s = json_string_value(json_object_get(v, name));
  cr_assert_not_null(s, "%s", name);
  return s;
}

static bool verify(const struct token_expected *e, const char *user, const char *token, int64_t now_s,
                   struct token_refusal *r) {
  struct test_alloc heap;
  bool ok;

  test_alloc_init(&heap);
  ok = token_verify(e, user, token, strlen(token), now_s, &heap.hook, r);
  test_alloc_assert_empty(&heap);
  cr_assert_eq(ok, r->reason[0] == '\0', "a refusal has a reason: %s", r->reason);
  cr_assert_null(strstr(r->reason, SECRET));
  cr_assert_null(strstr(r->hint, SECRET));
  return ok;
}

static void check_vector(const json_t *v, const char *form) {
  struct token_expected e = {
      {text_of(v, "access_key"), text_of(v, "secret_key"), json_string_value(json_object_get(v, "session_token"))},
      text_of(v, "hostname"),
      text_of(v, "region")};
  const char *user = strcmp(text_of(v, "action"), "DbConnectAdmin") == 0 ? "admin" : "reader";
  int64_t at = json_integer_value(json_object_get(v, "epoch_seconds"));
  int64_t life = json_integer_value(json_object_get(v, "expires"));
  const char *token = text_of(v, form);
  struct token_refusal r;

  cr_assert(verify(&e, user, token, at, &r), "%s: %s", text_of(v, "id"), r.reason);
  cr_assert(verify(&e, user, token, at + life - 1, &r), "%s: %s", text_of(v, "id"), r.reason);
  cr_assert_not(verify(&e, user, token, at + life, &r), "%s", text_of(v, "id"));
  cr_assert_eq(strncmp(r.hint, "Signature expired: ", 19), 0, "%s", r.hint);
  cr_assert(verify(&e, user, token, at - 300, &r), "%s: %s", text_of(v, "id"), r.reason);
  cr_assert_not(verify(&e, user, token, at - 301, &r));
  cr_assert_eq(strncmp(r.hint, "Signature not yet current: ", 27), 0, "%s", r.hint);
  cr_assert_not(verify(&e, strcmp(user, "admin") ? "admin" : "reader", token, at, &r));
  cr_assert_eq(strncmp(r.hint, "Wrong user to action mapping. user: ", 36), 0, "%s", r.hint);
}

Test(local_token, vectors) {
  json_t *root = json_load_file("../data/token_vectors.json", 0, NULL), *v;
  size_t i;

  cr_assert_not_null(root);
  cr_assert_gt(json_array_size(json_object_get(root, "vectors")), 20);
  json_array_foreach(json_object_get(root, "vectors"), i, v) {
    check_vector(v, "token");
    check_vector(v, "token_botocore_order");
  }
  json_decref(root);
}

static void sign(char out[TOKEN_MAX], const char *session_token) {
  struct token_request q = {.keys = {"AKIDEXAMPLE", SECRET, session_token},
                            .host = HOST,
                            .region = "us-east-1",
                            .admin = true,
                            .duration_s = 900,
                            .unix_s = NOW_S};
  struct fault f = {0};
  struct buf b;

  buf_init(&b, &mem_default, TOKEN_MAX);
  cr_assert_eq(token_sign(&q, &mem_default, &b, NULL, &f), 0);
  buf_put_u8(&b, 0);
  memcpy(out, b.data, b.len);
  buf_deinit(&b);
}

/* Any other byte in any place: the only changes that may pass are those that mean the same. */
Test(local_token, every_changed_byte) {
  static char token[TOKEN_MAX], changed[TOKEN_MAX];
  struct token_refusal r;
  size_t n, refusals = 0, passed = 0;

  sign(token, NULL);
  n = strlen(token);
  for (size_t i = 0; i < n; i++)
    for (unsigned bit = 0; bit < 7; bit++) {
      memcpy(changed, token, n + 1);
      changed[i] = (char)((unsigned char)changed[i] ^ (1u << bit));
      if (changed[i] == '\0') continue;
      if (!verify(&baseline, "admin", changed, NOW_S, &r)) {
        refusals++;
        continue;
      }
      passed++; /* the hex digits of an escape in the other case: %2f is %2F */
      cr_assert(bit == 5 && i > 0 && (token[i - 1] == '%' || token[i - 2] == '%'), "at %zu: %s", i, changed);
    }
  cr_assert_gt(refusals, 7 * n - 100);
  cr_assert_lt(passed, 20);
}

Test(local_token, every_cut) {
  static char token[TOKEN_MAX];
  struct token_refusal r;

  sign(token, "AQoDYXdzEJr+/Zm9v/YmFy==");
  for (size_t n = strlen(token); n-- > 0;) {
    token[n] = '\0';
    cr_assert_not(verify(&baseline, "admin", token, NOW_S, &r), "%s", token);
  }
}

Test(local_token, reasons) {
  static const struct {
    const char *token, *reason;
  } cases[] = {
      {"", "the password is no valid token: it is no token: no host/?query"},
      {"/?a=b", "the password is no valid token: it is no token: no host/?query"},
      {"secret", "the password is no valid token: it is no token: no host/?query"},
      {HOST "/?Action", "the password is no valid token: a query parameter has no value"},
      {HOST "/?Action=%4", "the password is no valid token: a query parameter is not properly escaped"},
      {HOST "/?Action=%00", "the password is no valid token: a query parameter is not properly escaped"},
      {HOST "/?%00=", "the password is no valid token: a query parameter is not properly escaped"},
      {HOST "/?a=&a=1", "the password is no valid token: a query parameter stands twice"},
      {HOST "/?a=1&%61=2", "the password is no valid token: a query parameter stands twice"},
      {HOST "/?a=1", "the token has no Action"},
  };
  struct token_refusal r;

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cr_assert_not(verify(&baseline, "admin", cases[i].token, NOW_S, &r), "%s", cases[i].token);
    cr_assert_str_eq(r.reason, cases[i].reason);
    cr_assert_str_eq(r.hint, "");
  }
}

Test(local_token, wording_of_the_hints) {
  static char token[TOKEN_MAX];
  struct token_refusal r;

  sign(token, NULL);
  cr_assert_not(verify(&baseline, "admin", token, NOW_S + 1000, &r));
  cr_assert_str_eq(r.hint, "Signature expired: 20150830T125100Z is now earlier than 20150830T125240Z "
                           "(20150830T125240Z - 0 min.)");
  cr_assert_not(verify(&baseline, "admin", token, NOW_S - 1000, &r));
  cr_assert_str_eq(r.hint, "Signature not yet current: 20150830T123600Z is still later than 20150830T122420Z "
                           "(20150830T121920Z + 5 min.)");
  cr_assert_not(verify(&baseline, "reader", token, NOW_S, &r));
  cr_assert_str_eq(r.hint, "Wrong user to action mapping. user: reader, action: DbConnectAdmin");
}

/* What is wrong about a token is not told before its signature is known to be right. */
Test(local_token, no_hints_for_strangers) {
  static char token[TOKEN_MAX];
  struct token_expected other = baseline;
  struct token_refusal r;

  sign(token, NULL);
  other.keys.secret_access_key = "another";
  cr_assert_not(verify(&other, "reader", token, NOW_S + 100000, &r));
  cr_assert_str_eq(r.hint, "");
}

Test(local_token, a_nul_and_a_long_one) {
  static char token[TOKEN_MAX + 2];
  struct token_refusal r;

  memset(token, 'x', TOKEN_MAX + 1);
  cr_assert_not(verify(&baseline, "admin", token, NOW_S, &r));
  sign(token, NULL);
  cr_assert_not(token_verify(&baseline, "admin", token, strlen(token) + 1, NOW_S, &mem_default, &r));
  cr_assert_str_eq(r.reason, "the password is no token: it has a NUL inside");
}

Test(local_token, every_allocation_fails_in_turn) {
  static char token[TOKEN_MAX];
  struct test_alloc heap;
  struct token_refusal r;
  size_t at = 1;

  sign(token, NULL);
  test_alloc_init(&heap);
  for (;; at++) {
    test_alloc_arm(&heap, at, false);
    bool ok = token_verify(&baseline, "admin", token, strlen(token), NOW_S, &heap.hook, &r);
    bool fired = test_alloc_fired(&heap);
    test_alloc_assert_empty(&heap);
    cr_assert_eq(ok, !fired, "allocation %zu", at);
    if (!fired) break;
  }
  cr_assert_gt(at, 3);
}
