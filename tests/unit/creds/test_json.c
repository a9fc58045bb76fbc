#include <criterion/criterion.h>
#include <stdio.h>

#include "creds/json.h"
#include "creds/text.h"
#include "test_alloc.h"

static const struct json_names process_names = {NULL,  "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration",
                                                false, true};
static const struct json_names sso_names = {
    "roleCredentials", "accessKeyId", "secretAccessKey", "sessionToken", "expiration", true, false};

struct json_case {
  const char *text;
  const struct json_names *names;
  const char *expected; /* in the error; NULL: "id secret token expires" of the next */
  const char *value;
};

#define P(members) "{\"Version\":1," members "}"
#define KEYS "\"AccessKeyId\":\"AKhunter\",\"SecretAccessKey\":\"hunter2\""

static const struct json_case cases[] = {
    {P(KEYS ",\"Expiration\":\"1970-01-01T00:00:00Z\""), &process_names, NULL, "AKhunter hunter2 - 1"},
    {"{\"roleCredentials\":{\"accessKeyId\":\"A\",\"secretAccessKey\":\"B\",\"expiration\":999}}", &sso_names, NULL,
     "A B - 1"},
    {P(KEYS), &process_names, NULL, "AKhunter hunter2 - 0"},
    {P(KEYS ",\"SessionToken\":\"T\",\"Expiration\":\"2026-11-21T10:00:00Z\""), &process_names, NULL,
     "AKhunter hunter2 T 1795255200"},
    {P(KEYS ",\"SessionToken\":null,\"Expiration\":null,\"More\":[1,{}]"), &process_names, NULL,
     "AKhunter hunter2 - 0"},
    {"\r\n\t {\"Version\": 1, \"AccessKeyId\": \"a\\u0062c\", \"SecretAccessKey\": \"\\\\/\"}\n", &process_names, NULL,
     "abc \\/ - 0"},
    {"{\"roleCredentials\":{\"accessKeyId\":\"A\",\"secretAccessKey\":\"B\",\"sessionToken\":\"C\","
     "\"expiration\":1700000000999}}",
     &sso_names, NULL, "A B C 1700000000"},
    {"", &process_names, "not valid JSON", NULL},
    {"hunter", &process_names, "not valid JSON", NULL},
    {"[]", &process_names, "not a JSON object", NULL},
    {"[{\"AccessKeyId\":\"hunter\"}]", &process_names, "not a JSON object", NULL},
    {P(KEYS) "x", &process_names, "not valid JSON", NULL},
    {P(KEYS) "\"hunter", &process_names, "not valid JSON", NULL},
    {"{" KEYS "}", &process_names, "\"Version\" is missing", NULL},
    {"{\"Version\":2," KEYS "}", &process_names, "\"Version\" is not 1", NULL},
    {"{\"Version\":\"1\"," KEYS "}", &process_names, "\"Version\" is not 1", NULL},
    {"{\"Version\":1.0," KEYS "}", &process_names, "\"Version\" is not 1", NULL},
    {P("\"SecretAccessKey\":\"hunter2\""), &process_names, "\"AccessKeyId\" is missing", NULL},
    {P("\"AccessKeyId\":\"hunter2\""), &process_names, "\"SecretAccessKey\" is missing", NULL},
    {P("\"AccessKeyId\":\"\",\"SecretAccessKey\":\"hunter2\""), &process_names, "\"AccessKeyId\" is empty", NULL},
    {P("\"AccessKeyId\":1,\"SecretAccessKey\":\"hunter2\""), &process_names, "\"AccessKeyId\" is not a string", NULL},
    {P(KEYS ",\"SessionToken\":[\"hunter\"]"), &process_names, "\"SessionToken\" is not a string", NULL},
    {P(KEYS ",\"Expiration\":\"hunter\""), &process_names, "\"Expiration\" is not a time", NULL},
    {P(KEYS ",\"Expiration\":17}"), &process_names, "not valid JSON", NULL},
    {P(KEYS ",\"Expiration\":17"), &process_names, "\"Expiration\" is not a time", NULL},
    {P(KEYS ",\"AccessKeyId\":\"hunter\""), &process_names, "not valid JSON", NULL},
    {P("\"AccessKeyId\":\"a\\u0000hunter\",\"SecretAccessKey\":\"x\""), &process_names, "not valid JSON", NULL},
    {P("\"AccessKeyId\":\"\xff\xfehunter\",\"SecretAccessKey\":\"x\""), &process_names, "not valid JSON", NULL},
    {"{\"roleCredentials\":[]}", &sso_names, "\"roleCredentials\" is not an object", NULL},
    {"{}", &sso_names, "\"roleCredentials\" is not an object", NULL},
    {"{\"roleCredentials\":{\"accessKeyId\":\"A\",\"secretAccessKey\":\"B\",\"expiration\":\"2026-11-21T10:00:00Z\"}}",
     &sso_names, "\"expiration\" is not a number of milliseconds", NULL},
    {"{\"roleCredentials\":{\"accessKeyId\":\"A\",\"secretAccessKey\":\"B\",\"expiration\":-5}}", &sso_names,
     "\"expiration\" is not a number", NULL},
};

Test(json, credentials) {
  struct test_alloc heap;
  test_alloc_init(&heap);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct json_case *k = &cases[i];
    struct credentials c = {0};
    struct fault f = {0};
    char value[128] = "";
    int rc = json_credentials(k->text, strlen(k->text), k->names, &heap.hook, &c, &f);

    if (rc == 0)
      snprintf(value, sizeof value, "%s %s %s %lld", c.access_key_id, c.secret_access_key,
               c.session_token ? c.session_token : "-", (long long)c.expires_s);
    cr_assert_eq(rc, k->expected ? DSQL_EPROTO : 0, "%s: %s", k->text, f.text);
    if (k->value) cr_assert_str_eq(value, k->value);
    if (k->expected) cr_assert_not_null(strstr(f.text, k->expected), "%s: %s", k->text, f.text);
    cr_assert_null(strstr(f.text, "hunter"), "%s", f.text);
    credentials_deinit(&c);
  }
  test_alloc_assert_empty(&heap);
}

Test(json, every_prefix_is_refused) {
  const char *text = P(KEYS ",\"SessionToken\":\"T\",\"Expiration\":\"2026-11-21T10:00:00Z\"");
  struct test_alloc heap;
  test_alloc_init(&heap);
  for (size_t n = 0; n < strlen(text); n++) {
    struct credentials c = {0};
    struct fault f = {0};
    char *copy = mem_strndup(&heap.hook, text, n); /* exactly sized, for ASan */
    cr_assert_eq(json_credentials(copy, n, &process_names, &heap.hook, &c, &f), DSQL_EPROTO);
    cr_assert_null(strstr(f.text, "hunter"), "%s", f.text);
    mem_free(&heap.hook, copy);
  }
  test_alloc_assert_empty(&heap);
}

Test(json, deep_nesting_is_refused) {
  enum { DEPTH = 50000 };
  struct test_alloc heap;
  struct credentials c = {0};
  struct fault f = {0};
  char *text;
  test_alloc_init(&heap);
  text = mem_alloc(&heap.hook, DEPTH);
  memset(text, '[', DEPTH);
  cr_assert_eq(json_credentials(text, DEPTH, &process_names, &heap.hook, &c, &f), DSQL_EPROTO);
  mem_free(&heap.hook, text);
  test_alloc_assert_empty(&heap);
}

Test(json, no_memory) {
  const char *text = P(KEYS ",\"SessionToken\":\"T\"");
  struct test_alloc heap;
  test_alloc_init(&heap);
  for (size_t i = 1;; i++) {
    struct credentials c = {0};
    struct fault f = {0};
    int rc;
    test_alloc_arm(&heap, i, false);
    rc = json_credentials(text, strlen(text), &process_names, &heap.hook, &c, &f);
    credentials_deinit(&c);
    test_alloc_assert_empty(&heap);
    if (!test_alloc_fired(&heap)) {
      cr_assert_eq(rc, 0);
      cr_assert_gt(i, 3);
      break;
    }
    cr_assert_eq(rc, DSQL_ENOMEM);
  }
}

Test(json, members) {
  struct test_alloc heap;
  struct buf b;
  int64_t n = 7;
  const char *text = "{\"a\":\"x\",\"b\":5,\"c\":null,\"d\":1.5}";
  test_alloc_init(&heap);
  buf_init(&b, &heap.hook, 100);
  cr_assert(json_text_member(text, strlen(text), "a", &b));
  cr_assert_str_eq((char *)b.data, "x");
  cr_assert_not(json_text_member(text, strlen(text), "b", &b));
  cr_assert_not(json_text_member(text, strlen(text), "c", &b));
  cr_assert_not(json_text_member(text, strlen(text), "e", &b));
  cr_assert_not(json_text_member("[]", 2, "a", &b));
  cr_assert_not(json_text_member("", 0, "a", &b));
  cr_assert_eq(b.len, 2);
  cr_assert(json_integer_member(text, strlen(text), "b", &n));
  cr_assert_eq(n, 5);
  cr_assert_not(json_integer_member(text, strlen(text), "a", &n));
  cr_assert_not(json_integer_member(text, strlen(text), "d", &n));
  buf_deinit(&b);
  test_alloc_assert_empty(&heap);
}

Test(json, times) {
  static const struct {
    const char *text;
    int64_t expected; /* -1: refused */
  } times[] = {
      {"1970-01-01T00:00:00Z", 1}, /* 0 would mean never */
      {"1970-01-01T01:00:00+01:00", 1},
      {"1969-12-31T23:59:58Z", -2},
      {"2023-11-14T22:13:20Z", 1700000000},
      {"2023-11-14t22:13:20z", 1700000000},
      {"2023-11-14 22:13:20Z", 1700000000},
      {"2023-11-14T22:13:20.999999Z", 1700000000},
      {"2023-11-14T22:13:20UTC", 1700000000},
      {"2023-11-14T23:13:20+01:00", 1700000000},
      {"2023-11-14T23:13:20.5+0100", 1700000000},
      {"2023-11-14T14:13:20-08:00", 1700000000},
      {"2000-02-29T00:00:00Z", 951782400},
      {"2016-12-31T23:59:60Z", 1483228800},
      {"2100-02-28T23:59:59Z", 4107542399},
      {"9999-12-31T23:59:59Z", 253402300799},
      {"2100-02-29T00:00:00Z", -1},
      {"2023-02-29T00:00:00Z", -1},
      {"2023-13-01T00:00:00Z", -1},
      {"2023-00-01T00:00:00Z", -1},
      {"2023-04-31T00:00:00Z", -1},
      {"2023-04-00T00:00:00Z", -1},
      {"2023-11-14T24:00:00Z", -1},
      {"2023-11-14T22:60:00Z", -1},
      {"2023-11-14T22:13:61Z", -1},
      {"2023-11-14T22:13:20", -1},
      {"2023-11-14T22:13:20.Z", -1},
      {"2023-11-14T22:13:20+1", -1},
      {"2023-11-14T22:13:20+24:00", -1},
      {"2023-11-14T22:13:20ZZ", -1},
      {"2023-11-14T22:13:20 UTC", -1},
      {"2023-1-14T22:13:20Z", -1},
      {"+023-11-14T22:13:20Z", -1},
      {"0000-01-01T00:00:00Z", -1},
      {"", -1},
      {"now", -1},
  };
  for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
    int64_t out = -1;
    bool ok = json_time(times[i].text, strlen(times[i].text), &out);
    cr_assert_eq(ok, times[i].expected != -1, "%s", times[i].text);
    cr_assert_eq(out, times[i].expected, "%s: %lld", times[i].text, (long long)out);
    for (size_t n = 0; n < strlen(times[i].text); n++) (void)json_time(times[i].text, n, &out);
  }
}

Test(text, one_printable_line) {
  static const struct {
    const char *in, *out;
  } texts[] = {{"", ""},
               {" \r\n ", ""},
               {"plain", "plain"},
               {"  a\n\t b ", "a b"},
               {"\x1b[31mred", "?[31mred"},
               {"caf\xc3\xa9", "caf??"}};
  char longer[500];
  struct creds_text t;
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    cr_assert_str_eq(text_of(texts[i].in, strlen(texts[i].in)).text, texts[i].out);
  memset(longer, 'x', sizeof longer);
  t = text_of(longer, sizeof longer);
  cr_assert_eq(strlen(t.text), CREDS_TEXT_SIZE - 1);
  cr_assert_str_eq(t.text + CREDS_TEXT_SIZE - 4, "...");
  t = text_of(longer, CREDS_TEXT_SIZE - 1);
  cr_assert_eq(t.text[CREDS_TEXT_SIZE - 2], 'x');
}

Test(text, shared_secrets) {
  cr_assert(text_shares("has 0123456789ab in it", 22, "xx0123456789abyy"));
  cr_assert_not(text_shares("has 0123456789a in it", 21, "xx0123456789abyy"));
  cr_assert_not(text_shares("short", 5, "short"));
  cr_assert_not(text_shares("whatever it is, it is", 21, NULL));
  cr_assert(text_shares("0123456789ab", 12, "0123456789ab"));
}
