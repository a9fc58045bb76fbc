/* CommandComplete and what its tag says. */
#include "wire/backend.h"

/* String tag. */
int wire_decode_command_complete(const uint8_t *body, size_t n, dsql_str *tag) {
  /* Once per statement, so by hand: the only NUL is the last byte. */
  if (n == 0 || memchr(body, 0, n) != body + n - 1) return DSQL_EPROTO;
  *tag = (dsql_str){(const char *)body, n - 1};
  return 0;
}

/* The count is the last word of more than one: "INSERT" has an oid before it, the others only their name. */
int64_t wire_tag_count(dsql_str tag) {
  size_t start = tag.len;
  int64_t count = 0;

  while (start > 0 && tag.ptr[start - 1] != ' ') start--;
  if (start == 0 || start == tag.len) return -1;
  for (size_t i = start; i < tag.len; i++) {
    int digit = tag.ptr[i] - '0';
    if (digit < 0 || digit > 9 || count > (INT64_MAX - digit) / 10) return -1;
    count = count * 10 + digit;
  }
  return count;
}
