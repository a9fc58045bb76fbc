/* dsql_types_resolve(): asks the catalog for what the cache does not have, in one query. The future keeps the query's,
 * so that its error can be that one's. */
#include "conn/types.h"

#include <assert.h>

#include "base/buf.h"
#include "conn/conn.h"

struct resolve {
  struct dsql_future future;
  struct dsql_types *types;
  struct dsql_future *query; /* NULL: everything was known */
};

static const struct error error_canceled = {.pub = {.code = DSQL_ECANCELED,
                                                    .flags = DSQL_CLIENT_SIDE,
                                                    .attempts = 1,
                                                    .cause_index = -1,
                                                    .message = {"canceled", 8}}};
static const struct error error_catalog = {.pub = {.code = DSQL_EPROTO,
                                                   .flags = DSQL_CLIENT_SIDE,
                                                   .attempts = 1,
                                                   .cause_index = -1,
                                                   .message = {"the catalog's answer about types can't be read", 46}}};

static struct resolve *resolve_of(struct dsql_future *f) { return (struct resolve *)(void *)f; }

static void resolve_cancel(struct dsql_future *f) {
  if (future_observed(f))
    dsql_future_cancel(resolve_of(f)->query);
  else
    future_complete(f, &error_canceled);
}

static void resolve_free(struct dsql_future *f) {
  struct resolve *r = resolve_of(f);
  dsql_future_destroy(r->query);
  types_unref(r->types);
  rt_block_put(f->rt, r);
}

static const struct future_class resolve_class = {.cancel = resolve_cancel, .free = resolve_free};

int dsql_future_types(dsql_future *f, const dsql_types **out) {
  int code = dsql_future_code(f);
  if (!out) return DSQL_EINVAL;
  *out = NULL;
  if (code) return code;
  if (f->class != &resolve_class) return DSQL_ETYPE;
  *out = resolve_of(f)->types;
  return 0;
}

static void on_rows(dsql_future *query, void *arg) {
  struct resolve *r = arg;
  const dsql_result *rows = NULL;
  const struct error *e = query->error;
  int rc = dsql_future_result(query, &rows);

  if (rc == 0) rc = types_add(r->types, rows);
  if (rc && !e) e = rc == DSQL_ENOMEM ? &error_nomem : &error_catalog;
  future_complete(&r->future, e);
}

/* ---- the question ---- */

/* Which catalog: all hosts of a target are one database's. */
static int put_key(struct buf *b, const struct target *t) {
  for (size_t i = 0; i < t->host_count; i++) {
    const struct target_host *h = &t->hosts[i];
    buf_printf(b, "%s:%u,", h->host ? h->host : h->hostaddr, (unsigned)h->port);
  }
  buf_put_cstr(b, t->dbname);
  return b->error;
}

enum { KEY_MAX = 64 * 1024, ON_STACK = 512 };

static int catalog_of(dsql_conn *c, struct dsql_types **out) {
  uint8_t storage[ON_STACK];
  struct buf key;
  int rc;

  buf_init_on(&key, rt_alloc(c->rt), KEY_MAX, storage, sizeof storage);
  rc = put_key(&key, c->target->target);
  if (rc == 0) *out = types_get(c->rt, (const char *)key.data);
  if (rc == 0 && !*out) rc = DSQL_ENOMEM;
  buf_deinit(&key);
  return rc;
}

void dsql_types_forget(dsql_conn *c) {
  uint8_t storage[ON_STACK];
  struct buf key;

  buf_init_on(&key, rt_alloc(c->rt), KEY_MAX, storage, sizeof storage);
  if (put_key(&key, c->target->target) == 0) types_forget(c->rt, (const char *)key.data);
  buf_deinit(&key);
}

static size_t missing(const struct dsql_types *t, const uint32_t *oids, size_t n, uint32_t *out) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++)
    if (oids[i] && !dsql_types_find(t, oids[i])) out[count++] = oids[i];
  return count;
}

/* The query's parameters are copied by the call: what they stand in is needed no longer than that. */
static int ask(struct resolve *r, dsql_conn *c, const uint32_t *oids, size_t n) {
  const dsql_alloc *alloc = rt_alloc(c->rt);
  size_t size = DSQL_ARRAY_SIZE(n, 4), count;
  uint32_t *list = mem_alloc(alloc, n * sizeof *list + size);
  dsql_call call;

  if (!list) return DSQL_ENOMEM;
  count = missing(r->types, oids, n, list);
  if (count) {
    dsql_call_init(&call);
    call.read_only = true;
    r->query =
        dsql_query(c, types_sql, (dsql_params){(dsql_param[]){dsql_oid_array(list + n, size, list, count)}, 1}, &call);
  }
  mem_free(alloc, list);
  return count && !r->query ? DSQL_ENOMEM : 0;
}

dsql_future *dsql_types_resolve(dsql_conn *c, const uint32_t *oids, size_t n) {
  struct resolve *r = n <= INT32_MAX / 16 ? rt_block_get(c->rt) : NULL;
  int rc;

  if (!r) return NULL;
  r->query = NULL;
  if (catalog_of(c, &r->types)) {
    rt_block_put(c->rt, r);
    return NULL;
  }
  future_init(&r->future, c->rt, &resolve_class);
  rc = n ? ask(r, c, oids, n) : 0;
  if (rc || !r->query) {
    future_complete(&r->future, rc ? &error_nomem : NULL);
    return &r->future;
  }
  list_remove(&r->query->open); /* this future frees it now, not the end of the runtime */
  rc = dsql_future_on_ready(r->query, on_rows, r);
  assert(rc == 0);
  (void)rc;
  return &r->future;
}
