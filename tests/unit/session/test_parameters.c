/* The bounded table of run-time parameters. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "session/parameters.h"
#include "test_alloc.h"

static dsql_str str(const char *s) { return (dsql_str){s, strlen(s)}; }

static void expect(const struct parameters *p, const char *name, const char *value) {
  dsql_str got = parameters_get(p, name);
  if (!value) {
    cr_expect_null(got.ptr, "%s", name);
    return;
  }
  cr_assert_not_null(got.ptr, "%s", name);
  cr_expect(got.len == strlen(value) && memcmp(got.ptr, value, got.len) == 0, "%s is %.*s", name, (int)got.len,
            got.ptr);
}

Test(parameters, set_replace_get) {
  struct test_alloc heap;
  struct parameters p;

  test_alloc_init(&heap);
  parameters_init(&p, &heap.hook);
  expect(&p, "a", NULL);
  cr_assert_eq(parameters_set(&p, str("a"), str("1")), 0);
  cr_assert_eq(parameters_set(&p, str("ab"), str("")), 0);
  cr_assert_eq(parameters_set(&p, str(""), str("empty name")), 0);
  cr_assert_eq(parameters_set(&p, str("c"), str("a")), 0);
  expect(&p, "a", "1");
  expect(&p, "ab", "");
  expect(&p, "", "empty name");
  cr_assert_eq(parameters_set(&p, str("a"), str("a longer value")), 0);
  expect(&p, "a", "a longer value");
  expect(&p, "c", "a");
  expect(&p, "b", NULL);
  parameters_deinit(&p);
  test_alloc_assert_empty(&heap);
}

Test(parameters, are_bounded) {
  struct test_alloc heap;
  struct parameters p;
  char name[16], value[1024];
  int rc = 0, n = 0;

  test_alloc_init(&heap);
  parameters_init(&p, &heap.hook);
  memset(value, 'x', sizeof value);
  for (; rc == 0; n++) {
    (void)snprintf(name, sizeof name, "p%d", n);
    rc = parameters_set(&p, str(name), (dsql_str){value, sizeof value});
    cr_assert_leq(heap.live_bytes, (size_t)PARAMETERS_BYTES_MAX + 4096);
  }
  cr_assert_eq(rc, DSQL_ETOOBIG);
  cr_assert_eq(n, 64);
  expect(&p, "p64", NULL);
  parameters_deinit(&p);

  parameters_init(&p, &heap.hook);
  test_alloc_arm(&heap, 1, false);
  cr_assert_eq(parameters_set(&p, str("a"), str("1")), DSQL_ENOMEM);
  parameters_deinit(&p);
  test_alloc_assert_empty(&heap);
}

/* The same one again and again takes no more room. */
Test(parameters, a_flood_of_one) {
  struct test_alloc heap;
  struct parameters p;

  test_alloc_init(&heap);
  parameters_init(&p, &heap.hook);
  for (int i = 0; i < 100000; i++) cr_assert_eq(parameters_set(&p, str("name"), str("a value of some length")), 0);
  cr_assert_lt(heap.peak_bytes, 1024);
  parameters_deinit(&p);
  test_alloc_assert_empty(&heap);
}
