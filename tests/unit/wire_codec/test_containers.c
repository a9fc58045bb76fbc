/* Arrays, composites, ranges and multiranges: the server's texts taken apart, and bytes that are none. */
#include <criterion/criterion.h>

#include "base/buf.h"
#include "describe.h"
#include "heap.h"
#include "wire/codec/container.h"

enum {
  INT4_ARRAY = 1007,
  TEXT_ARRAY = 1009,
  BOX_ARRAY = 1020,
  RECORD = 2249,
  INT4_RANGE = 3904,
  TEXT_LIKE_RANGE = 0,
  TSTZ_RANGE = 3910,
  INT4_MULTIRANGE = 4451
};

typedef int (*describe_fn)(const dsql_value *v, char out[DESCRIBE_SIZE]);

struct text_case {
  uint32_t oid;
  const char *text;
  const char *want; /* NULL: EPROTO */
};

static void check(describe_fn describe, const struct text_case *cases, size_t count) {
  struct heap_arena h;
  char got[DESCRIBE_SIZE];

  heap_arena_init(&h);
  for (size_t i = 0; i < count; i++) {
    const struct text_case *c = &cases[i];
    dsql_value v = {.ptr = c->text, .len = strlen(c->text), .oid = c->oid, .memory = &h.arena};
    int rc = describe(&v, got);
    if (!c->want) {
      cr_expect_eq(rc, DSQL_EPROTO, "%s: %d, \"%s\"", c->text, rc, got);
      continue;
    }
    cr_expect_eq(rc, 0, "%s: %d", c->text, rc);
    cr_expect_str_eq(got, c->want, "%s: \"%s\", want \"%s\"", c->text, got, c->want);
  }
  heap_arena_deinit(&h);
}

#define CHECK(describe, cases) check(describe, cases, sizeof(cases) / sizeof *(cases))

Test(containers, arrays_as_text) {
  static const struct text_case cases[] = {
      {INT4_ARRAY, "{}", "none"},
      {INT4_ARRAY, "{1}", "1 1"},
      {INT4_ARRAY, "{1,NULL,3}", "3 1|~|3"},
      {INT4_ARRAY, "{null,Null}", "2 ~|~"},
      {INT4_ARRAY, "{{1,2,3},{4,5,6}}", "2x3 1|2|3|4|5|6"},
      {INT4_ARRAY, "{{{1}},{{2}}}", "2x1x1 1|2"},
      {INT4_ARRAY, "{{{{{{7}}}}}}", "1x1x1x1x1x1 7"},
      {INT4_ARRAY, "[2:4]={1,2,3}", "3@2 1|2|3"},
      {INT4_ARRAY, "[-1:0][5:5]={{1},{2}}", "2@-1x1@5 1|2"},
      {INT4_ARRAY, " { 1 , 2 }", NULL},
      {INT4_ARRAY, "{ 1 , 2 }", "2 1|2"},
      {TEXT_ARRAY, "{a,\"b c\",\"\"}", "3 a|b c|"},
      {TEXT_ARRAY, "{\"NULL\",NULL,nullx}", "3 NULL|~|nullx"},
      {TEXT_ARRAY, "{\"a\\\"b\\\\c\",\"{,}\"}", "2 a\"b\\c|{,}"},
      {TEXT_ARRAY, "{a b,\\ c\\ ,N\\ULL}", "3 a b| c |NULL"},
      {TEXT_ARRAY, "{\"(1,\\\"x y\\\")\"}", "1 (1,\"x y\")"},
      {BOX_ARRAY, "{(1,1),(0,0);(2,2),(1,1)}", "2 (1,1),(0,0)|(2,2),(1,1)"},
      {16400, "{x,y}", "2 x|y"},
      {0, "{x,y}", "2 x|y"},
      {INT4_ARRAY, "", NULL},
      {INT4_ARRAY, "1", NULL},
      {INT4_ARRAY, "{", NULL},
      {INT4_ARRAY, "{1", NULL},
      {INT4_ARRAY, "{1,", NULL},
      {INT4_ARRAY, "{1,}", NULL},
      {INT4_ARRAY, "{,1}", NULL},
      {INT4_ARRAY, "{1,,2}", NULL},
      {INT4_ARRAY, "{1}}", NULL},
      {INT4_ARRAY, "{1} ", NULL},
      {INT4_ARRAY, "{{1},{2,3}}", NULL},
      {INT4_ARRAY, "{{1},2}", NULL},
      {INT4_ARRAY, "{1,{2}}", NULL},
      {INT4_ARRAY, "{{}}", NULL},
      {INT4_ARRAY, "{{1}{2}}", NULL},
      {INT4_ARRAY, "{{{{{{{7}}}}}}}", NULL},
      {INT4_ARRAY, "[1:2]={1}", NULL},
      {INT4_ARRAY, "[1:1][1:1]={1}", NULL},
      {INT4_ARRAY, "[1:1]", NULL},
      {INT4_ARRAY, "[1]={1}", NULL},
      {INT4_ARRAY, "[1:1={1}", NULL},
      {INT4_ARRAY, "[1:0]={}", NULL},
      {TEXT_ARRAY, "{\"a}", NULL},
      {TEXT_ARRAY, "{\"a\"b}", NULL},
      {TEXT_ARRAY, "{a\"b\"}", NULL},
      {TEXT_ARRAY, "{a\\", NULL},
      {TEXT_ARRAY, "{\"a\\", NULL},
      {TEXT_ARRAY, "{\"a\" \"b\"}", NULL},
  };
  CHECK(describe_array, cases);
}

Test(containers, records_as_text) {
  static const struct text_case cases[] = {
      {RECORD, "(1,x)", "2 1|x"},
      {RECORD, "(,)", "2 ~|~"},
      {RECORD, "()", "1 ~"},
      {RECORD, "(\"\",\" a\")", "2 | a"},
      {RECORD, "(\"a\"\"b\",\"c\\\\d\")", "2 a\"b|c\\d"},
      {RECORD, "(\"(1,\"\"x y\"\")\",\"{1,2}\")", "2 (1,\"x y\")|{1,2}"},
      {16400, "(a\"b\"c,d\\,e)", "2 abc|d,e"},
      {16400, " (a) ", "1 a"},
      {RECORD, "", NULL},
      {RECORD, "(", NULL},
      {RECORD, "(a", NULL},
      {RECORD, "(a,", NULL},
      {RECORD, "(a)b", NULL},
      {RECORD, "a)", NULL},
      {RECORD, "(\"a)", NULL},
      {RECORD, "(a\\", NULL},
  };
  CHECK(describe_record, cases);
}

Test(containers, ranges_as_text) {
  static const struct text_case ranges[] = {
      {INT4_RANGE, "[1,5)", ">= 1 < 5"},
      {INT4_RANGE, "empty", "empty > ~ < ~"},
      {INT4_RANGE, "(,)", "-inf ~ inf ~"},
      {INT4_RANGE, "[3,]", ">= 3 inf ~"},
      {INT4_RANGE, "(-2,7]", "> -2 <= 7"},
      {TSTZ_RANGE, "[\"2000-01-01 00:00:00+00\",infinity]", ">= 2000-01-01 00:00:00+00 <= infinity"},
      {16400, "[\"a\"\"b\",\"c\\\\,]\")", ">= a\"b < c\\,]"},
      {16400, "[\"\",\"(\")", ">=  < ("},
      {INT4_RANGE, "", NULL},
      {INT4_RANGE, "[1,5", NULL},
      {INT4_RANGE, "1,5)", NULL},
      {INT4_RANGE, "[1)", NULL},
      {INT4_RANGE, "[1,2,3)", NULL},
      {INT4_RANGE, "[1,5)x", NULL},
      {INT4_RANGE, "emptyx", NULL},
      {INT4_RANGE, "[\"1,5)", NULL},
  };
  static const struct text_case multiranges[] = {
      {INT4_MULTIRANGE, "{}", "0"},
      {INT4_MULTIRANGE, "{[1,3)}", "1 [1,3)"},
      {INT4_MULTIRANGE, "{(,3),[5,7),[9,)}", "3 (,3) & [5,7) & [9,)"},
      {16400, "{[\"}\",\",\"),[a,b]}", "2 [\"}\",\",\") & [a,b]"},
      {INT4_MULTIRANGE, "", NULL},
      {INT4_MULTIRANGE, "{", NULL},
      {INT4_MULTIRANGE, "{[1,3)", NULL},
      {INT4_MULTIRANGE, "{[1,3),}", NULL},
      {INT4_MULTIRANGE, "{[1,3)}}", NULL},
      {INT4_MULTIRANGE, "{,}", NULL},
      {INT4_MULTIRANGE, "{1}", NULL},
  };
  CHECK(describe_range, ranges);
  CHECK(describe_multirange, multiranges);
}

/* On memory of its own size, cut anywhere: no look beyond the end, and nothing but the whole is a value. */
static void check_cut(describe_fn describe, uint32_t oid, const char *text) {
  struct heap_arena h;
  char got[DESCRIBE_SIZE];

  heap_arena_init(&h);
  for (size_t n = 1; n < strlen(text); n++) {
    char *exact = mem_alloc(&h.heap.hook, n);
    cr_assert(exact);
    memcpy(exact, text, n);
    cr_expect_eq(describe(&(dsql_value){.ptr = exact, .len = n, .oid = oid, .memory = &h.arena}, got), DSQL_EPROTO,
                 "%.*s", (int)n, text);
    mem_free(&h.heap.hook, exact);
  }
  heap_arena_deinit(&h);
}

Test(containers, no_part_of_a_text_passes_for_it) {
  check_cut(describe_array, TEXT_ARRAY, "[-1:+0][2:3]={{\"a\\\"b\",NULL},{c d\\ ,x}}");
  check_cut(describe_record, RECORD, "(1,\"a\"\"b\\\\\",,x\\,y)");
  check_cut(describe_range, TSTZ_RANGE, "[\"2000-01-01 00:00:00+00\",\"a\"\"b\\\\\")");
  check_cut(describe_range, INT4_RANGE, "empty");
  check_cut(describe_multirange, INT4_MULTIRANGE, "{[1,3),empty,(\"5\",]}");
}

/* ---- binary ---- */

/* An array's head, with one dimension and what follows it. */
struct bytes {
  uint8_t data[256];
  size_t n;
};

static void put32(struct bytes *b, uint32_t v) {
  store_be32(b->data + b->n, v);
  b->n += 4;
}

static struct bytes words(size_t n, const uint32_t *list) {
  struct bytes b = {.n = 0};
  for (size_t i = 0; i < n; i++) put32(&b, list[i]);
  return b;
}

#define WORDS(...) words(sizeof((uint32_t[]){__VA_ARGS__}) / 4, (uint32_t[]){__VA_ARGS__})

/* Each on memory of its own size, so that a look beyond it is seen. */
static int describe_bytes(describe_fn describe, uint32_t oid, const uint8_t *data, size_t n, char out[DESCRIBE_SIZE]) {
  struct heap_arena h;
  uint8_t *exact;
  int rc;

  heap_arena_init(&h);
  exact = mem_alloc(&h.heap.hook, n + !n);
  cr_assert(exact);
  if (n) memcpy(exact, data, n);
  rc = describe(&(dsql_value){.ptr = exact, .len = n, .oid = oid, .format = 1, .memory = &h.arena}, out);
  mem_free(&h.heap.hook, exact);
  heap_arena_deinit(&h);
  return rc;
}

static const uint32_t two_by_two[] = {2, 1, 23, 2, 1, 2, 0xffffffff, 4, 11, 4, 12, 0xffffffff, 4, 14};
enum { TWO_BY_TWO = sizeof two_by_two / 4 };

Test(containers, an_array_in_binary) {
  struct bytes b = words(TWO_BY_TWO, two_by_two);
  char got[DESCRIBE_SIZE];
  cr_assert_eq(describe_bytes(describe_array, INT4_ARRAY, b.data, b.n, got), 0);
  cr_assert_str_eq(got, "2x2@-1 11|12|~|14");
}

Test(containers, no_part_of_a_value_passes_for_it) {
  struct bytes array = words(TWO_BY_TWO, two_by_two), record = WORDS(2, 23, 4, 7, 25, 0xffffffff),
               multi = WORDS(1, 5, 0x01000000);
  char got[DESCRIBE_SIZE];
  multi.n = 9;
  cr_assert_eq(describe_bytes(describe_record, RECORD, record.data, record.n, got), 0);
  cr_assert_str_eq(got, "2 7|~");
  for (size_t n = 0; n < array.n; n++)
    cr_expect_neq(describe_bytes(describe_array, INT4_ARRAY, array.data, n, got), 0, "array of %zu bytes", n);
  for (size_t n = 0; n < record.n; n++)
    cr_expect_neq(describe_bytes(describe_record, RECORD, record.data, n, got), 0, "record of %zu bytes", n);
  for (size_t n = 0; n < multi.n; n++)
    cr_expect_neq(describe_bytes(describe_multirange, INT4_MULTIRANGE, multi.data, n, got), 0, "multirange of %zu", n);
}

Test(containers, hostile_arrays) {
  const struct {
    struct bytes b;
    int want;
  } cases[] = {
      {WORDS(0, 0, 23), 0},
      {WORDS(1, 0, 23, 0, 1), 0},
      {WORDS(0, 0, 23, 0), DSQL_EPROTO},       /* more than nothing */
      {WORDS(0, 0, 25), DSQL_EPROTO},          /* elements of another type */
      {WORDS(0, 2, 23), DSQL_EPROTO},          /* flags */
      {WORDS(0xffffffff, 0, 23), DSQL_EPROTO}, /* -1 dimensions */
      {WORDS(7, 0, 23, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 9), DSQL_EPROTO},
      {WORDS(1, 0, 23, 0xffffffff, 1), DSQL_EPROTO},       /* a negative size */
      {WORDS(1, 0, 23, 2, 1, 4, 9), DSQL_EPROTO},          /* two elements in the room of one */
      {WORDS(1, 0, 23, 0x7fffffff, 1, 4, 9), DSQL_ERANGE}, /* the upper bound is beyond int32 */
      {WORDS(1, 0, 23, 0x7fffffff, 0, 4, 9), DSQL_EPROTO},
      {WORDS(2, 0, 23, 0x10000, 1, 0x10000, 1, 4, 9), DSQL_EPROTO}, /* the product is 2^32 */
      {WORDS(6, 0, 23, 65536, 1, 65536, 1, 65536, 1, 65536, 1, 1, 1, 1, 1, 4, 9), DSQL_EPROTO}, /* and 2^64 */
      {WORDS(2, 0, 23, 0, 1, 0xffffffff, 1), DSQL_EPROTO},
      {WORDS(1, 0, 23, 1, 1, 0x7fffffff, 9), DSQL_EPROTO}, /* a length beyond the end */
      {WORDS(1, 0, 23, 1, 1, 0xfffffffe, 9), DSQL_EPROTO}, /* a length of -2 */
      {WORDS(1, 0, 23, 1, 1, 4, 9, 9), DSQL_EPROTO},       /* bytes behind the last element */
      {WORDS(1, 0, 23, 1, 1, 3, 9), DSQL_EPROTO},
      {WORDS(1, 0, 23, 1, 1, 8, 9, 9), DSQL_EPROTO}, /* an int4 of eight bytes */
  };
  char got[DESCRIBE_SIZE];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    cr_expect_eq(describe_bytes(describe_array, INT4_ARRAY, cases[i].b.data, cases[i].b.n, got), cases[i].want,
                 "case %zu", i);
}

Test(containers, hostile_records_and_ranges) {
  const struct {
    describe_fn describe;
    uint32_t oid;
    struct bytes b;
  } cases[] = {
      {describe_record, RECORD, WORDS(0xffffffff)},
      {describe_record, RECORD, WORDS(0, 0)},
      {describe_record, RECORD, WORDS(0x7fffffff, 23, 4, 1)},
      {describe_record, RECORD, WORDS(1, 23, 0xfffffffe)},
      {describe_record, RECORD, WORDS(1, 23, 5, 1)},
      {describe_record, RECORD, WORDS(1, 23, 0xffffffff, 1)},
      {describe_multirange, INT4_MULTIRANGE, WORDS(0xffffffff)},
      {describe_multirange, INT4_MULTIRANGE, WORDS(0x20000000, 1, 0x01000000)},
      {describe_multirange, INT4_MULTIRANGE, WORDS(1, 0xffffffff, 0)},
      {describe_multirange, INT4_MULTIRANGE, WORDS(0, 0)},
      {describe_range, INT4_RANGE, WORDS(0x06000000, 0x04000000)},
      {describe_range, INT4_RANGE, WORDS(0x18000000)},
      {describe_range, INT4_RANGE, WORDS(0x01000000)},
  };
  char got[DESCRIBE_SIZE];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    cr_expect_eq(describe_bytes(cases[i].describe, cases[i].oid, cases[i].b.data, cases[i].b.n, got), DSQL_EPROTO,
                 "case %zu", i);
  cr_expect_eq(describe_bytes(describe_range, INT4_RANGE, (const uint8_t *)"\x01", 1, got), 0);
  cr_expect_eq(describe_bytes(describe_range, INT4_RANGE, (const uint8_t *)"\x18", 1, got), 0);
}

Test(containers, types_that_are_none) {
  char got[DESCRIBE_SIZE];
  dsql_value v = {.ptr = "{1}", .len = 3, .oid = DSQL_INT4};
  cr_expect_eq(describe_array(&v, got), DSQL_ETYPE);
  cr_expect_eq(describe_record(&v, got), DSQL_ETYPE);
  cr_expect_eq(describe_range(&v, got), DSQL_ETYPE);
  cr_expect_eq(describe_multirange(&v, got), DSQL_ETYPE);
  v.oid = INT4_RANGE;
  cr_expect_eq(describe_array(&v, got), DSQL_ETYPE);
  v = (dsql_value){.oid = INT4_ARRAY, .null = true};
  cr_expect_eq(describe_array(&v, got), DSQL_ENULL);
  v = (dsql_value){.oid = INT4_ARRAY};
  cr_expect_eq(describe_array(&v, got), DSQL_EPROTO);
}

Test(containers, without_memory_only_views_are_given) {
  char got[DESCRIBE_SIZE];
  dsql_value v = {.ptr = "{\"a b\"}", .len = 7, .oid = TEXT_ARRAY};
  cr_expect_eq(describe_array(&v, got), 0);
  v = (dsql_value){.ptr = "{\"a\\\"b\"}", .len = 8, .oid = TEXT_ARRAY};
  cr_expect_eq(describe_array(&v, got), DSQL_EINVAL);
}

Test(containers, out_of_memory) {
  enum { ELEMENTS = 300 };
  static uint8_t memory[DSQL_ARRAY_SIZE(ELEMENTS, 8)];
  int64_t values[ELEMENTS];
  dsql_param p;
  size_t failures = 0;

  for (int i = 0; i < ELEMENTS; i++) values[i] = INT64_MIN;
  p = dsql_int8_array(memory, sizeof memory, values, ELEMENTS);
  for (int rc = DSQL_ENOMEM; rc; failures++) {
    struct heap_arena h;
    dsql_str text;
    heap_arena_init(&h);
    test_alloc_arm(&h.heap, failures + 1, true);
    rc = dsql_value_text(&(dsql_value){p.data, (size_t)p.len, p.oid, 1, false, &h.arena}, &text);
    cr_assert(rc == DSQL_ENOMEM || rc == 0);
    heap_arena_deinit(&h);
  }
  cr_assert_gt(failures, 2);
}

Test(containers, out_of_memory_for_one_element) {
  struct heap_arena h;
  dsql_value v, element;
  dsql_array a;

  heap_arena_init(&h);
  v = (dsql_value){.ptr = "{\"a\\\"b\"}", .len = 8, .oid = TEXT_ARRAY, .memory = &h.arena};
  cr_assert_eq(dsql_array_begin(&v, &a), 0);
  test_alloc_arm(&h.heap, 1, true);
  cr_expect_eq(dsql_array_next(&a, &element), DSQL_ENOMEM);
  heap_arena_deinit(&h);
}
