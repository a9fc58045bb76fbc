/* The document with which a server refuses an OAuth token, and what is compared with it. Byte 0 is the allocation that
 * fails; then the user's issuer up to a NUL, then the document. The whole is a token, too. */
#include <string.h>

#include "auth/oauth.h"
#include "dsql/oauth_source.h"
#include "fuzz_check.h"
#include "test_alloc.h"

static void check_shown(dsql_str s) {
  for (size_t i = 0; i < s.len; i++) CHECK(s.ptr[i] >= ' ' && s.ptr[i] <= '~');
  CHECK(s.ptr && s.ptr[s.len] == '\0');
}

static void check_document(dsql_str issuer, dsql_str text, size_t fail_at) {
  struct oauth_document d;
  struct test_alloc heap;
  struct buf b;

  test_alloc_init(&heap);
  test_alloc_arm(&heap, fail_at, false);
  buf_init(&b, &heap.hook, 2 * (size_t)OAUTH_DOCUMENT_MAX);
  for (int i = 0; i < 2; i++) { /* the second time in memory that has been used */
    oauth_document_read(text, &b, &d);
    check_shown(d.status);
    check_shown(d.discovery_url);
    check_shown(d.scope);
    CHECK(d.discovery_url.len == 0 || !strncmp(d.discovery_url.ptr, "https://", 8));
    CHECK(oauth_same_issuer(issuer, d.discovery_url) == oauth_same_issuer(d.discovery_url, issuer));
    CHECK(oauth_same_issuer(d.discovery_url, d.discovery_url));
  }
  buf_deinit(&b);
  test_alloc_assert_empty(&heap);
}

static void check_token(dsql_str token) {
  struct fault f = {0};
  int rc = oauth_token_check(token, &f);

  CHECK(rc == f.code && (rc == 0 || rc == DSQL_EINVAL));
  for (size_t i = 0; rc == 0 && i < token.len; i++) CHECK(token.ptr[i] > ' ' && token.ptr[i] <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text = (const char *)data + 1, *nul;

  if (size < 2) return 0;
  size--;
  check_token((dsql_str){text, size});
  nul = memchr(text, 0, size);
  if (!nul) return 0;
  check_document((dsql_str){text, (size_t)(nul - text)}, (dsql_str){nul + 1, size - 1 - (size_t)(nul - text)}, data[0]);
  return 0;
}
