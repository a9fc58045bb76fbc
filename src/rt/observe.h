/* observe.h - spans: what dsql/observe.h tells of, from the inside. Who starts a span keeps the pointer, NULL when it is not
 * observed, and hands it back exactly once. Whoever looks whether a runtime is observed at all does so inline, with
 * rt_observer() of rt.h, so that it costs a load and a branch. */
#ifndef DSQL_RT_OBSERVE_H
#define DSQL_RT_OBSERVE_H

#include "dsql/observe.h"
#include "rt/rt.h"

struct observe_span {
  dsql_span pub; /* from the start to the end; its texts are copies in text */
  uint64_t started_us;
  uint64_t sent_before, received_before; /* of the connection, at the start */
  void *data;
  bool large; /* not from a block */
  char text[];
};

/* rt is observed. what: kind, parent and the fields of the start. NULL: no memory, or from inside a hook. */
struct observe_span *observe_start(struct dsql_rt *rt, const dsql_span *what);
/* The fields of the end, but for the duration, are in s->pub. s is gone. */
void observe_end(struct dsql_rt *rt, struct observe_span *s);
/* What the connection has moved since the start. */
void observe_bytes(struct observe_span *s, uint64_t sent, uint64_t received);
/* error, and what follows from it. */
void observe_error(struct observe_span *s, const struct error *e);

/* True while one of the hooks runs: then nothing may be started or ended. */
bool observe_in_hook(const struct dsql_rt *rt);
static inline bool rt_in_hook(const struct dsql_rt *rt) {
  return __builtin_expect(rt_observer(rt) != NULL, 0) && observe_in_hook(rt);
}
/* The fault that a call from inside a hook is refused with; returns its code. */
int observe_refuse(struct fault *f);

/* A view of s, which may be NULL. */
dsql_str observe_text(const char *s);

#endif
