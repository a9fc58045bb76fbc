#include "standin.h"
#include "conn/calls.h"

#include <stdlib.h>

#include "conn/calls.h"
#include "conn/conn.h"

enum { STANDIN_MAX = 128 };

struct dsql_pool {
  struct dsql_rt *rt;
  struct dsql_target *target;
  dsql_tx_options options;
  bool has_options, closed;
  unsigned refs, conns_max, waiting, idle, returning;
  struct pool_waiter *waiters[STANDIN_MAX];
  dsql_conn *conns[STANDIN_MAX];
  dsql_conn *body;
  struct rt_task task;
};

/* Of the newest one, also when it is gone. */
static struct standin_counts counts;
static struct pool_tx_counts tx_counts;

struct cleaning {
  struct dsql_pool *pool;
  dsql_conn *conn;
};

static dsql_conn *get(struct dsql_pool *p) {
  dsql_conn *c = NULL;
  while (p->idle) {
    c = p->conns[--p->idle];
    if (dsql_conn_status(c) != DSQL_CONN_FAILED) return c;
    dsql_conn_close(c);
  }
  return dsql_conn_open(&c, p->rt, p->target) ? NULL : c;
}

static struct pool_waiter *next_waiter(struct dsql_pool *p) {
  struct pool_waiter *w = p->waiters[0];
  p->waiting--;
  memmove(p->waiters, p->waiters + 1, p->waiting * sizeof *p->waiters);
  return w;
}

static void refuse(struct dsql_pool *p, struct pool_waiter *w) {
  struct arena a;
  struct fault f = {0};
  arena_init(&a, rt_chunks(p->rt));
  f.flags = DSQL_NOT_SENT;
  fault_set(&f, DSQL_ECLOSED, "the pool is closed");
  w->failed(w, error_from_fault(&a, &f));
  arena_deinit(&a);
}

static void on_task(struct rt_task *t) {
  struct dsql_pool *p = LIST_ENTRY(t, struct dsql_pool, task);
  p->refs++;
  while (p->waiting && p->closed) refuse(p, next_waiter(p));
  while (p->waiting && counts.lent + p->returning < p->conns_max) {
    struct pool_waiter *w = next_waiter(p);
    dsql_conn *c = get(p);
    if (!c) {
      refuse(p, w);
      continue;
    }
    counts.lent++;
    w->granted(w, c);
  }
  pool_unref(p);
}

struct dsql_pool *standin_new(struct dsql_rt *rt, struct dsql_target *t, unsigned conns_max, const dsql_tx_options *o) {
  struct dsql_pool *p = calloc(1, sizeof *p);
  if (!p) abort();
  p->rt = rt;
  p->target = target_object_ref(t);
  counts = (struct standin_counts){0};
  tx_counts = (struct pool_tx_counts){0};
  p->refs = 1;
  p->conns_max = conns_max;
  p->has_options = o != NULL;
  if (o) p->options = *o;
  p->task.run = on_task;
  list_init(&p->task.node);
  return p;
}

void standin_close(struct dsql_pool *p) {
  p->closed = true;
  while (p->idle) dsql_conn_close(p->conns[--p->idle]);
  if (p->waiting) rt_ready(p->rt, &p->task);
  pool_unref(p);
}

struct standin_counts standin_counts(void) {
  return counts;
}

void pool_ask(struct dsql_pool *p, struct pool_waiter *w, uint64_t deadline_ms) {
  (void)deadline_ms;
  if (p->waiting == STANDIN_MAX) abort();
  counts.asked++;
  p->waiters[p->waiting++] = w;
  rt_ready(p->rt, &p->task);
}

void pool_withdraw(struct dsql_pool *p, struct pool_waiter *w) {
  for (unsigned i = 0; i < p->waiting; i++) {
    if (p->waiters[i] != w) continue;
    p->waiting--;
    memmove(p->waiters + i, p->waiters + i + 1, (p->waiting - i) * sizeof *p->waiters);
    counts.withdrawn++;
    return;
  }
}

static void keep(struct dsql_pool *p, dsql_conn *c) {
  if (p->closed || dsql_conn_status(c) == DSQL_CONN_FAILED)
    dsql_conn_close(c);
  else
    p->conns[p->idle++] = c;
  if (p->waiting) rt_ready(p->rt, &p->task);
}

static void on_clean(dsql_future *f, void *arg) {
  struct cleaning *k = arg;
  struct dsql_pool *p = k->pool;
  p->returning--;
  keep(p, k->conn);
  dsql_future_destroy(f);
  free(k);
  pool_unref(p);
}

static void clean(struct dsql_pool *p, dsql_conn *c) {
  dsql_future *f = calls_command(c, "ROLLBACK", NULL);
  struct cleaning *k = malloc(sizeof *k);
  if (!k) abort();
  *k = (struct cleaning){p, c};
  if (dsql_future_on_ready(f, on_clean, k)) {
    free(k);
    dsql_conn_close(c);
    return;
  }
  p->returning++;
  pool_ref(p);
}

void pool_give_back(struct dsql_pool *p, dsql_conn *c, enum pool_verdict v) {
  counts.lent--;
  if (v == POOL_REUSE)
    counts.reused++;
  else
    counts.destroyed++;
  if (v == POOL_DESTROY) {
    dsql_conn_close(c);
    if (p->waiting) rt_ready(p->rt, &p->task);
  } else if (c->queue.ops == 0 && (c->status == DSQL_CONN_CONNECTING || dsql_conn_tx_status(c) == DSQL_TX_IDLE)) {
    keep(p, c);
  } else {
    clean(p, c);
  }
}

/* What it lends before it is up fails like any other: the real pool's way is tested with the real pool. */
bool pool_rode_in_vain(const dsql_conn *c, const struct error *e) {
  (void)c;
  (void)e;
  return false;
}

void pool_ask_again(struct dsql_pool *p, struct pool_waiter *w, dsql_conn *c) {
  pool_give_back(p, c, POOL_REUSE);
  pool_ask(p, w, 0);
}

dsql_conn *pool_body(struct dsql_pool *p, dsql_conn *held) {
  dsql_conn *outer = p->body;
  p->body = held;
  return outer;
}

struct pool_tx_counts *pool_tx_counts(struct dsql_pool *p) {
  (void)p;
  return &tx_counts;
}

const struct dsql_tx_options *pool_tx_defaults(const struct dsql_pool *p) {
  return p->has_options ? &p->options : NULL;
}
struct dsql_rt *pool_rt(const struct dsql_pool *p) {
  return p->rt;
}
struct dsql_target *pool_target(const struct dsql_pool *p) {
  return p->target;
}
bool pool_open(const struct dsql_pool *p) { return !p->closed && !rt_closing(p->rt); }
void pool_ref(struct dsql_pool *p) { p->refs++; }

void pool_unref(struct dsql_pool *p) {
  if (--p->refs) return;
  rt_unready(&p->task);
  dsql_target_free(p->target);
  free(p);
}

struct pool_tx_counts standin_tx_counts(void) {
  return tx_counts;
}
