#include "net/http_roots.h"

#include <assert.h>

#include "tls/trust_store.h"

struct http_roots {
  struct rt_work work;
  struct dsql_rt *rt;
  unsigned refs; /* of the cache, of uses, of the work */
  bool loading;  /* store and fault belong to the worker */
  struct trust_store *store;
  struct fault fault;
  struct list waiting; /* http_roots_use */
};

static void unref(struct http_roots *r) {
  if (!r || --r->refs) return;
  assert(!r->loading && list_empty(&r->waiting));
  trust_store_free(r->store);
  mem_free(rt_alloc(r->rt), r);
}

static void run_load(struct rt_work *w) {
  struct http_roots *r = LIST_ENTRY(w, struct http_roots, work);
  if (trust_store_load(r->store, &r->fault) == DSQL_EINVAL) r->fault.code = DSQL_ETLS; /* no mistake of the request */
}

static void on_loaded(struct rt_work *w) {
  struct http_roots *r = LIST_ENTRY(w, struct http_roots, work);
  struct list *node;

  r->loading = false;
  while ((node = list_pop_front(&r->waiting)) != NULL) {
    struct http_roots_use *use = LIST_ENTRY(node, struct http_roots_use, node);
    rt_timer_stop(r->rt, &use->timer);
    use->loaded(use, &r->fault);
  }
  unref(r);
}

static void on_deadline(struct rt_timer *t) {
  struct http_roots_use *use = LIST_ENTRY(t, struct http_roots_use, timer);
  http_roots_end(use);
  use->loaded(use, &(struct fault){.code = DSQL_ETIMEDOUT});
}

static void wait_for(struct http_roots *r, struct http_roots_use *use) {
  list_push_back(&r->waiting, &use->node);
  use->timer.fire = on_deadline;
  rt_timer_start(r->rt, &use->timer, use->deadline_ms);
}

/* With the reference of the work only. */
static int start_load(struct http_roots **out, struct dsql_rt *rt, const char *ca_file) {
  const dsql_alloc *a = rt_alloc(rt);
  struct http_roots *r = mem_zalloc(a, sizeof *r);
  int code;

  if (!r) return DSQL_ENOMEM;
  *r = (struct http_roots){.rt = rt, .refs = 1, .loading = true, .work = {.run = run_load, .done = on_loaded}};
  list_init(&r->waiting);
  r->store = trust_store_new(a, ca_file);
  code = r->store ? rt_work_start(rt, &r->work) : DSQL_ENOMEM;
  if (code) {
    trust_store_free(r->store);
    mem_free(a, r);
    return code;
  }
  *out = r;
  return 0;
}

/* Of this file, else the one to be replaced. */
static struct http_roots **slot_of(struct http_roots_cache *cache, const char *ca_file) {
  for (size_t i = 0; i < HTTP_ROOTS_KEPT; i++)
    if (cache->kept[i] && trust_store_is_of(cache->kept[i]->store, ca_file)) return &cache->kept[i];
  return &cache->kept[cache->next++ % HTTP_ROOTS_KEPT];
}

/* After a failure the next request tries again. */
static bool usable(const struct http_roots *r, const char *ca_file) {
  if (!r || !trust_store_is_of(r->store, ca_file)) return false;
  return r->loading || (!r->fault.code && !trust_store_changed(r->store));
}

int http_roots_begin(struct http_roots_use *use, struct http_roots_cache *cache, struct dsql_rt *rt,
                     const char *ca_file) {
  struct http_roots **slot = slot_of(cache, ca_file), *r = *slot;

  assert(!use->roots && use->loaded);
  if (!usable(r, ca_file)) {
    int code = start_load(&r, rt, ca_file);
    if (code) return code;
    unref(*slot);
    *slot = r;
    r->refs++;
  }
  r->refs++;
  use->roots = r;
  list_init(&use->node);
  if (r->loading) wait_for(r, use);
  return 0;
}

bool http_roots_ready(const struct http_roots_use *use) { return !use->roots->loading; }

void http_roots_install(const struct http_roots_use *use, void *ssl_ctx) {
  assert(http_roots_ready(use));
  trust_store_install(use->roots->store, ssl_ctx);
}

void http_roots_end(struct http_roots_use *use) {
  if (!use->roots) return;
  list_remove(&use->node);
  rt_timer_stop(use->roots->rt, &use->timer);
  unref(use->roots);
  use->roots = NULL;
}

void http_roots_clear(struct http_roots_cache *cache) {
  for (size_t i = 0; i < HTTP_ROOTS_KEPT; i++) {
    unref(cache->kept[i]);
    cache->kept[i] = NULL;
  }
}
