#include <criterion/criterion.h>
#include <string.h>

#include "base/alloc.h"
#include "test_alloc.h"

Test(alloc, copies_and_zeros) {
  struct test_alloc heap;
  char *s;
  unsigned char *z;

  test_alloc_init(&heap);
  s = mem_strndup(&heap.hook, "a\0bc", 3);
  cr_assert(s && memcmp(s, "a\0b", 4) == 0);
  mem_free(&heap.hook, s);
  s = mem_strndup(&heap.hook, NULL, 0);
  cr_assert_str_eq(s, "");
  mem_free(&heap.hook, s);
  s = mem_strdup(&heap.hook, "text");
  cr_assert_str_eq(s, "text");
  mem_free_secret(&heap.hook, s, 5);
  z = mem_zalloc(&heap.hook, 100);
  cr_assert_not_null(z);
  for (size_t i = 0; i < 100; i++) cr_assert_eq(z[i], 0);
  mem_free(&heap.hook, z);
  mem_free(&heap.hook, NULL);
  mem_free_secret(&heap.hook, NULL, 100);
  test_alloc_assert_empty(&heap);
}

Test(alloc, no_memory_is_null) {
  struct test_alloc heap;

  test_alloc_init(&heap);
  test_alloc_arm(&heap, 1, true);
  cr_assert_null(mem_alloc(&heap.hook, 1));
  cr_assert_null(mem_zalloc(&heap.hook, 1));
  cr_assert_null(mem_realloc(&heap.hook, NULL, 1));
  cr_assert_null(mem_strndup(&heap.hook, "x", 1));
  cr_assert_null(mem_strdup(&heap.hook, "x"));
  cr_assert_eq(heap.calls, 5);
  test_alloc_assert_empty(&heap);
}

Test(alloc, the_default_is_the_c_library) {
  char *p = mem_alloc(&mem_default, 3);
  cr_assert_not_null(p);
  memcpy(p, "abc", 3);
  p = mem_realloc(&mem_default, p, 100000);
  cr_assert(p && memcmp(p, "abc", 3) == 0);
  mem_free(&mem_default, p);
}

Test(alloc, cleanse) {
  char secret[] = "hunter2";
  mem_cleanse(secret, 0);
  cr_assert_str_eq(secret, "hunter2");
  mem_cleanse(secret, 6);
  cr_assert_eq(memcmp(secret,
                      "\0\0\0\0\0\0"
                      "2",
                      8),
               0);
}

/* Keeps what is freed, so that a test can look at it. */
struct graveyard {
  unsigned char bytes[64];
  size_t used;
};

static void *bury(void *ctx, void *ptr, size_t size) {
  struct graveyard *g = ctx;
  void *p = g->bytes + g->used;
  (void)ptr;
  if (size == 0) return NULL;
  g->used += size;
  return p;
}

Test(alloc, secrets_are_cleansed_before_they_are_freed) {
  struct graveyard g = {.used = 0};
  const dsql_alloc hook = {bury, &g};
  char *secret = mem_strdup(&hook, "hunter2");

  cr_assert_eq(memcmp(g.bytes, "hunter2", 7), 0);
  mem_free_secret(&hook, secret, 8);
  for (size_t i = 0; i < sizeof g.bytes; i++) cr_assert_eq(g.bytes[i], 0);
}
