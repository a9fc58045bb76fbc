#include "target/endpoint_name.h"

#include <string.h>

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }
static bool letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

static dsql_str without_dots(dsql_str s) {
  while (s.len && s.ptr[s.len - 1] == '.') s.len--;
  return s;
}

/* Takes the last label and its dot off; empty when there is no dot. */
static dsql_str last_label(dsql_str *s) {
  size_t at = s->len;
  dsql_str label;

  while (at > 0 && s->ptr[at - 1] != '.') at--;
  label = (dsql_str){s->ptr + at, s->len - at};
  s->len = at > 0 ? at - 1 : 0;
  return label;
}

static bool starts_with(dsql_str s, const char *text) {
  size_t i = 0;
  while (i < s.len && text[i] && lower(s.ptr[i]) == text[i]) i++;
  return !text[i];
}

static bool same(dsql_str s, const char *text) { return strlen(text) == s.len && starts_with(s, text); }

bool endpoint_is_cluster_id(dsql_str s) {
  for (size_t i = 0; i < s.len; i++)
    if (!letter_or_digit(s.ptr[i])) return false;
  return s.len == ENDPOINT_ID_SIZE;
}

bool endpoint_is_region(dsql_str s) {
  for (size_t i = 0; i < s.len; i++)
    if (!letter_or_digit(lower(s.ptr[i])) && s.ptr[i] != '-') return false;
  return s.len > 0 && s.len <= 63;
}

bool endpoint_is_name(dsql_str s) {
  for (size_t i = 0; i < s.len; i++)
    if (!letter_or_digit(lower(s.ptr[i])) && (!s.ptr[i] || !strchr("-._:%", s.ptr[i]))) return false;
  return s.len > 0 && s.len <= 255;
}

bool endpoint_is_dsql_host(dsql_str s, dsql_str *region) {
  dsql_str rest = without_dots(s), label;

  if (!endpoint_is_name(rest)) return false;
  if (!same(last_label(&rest), "aws") || !same(last_label(&rest), "on")) return false;
  label = last_label(&rest);
  if (!endpoint_is_region(label) || !starts_with(last_label(&rest), "dsql") || rest.len == 0) return false;
  if (region) *region = label;
  return true;
}

void endpoint_normalise(char *s, size_t *n) {
  *n = without_dots((dsql_str){s, *n}).len;
  s[*n] = '\0';
  for (size_t i = 0; i < *n; i++) s[i] = lower(s[i]);
}
