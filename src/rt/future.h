/* future.h - the inside of dsql_future. An operation embeds one as its first member and gives it a class. Two ends
 * hold it: the user (until destroy or detach) and the library (until complete); memory goes when both have let go.
 *
 *   state      user event            library event
 *   PENDING    on_ready: register    complete: -> READY, queued for the next drain if a callback is registered
 *              cancel: class.cancel
 *              destroy: forget the callback, class.cancel, user lets go
 *              detach: user lets go
 *   READY      on_ready: queue       drain: -> DELIVERED, callback
 *              destroy: unqueue, free
 *   DELIVERED  destroy: free         -
 */
#ifndef DSQL_RT_FUTURE_H
#define DSQL_RT_FUTURE_H

#include "rt/rt.h"

struct future_class {
  /* The user wants out. The library end must still call future_complete(), now or later, exactly once. May be NULL. */
  void (*cancel)(struct dsql_future *f);
  /* Both ends have let go: give the memory back. */
  void (*free)(struct dsql_future *f);
  /* dsql_future_result(); NULL: the future has no result (ETYPE). Called only when completed with success. */
  int (*result)(struct dsql_future *f, const dsql_result **out);
  /* dsql_resume(); NULL: nothing to resume. */
  void (*resume)(struct dsql_future *f);
};

struct dsql_future {
  struct rt_task task; /* queued while the callback is due */
  const struct future_class *class;
  struct dsql_rt *rt;
  struct list open; /* in the list of futures whose memory the user still holds; dsql_all() takes its children out */
  dsql_future_cb cb;
  void *arg;
  const struct error *error; /* lives as long as the future's memory; NULL on success and while pending */
  int code;
  bool user, library; /* who holds it */
  bool ready, registered, delivered, canceled;
};

void future_init(struct dsql_future *f, struct dsql_rt *rt, const struct future_class *class);
/* Exactly once per future. error NULL means success. Frees at once when the user has let go. */
void future_complete(struct dsql_future *f, const struct error *error);
/* True while somebody may still look at the outcome. */
static inline bool future_observed(const struct dsql_future *f) { return f->user; }

/* A future that fails at the next drain with this fault: for calls that could not start. NULL when there is no memory. */
struct dsql_future *future_failed(struct dsql_rt *rt, const struct fault *fault);

#endif
