#include "creds/text.h"

#include <string.h>

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

struct creds_text text_of(const char *p, size_t n) {
  struct creds_text out = {{0}};
  size_t at = 0, i = 0;

  while (i < n && is_blank(p[i])) i++;
  while (n > i && is_blank(p[n - 1])) n--;
  for (; i < n; i++) {
    bool blank = is_blank(p[i]);
    if (blank && at && out.text[at - 1] == ' ') continue;
    if (at == sizeof out.text - 1) {
      memcpy(out.text + at - 3, "...", 3);
      break;
    }
    out.text[at++] = p[i] > ' ' && p[i] < 0x7F ? p[i] : blank ? ' ' : '?';
  }
  return out;
}

bool text_shares(const char *p, size_t n, const char *secret) {
  size_t m = secret ? strlen(secret) : 0;

  for (size_t i = 0; i + CREDS_SHARED_MIN <= n; i++)
    for (size_t j = 0; j + CREDS_SHARED_MIN <= m; j++)
      if (memcmp(p + i, secret + j, CREDS_SHARED_MIN) == 0) return true;
  return false;
}
