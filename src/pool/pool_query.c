/* One statement on a borrowed connection: a future around the connection's own.
 *
 *   state     event               next
 *   WAITING   granted             RUNNING: the call is made
 *             failed, canceled    the future fails
 *   RUNNING   its future is ready the connection is given back, the future completes with the same outcome
 *             it rode in vain     WAITING, in its old place: the connection it was to travel with did not come up */
#include <stddef.h>
#include <string.h>

#include "conn/copy.h"
#include "pool/pool_object.h"

enum borrow_kind { BORROW_QUERY, BORROW_STATEMENT, BORROW_SCRIPT, BORROW_COPY };

struct borrow {
  struct dsql_future future; /* first */
  struct pool_waiter waiter;
  struct dsql_pool *pool;
  dsql_conn *conn;
  dsql_future *inner;
  enum borrow_kind kind;
  const char *sql;
  dsql_stmt *stmt; /* referenced, but for the moment of the call */
  dsql_params params;
  dsql_row_fn each;
  void *each_arg;
  struct copy_how copy;
  dsql_call call;
  bool has_call;
  uint64_t deadline_ms; /* 0: none */
  struct arena arena;   /* what is copied, and errors of our own */
};

enum { BORROW_STORAGE = RT_BLOCK_SIZE - sizeof(struct borrow) };
_Static_assert(sizeof(struct borrow) % 8 == 0 && BORROW_STORAGE >= 512, "a small request fits the block");

static struct borrow *borrow_of(struct dsql_future *f) { return (struct borrow *)(void *)f; }

static void drop_stmt(struct borrow *b) {
  if (b->stmt) stmt_unref(b->stmt);
  b->stmt = NULL;
}

static void borrow_free(struct dsql_future *f) {
  struct borrow *b = borrow_of(f);
  struct dsql_pool *p = b->pool;
  struct dsql_rt *rt = f->rt;

  dsql_future_destroy(b->inner);
  drop_stmt(b);
  if (b->arena.chunks) arena_deinit(&b->arena);
  rt_block_put(rt, b);
  pool_unref(p);
}

static void fail(struct borrow *b, struct error *e) {
  drop_stmt(b);
  future_complete(&b->future, e ? e : &error_nomem);
}

static void borrow_cancel(struct dsql_future *f) {
  struct borrow *b = borrow_of(f);
  struct error *e;

  if (b->inner) {
    dsql_future_cancel(b->inner);
    return;
  }
  pool_withdraw(b->pool, &b->waiter);
  e = error_printf(&b->arena, DSQL_ECANCELED, "canceled by the caller");
  if (e) e->pub.flags |= DSQL_NOT_SENT;
  fail(b, e);
}

static int borrow_result(struct dsql_future *f, const dsql_result **out) {
  return dsql_future_result(borrow_of(f)->inner, out);
}

static void borrow_resume(struct dsql_future *f) { dsql_resume(borrow_of(f)->inner); }

static const struct future_class borrow_class = {borrow_cancel, borrow_free, borrow_result, borrow_resume};

static void wait_again(struct borrow *b) {
  dsql_conn *c = b->conn;

  dsql_future_destroy(b->inner);
  b->inner = NULL;
  b->conn = NULL;
  pool_ask_again(b->pool, &b->waiter, c);
}

static void on_inner(dsql_future *f, void *arg) {
  struct borrow *b = arg;

  if (!b->future.canceled && pool_rode_in_vain(b->conn, f->error)) {
    wait_again(b);
    return;
  }
  drop_stmt(b);
  pool_give_back(b->pool, b->conn, POOL_REUSE);
  b->conn = NULL;
  future_complete(&b->future, f->error);
}

/* What is left of the time for the call itself. */
static const dsql_call *call_now(struct borrow *b, dsql_call *call) {
  uint64_t now = rt_now_ms(b->pool->rt);

  if (!b->has_call && !b->deadline_ms) return NULL;
  dsql_call_init(call);
  if (b->has_call) memcpy(call, &b->call, sizeof *call);
  if (b->deadline_ms) call->timeout_ms = b->deadline_ms > now ? (uint32_t)(b->deadline_ms - now) : 1;
  return call;
}

static dsql_future *call_it(struct borrow *b) {
  dsql_call storage;
  const dsql_call *o = call_now(b, &storage);

  switch (b->kind) {
    case BORROW_STATEMENT: return dsql_query_stmt(b->conn, b->stmt, b->params, o);
    case BORROW_SCRIPT: return dsql_exec(b->conn, b->sql, o);
    case BORROW_COPY: b->copy.sql = b->sql; return copy_start(b->conn, &b->copy, o);
    case BORROW_QUERY: break;
  }
  return b->each ? dsql_query_each(b->conn, b->sql, b->params, b->each, b->each_arg, o)
                 : dsql_query(b->conn, b->sql, b->params, o);
}

static void run_on(struct borrow *b, dsql_conn *c) {
  b->conn = c;
  b->inner = call_it(b);
  if (b->inner) list_remove(&b->inner->open); /* we free it, not the end of the runtime */
  if (dsql_future_on_ready(b->inner, on_inner, b) == 0) return;
  drop_stmt(b);
  pool_give_back(b->pool, c, POOL_REUSE);
  future_complete(&b->future, &error_nomem);
}

static void on_granted(struct pool_waiter *w, dsql_conn *c) { run_on(LIST_ENTRY(w, struct borrow, waiter), c); }

static void on_failed(struct pool_waiter *w, const struct error *e) {
  struct borrow *b = LIST_ENTRY(w, struct borrow, waiter);
  fail(b, error_clone(&b->arena, e));
}

/* ---- what has to outlive the call, when it has to wait ---- */

static bool copy_params(struct borrow *b, dsql_params from) {
  dsql_param *v = arena_alloc(&b->arena, from.n * sizeof *v);

  if (!v) return false;
  if (from.n) memcpy(v, from.v, from.n * sizeof *v);
  for (size_t i = 0; i < from.n; i++) {
    if (!v[i].data || v[i].len < 0) continue;
    v[i].data = arena_strndup(&b->arena, v[i].data, (size_t)v[i].len);
    if (!v[i].data) return false;
  }
  b->params.v = v;
  return true;
}

static bool copy_inputs(struct borrow *b) {
  if (b->stmt) b->stmt->refs++;
  if (b->sql) {
    b->sql = arena_strndup(&b->arena, b->sql, strlen(b->sql));
    if (!b->sql) return false;
  }
  return !b->params.n || !b->params.v || copy_params(b, b->params);
}

static void wait_for_one(struct borrow *b) {
  struct dsql_pool *p = b->pool;
  uint64_t deadline_ms = p->acquire_timeout_ms ? rt_after_ms(p->rt, p->acquire_timeout_ms) : 0;

  if (!copy_inputs(b)) {
    fail(b, NULL);
    return;
  }
  if (b->deadline_ms && (!deadline_ms || b->deadline_ms < deadline_ms)) deadline_ms = b->deadline_ms;
  pool_ask(p, &b->waiter, deadline_ms ? deadline_ms : POOL_NEVER);
}

static void set_call(struct borrow *b, const dsql_call *o) {
  uint32_t timeout_ms = b->pool->target->target->query_timeout_ms;

  dsql_call_init(&b->call);
  b->has_call = o != NULL;
  if (o && o->size >= offsetof(dsql_call, text_results) + sizeof o->text_results) {
    memcpy(&b->call, o, o->size < sizeof b->call ? o->size : sizeof b->call);
    b->call.size = sizeof b->call;
    if (o->timeout_ms) timeout_ms = o->timeout_ms;
  } else if (o) {
    b->call.size = o->size; /* refused by the call */
  }
  b->deadline_ms = timeout_ms ? rt_after_ms(b->pool->rt, timeout_ms) : 0;
}

static struct borrow *borrow_new(dsql_pool *p, enum borrow_kind kind, const dsql_call *o) {
  struct borrow *b = p ? rt_block_get(p->rt) : NULL;

  if (!b) return NULL;
  memset(&b->waiter, 0, sizeof *b - offsetof(struct borrow, waiter));
  future_init(&b->future, p->rt, &borrow_class);
  b->waiter = (struct pool_waiter){.rides = true, .granted = on_granted, .failed = on_failed};
  b->pool = p;
  b->kind = kind;
  arena_init_on(&b->arena, rt_chunks(p->rt), b + 1, BORROW_STORAGE);
  pool_ref(p);
  set_call(b, o);
  return b;
}

/* What it refers to was not copied. */
__attribute__((noinline, cold)) static dsql_future *refuse(struct borrow *b) {
  struct fault f = {0};
  struct error *e = error_printf(&b->arena, observe_refuse(&f), "%s", f.text);

  if (e) e->pub.flags |= DSQL_NOT_SENT;
  b->stmt = NULL;
  fail(b, e);
  return &b->future;
}

static dsql_future *go(struct borrow *b) {
  dsql_conn *c;

  if (rt_in_hook(b->pool->rt)) return refuse(b);
  c = pool_take(b->pool);
  if (!c) {
    wait_for_one(b);
    return &b->future;
  }
  if (b->stmt) b->stmt->refs++;
  run_on(b, c);
  return &b->future;
}

dsql_future *dsql_pool_query_each(dsql_pool *p, const char *sql, dsql_params v, dsql_row_fn fn, void *arg,
                                  const dsql_call *o) {
  struct borrow *b = borrow_new(p, BORROW_QUERY, o);

  if (!b) return NULL;
  b->sql = sql;
  b->params = v;
  b->each = fn;
  b->each_arg = arg;
  return go(b);
}

dsql_future *dsql_pool_query(dsql_pool *p, const char *sql, dsql_params v, const dsql_call *o) {
  return dsql_pool_query_each(p, sql, v, NULL, NULL, o);
}

dsql_future *dsql_pool_query_stmt(dsql_pool *p, dsql_stmt *s, dsql_params v, const dsql_call *o) {
  struct borrow *b = borrow_new(p, BORROW_STATEMENT, o);

  if (!b) return NULL;
  b->stmt = s;
  b->params = v;
  return go(b);
}

dsql_future *dsql_pool_exec(dsql_pool *p, const char *script, const dsql_call *o) {
  struct borrow *b = borrow_new(p, BORROW_SCRIPT, o);

  if (!b) return NULL;
  b->sql = script;
  return go(b);
}

static dsql_future *borrow_copy(dsql_pool *p, const char *sql, const struct copy_how *how, const dsql_call *o) {
  struct borrow *b = borrow_new(p, BORROW_COPY, o);

  if (!b) return NULL;
  b->sql = sql;
  b->copy = *how;
  return go(b);
}

dsql_future *dsql_pool_copy_in(dsql_pool *p, const char *sql, dsql_copy_source source, void *arg, const dsql_call *o) {
  struct copy_how how = {.name = "dsql_pool_copy_in()", .plan = COPY_PLAN_IN, .source = source, .arg = arg};
  return borrow_copy(p, sql, &how, o);
}

dsql_future *dsql_pool_copy_in_bytes(dsql_pool *p, const char *sql, const void *data, size_t n, const dsql_call *o) {
  struct copy_how how = {
      .name = "dsql_pool_copy_in_bytes()", .plan = COPY_PLAN_IN, .data = data || n ? data : "", .data_len = n};
  return borrow_copy(p, sql, &how, o);
}

dsql_future *dsql_pool_copy_out(dsql_pool *p, const char *sql, dsql_copy_sink sink, void *arg, const dsql_call *o) {
  struct copy_how how = {.name = "dsql_pool_copy_out()", .plan = COPY_PLAN_OUT, .sink = sink, .arg = arg};
  return borrow_copy(p, sql, &how, o);
}
