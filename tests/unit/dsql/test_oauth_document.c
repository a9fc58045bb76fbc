/* What is read of the document with which a server refuses an OAuth token. */
#include <criterion/criterion.h>
#include <string.h>

#include "auth/oauth.h"
#include "dsql/oauth_source.h"
#include "test_alloc.h"

#define URL "https://i.example/.well-known/openid-configuration"

static const struct {
  const char *text, *status, *url, *scope;
} cases[] = {
    {"{ \"status\": \"invalid_token\", \"openid-configuration\": \"" URL "\", \"scope\": \"openid db\" }",
     "invalid_token", URL, "openid db"}, /* PostgreSQL 18's */
    {"{\"status\":\"invalid_token\",\"scope\":\"s\",\"openid-configuration\":\"" URL "\",\"x\":[1]}", "invalid_token",
     URL, "s"},
    {"{\"status\":\"invalid_token\"}", "invalid_token", "", ""},
    {"{}", "", "", ""},
    {"", "", "", ""},
    {"[]", "", "", ""},
    {"null", "", "", ""},
    {"{\"status\":\"invalid_token\"", "", "", ""},
    {"no JSON", "", "", ""},
    {"{\"status\":1,\"openid-configuration\":{},\"scope\":[\"a\"]}", "", "", ""},
    {"{\"status\":\"\",\"openid-configuration\":\"\",\"scope\":\"\"}", "", "", ""},
    /* What could not be shown, or would lead to where nobody is known to be. */
    {"{\"status\":\"a\\u001b[31mb\",\"openid-configuration\":\"https://i.example/\\n\",\"scope\":\"\\u00e4\"}", "", "",
     ""},
    {"{\"status\":\"x\",\"openid-configuration\":\"http://i.example/.well-known/openid-configuration\"}", "x", "", ""},
    {"{\"status\":\"x\",\"openid-configuration\":\"HTTPS://i.example\"}", "x", "", ""},
    {"{\"status\":\"x\",\"openid-configuration\":\"https://\"}", "x", "", ""},
    {"{\"status\":\"x\",\"openid-configuration\":\"file:///etc/passwd\"}", "x", "", ""},
};

Test(oauth_document, table) {
  struct test_alloc heap;
  struct buf b;
  test_alloc_init(&heap);
  buf_init(&b, &heap.hook, 2 * (size_t)OAUTH_DOCUMENT_MAX);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct oauth_document d;
    oauth_document_read((dsql_str){cases[i].text, strlen(cases[i].text)}, &b, &d);
    cr_expect_str_eq(d.status.ptr, cases[i].status, "%s", cases[i].text);
    cr_expect_str_eq(d.discovery_url.ptr, cases[i].url, "%s", cases[i].text);
    cr_expect_str_eq(d.scope.ptr, cases[i].scope, "%s", cases[i].text);
    cr_expect_eq(d.status.len, strlen(cases[i].status));
    cr_expect_eq(d.discovery_url.len, strlen(cases[i].url));
    cr_expect_eq(d.scope.len, strlen(cases[i].scope));
  }
  buf_deinit(&b);
  test_alloc_assert_empty(&heap);
}

/* Without memory nothing is known, which is no reason to fail: the server's own error is told. */
Test(oauth_document, every_allocation_fails_in_turn) {
  size_t failures = 0;
  for (size_t nth = 1;; nth++) {
    struct oauth_document d;
    struct test_alloc heap;
    struct buf b;
    bool fired;
    test_alloc_init(&heap);
    buf_init(&b, &heap.hook, 2 * (size_t)OAUTH_DOCUMENT_MAX);
    test_alloc_arm(&heap, nth, false);
    oauth_document_read((dsql_str){cases[0].text, strlen(cases[0].text)}, &b, &d);
    fired = test_alloc_fired(&heap);
    cr_expect_eq(d.status.len, fired ? 0 : strlen(cases[0].status), "allocation %zu", nth);
    cr_expect_eq(d.discovery_url.len, fired ? 0 : strlen(URL), "allocation %zu", nth);
    buf_deinit(&b);
    test_alloc_assert_empty(&heap);
    if (!fired) break;
    failures++;
  }
  cr_assert_geq(failures, 1);
}
