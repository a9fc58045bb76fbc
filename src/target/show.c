#include "target/show.h"

#include <stdbool.h>
#include <string.h>

enum { SHOWN_MAX = 64 };

static bool continuation(char c) { return ((unsigned char)c & 0xC0) == 0x80; }

struct shown show_text(const char *s, size_t n) {
  struct shown out = {{0}};
  bool cut = n > SHOWN_MAX;

  if (cut)
    for (n = SHOWN_MAX; n > 0 && continuation(s[n]);) n--;
  for (size_t i = 0; i < n; i++) out.text[i] = (unsigned char)s[i] < 0x20 || s[i] == 0x7F ? '?' : s[i];
  if (cut) memcpy(out.text + n, "...", 4);
  return out;
}
