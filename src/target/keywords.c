/* table */
#include "target/keywords.h"

#include <string.h>

#define X(keyword, env, fallback, class, secret) {#keyword, env, fallback, KEYWORD_##class, secret},
const struct keyword_info keyword_table[KEYWORD_COUNT] = {KEYWORD_MAP(X)};
#undef X

int keyword_find(const char *name, size_t n) {
  for (int i = 0; i < KEYWORD_COUNT; i++)
    if (strlen(keyword_table[i].name) == n && memcmp(keyword_table[i].name, name, n) == 0) return i;
  if (n == 17 && memcmp(name, "tokenDurationSecs", n) == 0) return KEYWORD_token_duration_secs;
  return -1;
}
