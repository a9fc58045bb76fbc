/* Opening connections, and what it means when that fails. */
#include <string.h>

#include "pool/pool_object.h"

static bool has(dsql_str s, const char *part) {
  size_t n = strlen(part);
  for (size_t i = 0; i + n <= s.len; i++)
    if (memcmp(s.ptr + i, part, n) == 0) return true;
  return false;
}

/* 53300 too_many_connections; 53400 is DSQL's connection rate; 57P03 cannot_connect_now. A cluster that slept says that it
 * is waking up. 57P01, 57P02: the server is going down; class 08: the connection, as seen by a pooler. */
static enum pool_connect_failure classify(const dsql_error *e) {
  static const char *const busy[] = {"53300", "53400", "57P03"}, *const link[] = {"57P01", "57P02"};

  for (size_t i = 0; i < sizeof busy / sizeof *busy; i++)
    if (strcmp(e->sqlstate, busy[i]) == 0) return POOL_CONNECT_BUSY;
  for (size_t i = 0; i < sizeof link / sizeof *link; i++)
    if (strcmp(e->sqlstate, link[i]) == 0) return POOL_CONNECT_LINK;
  if (*e->sqlstate && has(e->message, "waking up")) return POOL_CONNECT_BUSY;
  if (strncmp(e->sqlstate, "08", 2) == 0 && strcmp(e->sqlstate, "08P01") != 0) return POOL_CONNECT_LINK;
  if (e->code == DSQL_EIO || e->code == DSQL_ETIMEDOUT || e->code == DSQL_ENOMEM) return POOL_CONNECT_LINK;
  return POOL_CONNECT_REFUSED;
}

static void keep_cause(struct dsql_pool *p, const struct error *e) {
  struct error *copy;

  arena_deinit(&p->cause_arena);
  copy = error_clone(&p->cause_arena, e);
  if (copy) copy->pub.flags |= DSQL_NOT_SENT;
  p->cause = copy ? copy : &error_nomem;
}

static void failed(struct dsql_pool *p, const struct error *e) {
  keep_cause(p, e);
  pool_state_connect_failed(&p->state, classify(&e->pub), rt_now_ms(p->rt));
}

static void failed_with(struct dsql_pool *p, const struct fault *f) {
  struct arena arena;

  arena_init(&arena, rt_chunks(p->rt));
  failed(p, error_from_fault(&arena, f));
  arena_deinit(&arena);
}

static void stop_connecting(struct pool_conn *pc) {
  rt_timer_stop(pc->pool->rt, &pc->connect_timer);
  dsql_future_destroy(pc->work);
  pc->work = NULL;
  list_remove(&pc->node);
}

static void on_ready(dsql_future *f, void *arg) {
  struct pool_conn *pc = arg;
  struct dsql_pool *p = pc->pool;
  const dsql_error *e = dsql_future_error(f);

  if (e) {
    failed(p, (const struct error *)(const void *)e);
    stop_connecting(pc);
    pool_drop(pc);
  } else {
    stop_connecting(pc);
    list_push_back(&p->others, &pc->node);
    pool_histogram_add(&p->connect_time, rt_clock_us() - pc->opened_us);
    pool_set_idle(pc);
    pool_state_connected(&p->state, &pc->slot, pc->generation, rt_now_ms(p->rt));
  }
  pool_run(p);
}

static void on_limit(struct rt_timer *t) {
  struct pool_conn *pc = LIST_ENTRY(t, struct pool_conn, connect_timer);
  struct dsql_pool *p = pc->pool;
  struct fault f = {0};

  fault_set(&f, DSQL_ETIMEDOUT, "connecting took longer than %u ms (the target has no connect timeout)",
            (unsigned)p->connect_limit_ms);
  failed_with(p, &f);
  stop_connecting(pc);
  pool_drop(pc);
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
    failed(p, &error_nomem);
    return;
  }
  pc->pool = p;
  pc->use = USE_CONNECTING;
  pc->generation = generation;
  list_init(&pc->owner.task.node);
  list_push_back(&p->connecting, &pc->node);
  pool_ref(p);
  if (start(pc, &f) == 0) return;
  failed_with(p, &f);
  stop_connecting(pc);
  pool_drop(pc);
}

void pool_connect_abort_all(struct dsql_pool *p) {
  struct list *node;

  while ((node = list_first(&p->connecting)) != NULL) {
    struct pool_conn *pc = LIST_ENTRY(node, struct pool_conn, node);
    stop_connecting(pc);
    pool_drop(pc);
    pool_state_connect_failed(&p->state, POOL_CONNECT_ABORTED, rt_now_ms(p->rt));
  }
}
