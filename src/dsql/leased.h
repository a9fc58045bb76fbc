/* leased.h - a password that expires: kept with its lease, renewed by its class, waited for by connections. The common
 * half of IAM tokens (token_source.c) and of passwords from a callback (auth.c). Loop-affine. */
#ifndef DSQL_DSQL_LEASED_H
#define DSQL_DSQL_LEASED_H

#include "auth/lease.h"
#include "conn/password.h"
#include "rt/rt.h"

struct leased;

struct leased_class {
  /* Begin a renewal: exactly one leased_gave() or leased_failed() must follow, at once or later. */
  void (*renew)(struct leased *l);
  /* The runtime closes: nothing may call back any more. */
  void (*stop)(struct leased *l);
};

struct leased {
  struct password_source source; /* first */
  const struct leased_class *class;
  struct dsql_rt *rt;
  struct rt_closer closer;
  struct rt_timer timer;
  struct lease lease;
  struct buf secret;    /* with its NUL */
  bool once;            /* good for those who wait now, and for nobody later */
  bool closed;          /* the runtime is closing */
  struct list waiters;  /* password_waiter */
  struct fault failure; /* of the last attempt, while it holds */
  uint64_t hits, waits, given, failures;
};

struct lease_time leased_now(struct dsql_rt *rt);
void leased_init(struct leased *l, struct dsql_rt *rt, const struct password_class *source,
                 const struct leased_class *class);
void leased_deinit(struct leased *l); /* nobody may wait any more; cleanses */

/* ---- for the classes ---- */
/* The renewal's answer; expires_ms 0: for once. Wall milliseconds. Waiters are called. */
void leased_gave(struct leased *l, const char *secret, size_t n, int64_t issued_ms, int64_t expires_ms);
void leased_failed(struct leased *l, const struct fault *f);

/* ---- parts of a password_class ---- */
int leased_get(struct password_source *s, struct password_waiter *w, dsql_str *out, struct fault *f);
bool leased_still_good(struct password_source *s, dsql_str password);
/* True while password is what is kept. */
bool leased_is(const struct leased *l, dsql_str password);

#endif
