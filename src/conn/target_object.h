/* target_object.h - dsql_target: a resolved target bound to a runtime, with the TLS context that all its connections
 * share. The context is loaded in the thread pool on first use (parsing the system's trust store takes tens of
 * milliseconds), and again when its files have changed. They share the keys that SCRAM has derived as well, as long as
 * the password is the target's own or its source's: auth/scram_cache.h. */
#ifndef DSQL_CONN_TARGET_OBJECT_H
#define DSQL_CONN_TARGET_OBJECT_H

#include "auth/scram_cache.h"
#include "conn/password.h"
#include "rt/rt.h"
#include "target/target.h"
#include "tls/tls_context.h"

struct tls_load;

struct dsql_target {
  struct dsql_rt *rt;
  unsigned refs;
  struct target *target;
  struct tls_context *tls; /* the newest that was loaded, or NULL */
  struct tls_load *loading;
  uint64_t checked_ms;                     /* when the files were looked at last */
  struct password_source *password_source; /* NULL: the target has the password, if any */
  struct scram_cache scram_cache;          /* enabled by the first connection that may use it */
  dsql_after_connect_fn after_connect;     /* NULL: none */
  void *after_connect_arg;
};

/* Waits for the target's TLS context. Linked into the load; called once, from the loop, unless removed before. */
struct tls_waiter {
  struct list node;
  void (*loaded)(struct tls_waiter *w, struct tls_context *ctx, const struct fault *f); /* ctx NULL: failed */
};

/* Takes the reference to target over when it succeeds. ENOMEM. */
int target_object_new(struct dsql_target **out, struct dsql_rt *rt, struct target *target, struct fault *f);
struct dsql_target *target_object_ref(struct dsql_target *t);
/* The context when it is there and current; else NULL, and w is called later (0), or ENOMEM. */
int target_object_tls(struct dsql_target *t, struct tls_waiter *w, struct tls_context **out);

#endif
