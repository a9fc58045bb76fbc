/* Signatures against AWS's published test suite (aws-sig-v4-test-suite), dates, order, hostile input, memory. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "auth/sigv4_steps.h"
#include "test_alloc.h"

#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define STS_TOKEN                                                                                                      \
  "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthA" \
  "x7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY" \
  "9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
#define UNRESERVED "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static const struct sigv4_keys keys = {"AKIDEXAMPLE", SECRET, NULL};

/* ---- dates ---- */

Test(sigv4, dates) {
  static const struct {
    int64_t unix_s;
    const char *text; /* NULL: can't be written */
  } cases[] = {
      {0, "19700101T000000Z"},
      {1440938160, "20150830T123600Z"},
      {951782399, "20000228T235959Z"},
      {951782400, "20000229T000000Z"},
      {951868800, "20000301T000000Z"},
      {4107542400, "21000301T000000Z"}, /* 2100 is no leap year */
      {4107542399, "21000228T235959Z"},
      {2147483648, "20380119T031408Z"},
      {1735689599, "20241231T235959Z"},
      {-1, "19691231T235959Z"},
      {-62167219200, "00000101T000000Z"},
      {-62167219201, NULL},
      {-62162035201, "00000229T235959Z"},
      {-62135596801, "00001231T235959Z"},
      {-62135596800, "00010101T000000Z"},
      {253402300799, "99991231T235959Z"},
      {253402300800, NULL},
      {INT64_MAX, NULL},
      {INT64_MIN, NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[SIGV4_DATE_SIZE];
    int64_t back = 42;
    cr_assert_eq(sigv4_date(cases[i].unix_s, text), cases[i].text != NULL, "%lld", (long long)cases[i].unix_s);
    if (!cases[i].text) continue;
    cr_assert_str_eq(text, cases[i].text);
    cr_assert(sigv4_parse_date(text, strlen(text), &back));
    cr_assert_eq(back, cases[i].unix_s, "%s", text);
  }
}

/* Every 12 hours and a bit over 10,000 years: there and back, and in order. */
Test(sigv4, dates_round_trip) {
  char last[SIGV4_DATE_SIZE] = "";
  for (int64_t t = -62167219200; t <= 253402300799; t += 43261 * 7) {
    char text[SIGV4_DATE_SIZE];
    int64_t back;
    cr_assert(sigv4_date(t, text));
    cr_assert_lt(strcmp(last, text), 0, "%s %s", last, text);
    cr_assert(sigv4_parse_date(text, SIGV4_DATE_SIZE - 1, &back) && back == t, "%s", text);
    memcpy(last, text, sizeof last);
  }
}

Test(sigv4, dates_refused) {
  static const char *const cases[] = {
      "",
      "20150830T123600",
      "20150830T123600ZZ",
      "20150830t123600Z",
      "20150830T123600z",
      "2015083 T123600Z",
      "20150830T12360 Z",
      "+0150830T123600Z",
      "20151330T123600Z",
      "20150030T123600Z",
      "20150229T123600Z",
      "20150832T123600Z",
      "20150800T123600Z",
      "21000229T000000Z",
      "20150830T243600Z",
      "20150830T126000Z",
      "20150830T123660Z",
      "20150830T-23600Z",
      "2015-08-30T12:36",
      "0x150830T123600Z",
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int64_t t;
    cr_assert_not(sigv4_parse_date(cases[i], strlen(cases[i]), &t), "%s", cases[i]);
  }
}

/* ---- headers ---- */

#define HOST_DATE                                                                                                      \
  {"host", "example.amazonaws.com"}, { "x-amz-date", "20150830T123600Z" }
#define FORM "application/x-www-form-urlencoded"

static const struct suite_case {
  const char *name, *method, *path;
  struct sigv4_pair query[3], headers[4];
  size_t query_count, header_count;
  const char *body, *signed_headers, *signature;
} suite[] = {
    {"get-vanilla",
     "GET",
     "/",
     {{0}},
     {HOST_DATE},
     0,
     2,
     "",
     "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"headers in another order",
     "GET",
     "/",
     {{0}},
     {{"x-amz-date", "20150830T123600Z"}, {"host", "example.amazonaws.com"}},
     0,
     2,
     "",
     "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"no path",
     "GET",
     "",
     {{0}},
     {HOST_DATE},
     0,
     2,
     "",
     "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-vanilla-query-order-key",
     "GET",
     "/",
     {{"Param1", "value2"}, {"Param1", "Value1"}},
     {HOST_DATE},
     2,
     2,
     "",
     "host;x-amz-date",
     "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1"},
    {"get-vanilla-query-order-key-case",
     "GET",
     "/",
     {{"Param2", "value2"}, {"Param1", "value1"}},
     {HOST_DATE},
     2,
     2,
     "",
     "host;x-amz-date",
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"get-vanilla-query-order-value",
     "GET",
     "/",
     {{"Param1", "value2"}, {"Param1", "value1"}},
     {HOST_DATE},
     2,
     2,
     "",
     "host;x-amz-date",
     "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
    {"get-vanilla-query-unreserved",
     "GET",
     "/",
     {{UNRESERVED, UNRESERVED}},
     {HOST_DATE},
     1,
     2,
     "",
     "host;x-amz-date",
     "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
    {"get-vanilla-utf8-query",
     "GET",
     "/",
     {{"\xE1\x88\xB4", "bar"}},
     {HOST_DATE},
     1,
     2,
     "",
     "host;x-amz-date",
     "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
    {"get-utf8",
     "GET",
     "/\xE1\x88\xB4",
     {{0}},
     {HOST_DATE},
     0,
     2,
     "",
     "host;x-amz-date",
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {"get-space",
     "GET",
     "/example space/",
     {{0}},
     {HOST_DATE},
     0,
     2,
     "",
     "host;x-amz-date",
     "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
    {"get-header-value-trim",
     "GET",
     "/",
     {{0}},
     {{"my-header1", " value1"}, {"my-header2", " \"a   b   c\""}, HOST_DATE},
     0,
     4,
     "",
     "host;my-header1;my-header2;x-amz-date",
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {"post-vanilla",
     "POST",
     "/",
     {{0}},
     {HOST_DATE},
     0,
     2,
     "",
     "host;x-amz-date",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"post-vanilla-query",
     "POST",
     "/",
     {{"Param1", "value1"}},
     {HOST_DATE},
     1,
     2,
     "",
     "host;x-amz-date",
     "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
    {"post-x-www-form-urlencoded",
     "POST",
     "/",
     {{0}},
     {{"content-type", FORM}, HOST_DATE},
     0,
     3,
     "Param1=value1",
     "content-type;host;x-amz-date",
     "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
    {"post-x-www-form-urlencoded-parameters",
     "POST",
     "/",
     {{0}},
     {{"content-type", FORM "; charset=utf8"}, HOST_DATE},
     0,
     3,
     "Param1=value1",
     "content-type;host;x-amz-date",
     "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"},
    {"post-sts-header-before",
     "POST",
     "/",
     {{0}},
     {{"x-amz-security-token", STS_TOKEN}, HOST_DATE},
     0,
     3,
     "",
     "host;x-amz-date;x-amz-security-token",
     "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
};

static struct sigv4_request request(const struct suite_case *c) {
  return (struct sigv4_request){.keys = keys,
                                .region = "us-east-1",
                                .service = "service",
                                .method = c->method,
                                .path = c->path,
                                .query = c->query,
                                .headers = c->headers,
                                .query_count = c->query_count,
                                .header_count = c->header_count,
                                .body = c->body,
                                .body_len = strlen(c->body),
                                .unix_s = 1440938160};
}

Test(sigv4, aws_test_suite) {
  struct test_alloc heap;

  test_alloc_init(&heap);
  for (size_t i = 0; i < sizeof suite / sizeof *suite; i++) {
    struct sigv4_request r = request(&suite[i]);
    struct fault f = {0};
    char expected[512];
    struct buf out;
    buf_init(&out, &heap.hook, 4096);
    buf_put_str(&out, ">");
    cr_assert_eq(sigv4_authorize(&r, &heap.hook, &out, &f), 0, "%s: %s", suite[i].name, f.text);
    buf_put_u8(&out, 0);
    snprintf(expected, sizeof expected,
             ">AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=%s, "
             "Signature=%s",
             suite[i].signed_headers, suite[i].signature);
    cr_assert_str_eq((char *)out.data, expected, "%s", suite[i].name);
    buf_deinit(&out);
  }
  test_alloc_assert_empty(&heap);
}

/* ---- the key: AWS documentation, "Deriving the signing key"; a secret longer than a block, with Python's hmac ---- */

static void assert_hex(const uint8_t *p, size_t n, const char *hex) {
  for (size_t i = 0; i < n; i++) {
    char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};
    cr_assert_eq(p[i], strtoul(pair, NULL, 16), "byte %zu of %s", i, hex);
  }
}

Test(sigv4, signing_key) {
  char secret[201];
  uint8_t key[SIGV4_KEY_SIZE];

  cr_assert_eq(sigv4_signing_key(SECRET, "20150830", "us-east-1", "iam", key), 0);
  assert_hex(key, sizeof key, "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
  cr_assert_eq(sigv4_signing_key(SECRET, "20150830T123600Z", "us-east-1", "iam", key), 0);
  assert_hex(key, sizeof key, "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
  memset(secret, 'k', sizeof secret);
  secret[60] = '\0'; /* "AWS4" and 60 fill the block */
  cr_assert_eq(sigv4_signing_key(secret, "20150830", "us-east-1", "iam", key), 0);
  assert_hex(key, sizeof key, "5efcb8dfafa4111521ee0237bc281a9b8c7fb0e99ec612e676ea23c999deb863");
  secret[60] = 'k';
  secret[61] = '\0';
  cr_assert_eq(sigv4_signing_key(secret, "20150830", "us-east-1", "iam", key), 0);
  assert_hex(key, sizeof key, "74855027847616d01edeed8bf7bb4f43ef5d7ed3c01a9e292b59d47917b82ff2");
  secret[61] = 'k';
  secret[200] = '\0';
  cr_assert_eq(sigv4_signing_key(secret, "20150830", "us-east-1", "iam", key), 0);
  assert_hex(key, sizeof key, "c9689f3b0c911f4d6237ad596edb7f28291be43679126ecae8c14c7bf6ff3a16");
}

/* ---- order and encoding ---- */

/* '%' of an encoded character comes before every other. By their raw bytes '~' (0x7E) would come before U+00E9. */
Test(sigv4, sorted_as_encoded) {
  struct sigv4_pair pairs[] = {{"a~", "1"}, {"a\xC3\xA9", "2"}, {"aA", "3"}, {"a:", "4"}, {"a", "z"}, {"a", ""},
                               {"a0", "5"}, {"a-", "6"},        {"", "7"},   {"a", "~"},  {"a", "+"}};
  struct test_alloc heap;
  struct buf out;

  test_alloc_init(&heap);
  buf_init(&out, &heap.hook, 4096);
  sigv4_sort(pairs, sizeof pairs / sizeof *pairs);
  sigv4_put_query(&out, pairs, sizeof pairs / sizeof *pairs);
  buf_put_u8(&out, 0);
  cr_assert_str_eq((char *)out.data, "=7&a=&a=%2B&a=z&a=~&a%3A=4&a%C3%A9=2&a-=6&a0=5&aA=3&a~=1");
  buf_deinit(&out);
  test_alloc_assert_empty(&heap);
}

Test(sigv4, encoding_of_every_byte) {
  struct test_alloc heap;
  struct buf out;

  test_alloc_init(&heap);
  buf_init(&out, &heap.hook, 4096);
  for (unsigned c = 0; c < 256; c++) {
    char byte = (char)c, expected[4];
    bool literal = c && strchr(UNRESERVED, (int)c);
    snprintf(expected, sizeof expected, literal ? "%c" : "%%%02X", c);
    buf_reset(&out);
    sigv4_encode(&out, &byte, 1);
    buf_put_u8(&out, 0);
    cr_assert_str_eq((char *)out.data, expected);
  }
  buf_deinit(&out);
  test_alloc_assert_empty(&heap);
}

/* ---- what is refused ---- */

static void assert_refused(const struct sigv4_request *r, const char *part) {
  struct test_alloc heap;
  struct fault f = {0};
  struct buf out;

  test_alloc_init(&heap);
  buf_init(&out, &heap.hook, 4096);
  cr_assert_eq(sigv4_authorize(r, &heap.hook, &out, &f), DSQL_EINVAL, "%s", part);
  cr_assert(strstr(f.text, part), "%s: %s", part, f.text);
  cr_assert_eq(out.len, 0);
  buf_deinit(&out);
  test_alloc_assert_empty(&heap);
}

Test(sigv4, refused) {
  static const char *const bad_ids[] = {"AKID EXAMPLE", "AKID\r\nX: y", "AKID/x", "AKID,x", "AKID\xC3\xA9", "\x7F"};
  struct sigv4_pair headers[] = {HOST_DATE, {"x-amz-security-token", "a\r\nb"}};
  struct sigv4_request r = request(&suite[0]);

  r.keys.access_key_id = "";
  assert_refused(&r, "access key id");
  r.keys.access_key_id = NULL;
  assert_refused(&r, "access key id");
  for (size_t i = 0; i < sizeof bad_ids / sizeof *bad_ids; i++) {
    r.keys.access_key_id = bad_ids[i];
    assert_refused(&r, "access key id holds a character");
  }
  r.keys = keys;
  r.keys.secret_access_key = "";
  assert_refused(&r, "secret access key");
  r.keys = keys;
  r.region = NULL;
  assert_refused(&r, "region");
  r.region = "us-east-1";
  r.service = "";
  assert_refused(&r, "service");
  r.service = "service";
  r.unix_s = INT64_MAX;
  assert_refused(&r, "9223372036854775807");
  r.unix_s = 0;
  r.headers = headers;
  r.header_count = 3;
  assert_refused(&r, "x-amz-security-token");
}

/* ---- memory ---- */

Test(sigv4, every_allocation_fails_in_turn) {
  const struct suite_case *c = &suite[sizeof suite / sizeof *suite - 1];
  struct sigv4_request r = request(c);
  struct test_alloc heap;
  bool fired = true;

  test_alloc_init(&heap);
  for (size_t n = 1; fired; n++) {
    struct fault f = {0};
    struct buf out;
    int rc;
    buf_init(&out, &heap.hook, 1 << 16);
    test_alloc_arm(&heap, n, false);
    rc = sigv4_authorize(&r, &heap.hook, &out, &f);
    fired = test_alloc_fired(&heap);
    cr_assert_eq(rc, fired ? DSQL_ENOMEM : 0, "%zu: %s", n, f.text);
    cr_assert_eq(out.len == 0, fired);
    buf_deinit(&out);
    test_alloc_assert_empty(&heap);
    cr_assert_lt(n, 100);
  }
}

Test(sigv4, too_small_a_buffer) {
  struct sigv4_request r = request(&suite[0]);
  struct test_alloc heap;
  struct fault f = {0};
  struct buf out;

  test_alloc_init(&heap);
  buf_init(&out, &heap.hook, 100);
  buf_put_str(&out, "kept");
  cr_assert_eq(sigv4_authorize(&r, &heap.hook, &out, &f), DSQL_ETOOBIG);
  cr_assert_eq(out.len, 4);
  buf_deinit(&out);
  test_alloc_assert_empty(&heap);
}
