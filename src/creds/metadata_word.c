#include "creds/metadata_word.h"

#include <string.h>

#include "creds/json.h"

static bool is_word(const char *s) {
  size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
  return n > 0 && !s[n];
}

struct metadata_word metadata_word_of(dsql_str body, const char *member, const dsql_alloc *alloc) {
  struct metadata_word out = {""};
  struct buf value;

  buf_init(&value, alloc, sizeof out.text);
  value.secret = true;
  if (json_text_member(body.ptr, body.len, member, &value) && is_word((const char *)value.data))
    memcpy(out.text, value.data, value.len);
  buf_deinit(&value);
  return out;
}
