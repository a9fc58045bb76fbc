/* conninfo.h - connection strings, parsed exactly as libpq 18 parses them (PostgreSQL 18 documentation, "Connection
 * Strings"): keyword strings ("host=db user=joe") and URLs ("postgres://joe@db/"). Besides these dsql:// and, as the whole
 * string, the host name or the id of a DSQL cluster. The result is a value per keyword and where it came from; values
 * are judged later, in resolve.c.
 *
 * Errors name the piece of input that is wrong, and never show a piece that may belong to a secret: an unencoded '/'
 * or '@' in a URL's password, or an unquoted space in a keyword string's, makes the password's tail look like
 * something else. */
#ifndef DSQL_TARGET_CONNINFO_H
#define DSQL_TARGET_CONNINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "target/keywords.h"
#include "target/show.h"

enum conninfo_source {
  CONNINFO_UNSET,
  CONNINFO_DEFAULT,
  CONNINFO_MODE,    /* DSQL mode's default */
  CONNINFO_DERIVED, /* from other values, see conninfo_value.from */
  CONNINFO_ENV,
  CONNINFO_SERVICE,
  CONNINFO_GIVEN, /* in the connection string */
  CONNINFO_CONFIG /* a field of dsql_config */
};

struct conninfo_value {
  char *text; /* NULL while unset; may be empty */
  size_t len;
  enum conninfo_source source;
  char *from; /* the source in words, when that is not enough; else NULL */
};

struct conninfo {
  const dsql_alloc *alloc;
  struct conninfo_value values[KEYWORD_COUNT];
  bool dsql_scheme; /* the URL began with dsql:// */
  bool ambiguous;   /* any part of the URL may be a piece of its password: show none */
};

void conninfo_init(struct conninfo *c, const dsql_alloc *alloc);
void conninfo_deinit(struct conninfo *c); /* cleanses every value */

/* A repeated keyword's last value wins. EINVAL, ENOMEM; c then still needs conninfo_deinit(). */
int conninfo_parse(struct conninfo *c, const char *text, struct fault *f);
/* Copies the value, in place of an older one, which it may be a part of. ENOMEM. */
int conninfo_set(struct conninfo *c, enum keyword k, const char *value, size_t n, enum conninfo_source source,
                 struct fault *f);
/* The same, and says in words where the value came from. */
int conninfo_set_from(struct conninfo *c, enum keyword k, const char *value, enum conninfo_source source,
                      struct fault *f, const char *format, ...) __attribute__((format(printf, 6, 7)));

/* The value, or NULL when unset. */
static inline const char *conninfo_get(const struct conninfo *c, enum keyword k) { return c->values[k].text; }
/* The value, or NULL when unset or empty: to most keywords the two are the same. */
static inline const char *conninfo_text(const struct conninfo *c, enum keyword k) {
  return c->values[k].len ? c->values[k].text : NULL;
}

/* `invalid KEYWORD value "VALUE" (FROM): WANTED`, without the value where it may be a secret. EINVAL. */
int conninfo_fault(const struct conninfo *c, enum keyword k, const char *wanted, struct fault *f);
/* Where the keyword's value came from, in words; lives until the value is set again. */
const char *conninfo_from(const struct conninfo *c, enum keyword k);
bool conninfo_hidden(const struct conninfo *c, enum keyword k);
static inline bool conninfo_given(const struct conninfo *c, enum keyword k) {
  return c->values[k].source >= CONNINFO_SERVICE;
}

/* uri.c: the length of "postgres://", "postgresql://" or "dsql://" at the start of text, or 0. */
size_t uri_prefix(const char *text);
int uri_parse(struct conninfo *c, const char *text, struct fault *f);
/* kv.c */
int kv_parse(struct conninfo *c, const char *text, struct fault *f);

/* Shared by both: "requiressl" is an old spelling of sslmode; *value is changed with the keyword. -1 if unknown. */
int conninfo_keyword(const char *name, size_t n, const char **value, size_t *value_len);
/* An unknown keyword at a byte position (from 1). The name is shown only when it looks like one and may_show. */
int conninfo_unknown(const char *name, size_t n, size_t position, bool may_show, struct fault *f);
/* A name that can be a keyword's: letters, digits, '_' and '-', at most 40. */
bool conninfo_wordlike(const char *name, size_t n);
static inline bool conninfo_space(char ch) { return ch == ' ' || (ch >= '\t' && ch <= '\r'); }

#endif
