#include "bench/failures.h"

#include <stdio.h>
#include <string.h>

static void keep_text(char *out, dsql_str text) {
  size_t n = text.len < FAILURES_TEXT_SIZE - 1 ? text.len : FAILURES_TEXT_SIZE - 1;

  /* Not in the middle of a UTF-8 character. */
  while (n < text.len && n > 0 && ((unsigned char)text.ptr[n] & 0xc0) == 0x80) n--;
  if (n) memcpy(out, text.ptr, n);
  out[n] = '\0';
}

static struct failure *find(struct failures *f, const char *key) {
  for (size_t i = 0; i < f->kinds; i++)
    if (strcmp(f->kind[i].key, key) == 0) return &f->kind[i];
  return NULL;
}

void failures_add(struct failures *f, int code, const dsql_error *e) {
  const char *key = e && e->sqlstate[0] ? e->sqlstate : dsql_error_name(code);
  dsql_str text = e ? e->message : (dsql_str){dsql_strerror(code), strlen(dsql_strerror(code))};
  struct failure *k = find(f, key);

  f->total++;
  if (!k && f->kinds >= FAILURES_KINDS - 1) {
    key = "other";
    k = find(f, key);
  }
  if (!k) {
    k = &f->kind[f->kinds++];
    (void)snprintf(k->key, sizeof k->key, "%s", key);
    keep_text(k->text, text);
  }
  k->count++;
}
