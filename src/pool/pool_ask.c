/* Requests: from the asking to one of the two answers. */
#include <assert.h>
#include <string.h>

#include "pool/pool_object.h"

static struct pool_waiter *waiter_of(struct pool_request *r) { return (struct pool_waiter *)(void *)r; }

void pool_ask(struct dsql_pool *p, struct pool_waiter *w, uint64_t deadline_ms) {
  assert(w->granted && w->failed && w->request.state == POOL_REQUEST_NONE);
  memset(&w->request, 0, sizeof w->request);
  pool_request_init(&w->request);
  w->request.rides = w->rides;
  w->request.asked_us = rt_clock_us();
  if (deadline_ms == 0) deadline_ms = p->acquire_timeout_ms ? rt_after_ms(p->rt, p->acquire_timeout_ms) : POOL_NEVER;
  pool_state_ask(&p->state, &w->request, p->body ? &p->body->slot : NULL, deadline_ms);
  pool_run_later(p);
  w->span = NULL;
  if (rt_observer(p->rt)) pool_observe_start(p, w);
}

static const struct error withdrawn = {.pub = {.code = DSQL_ECANCELED,
                                               .flags = DSQL_NOT_SENT | DSQL_CLIENT_SIDE,
                                               .attempts = 1,
                                               .cause_index = -1,
                                               .message = {"nobody waits for it any more", 28},
                                               .detail = {"", 0},
                                               .hint = {"", 0}}};

void pool_withdraw(struct dsql_pool *p, struct pool_waiter *w) {
  if (w->request.state == POOL_REQUEST_NONE) return;
  if (w->span) pool_observe_failed(p, w, &withdrawn);
  pool_state_withdraw(&p->state, &w->request, rt_now_ms(p->rt));
  pool_run_later(p);
}

dsql_conn *pool_body(struct dsql_pool *p, dsql_conn *held) {
  dsql_conn *before = p->body ? p->body->conn : NULL;
  p->body = held ? pool_conn_find(held) : NULL;
  return before;
}

bool pool_rode_in_vain(const dsql_conn *c, const struct error *e) {
  const struct pool_conn *pc = c ? pool_conn_find(c) : NULL;

  if (!pc || !pc->early || !e || !(e->pub.flags & DSQL_NOT_SENT)) return false;
  return e->pub.flags & DSQL_CONN_LOST || e->pub.code == DSQL_ECLOSED;
}

void pool_ask_again(struct dsql_pool *p, struct pool_waiter *w, dsql_conn *c) {
  pool_conn_find(c)->early = false;
  pool_state_ask_again(&p->state, &w->request);
  pool_give_back(p, c, POOL_REUSE);
  pool_run_later(p);
  if (rt_observer(p->rt)) pool_observe_start(p, w);
}

void pool_tell_granted(struct dsql_pool *p, struct pool_request *r, struct pool_conn *pc) {
  struct pool_waiter *w = waiter_of(r);
  uint64_t waited_us = rt_clock_us() - r->asked_us;
  dsql_conn *c;

  if (pc->use != USE_IDLE) {
    c = pool_ride(pc, waited_us);
  } else {
    histogram_add(&p->acquire_time, waited_us);
    c = pool_lend(pc);
  }
  if (w->span) pool_observe_granted(p, w, c);
  w->granted(w, c);
}

/* ---- why not ---- */

static void explain_timeout(const struct dsql_pool *p, const struct pool_request *r, struct fault *f) {
  const struct pool_state *s = &p->state;
  unsigned waited_ms = (unsigned)((rt_clock_us() - r->asked_us) / 1000);

  f->flags = DSQL_NOT_SENT;
  if (s->failures && p->cause) {
    memcpy(f->sqlstate, p->cause->pub.sqlstate, sizeof f->sqlstate);
    fault_set(f, DSQL_ETIMEDOUT, "no connection within %u ms; the last attempt to connect failed: %.*s", waited_ms,
              (int)p->cause->pub.message.len, p->cause->pub.message.ptr);
  } else {
    fault_set(f, DSQL_ETIMEDOUT,
              "no connection within %u ms: of at most %u (conns_max), %u are lent out, %u are being cleaned and %u are "
              "connecting; %u others wait",
              waited_ms, s->limits.conns_max, s->lent_count, s->returning_count, s->connecting, s->waiting_count);
  }
}

static void explain(const struct dsql_pool *p, const struct pool_request *r, enum pool_failure why, struct fault *f) {
  f->flags = DSQL_NOT_SENT;
  switch (why) {
    case POOL_FAIL_TIMEOUT: explain_timeout(p, r, f); break;
    case POOL_FAIL_FULL:
      fault_set(f, DSQL_EBUSY, "%u requests wait for a connection; the limit is waiters_max",
                p->state.limits.waiters_max);
      break;
    case POOL_FAIL_DEADLOCK:
      fault_set(f, DSQL_EBUSY,
                "all %u connections (conns_max) are held by transactions whose bodies wait for another one: this would "
                "never end",
                p->state.limits.conns_max);
      break;
    case POOL_FAIL_CONNECT: break;
    case POOL_FAIL_CLOSED:
      fault_set(f, p->shut ? DSQL_ECANCELED : DSQL_ECLOSED, p->shut ? "the runtime is closing" : "the pool is closed");
      break;
  }
}

static void tell(struct dsql_pool *p, struct pool_waiter *w, const struct error *e) {
  if (w->span) pool_observe_failed(p, w, e);
  w->failed(w, e);
}

void pool_tell_failed(struct dsql_pool *p, struct pool_request *r, enum pool_failure why) {
  struct pool_waiter *w = waiter_of(r);
  struct fault f;
  struct arena arena;

  fault_clear(&f);
  explain(p, r, why, &f);
  if (!f.code) {
    tell(p, w, p->cause ? p->cause : &error_nomem);
    return;
  }
  arena_init(&arena, rt_chunks(p->rt));
  tell(p, w, error_from_fault(&arena, &f));
  arena_deinit(&arena);
}
