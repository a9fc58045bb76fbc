/* dsql_pool_acquire(): a future with a connection in it. */
#include "pool/pool_object.h"

struct acquire {
  struct dsql_future future; /* first */
  struct pool_waiter waiter;
  struct dsql_pool *pool;
  dsql_conn *conn; /* ready and not taken */
  struct arena arena;
};

_Static_assert(sizeof(struct acquire) <= RT_BLOCK_SIZE, "it is made from a block");

static struct acquire *acquire_of(struct dsql_future *f) { return (struct acquire *)(void *)f; }

static void acquire_free(struct dsql_future *f) {
  struct acquire *a = acquire_of(f);
  struct dsql_pool *p = a->pool;
  struct dsql_rt *rt = f->rt;

  if (a->conn) {
    pool_conn_get(a->conn)->untaken = NULL;
    pool_give_back(p, a->conn, POOL_REUSE);
  }
  if (a->arena.chunks) arena_deinit(&a->arena);
  rt_block_put(rt, a);
  pool_unref(p);
}

static void acquire_cancel(struct dsql_future *f) {
  struct acquire *a = acquire_of(f);
  struct error *e = error_printf(&a->arena, DSQL_ECANCELED, "canceled by the caller");

  pool_withdraw(a->pool, &a->waiter);
  if (e) e->pub.flags |= DSQL_NOT_SENT;
  future_complete(f, e ? e : &error_nomem);
}

static const struct future_class acquire_class = {.cancel = acquire_cancel, .free = acquire_free};

static void hold(struct acquire *a, dsql_conn *c) {
  a->conn = c;
  pool_conn_get(c)->untaken = a;
  future_complete(&a->future, NULL);
}

static void on_granted(struct pool_waiter *w, dsql_conn *c) { hold(LIST_ENTRY(w, struct acquire, waiter), c); }

static void on_failed(struct pool_waiter *w, const struct error *e) {
  struct acquire *a = LIST_ENTRY(w, struct acquire, waiter);
  struct error *copy = error_clone(&a->arena, e);
  future_complete(&a->future, copy ? copy : &error_nomem);
}

__attribute__((noinline, cold)) static dsql_future *refuse(dsql_pool *p) {
  struct fault f = {0};
  (void)observe_refuse(&f);
  return future_failed(p->rt, &f);
}

dsql_future *dsql_pool_acquire(dsql_pool *p) {
  struct acquire *a;
  dsql_conn *c;

  if (!p) return NULL;
  if (rt_in_hook(p->rt)) return refuse(p);
  a = rt_block_get(p->rt);
  if (!a) return NULL;
  future_init(&a->future, p->rt, &acquire_class);
  a->pool = p;
  a->conn = NULL;
  arena_init(&a->arena, rt_chunks(p->rt));
  pool_ref(p);
  c = pool_take(p);
  if (c) {
    hold(a, c);
  } else {
    a->waiter = (struct pool_waiter){.granted = on_granted, .failed = on_failed};
    pool_ask(p, &a->waiter, 0);
  }
  return &a->future;
}

int dsql_future_take_conn(dsql_future *f, dsql_conn **out) {
  int code = dsql_future_code(f);
  struct acquire *a;

  if (!out) return DSQL_EINVAL;
  *out = NULL;
  if (code) return code;
  if (f->class != &acquire_class) return DSQL_ETYPE;
  a = acquire_of(f);
  if (!a->conn) return a->pool->shut ? DSQL_ECANCELED : DSQL_EINVAL;
  *out = a->conn;
  a->conn = NULL;
  pool_conn_get(*out)->untaken = NULL;
  return 0;
}

void pool_acquires_shut(struct dsql_pool *p) {
  for (struct list *n = p->others.next; n != &p->others; n = n->next) {
    struct pool_conn *pc = LIST_ENTRY(n, struct pool_conn, node);
    if (!pc->untaken) continue;
    pc->untaken->conn = NULL;
    pc->untaken = NULL;
    pool_give_back(p, pc->conn, POOL_DESTROY); /* closed when the actions are carried out */
  }
}
