#include <criterion/criterion.h>
#include <stdio.h>

#include "names.h"
#include "test_alloc.h"

/* Against a plain array: many sets and removals in a table that stays small. */
Test(names, remembers_what_was_set_last) {
  struct test_alloc heap;
  struct names t = {NULL, 0, 0};
  uint32_t model[500] = {0};
  uint64_t x = 1;
  test_alloc_init(&heap);
  for (int i = 0; i < 20000; i++) {
    char name[16];
    size_t at;
    x = x * 6364136223846793005u + 1442695040888963407u;
    at = (x >> 33) % 500;
    snprintf(name, sizeof name, "s%zu", at);
    model[at] = (x >> 60) < 6 ? 0 : (uint32_t)(x >> 40) | 1;
    cr_assert(names_set(&t, &heap.hook, name, strlen(name), model[at]));
  }
  for (size_t at = 0; at < 500; at++) {
    char name[16];
    snprintf(name, sizeof name, "s%zu", at);
    cr_assert_eq(names_get(&t, name, strlen(name)), model[at], "%s", name);
  }
  names_clear(&t, &heap.hook);
  cr_assert_eq(names_get(&t, "s1", 2), 0);
  test_alloc_assert_empty(&heap);
}

Test(names, nothing_is_kept_of_no_effect) {
  struct test_alloc heap;
  struct names t = {NULL, 0, 0};
  test_alloc_init(&heap);
  cr_assert(names_set(&t, &heap.hook, "", 0, 0));
  cr_assert_eq(heap.calls, 0);
  test_alloc_arm(&heap, 1, true);
  cr_assert(!names_set(&t, &heap.hook, "", 0, 5));
  cr_assert_eq(names_get(&t, "", 0), 0);
  names_clear(&t, &heap.hook);
  test_alloc_assert_empty(&heap);
}
