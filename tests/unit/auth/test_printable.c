#include <criterion/criterion.h>
#include <string.h>

#include "auth/printable.h"

Test(printable, keeps_ascii_and_replaces_the_rest) {
  cr_assert_str_eq(printable_of("a b~", 4).text, "a b~");
  cr_assert_str_eq(printable_of("a\0\x1b\x7f\xff%n", 7).text, "a????%n");
  cr_assert_str_eq(printable_of("", 0).text, "");
}

Test(printable, cuts) {
  char in[200];
  struct printable p;

  memset(in, 'x', sizeof in);
  p = printable_of(in, PRINTABLE_SIZE - 1);
  cr_assert_eq(strlen(p.text), PRINTABLE_SIZE - 1);
  cr_assert_null(strstr(p.text, "."));
  for (size_t n = PRINTABLE_SIZE; n <= sizeof in; n++) {
    p = printable_of(in, n);
    cr_assert_eq(strlen(p.text), PRINTABLE_SIZE - 1);
    cr_assert_str_eq(p.text + PRINTABLE_SIZE - 4, "...");
  }
}
