/* What clients say first, and what of it goes on to the private server. */
#include <criterion/criterion.h>
#include <string.h>

#include "local/rate_bucket.h"
#include "local/startup.h"
#include "test_alloc.h"
#include "wire/frontend.h"

#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1

Test(local_startup, first_bytes) {
  static const struct {
    const uint8_t *p;
    size_t n;
    enum first_kind kind;
    size_t total;
  } cases[] = {
      {BYTES(""), FIRST_MORE, 0},
      {BYTES("\x16"), FIRST_TLS, 0},
      {BYTES("\0"), FIRST_MORE, 0},
      {BYTES("\0\0\0"), FIRST_MORE, 0},
      {BYTES("\0\0\0\x07"), FIRST_GARBAGE, 0},
      {BYTES("\0\0\x27\x11"), FIRST_GARBAGE, 0}, /* 10001 */
      {BYTES("\0\0\0\x08\x04\xd2\x16"), FIRST_MORE, 0},
      {BYTES("\0\0\0\x08\x04\xd2\x16\x2f"), FIRST_SSL_REQUEST, 8},
      {BYTES("\0\0\0\x08\x04\xd2\x16\x2fxyz"), FIRST_SSL_REQUEST, 8},
      {BYTES("\0\0\0\x09\x04\xd2\x16\x2f"), FIRST_GARBAGE, 9},
      {BYTES("\0\0\0\x08\x04\xd2\x16\x30"), FIRST_GSS_REQUEST, 8},
      {BYTES("\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\1abc"), FIRST_MORE, 16},
      {BYTES("\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\1abcd"), FIRST_CANCEL, 16},
      {BYTES("\0\0\0\x0c\x04\xd2\x16\x2e\0\0\0\1"), FIRST_GARBAGE, 12},
      {BYTES("\0\0\0\x09\0\3\0\0\0"), FIRST_STARTUP, 9},
      {BYTES("GET / HTTP/1.1"), FIRST_GARBAGE, 0},
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    size_t total;
    cr_assert_eq(startup_first(cases[i].p, cases[i].n, &total), cases[i].kind, "case %zu", i);
    cr_assert_eq(total, cases[i].total, "case %zu: %zu", i, total);
  }
}

/* ---- StartupMessages ---- */

static bool allowed(const char *name, size_t n) {
  static const char *const names[] = {"application_name", "search_path"};
  for (size_t i = 0; i < 2; i++)
    if (strlen(names[i]) == n && strncmp(names[i], name, n) == 0) return true;
  return false;
}

static void write(struct buf *b, const dsql_alloc *alloc, const char *const *strings, uint32_t version) {
  buf_init(b, alloc, STARTUP_MESSAGE_MAX * 2);
  buf_put_be32(b, 0);
  buf_put_be32(b, version);
  for (; *strings; strings++) buf_put_cstr(b, *strings);
  buf_put_u8(b, 0);
  store_be32(b->data, (uint32_t)b->len);
}

struct parse_case {
  const char *strings[12];
  enum startup_verdict verdict;
  const char *bad, *cluster_id;
  const char *forwarded[12]; /* what goes on; none: not looked at */
};

static const struct parse_case parse_cases[] = {
    {{"user", "admin", "database", "postgres", "application_name", "a b"},
     STARTUP_OK,
     "",
     "",
     {"user", "admin", "application_name", "a b", "database", "postgres"}},
    {{"user", "admin", "_pq_.x", "1"}, STARTUP_OK, "", "", {"user", "admin", "database", "postgres"}},
    {{"user", "admin", "replication", "off"}, STARTUP_OK, "", "", {"user", "admin", "database", "postgres"}},
    {{"user", "admin", "replication", "true"}, STARTUP_REPLICATION, "", "", {NULL}},
    {{"database", "postgres"}, STARTUP_NO_USER, "", "", {NULL}},
    {{"user", ""}, STARTUP_NO_USER, "", "", {NULL}},
    {{"user", "admin", "statement_timeout", "1"}, STARTUP_PARAMETER, "statement_timeout", "", {NULL}},
    {{"user", "admin", "disable_sync_create_index", "on"},
     STARTUP_OK,
     "",
     "",
     {"user", "admin", "database", "postgres"}},
    {{"user", "admin", "options", ""}, STARTUP_OK, "", "", {"user", "admin", "database", "postgres"}},
    {{"user", "admin", "options", " -c  search_path=a\\ b,\\\\c   --search-path=d -csearch_path=e "},
     STARTUP_OK,
     "",
     "",
     {"user", "admin", "options", "-c search_path=a\\ b,\\\\c -c search_path=d -c search_path=e", "database",
      "postgres"}},
    {{"user", "admin", "options", "-c amzn-cluster-id=abc -c search_path=x"},
     STARTUP_OK,
     "",
     "abc",
     {"user", "admin", "options", "-c search_path=x", "database", "postgres"}},
    {{"user", "admin", "options", "--amzn-cluster-id=abc"},
     STARTUP_OK,
     "",
     "abc",
     {"user", "admin", "database", "postgres"}},
    {{"user", "admin", "options", "-c disable-sync-create-index=on"},
     STARTUP_OK,
     "",
     "",
     {"user", "admin", "database", "postgres"}},
    {{"user", "admin", "options", "-c statement-timeout=1"}, STARTUP_PARAMETER, "statement_timeout", "", {NULL}},
    {{"user", "admin", "options", "-c search_path"}, STARTUP_OPTIONS, "search_path", "", {NULL}},
    {{"user", "admin", "options", "-c =x"}, STARTUP_OPTIONS, "=x", "", {NULL}},
    {{"user", "admin", "options", "-c"}, STARTUP_OPTIONS, "-c", "", {NULL}},
    {{"user", "admin", "options", "-d 5"}, STARTUP_OPTIONS, "-d", "", {NULL}},
    {{"user", "admin", "options", "search_path=x"}, STARTUP_OPTIONS, "search_path=x", "", {NULL}},
};

static void check_forwarded(const struct parse_case *c, struct startup *s) {
  struct buf expected;

  write(&expected, &mem_default, c->forwarded, WIRE_PROTOCOL_3_0);
  cr_assert_eq(s->forward.len, expected.len, "%s %s", c->strings[2], c->strings[3]);
  cr_assert_eq(memcmp(s->forward.data, expected.data, expected.len), 0, "%s %s", c->strings[2], c->strings[3]);
  buf_deinit(&expected);
}

static enum startup_verdict parse(const struct parse_case *c, const dsql_alloc *alloc, struct startup *out) {
  struct buf b;
  enum startup_verdict verdict;

  write(&b, &mem_default, c->strings, 196608);
  verdict = startup_parse(b.data, b.len, allowed, alloc, out);
  buf_deinit(&b);
  return verdict;
}

Test(local_startup, messages) {
  struct test_alloc heap;
  struct startup s;

  test_alloc_init(&heap);
  for (size_t i = 0; i < sizeof parse_cases / sizeof *parse_cases; i++) {
    const struct parse_case *c = &parse_cases[i];
    cr_assert_eq(parse(c, &heap.hook, &s), c->verdict, "case %zu", i);
    cr_assert_str_eq(s.bad, c->bad, "case %zu", i);
    cr_assert_str_eq(s.cluster_id, c->cluster_id, "case %zu", i);
    if (c->forwarded[0]) check_forwarded(c, &s);
    startup_deinit(&s);
  }
  test_alloc_assert_empty(&heap);
}

Test(local_startup, names) {
  static const struct parse_case c = {{"user", "u", "_pq_.one", "", "_pq_.two", "2"}, STARTUP_OK, "", "", {NULL}};
  struct startup s;

  cr_assert_eq(parse(&c, &mem_default, &s), STARTUP_OK);
  cr_assert_str_eq(s.user, "u");
  cr_assert_str_eq(s.database, "u", "the database is the user's own unless given");
  cr_assert_eq(s.unknown_count, 2);
  cr_assert_eq(s.unknown.len, 18);
  cr_assert_eq(memcmp(s.unknown.data, "_pq_.one\0_pq_.two", 18), 0);
  startup_deinit(&s);
}

Test(local_startup, every_cut_and_every_version) {
  static const char *const strings[] = {"user", "admin", "options", "-c search_path=x", NULL};
  struct test_alloc heap;
  struct startup s;
  struct buf b;

  test_alloc_init(&heap);
  write(&b, &heap.hook, strings, 196608);
  for (size_t n = 0; n < b.len; n++) {
    uint8_t *copy = malloc(n + 1); /* of the exact size, for the sanitizers */
    memcpy(copy, b.data, n);
    if (n >= 4) store_be32(copy, (uint32_t)n);
    enum startup_verdict verdict = startup_parse(copy, n, allowed, &heap.hook, &s);
    cr_assert_eq(verdict, STARTUP_INVALID, "%zu: %d", n, verdict);
    startup_deinit(&s);
    free(copy);
  }
  buf_put_u8(&b, 0); /* and one byte more */
  store_be32(b.data, (uint32_t)b.len);
  cr_assert_eq(startup_parse(b.data, b.len, allowed, &heap.hook, &s), STARTUP_INVALID);
  startup_deinit(&s);
  store_be32(b.data + 4, 0x00020000);
  cr_assert_eq(startup_parse(b.data, b.len, allowed, &heap.hook, &s), STARTUP_VERSION);
  startup_deinit(&s);
  buf_deinit(&b);
  test_alloc_assert_empty(&heap);
}

Test(local_startup, every_allocation_fails_in_turn) {
  const struct parse_case *c = &parse_cases[9];
  struct test_alloc heap;
  struct startup s;
  size_t at = 1;

  test_alloc_init(&heap);
  for (;; at++) {
    test_alloc_arm(&heap, at, false);
    enum startup_verdict verdict = parse(c, &heap.hook, &s);
    bool fired = test_alloc_fired(&heap);
    startup_deinit(&s);
    test_alloc_assert_empty(&heap);
    cr_assert_eq(verdict, fired ? STARTUP_NO_MEMORY : STARTUP_OK, "allocation %zu: %d", at, verdict);
    if (!fired) break;
  }
  cr_assert_gt(at, 2);
}

/* ---- the rate of connects ---- */

Test(local_rate_bucket, bursts_and_refills) {
  struct rate_bucket b;

  rate_bucket_init(&b, 100, 1000, 5000);
  for (int i = 0; i < 1000; i++) cr_assert(rate_bucket_take(&b, 5000));
  cr_assert_not(rate_bucket_take(&b, 5000));
  cr_assert_not(rate_bucket_take(&b, 5009));
  cr_assert(rate_bucket_take(&b, 5010), "10 ms are worth one at 100 per second");
  cr_assert_not(rate_bucket_take(&b, 5010));
  for (int i = 0; i < 100; i++) cr_assert(rate_bucket_take(&b, 6010 + (uint64_t)i * 10));
  cr_assert_eq(rate_bucket_take(&b, UINT64_MAX / 2), true);
  for (int i = 0; i < 999; i++) cr_assert(rate_bucket_take(&b, UINT64_MAX / 2));
  cr_assert_not(rate_bucket_take(&b, UINT64_MAX / 2), "never more than the burst");
}
