#include "local/token_parse.h"

#include <stdbool.h>
#include <string.h>

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False: a broken escape, or one of a NUL, which would hide what is behind it. '+' is a plus here (RFC 3986). */
static bool decode(char *s) {
  char *out = s;

  for (; *s; s++) {
    if (*s != '%') {
      *out++ = *s;
      continue;
    }
    int high = hex_digit(s[1]), low = high < 0 ? -1 : hex_digit(s[2]);
    if (low < 0 || high + low == 0) return false;
    *out++ = (char)(high * 16 + low);
    s += 2;
  }
  *out = '\0';
  return true;
}

static const struct token_param *find(const struct token_parts *t, const char *name) {
  for (size_t i = 0; i < t->count; i++)
    if (strcmp(t->params[i].name, name) == 0) return &t->params[i];
  return NULL;
}

static const char *add_param(struct token_parts *t, char *pair) {
  char *equals = strchr(pair, '=');

  if (!equals) return "a query parameter has no value";
  *equals = '\0';
  if (!decode(pair) || !decode(equals + 1)) return "a query parameter is not properly escaped";
  if (find(t, pair)) return "a query parameter stands twice";
  if (t->count == TOKEN_PARAMS_MAX) return "it has too many query parameters";
  t->params[t->count++] = (struct token_param){pair, equals + 1};
  return NULL;
}

const char *token_parse(char *text, struct token_parts *out) {
  char *query = strstr(text, "/?"), *next;
  const char *wrong = NULL;

  *out = (struct token_parts){.host = text};
  if (!query || query == text) return "it is no token: no host/?query";
  *query = '\0';
  for (query += 2; query && !wrong; query = next) {
    next = strchr(query, '&');
    if (next) *next++ = '\0';
    wrong = add_param(out, query);
  }
  return wrong;
}

const char *token_param(const struct token_parts *t, const char *name) {
  const struct token_param *p = find(t, name);
  return p ? p->value : "";
}
