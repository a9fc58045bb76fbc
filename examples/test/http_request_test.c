/* What http_request.c takes and refuses, and that it looks at no byte behind those it was given: the input
 * stands at the end of a block of its own, where AddressSanitizer sees a step too far. */
#include "../src/http_request.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static int parse(const char *text, size_t n, struct http_request *out) {
  static char *block;
  free(block);
  block = malloc(n ? n : 1);
  cr_assert_not_null(block);
  memcpy(block, text, n);
  return http_request_parse(block, n, out);
}

static bool is(dsql_str s, const char *text) { return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0; }

#define POST "POST /transfers?a=b HTTP/1.1\r\nhOST: x\r\nContent-Length: 5\r\nA: \tb \r\n\r\nhello"

/* A part of it is incomplete, wherever it is cut; what follows it is not looked at. */
Test(http_request, every_cut) {
  struct http_request q;
  for (size_t n = 0; n < strlen(POST); n++) cr_expect_eq(parse(POST, n, &q), HTTP_INCOMPLETE, "%zu bytes", n);
  cr_assert_eq(parse(POST "\r\r\rjunk", strlen(POST) + 7, &q), HTTP_WHOLE);
  cr_expect_eq(q.length, strlen(POST));
  cr_expect(is(q.method, "POST") && is(q.path, "/transfers") && is(q.query, "a=b") && is(q.body, "hello"));
  cr_expect(q.keep_alive);
}

Test(http_request, table) {
  static const struct {
    const char *text;
    int status;
    bool keep_alive;
  } rows[] = {
      {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200, true},
      {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200, false},
      {"GET / HTTP/1.1\r\nHost: x\r\nConnection: TE , Close\r\n\r\n", 200, false},
      {"GET / HTTP/1.1\r\nHost: x\r\nConnection: closed\r\n\r\n", 200, true},
      {"GET / HTTP/1.0\r\n\r\n", 200, false},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, true},
      {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 200, true},
      {"GET / HTTP/1.1\r\n\r\n", 400, false},
      {"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400, false},
      {"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400, false},
      {"GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400, false},
      {"G(T / HTTP/1.1\r\nHost: x\r\n\r\n", 400, false},
      {"GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400, false},
      {"GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505, false},
      {"GET / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n", 400, false},
      {"GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n", 400, false},
      {"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400, false},
      {"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n folded\r\n\r\n", 400, false},
      {"GET / HTTP/1.1\r\nHost: x\r\nA: b\nB: c\r\n\r\n", 400, false},
      {"GET / HTTP/1.1\r\nHost: x\r\nA: b\rB: c\r\n\r\n", 400, false},
      {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 200, true},
      {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", 400, false},
      {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0, 0\r\n\r\n", 400, false},
      {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -0\r\n\r\n", 400, false},
      {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n", 400, false},
      {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775808\r\n\r\n", 400, false},
      {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1025\r\n\r\n", 413, false},
      {"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 501, false},
      {"GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n", 417, false},
      {"\r\n\r\n", 400, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct http_request q;
    int status = parse(rows[i].text, strlen(rows[i].text), &q);
    cr_expect_eq(status, rows[i].status, "%s: %d", rows[i].text, status);
    if (status == HTTP_WHOLE) cr_expect_eq(q.keep_alive, rows[i].keep_alive, "%s", rows[i].text);
  }
}

/* With as many bytes as a server must hold, there is always an answer. */
Test(http_request, limits) {
  static char text[HTTP_REQUEST_MAX];
  struct http_request q;
  const char *begin = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1024\r\nA: ";

  memset(text, 'a', sizeof text);
  memcpy(text, begin, strlen(begin));
  cr_expect_eq(parse(text, HTTP_HEAD_MAX - 1, &q), HTTP_INCOMPLETE);
  cr_expect_eq(parse(text, HTTP_HEAD_MAX, &q), 431);
  memcpy(text + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
  cr_expect_eq(parse(text, sizeof text - 1, &q), HTTP_INCOMPLETE);
  cr_expect_eq(parse(text, sizeof text, &q), HTTP_WHOLE);
  cr_expect_eq(q.length, HTTP_REQUEST_MAX);
}

#define ID "\"id\":\"00112233-4455-6677-8899-aabbCCDDeeff\""

Test(http_request, transfers) {
  static const struct {
    const char *json;
    bool good;
  } rows[] = {
      {"{\"from\":1,\"to\":2,\"cents\":3}", true},
      {" {\t\"cents\" : 9223372036854775807 ,\r\n\"to\":-9223372036854775808,\"from\":0," ID "} ", true},
      {"{\"from\":1,\"to\":2,\"cents\":9223372036854775808}", false},
      {"{\"from\":1,\"to\":2,\"cents\":3", false},
      {"{\"from\":1,\"to\":2,\"cents\":3}}", false},
      {"{\"from\":1,\"to\":2,\"cents\":3,}", false},
      {"{\"from\":1,\"to\":2,\"cents\":\"3\"}", false},
      {"{\"from\":1,\"to\":2,\"cents\":3e2}", false},
      {"{\"from\":1,\"to\":2,\"cents\":--3}", false},
      {"{\"from\":1,\"to\":2,\"cents\":}", false},
      {"{\"from\":1,\"to\":2,\"cents\":-3}", false},
      {"{\"from\":2,\"to\":2,\"cents\":3}", false},
      {"{\"from\":1,\"to\":2,\"cents\":3," ID "," ID "}", false},
      {"{\"from\":1,\"to\":2,\"cents\":3,\"id\":\"00112233-4455-6677-8899-aabbCCDDeef\"}", false},
      {"{\"from\":1,\"to\":2,\"cents\":3,\"id\":\"00112233x4455-6677-8899-aabbCCDDeeff\"}", false},
      {"{\"from\":1,\"to\":2,\"cents\":3,\"id\":\"00112233-4455-6677-8899-aabbCCDDeefg\"}", false},
      {"{\"fr\\u006fm\":1,\"to\":2,\"cents\":3}", false},
      {"", false},
      {"null", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct http_transfer t;
    size_t n = strlen(rows[i].json);
    char *block = malloc(n ? n : 1);
    cr_assert_not_null(block);
    memcpy(block, rows[i].json, n);
    cr_expect_eq(http_transfer_parse((dsql_str){block, n}, &t) == NULL, rows[i].good, "%s", rows[i].json);
    if (i == 1)
      cr_expect(t.has_id && t.id.bytes[1] == 0x11 && t.id.bytes[15] == 0xff && t.to == INT64_MIN && t.from == 0);
    free(block);
  }
}
