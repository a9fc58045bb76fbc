/* kv.c - keyword strings. libpq's grammar:
 *   string := { space } { keyword { space } "=" { space } value { space } }
 *   value  := "'" { any but ' and \ | \any } "'"  |  { any but space and \ | \any }
 * A keyword runs to the next "=" or space, whatever its bytes are. */
#include <string.h>

#include "base/buf.h"
#include "target/conninfo.h"

struct kv {
  const char *start, *p;
  struct buf value;
  bool after_secret; /* what looks like a keyword may be the tail of an unquoted secret */
};

static void skip_spaces(struct kv *k) {
  while (conninfo_space(*k->p)) k->p++;
}

/* "scheme://..." that is neither of ours: everything behind the scheme may hold a password. */
static int scheme_fault(const char *text, struct fault *f) {
  const char *colon = strstr(text, "://");
  size_t n = (size_t)(colon - text);

  if (uri_prefix(text)) return fault_set(f, DSQL_EINVAL, "the URL must start at the connection string's first byte");
  if (!conninfo_wordlike(text, n))
    return fault_set(f, DSQL_EINVAL, "unknown URL scheme: use dsql://, postgres:// or postgresql://");
  return fault_set(f, DSQL_EINVAL, "unknown URL scheme \"%s\": use dsql://, postgres:// or postgresql://",
                   show_text(text, n).text);
}

static bool has_scheme(const char *name, size_t n) {
  for (size_t i = 0; i + 3 <= n; i++)
    if (memcmp(name + i, "://", 3) == 0) return true;
  return false;
}

static bool first_word(const char *start, const char *name) {
  while (conninfo_space(*start)) start++;
  return start == name;
}

static int missing_equals(const struct kv *k, const char *name, size_t n, struct fault *f) {
  /* Only one word: most likely meant to be a host. */
  const char *hint = *k->p || !first_word(k->start, name)
                         ? ""
                         : "; write host=NAME, a URL, a DSQL host name (<id>.dsql.<region>.on.aws) or a cluster id (26 "
                           "lower-case letters and digits)";

  if (has_scheme(name, n) && !k->after_secret) return scheme_fault(name, f);
  if (!k->after_secret && conninfo_wordlike(name, n))
    return fault_set(f, DSQL_EINVAL, "missing \"=\" after \"%s\" in connection string%s", show_text(name, n).text,
                     hint);
  if (*hint) return fault_set(f, DSQL_EINVAL, "missing \"=\" in connection string%s", hint);
  return fault_set(f, DSQL_EINVAL,
                   "missing \"=\" after the word at position %zu of the connection string; values that contain "
                   "spaces need single quotes",
                   (size_t)(name - k->start) + 1);
}

static int quoted_value(struct kv *k, struct fault *f) {
  size_t opened = (size_t)(k->p - k->start) + 1;

  for (k->p++; *k->p != '\''; k->p++) {
    if (*k->p == '\\') k->p++;
    if (!*k->p)
      return fault_set(f, DSQL_EINVAL, "unterminated quoted string at position %zu of the connection string", opened);
    buf_put_u8(&k->value, (uint8_t)*k->p);
  }
  k->p++;
  return 0;
}

static void bare_value(struct kv *k) {
  for (; *k->p && !conninfo_space(*k->p); k->p++) {
    if (*k->p == '\\' && !*++k->p) return;
    buf_put_u8(&k->value, (uint8_t)*k->p);
  }
}

static int store(struct kv *k, struct conninfo *c, const char *name, size_t n, struct fault *f) {
  const char *value = (const char *)k->value.data;
  size_t value_len = k->value.len;
  int keyword;

  if (!buf_ok(&k->value)) return fault_set(f, DSQL_ENOMEM, "out of memory");
  if (!value) value = "";
  keyword = conninfo_keyword(name, n, &value, &value_len);
  if (keyword < 0 && has_scheme(name, n) && !k->after_secret) return scheme_fault(name, f);
  if (keyword < 0) return conninfo_unknown(name, n, (size_t)(name - k->start) + 1, !k->after_secret, f);
  if (keyword_table[keyword].secret) k->after_secret = true;
  return conninfo_set(c, (enum keyword)keyword, value, value_len, CONNINFO_GIVEN, f);
}

static int pair(struct kv *k, struct conninfo *c, struct fault *f) {
  const char *name = k->p;
  size_t n;
  int rc;

  while (*k->p && *k->p != '=' && !conninfo_space(*k->p)) k->p++;
  n = (size_t)(k->p - name);
  skip_spaces(k);
  if (*k->p != '=') return missing_equals(k, name, n, f);
  k->p++;
  skip_spaces(k);
  buf_reset(&k->value);
  if (*k->p != '\'') {
    bare_value(k);
  } else {
    rc = quoted_value(k, f);
    if (rc) return rc;
  }
  return store(k, c, name, n, f);
}

int kv_parse(struct conninfo *c, const char *text, struct fault *f) {
  struct kv k = {.start = text, .p = text};
  int rc = 0;

  buf_init(&k.value, c->alloc, SIZE_MAX / 2);
  k.value.secret = true;
  for (skip_spaces(&k); rc == 0 && *k.p; skip_spaces(&k)) rc = pair(&k, c, f);
  buf_deinit(&k.value);
  return rc;
}
