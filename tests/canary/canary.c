/* Faults on purpose, see CMakeLists.txt. Criterion itself calls the leaking test a success. */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdlib.h>

static void *volatile hidden;
static volatile int largest = INT_MAX;

Test(canary, clean) { cr_assert(largest == INT_MAX); }

Test(canary, leak) {
  hidden = malloc(100);
  cr_assert(hidden != NULL);
  hidden = NULL;
}

Test(canary, overflow) {
  char *p = malloc(10);
  volatile size_t past = 10;

  cr_assert(p != NULL);
  p[past] = 1;
  free(p);
}

Test(canary, undefined) { cr_assert(largest + 1 != 0); }
