/* A connection on its way out and back: idle, lent, cleaned, idle. */
#include <assert.h>

#include "conn/calls.h"
#include "conn/portal.h"
#include "pool/pool_object.h"

static void judge(struct pool_conn *pc);

/* Of one that is lost, or unfit. */
static enum dsql_pool_gone loss_of(const struct dsql_conn *c) {
  return c->status == DSQL_CONN_FAILED || c->session.fatal_seen ? DSQL_GONE_LOST : DSQL_GONE_EXPIRED;
}

/* Lost or unfit while idle, or it may be quiet now. */
static void on_watched(struct rt_task *t) {
  struct pool_conn *pc = LIST_ENTRY(t, struct pool_conn, owner.task);
  struct dsql_pool *p = pc->pool;

  if (pc->use == USE_IDLE) {
    if (pc->conn->status != DSQL_CONN_FAILED && !pc->conn->unfit) return; /* our own reset, or a notice */
    if (pc->slot.state != POOL_SLOT_IDLE) return;                         /* granted, or to be closed */
    pool_state_idle_gone(&p->state, &pc->slot, loss_of(pc->conn));
  } else {
    judge(pc);
  }
  pool_run(p);
}

void pool_set_idle(struct pool_conn *pc) {
  pc->use = USE_IDLE;
  pc->owner.task.run = on_watched;
  pc->owner.watching = true;
}

/* ---- out ---- */

static void on_reset(dsql_future *f, void *arg) {
  struct pool_conn *pc = arg;

  if (dsql_future_code(f)) pc->spoiled = true;
  pc->reset = NULL;
  dsql_future_destroy(f);
}

/* Ahead of the borrower's first flight, in the same write. */
__attribute__((noinline)) static void reset(struct pool_conn *pc) {
  pc->reset = dsql_query(pc->conn, pc->pool->reset_sql, DSQL_NO_PARAMS, NULL);
  if (dsql_future_on_ready(pc->reset, on_reset, pc)) pc->spoiled = true;
}

dsql_conn *pool_lend(struct pool_conn *pc) {
  assert(pc->use == USE_IDLE);
  pc->use = USE_LENT;
  pc->owner.watching = false;
  rt_unready(&pc->owner.task);
  if (pc->used && pc->pool->reset_sql) reset(pc);
  pc->used = true;
  return pc->conn;
}

/* Never inline: what it needs would cost the paths that all others take. */
__attribute__((noinline, cold)) static void bad(struct pool_conn *pc, enum dsql_pool_gone why) {
  pool_state_returned_bad(&pc->pool->state, &pc->slot, why);
  pool_run_later(pc->pool);
}

__attribute__((noinline, cold)) static dsql_conn *lend_observed(struct pool_conn *pc) {
  dsql_conn *c = pool_lend(pc);
  pool_observe_taken(pc->pool, c);
  return c;
}

dsql_conn *pool_take(struct dsql_pool *p) {
  struct pool_slot *slot;

  while ((slot = pool_state_take(&p->state)) != NULL) {
    struct dsql_conn *c = pool_conn_of(slot)->conn;
    if (c->status == DSQL_CONN_READY && !c->unfit) {
      p->acquire_time.count++;
      p->acquire_time.buckets[0]++;
      return rt_observer(p->rt) ? lend_observed(pool_conn_of(slot)) : pool_lend(pool_conn_of(slot));
    }
    p->state.acquires--;
    bad(pool_conn_of(slot), loss_of(c)); /* while idle, and the loop has not told yet */
  }
  return NULL;
}

/* ---- back ---- */

static void cleaning(struct pool_conn *pc, enum conn_use use) {
  if (pc->use == USE_LENT) pool_state_returning(&pc->pool->state, &pc->slot);
  pc->use = use;
  pc->owner.task.run = on_watched;
  pc->owner.watching = use == USE_DRAINING;
}

static void on_rolled_back(dsql_future *f, void *arg) {
  struct pool_conn *pc = arg;
  struct dsql_pool *p = pc->pool;
  bool well = dsql_future_code(f) == 0 && dsql_conn_tx_status(pc->conn) == DSQL_TX_IDLE;

  pc->work = NULL;
  dsql_future_destroy(f);
  if (well)
    judge(pc);
  else
    bad(pc, pc->conn->status == DSQL_CONN_FAILED ? DSQL_GONE_LOST : DSQL_GONE_DIRTY);
  pool_run(p);
}

static void roll_back(struct pool_conn *pc) {
  dsql_call call;

  dsql_call_init(&call);
  call.timeout_ms = pc->pool->target->target->drain_timeout_ms;
  pc->pool->rollbacks++;
  cleaning(pc, USE_ROLLING_BACK);
  pc->work = calls_command(pc->conn, "ROLLBACK", &call);
  if (dsql_future_on_ready(pc->work, on_rolled_back, pc)) bad(pc, DSQL_GONE_DIRTY);
}

/* Nothing of the borrower's is left behind on it. */
static void forget_borrower(struct dsql_conn *c) {
  c->user_data = NULL;
  c->lender_id = 0;
  c->notice_fn = NULL;
  c->notify_fn = NULL;
  if (c->trace_fn) dsql_conn_on_trace(c, NULL, NULL);
}

/* Nobody gets it next. The others were opened to the same server, and may not have heard yet. */
static void retire(struct pool_conn *pc) {
  struct pool_state *s = &pc->pool->state;
  /* What was opened since another one has found out is not to pay for those that come back late. */
  if (!conn_alone_unfit(pc->conn) && pc->slot.generation == s->generation) pool_state_expire_all(s);
  bad(pc, loss_of(pc->conn));
}

/* It is lost, or something has to be done about it first. */
__attribute__((noinline)) static void clean(struct pool_conn *pc) {
  if (pc->conn->status == DSQL_CONN_FAILED)
    bad(pc, DSQL_GONE_LOST);
  else if (pc->conn->grouping || pc->spoiled)
    bad(pc, DSQL_GONE_DIRTY);
  else if (!conn_quiet(pc->conn))
    cleaning(pc, USE_DRAINING);
  else if (pc->conn->unfit)
    retire(pc);
  else
    roll_back(pc);
}

static inline void judge(struct pool_conn *pc) {
  struct dsql_pool *p = pc->pool;
  struct dsql_conn *c = pc->conn;

  if (!conn_quiet(c) || c->grouping || pc->spoiled || c->unfit || c->session.tx_status != 'I') {
    clean(pc);
  } else if (p->on_release && !p->on_release(p, c, p->on_release_arg)) {
    bad(pc, DSQL_GONE_REFUSED);
  } else {
    forget_borrower(c);
    pool_set_idle(pc);
    pool_state_returned(&p->state, &pc->slot, rt_now_ms(p->rt));
  }
}

void pool_clean(struct pool_conn *pc) {
  pc->use = USE_DRAINING;
  judge(pc);
}

void pool_give_back(struct dsql_pool *p, dsql_conn *c, enum pool_verdict v) {
  struct pool_conn *pc = pool_conn_find(c);

  assert(pc && pc->pool == p && (pc->use == USE_LENT || pc->use == USE_CONNECTING));
  if (!list_empty(&c->portals)) portals_drop(c);
  if (!pc) return;
  if (pc->use != USE_LENT) {
    if (pc->use == USE_CONNECTING) pool_alight(pc, v);
    return;
  }
  if (v == POOL_DESTROY)
    bad(pc, c->status == DSQL_CONN_FAILED ? DSQL_GONE_LOST : DSQL_GONE_DIRTY);
  else
    judge(pc);
  if (pc->slot.state != POOL_SLOT_IDLE)
    pool_run_later(p);
  else if (!p->timer.node.linked || p->timer.node.key > pc->slot.idle_since_ms + p->state.limits.idle_ms)
    pool_arm(p); /* nothing else may be due sooner than before */
}

void dsql_pool_release(dsql_pool *p, dsql_conn *c) {
  if (p && c && !rt_in_hook(p->rt)) pool_give_back(p, c, POOL_REUSE);
}

/* ---- the end ---- */

void pool_drop(struct pool_conn *pc) {
  struct dsql_pool *p = pc->pool;
  struct dsql_conn *c = pc->conn;

  pc->owner.watching = false;
  rt_unready(&pc->owner.task);
  if (c) c->owner = NULL;
  dsql_future_destroy(pc->work);
  dsql_future_destroy(pc->reset);
  dsql_conn_close(c);
  list_remove(&pc->node);
  mem_free(rt_alloc(p->rt), pc);
  pool_unref(p);
}

/* At the end of the runtime connections close themselves, with a code of its own. */
static void cut_off(struct pool_conn *pc) {
  struct fault f = {0};

  if (pc->pool->shut) return;
  fault_set(&f, DSQL_ECLOSED, "the pool was closed, and this connection was not released in time");
  conn_cut(pc->conn, &f);
}

void pool_force(struct dsql_pool *p) {
  struct list *n, *next;

  pool_connect_abort_all(p, true);
  for (n = p->others.next; n != &p->others; n = next) {
    struct pool_conn *pc = LIST_ENTRY(n, struct pool_conn, node);
    next = n->next;
    if (pc->use == USE_LENT)
      cut_off(pc);
    else if (pc->use == USE_DRAINING || pc->use == USE_ROLLING_BACK)
      pool_state_returned_bad(&p->state, &pc->slot, DSQL_GONE_CLOSED);
  }
}
