/* uri.c - connection URLs. libpq's grammar, which is not quite RFC 3986's, and dsql:// with the same one:
 *   postgres[ql]://[user[:password]@][host[:port]{,host[:port]}][/dbname][?key=value{&key=value}]
 * User information ends at the first '@' that comes before any '/'. A host is in brackets or runs to one of ":/?,".
 * Every part is percent-decoded on its own, the host and port lists as a whole; '+' is literal. Plain spaces are
 * dropped around a part and refused within. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "target/conninfo.h"

struct uri {
  struct conninfo *c;
  const char *start, *p;
  struct buf text;         /* the part being decoded */
  struct buf hosts, ports; /* still encoded, comma-separated */
  bool password_given;     /* before the host, which may be the tail of a password with an '@' in it */
  bool after_secret;       /* what looks like a key may be the tail of a secret */
  struct fault *fault;
};

enum decode_error { DECODE_OK, DECODE_TOKEN, DECODE_NUL, DECODE_SPACE };

size_t uri_prefix(const char *text) {
  static const char *const prefixes[] = {"postgresql://", "postgres://", "dsql://"};
  for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
    if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0) return strlen(prefixes[i]);
  return 0;
}

static int hex_digit(char ch) {
  if (ch >= '0' && ch <= '9') return ch - '0';
  if (ch >= 'a' && ch <= 'f') return ch - 'a' + 10;
  if (ch >= 'A' && ch <= 'F') return ch - 'A' + 10;
  return -1;
}

static enum decode_error decode_token(const char *s, const char *end, struct buf *out) {
  int high = end - s >= 3 ? hex_digit(s[1]) : -1, low = high >= 0 ? hex_digit(s[2]) : -1;

  if (low < 0) return DECODE_TOKEN;
  if (high == 0 && low == 0) return DECODE_NUL;
  buf_put_u8(out, (uint8_t)(high << 4 | low));
  return DECODE_OK;
}

/* Into out, replacing what is there. */
static enum decode_error decode(const char *s, size_t n, struct buf *out) {
  const char *end = s + n;
  enum decode_error e;

  buf_reset(out);
  while (s < end && *s == ' ') s++;
  for (; s < end && *s != ' '; s++) {
    if (*s != '%') {
      buf_put_u8(out, (uint8_t)*s);
      continue;
    }
    e = decode_token(s, end, out);
    if (e) return e;
    s += 2;
  }
  while (s < end && *s == ' ') s++;
  return s == end ? DECODE_OK : DECODE_SPACE;
}

static int decode_fault(struct uri *u, enum decode_error e, const char *what, const char *s, size_t n, bool may_show) {
  static const char *const texts[] = {
      [DECODE_TOKEN] = "invalid percent-encoded token in the URL's",
      [DECODE_NUL] = "forbidden value %00 in the URL's",
      [DECODE_SPACE] = "unexpected space (write %20) in the URL's",
  };
  if (!may_show || u->c->ambiguous) return fault_set(u->fault, DSQL_EINVAL, "%s %s", texts[e], what);
  return fault_set(u->fault, DSQL_EINVAL, "%s %s: \"%s\"", texts[e], what, show_text(s, n).text);
}

/* An empty part leaves its keyword unset, so that the service file or the environment can give it. */
static int store(struct uri *u, enum keyword k, const char *s, size_t n) {
  enum decode_error e;

  if (n == 0) return 0;
  e = decode(s, n, &u->text);
  if (e)
    return decode_fault(u, e, keyword_table[k].name, s, n,
                        !keyword_table[k].secret && !(k == KEYWORD_host && u->password_given));
  if (!buf_ok(&u->text)) return fault_set(u->fault, DSQL_ENOMEM, "out of memory");
  return conninfo_set(u->c, k, u->text.len ? (const char *)u->text.data : "", u->text.len, CONNINFO_GIVEN, u->fault);
}

static int user_information(struct uri *u) {
  size_t n = strcspn(u->p, "@/"), user_len = strcspn(u->p, ":@");
  const char *user = u->p;
  int rc;

  if (user[n] != '@') {
    /* "user:pass/word@host" is read as host "user", port "pass", database "word@host". */
    u->c->ambiguous = strchr(u->p, '@') != NULL;
    return 0;
  }
  u->p = user + n + 1;
  u->c->ambiguous = strchr(u->p, '@') != NULL;
  u->password_given = user[user_len] == ':';
  rc = store(u, KEYWORD_user, user, user_len);
  if (rc == 0 && user[user_len] == ':') rc = store(u, KEYWORD_password, user + user_len + 1, n - user_len - 1);
  return rc;
}

static int bracket_fault(struct uri *u, const char *host) {
  bool hidden = u->c->ambiguous || u->password_given;

  if (!*u->p)
    return fault_set(u->fault, DSQL_EINVAL,
                     "end of string reached when looking for matching \"]\" in the URL's IPv6 host address%s%s",
                     hidden ? "" : ": ", hidden ? "" : show_text(host, strlen(host)).text);
  return fault_set(u->fault, DSQL_EINVAL, "IPv6 host address may not be empty in the URL (position %zu)",
                   (size_t)(u->p - u->start) + 1);
}

/* "[2001:db8::1]" */
static int bracketed_host(struct uri *u) {
  const char *host = ++u->p;

  u->p += strcspn(host, "]");
  if (!*u->p || u->p == host) return bracket_fault(u, host);
  buf_put(&u->hosts, host, (size_t)(u->p - host));
  u->p++;
  if (!*u->p || strchr(":/?,", *u->p)) return 0;
  return fault_set(
      u->fault, DSQL_EINVAL, "unexpected character%s%s at position %zu in the URL (expected \":\" or \"/\")",
      u->c->ambiguous ? "" : " ", u->c->ambiguous ? "" : show_text(u->p, 1).text, (size_t)(u->p - u->start) + 1);
}

static int host_and_port(struct uri *u) {
  size_t n;
  int rc;

  if (*u->p == '[') {
    rc = bracketed_host(u);
    if (rc) return rc;
  } else {
    n = strcspn(u->p, ":/?,");
    buf_put(&u->hosts, u->p, n);
    u->p += n;
  }
  if (*u->p != ':') return 0;
  u->p++;
  n = strcspn(u->p, "/?,");
  buf_put(&u->ports, u->p, n);
  u->p += n;
  return 0;
}

/* "user:password" without "@host" is read as a host and a port: what is no port number may be a password. */
static bool plausible_ports(const struct buf *ports) {
  size_t digits = 0;

  for (size_t i = 0; i < ports->len; i++) {
    if (ports->data[i] == ',')
      digits = 0;
    else if (ports->data[i] < '0' || ports->data[i] > '9' || ++digits > 5)
      return false;
  }
  return true;
}

static bool plausible_host(const char *host) {
  for (; host && *host; host++)
    if ((unsigned char)*host <= ' ' || *host == 0x7F || *host == '@') return false;
  return true;
}

static int host_list(struct uri *u) {
  int rc = host_and_port(u);

  while (rc == 0 && *u->p == ',') {
    u->p++;
    buf_put_u8(&u->hosts, ',');
    buf_put_u8(&u->ports, ',');
    rc = host_and_port(u);
  }
  if (rc) return rc;
  if (!buf_ok(&u->hosts) || !buf_ok(&u->ports)) return fault_set(u->fault, DSQL_ENOMEM, "out of memory");
  if (!plausible_ports(&u->ports)) u->c->ambiguous = true;
  rc = store(u, KEYWORD_host, (const char *)u->hosts.data, u->hosts.len);
  if (rc == 0 && u->password_given && !plausible_host(conninfo_text(u->c, KEYWORD_host))) u->c->ambiguous = true;
  return rc ? rc : store(u, KEYWORD_port, (const char *)u->ports.data, u->ports.len);
}

/* Decodes a key into u->text, and looks it up. */
static int query_key(struct uri *u, const char *key, size_t n) {
  enum decode_error e = decode(key, n, &u->text);

  if (e) return decode_fault(u, e, "query", key, n, !u->after_secret && conninfo_wordlike(key, n));
  return buf_ok(&u->text) ? 0 : fault_set(u->fault, DSQL_ENOMEM, "out of memory");
}

/* Stores a decoded pair. "ssl=true" is the JDBC driver's. */
static int query_store(struct uri *u, const char *key, const struct buf *name, const struct buf *value) {
  const char *text = value->len ? (const char *)value->data : "";
  const char *name_text = name->len ? (const char *)name->data : "";
  size_t n = value->len;
  int keyword;

  if (name->len == 3 && memcmp(name_text, "ssl", 3) == 0 && n == 4 && memcmp(text, "true", 4) == 0)
    return conninfo_set(u->c, KEYWORD_sslmode, "require", 7, CONNINFO_GIVEN, u->fault);
  keyword = conninfo_keyword(name_text, name->len, &text, &n);
  if (keyword < 0)
    return conninfo_unknown(name_text, name->len, (size_t)(key - u->start) + 1, !u->after_secret && !u->c->ambiguous,
                            u->fault);
  if (keyword_table[keyword].secret) u->after_secret = true;
  return conninfo_set(u->c, (enum keyword)keyword, text, n, CONNINFO_GIVEN, u->fault);
}

static int query_pair(struct uri *u, const char *key, size_t key_len, const char *value, size_t value_len) {
  struct buf name = {0};
  enum decode_error e;
  int rc = query_key(u, key, key_len), keyword;

  if (rc) return rc;
  name = u->text;
  keyword = keyword_find((const char *)name.data, name.len);
  buf_init(&u->text, u->c->alloc, SIZE_MAX / 2);
  u->text.secret = true;
  e = decode(value, value_len, &u->text);
  if (e) {
    bool secret = keyword < 0 || keyword_table[keyword].secret || u->after_secret;
    rc = decode_fault(u, e, keyword < 0 ? "query" : keyword_table[keyword].name, value, value_len, !secret);
  } else if (!buf_ok(&u->text)) {
    rc = fault_set(u->fault, DSQL_ENOMEM, "out of memory");
  } else {
    rc = query_store(u, key, &name, &u->text);
  }
  buf_deinit(&name);
  return rc;
}

static int separator_fault(struct uri *u, const char *problem, const char *key, size_t n) {
  if (!u->after_secret && !u->c->ambiguous && conninfo_wordlike(key, n))
    return fault_set(u->fault, DSQL_EINVAL, "%s key/value separator \"=\" in URL query parameter \"%s\"", problem,
                     show_text(key, n).text);
  return fault_set(u->fault, DSQL_EINVAL, "%s key/value separator \"=\" in the URL query parameter at position %zu",
                   problem, (size_t)(key - u->start) + 1);
}

static int query(struct uri *u) {
  int rc = 0;

  while (rc == 0 && *u->p) {
    const char *key = u->p, *value = NULL;
    size_t n = strcspn(key, "&"), key_len = strcspn(key, "=&");

    u->p += key[n] ? n + 1 : n;
    if (key_len == n) return separator_fault(u, "missing", key, n);
    value = key + key_len + 1;
    n -= key_len + 1;
    if (memchr(value, '=', n)) return separator_fault(u, "extra", key, key_len);
    rc = query_pair(u, key, key_len, value, n);
  }
  return rc;
}

static int parse(struct uri *u) {
  size_t n;
  int rc = user_information(u);

  if (rc == 0) rc = host_list(u);
  if (rc == 0 && *u->p == '/') {
    u->p++;
    n = strcspn(u->p, "?");
    rc = store(u, KEYWORD_dbname, u->p, n);
    u->p += n;
  }
  if (rc || *u->p != '?') return rc;
  u->p++;
  return query(u);
}

int uri_parse(struct conninfo *c, const char *text, struct fault *f) {
  struct uri u = {.c = c, .start = text, .p = text + uri_prefix(text), .fault = f};
  struct buf *bufs[] = {&u.text, &u.hosts, &u.ports};
  int rc;

  c->dsql_scheme = *text == 'd';
  for (size_t i = 0; i < 3; i++) {
    buf_init(bufs[i], c->alloc, SIZE_MAX / 2);
    bufs[i]->secret = true;
  }
  rc = parse(&u);
  for (size_t i = 0; i < 3; i++) buf_deinit(bufs[i]);
  return rc;
}
