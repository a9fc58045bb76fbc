#include "target/conninfo.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "target/endpoint_name.h"

enum { FROM_SIZE = 512 };

void conninfo_init(struct conninfo *c, const dsql_alloc *alloc) { *c = (struct conninfo){.alloc = alloc}; }

void conninfo_deinit(struct conninfo *c) {
  for (int i = 0; i < KEYWORD_COUNT; i++) {
    struct conninfo_value *v = &c->values[i];
    mem_free_secret(c->alloc, v->text, v->len + 1);
    mem_free(c->alloc, v->from);
    *v = (struct conninfo_value){0};
  }
}

int conninfo_set(struct conninfo *c, enum keyword k, const char *value, size_t n, enum conninfo_source source,
                 struct fault *f) {
  struct conninfo_value *v = &c->values[k];
  char *copy = mem_strndup(c->alloc, value, n);

  if (!copy) return fault_set(f, DSQL_ENOMEM, "out of memory");
  mem_free_secret(c->alloc, v->text, v->len + 1);
  mem_free(c->alloc, v->from);
  *v = (struct conninfo_value){copy, n, source, NULL};
  return 0;
}

int conninfo_set_from(struct conninfo *c, enum keyword k, const char *value, enum conninfo_source source,
                      struct fault *f, const char *format, ...) {
  char text[FROM_SIZE], *copy;
  va_list args;
  int rc;

  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  copy = mem_strdup(c->alloc, text);
  rc = copy ? conninfo_set(c, k, value, strlen(value), source, f) : fault_set(f, DSQL_ENOMEM, "out of memory");
  if (rc == 0)
    c->values[k].from = copy;
  else
    mem_free(c->alloc, copy);
  return rc;
}

/* The whole string is a cluster's name. To libpq it would be a keyword without its "=". */
static bool bare_endpoint(const char *text, dsql_str *out) {
  size_t n;

  while (conninfo_space(*text)) text++;
  for (n = strlen(text); n > 0 && conninfo_space(text[n - 1]);) n--;
  *out = (dsql_str){text, n};
  return endpoint_is_cluster_id(*out) || endpoint_is_dsql_host(*out, NULL);
}

int conninfo_parse(struct conninfo *c, const char *text, struct fault *f) {
  dsql_str bare;

  if (uri_prefix(text)) return uri_parse(c, text, f);
  if (bare_endpoint(text, &bare)) return conninfo_set(c, KEYWORD_host, bare.ptr, bare.len, CONNINFO_GIVEN, f);
  return kv_parse(c, text, f);
}

int conninfo_keyword(const char *name, size_t n, const char **value, size_t *value_len) {
  if (n == 10 && memcmp(name, "requiressl", 10) == 0) {
    *value = *value_len && **value == '1' ? "require" : "prefer";
    *value_len = strlen(*value);
    return KEYWORD_sslmode;
  }
  return keyword_find(name, n);
}

bool conninfo_wordlike(const char *name, size_t n) {
  for (size_t i = 0; i < n; i++) {
    char ch = name[i];
    bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
    if (!letter && !(ch >= '0' && ch <= '9') && ch != '_' && ch != '-') return false;
  }
  return n > 0 && n <= 40;
}

int conninfo_unknown(const char *name, size_t n, size_t position, bool may_show, struct fault *f) {
  const char *nearest = keyword_suggest(name, n);
  char hint[64] = "";

  if (nearest) (void)snprintf(hint, sizeof hint, "; did you mean \"%s\"?", nearest);
  if (may_show && conninfo_wordlike(name, n))
    return fault_set(f, DSQL_EINVAL, "invalid connection option \"%s\"%s", show_text(name, n).text, hint);
  return fault_set(f, DSQL_EINVAL, "invalid connection option at position %zu of the connection string%s", position,
                   nearest ? hint : "; quote or percent-encode values that contain spaces or other special characters");
}

bool conninfo_hidden(const struct conninfo *c, enum keyword k) {
  return keyword_table[k].secret || (c->ambiguous && c->values[k].source == CONNINFO_GIVEN);
}

const char *conninfo_from(const struct conninfo *c, enum keyword k) {
  static const char *const names[] = {
      [CONNINFO_UNSET] = "default",           [CONNINFO_DEFAULT] = "default",   [CONNINFO_MODE] = "DSQL mode",
      [CONNINFO_DERIVED] = "other values",    [CONNINFO_ENV] = "environment",   [CONNINFO_SERVICE] = "service file",
      [CONNINFO_GIVEN] = "connection string", [CONNINFO_CONFIG] = "dsql_config"};

  return c->values[k].from ? c->values[k].from : names[c->values[k].source];
}

int conninfo_fault(const struct conninfo *c, enum keyword k, const char *wanted, struct fault *f) {
  const struct conninfo_value *v = &c->values[k];
  const char *from = conninfo_from(c, k);

  if (conninfo_hidden(c, k))
    return fault_set(f, DSQL_EINVAL, "invalid %s value (not shown, %s): %s%s", keyword_table[k].name, from, wanted,
                     keyword_table[k].secret ? ""
                                             : "; percent-encode '/', '@' and other special characters of a "
                                               "password");
  return fault_set(f, DSQL_EINVAL, "invalid %s value \"%s\" (%s): %s", keyword_table[k].name,
                   show_text(v->text ? v->text : "", v->len).text, from, wanted);
}
