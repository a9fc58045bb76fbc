/* Opening connections, and what it means when that fails. */
#include "conn/failure.h"
#include "pool/pool_object.h"

static enum pool_connect_failure classify(const dsql_error *e) {
  switch (conn_failure_of(e)) {
    case CONN_FAILURE_BUSY: return POOL_CONNECT_BUSY;
    case CONN_FAILURE_LINK: return POOL_CONNECT_LINK;
    case CONN_FAILURE_REFUSED: break;
  }
  return POOL_CONNECT_REFUSED;
}

static void keep_cause(struct dsql_pool *p, const struct error *e) {
  struct error *copy;

  arena_deinit(&p->cause_arena);
  copy = error_clone(&p->cause_arena, e);
  if (copy) copy->pub.flags |= DSQL_NOT_SENT;
  p->cause = copy ? copy : &error_nomem;
}

static void stop_connecting(struct pool_conn *pc) {
  rt_timer_stop(pc->pool->rt, &pc->connect_timer);
  rt_unready(&pc->owner.task);
  pc->owner.watching = false;
  dsql_future_destroy(pc->work);
  pc->work = NULL;
  list_remove(&pc->node);
}

/* It is not connecting any more. Whoever rode with it lets it go by himself. */
static void gone(struct pool_conn *pc, enum pool_connect_failure why) {
  struct dsql_pool *p = pc->pool;

  stop_connecting(pc);
  pool_state_connect_failed(&p->state, &pc->slot, why, rt_now_ms(p->rt));
  if (pc->slot.state == POOL_SLOT_STRANDED) {
    pc->use = USE_LENT;
    list_push_back(&p->others, &pc->node);
  } else {
    pool_drop(pc);
  }
}

static void failed(struct pool_conn *pc, const struct error *e) {
  struct dsql_pool *p = pc->pool;

  keep_cause(p, e);
  gone(pc, p->state.closing ? POOL_CONNECT_ABORTED : classify(&e->pub));
}

static void failed_with(struct pool_conn *pc, const struct fault *f) {
  struct arena arena;
  struct dsql_rt *rt = pc->pool->rt;

  arena_init(&arena, rt_chunks(rt));
  failed(pc, error_from_fault(&arena, f));
  arena_deinit(&arena);
}

/* ---- riders ---- */

/* Between the end of a riding call and the news that the connect has failed the rider may have let go already. */
static void look_for_riders(struct pool_conn *pc) {
  if (pc->slot.state != POOL_SLOT_RIDDEN)
    pool_state_takes_riders(&pc->pool->state, &pc->slot, conn_takes_riders(pc->conn));
}

static void on_may_ride(struct rt_task *t) {
  struct pool_conn *pc = LIST_ENTRY(t, struct pool_conn, owner.task);

  look_for_riders(pc);
  pool_run(pc->pool);
}

dsql_conn *pool_ride(struct pool_conn *pc, uint64_t waited_us) {
  pc->used = pc->early = true;
  pc->waited_us = waited_us;
  return pc->conn;
}

static void count_ride(struct pool_conn *pc) {
  if (pc->early) histogram_add(&pc->pool->acquire_time, pc->waited_us);
  pc->early = false;
}

void pool_alight(struct pool_conn *pc, enum pool_verdict v) {
  struct dsql_pool *p = pc->pool;

  count_ride(pc);
  pool_state_alighted(&p->state, &pc->slot);
  if (v == POOL_DESTROY && pc->conn->status == DSQL_CONN_CONNECTING)
    gone(pc, POOL_CONNECT_ABORTED);
  else
    look_for_riders(pc);
  pool_run_later(p);
}

static void came_up(struct pool_conn *pc) {
  struct dsql_pool *p = pc->pool;
  enum pool_slot_state before = pc->slot.state;

  stop_connecting(pc);
  list_push_back(&p->others, &pc->node);
  histogram_add(&p->connect_time, rt_clock_us() - pc->opened_us);
  count_ride(pc);
  if (before == POOL_SLOT_RIDDEN)
    pc->use = USE_LENT;
  else
    pool_set_idle(pc);
  pool_state_connected(&p->state, &pc->slot, rt_now_ms(p->rt));
  if (before == POOL_SLOT_ALIGHTED) pool_clean(pc);
}

static void on_ready(dsql_future *f, void *arg) {
  struct pool_conn *pc = arg;
  struct dsql_pool *p = pc->pool;
  const dsql_error *e = dsql_future_error(f);

  if (e)
    failed(pc, (const struct error *)(const void *)e);
  else
    came_up(pc);
  pool_run(p);
}

static void on_limit(struct rt_timer *t) {
  struct pool_conn *pc = LIST_ENTRY(t, struct pool_conn, connect_timer);
  struct dsql_pool *p = pc->pool;
  struct fault f = {0};

  fault_set(&f, DSQL_ETIMEDOUT, "connecting took longer than %u ms (the target has no connect timeout)",
            (unsigned)p->connect_limit_ms);
  if (pc->slot.state == POOL_SLOT_RIDDEN)
    conn_cut(pc->conn, &f); /* on_ready() follows */
  else
    failed_with(pc, &f);
  pool_run(p);
}

/* The target, unless the hook knows better. */
static int choose_target(struct dsql_pool *p, const dsql_target **t, struct fault *f) {
  int rc;

  *t = p->target;
  if (!p->before_connect) return 0;
  rc = p->before_connect(p, t, p->before_connect_arg);
  if (rc) return fault_set(f, DSQL_EABORT, "before_connect refused to connect, with %d", rc);
  if (!*t || (*t)->rt != p->rt) return fault_set(f, DSQL_EINVAL, "before_connect chose a target of another runtime");
  return 0;
}

static int start(struct pool_conn *pc, struct fault *f) {
  struct dsql_pool *p = pc->pool;
  const dsql_target *t;
  struct dsql_target *counted;

  if (choose_target(p, &t, f)) return f->code;
  counted = (struct dsql_target *)(uintptr_t)t;
  pc->opened_us = rt_clock_us();
  if (conn_open(&pc->conn, p->rt, counted, counted->password_source))
    return fault_set(f, rt_closing(p->rt) ? DSQL_ECLOSED : DSQL_ENOMEM, "the connection could not be started");
  pc->conn->owner = &pc->owner;
  pc->owner.task.run = on_may_ride;
  pc->owner.watching = true;
  pc->work = dsql_conn_ready(pc->conn);
  if (dsql_future_on_ready(pc->work, on_ready, pc)) return fault_set(f, DSQL_ENOMEM, "out of memory");
  if (!p->connect_limit_ms) return 0;
  pc->connect_timer.fire = on_limit;
  pc->connect_timer.background = true; /* the connection keeps the loop */
  rt_timer_start(p->rt, &pc->connect_timer, rt_now_ms(p->rt) + p->connect_limit_ms);
  return 0;
}

void pool_connect(struct dsql_pool *p, uint64_t generation) {
  struct pool_conn *pc = mem_zalloc(rt_alloc(p->rt), sizeof *pc);
  struct fault f = {0};

  if (!pc) {
    struct pool_slot none;
    pool_slot_init(&none, generation);
    keep_cause(p, &error_nomem);
    pool_state_connect_failed(&p->state, &none, POOL_CONNECT_LINK, rt_now_ms(p->rt));
    return;
  }
  pc->pool = p;
  pc->use = USE_CONNECTING;
  pool_slot_init(&pc->slot, generation);
  list_init(&pc->owner.task.node);
  list_push_back(&p->connecting, &pc->node);
  pool_ref(p);
  if (start(pc, &f)) failed_with(pc, &f);
}

/* At the end of the runtime connections close themselves, with a code of their own. */
static void cut_off_rider(struct pool_conn *pc) {
  struct fault f = {0};

  if (pc->pool->shut) {
    gone(pc, POOL_CONNECT_ABORTED);
    return;
  }
  fault_set(&f, DSQL_ECLOSED, "the pool was closed before this connection was up");
  conn_cut(pc->conn, &f); /* on_ready() follows */
}

void pool_connect_abort_all(struct dsql_pool *p, bool forced) {
  struct list *n, *next;

  for (n = p->connecting.next; n != &p->connecting; n = next) {
    struct pool_conn *pc = LIST_ENTRY(n, struct pool_conn, node);
    next = n->next;
    if (pc->slot.state != POOL_SLOT_RIDDEN)
      gone(pc, POOL_CONNECT_ABORTED);
    else if (forced)
      cut_off_rider(pc);
  }
}
