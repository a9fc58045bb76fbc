/* password.h - where a connection's password comes from when it is not part of the target: an IAM token, or what a
 * callback of the user's gives (src/dsql). Or where its OAuth token comes from, which is no password: then the target may
 * have one of its own. Loop-affine, reference-counted. */
#ifndef DSQL_CONN_PASSWORD_H
#define DSQL_CONN_PASSWORD_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/list.h"

/* Linked while it waits; called once, from the loop, unless removed before. f NULL: ask again, there is a password. */
struct password_waiter {
  struct list node;
  void (*done)(struct password_waiter *w, const struct fault *f);
};

struct password_source {
  const struct password_class *class;
  unsigned refs;
};

struct password_class {
  /* 0: *out is good now, and lives until the next return to the loop. 1: w will be called. Else the code of f. */
  int (*get)(struct password_source *s, struct password_waiter *w, dsql_str *out, struct fault *f);
  /* May the password that get() gave a moment ago still be sent? */
  bool (*still_good)(struct password_source *s, dsql_str password);
  /* The server refused it. True: it was the password's age, and a fresh one, which get() gives from now on, may do. */
  bool (*refused)(struct password_source *s, const dsql_error *e, dsql_str password);
  /* Refused again: appends what is known about why, such as the difference of the clocks. */
  void (*explain)(struct password_source *s, const dsql_error *e, struct buf *out);
  void (*free)(struct password_source *s);
  /* What get() gives is an OAuth token, which may be empty: then the server is asked where tokens come from. */
  bool oauth;
  /* Only then: what the server said when it refused one (untrusted), before refused() is asked. */
  void (*told)(struct password_source *s, dsql_str document);
};

/* s may be NULL. */
static inline bool password_source_is_oauth(const struct password_source *s) { return s && s->class->oauth; }

static inline struct password_source *password_source_ref(struct password_source *s) {
  if (s) s->refs++;
  return s;
}

static inline void password_source_unref(struct password_source *s) {
  if (s && --s->refs == 0) s->class->free(s);
}

#endif
