#include "auth/printable.h"

#include <string.h>

struct printable printable_of(const void *p, size_t n) {
  const unsigned char *in = p;
  struct printable out = {{0}};
  size_t keep = n < PRINTABLE_SIZE ? n : PRINTABLE_SIZE - 4;

  for (size_t i = 0; i < keep; i++) out.text[i] = in[i] >= 0x20 && in[i] < 0x7F ? (char)in[i] : '?';
  if (keep < n) memcpy(out.text + keep, "...", 4);
  return out;
}
