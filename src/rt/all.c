/* all.c - dsql_all(): one future for many. It listens through the children's own callbacks, and keeps the children
 * until it goes itself, so that its error can be the failed child's. */
#include <assert.h>

#include "rt/future.h"

struct all {
  struct dsql_future future;
  size_t n, pending;
  struct dsql_future **children; /* inline_children, or from the hook when there are more */
  struct dsql_future *inline_children[];
};

enum { INLINE_MAX = (RT_BLOCK_SIZE - sizeof(struct all)) / sizeof(struct dsql_future *) };

static const struct error error_in_use = {
    .pub = {.code = DSQL_EINVAL,
            .flags = DSQL_CLIENT_SIDE,
            .attempts = 1,
            .cause_index = -1,
            .message = {"dsql_all: a future has a callback registered or is given twice", 62}}};
static const struct error error_canceled = {.pub = {.code = DSQL_ECANCELED,
                                                    .flags = DSQL_CLIENT_SIDE,
                                                    .attempts = 1,
                                                    .cause_index = -1,
                                                    .message = {"canceled", 8}}};

static struct all *all_of(struct dsql_future *f) { return (struct all *)(void *)f; }

static void cancel_children(struct all *a) {
  for (size_t i = 0; i < a->n; i++) dsql_future_cancel(a->children[i]);
}

static void all_cancel(struct dsql_future *f) {
  /* Observed: the children end, and the first to fail ends this one. Otherwise there is nothing to wait for. */
  if (future_observed(f))
    cancel_children(all_of(f));
  else
    future_complete(f, &error_canceled);
}

static void all_free(struct dsql_future *f) {
  struct all *a = all_of(f);
  struct dsql_rt *rt = f->rt;

  for (size_t i = 0; i < a->n; i++) dsql_future_destroy(a->children[i]);
  if (a->children != a->inline_children) mem_free(rt_alloc(rt), a->children);
  rt_block_put(rt, a);
}

/* a may be gone afterwards when nobody observes it. */
static void child_failed(struct all *a, const struct error *error) {
  if (future_observed(&a->future)) cancel_children(a);
  future_complete(&a->future, error);
}

static void child_ready(struct dsql_future *child, void *arg) {
  struct all *a = arg;
  a->pending--;
  if (a->future.ready) return;
  if (child->error)
    child_failed(a, child->error);
  else if (a->pending == 0)
    future_complete(&a->future, NULL);
}

static struct all *new_all(struct dsql_rt *rt, size_t n) {
  struct all *a = rt_block_get(rt);
  if (!a) return NULL;
  a->n = 0;
  a->pending = n;
  a->children = a->inline_children;
  if (n <= INLINE_MAX) return a;
  a->children = n <= SIZE_MAX / sizeof *a->children ? mem_alloc(rt_alloc(rt), n * sizeof *a->children) : NULL;
  if (a->children) return a;
  rt_block_put(rt, a);
  return NULL;
}

static bool is_child(const struct all *a, const struct dsql_future *f) {
  return f->registered && f->cb == child_ready && f->arg == a;
}

/* Takes one child over; the error that the whole fails with at once, or NULL. */
static const struct error *adopt(struct all *a, struct dsql_future *child) {
  if (!child) return &error_nomem;
  if (is_child(a, child)) return &error_in_use; /* given twice: it is destroyed once */
  a->children[a->n++] = child;
  list_remove(&child->open); /* this future frees it now, not the end of the runtime */
  return dsql_future_on_ready(child, child_ready, a) ? &error_in_use : NULL;
}

dsql_future *dsql_all(dsql_rt *rt, dsql_future *const *fs, size_t n) {
  static const struct future_class class = {.cancel = all_cancel, .free = all_free};
  const struct error *failed = NULL;
  struct all *a;

  assert(rt && (fs || n == 0));
  a = new_all(rt, n);
  if (!a) {
    for (size_t i = 0; i < n; i++) dsql_future_destroy(fs[i]);
    return NULL;
  }
  future_init(&a->future, rt, &class);
  for (size_t i = 0; i < n; i++) {
    const struct error *e = adopt(a, fs[i]);
    if (e && !failed) failed = e;
  }
  if (failed)
    child_failed(a, failed);
  else if (n == 0)
    future_complete(&a->future, NULL);
  return &a->future;
}
