/* The wait for a connection, as a span. */
#include "conn/observe.h"
#include "pool/pool_object.h"

static struct observe_span *start(struct dsql_pool *p) {
  dsql_span what = {.kind = DSQL_SPAN_ACQUIRE};
  observe_target(p->target->target, &p->target->target->hosts[0], &what);
  return observe_start(p->rt, &what);
}

void pool_observe_start(struct dsql_pool *p, struct pool_waiter *w) { w->span = start(p); }

static void end(struct dsql_pool *p, struct pool_waiter *w, const struct error *e) {
  struct observe_span *s = w->span;

  w->span = NULL;
  observe_error(s, e);
  observe_end(p->rt, s);
}

void pool_observe_granted(struct dsql_pool *p, struct pool_waiter *w, struct dsql_conn *c) {
  c->lender_id = w->span->pub.id;
  end(p, w, NULL);
}

void pool_observe_failed(struct dsql_pool *p, struct pool_waiter *w, const struct error *e) { end(p, w, e); }

void pool_observe_taken(struct dsql_pool *p, struct dsql_conn *c) {
  struct pool_waiter w = {.span = start(p)};
  if (w.span) pool_observe_granted(p, &w, c);
}
