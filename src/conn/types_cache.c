#include "conn/types.h"

#include <string.h>

struct types_cache {
  struct rt_closer closer;
  struct dsql_rt *rt;
  struct list catalogs;
  size_t count;
};

static void drop(struct types_cache *cache, struct dsql_types *t) {
  list_remove(&t->node);
  cache->count--;
  types_unref(t);
}

static void close_cache(struct rt_closer *closer) {
  struct types_cache *cache = LIST_ENTRY(closer, struct types_cache, closer);
  struct dsql_rt *rt = cache->rt;

  *rt_slot(rt, RT_SLOT_TYPES) = NULL;
  while (!list_empty(&cache->catalogs)) drop(cache, LIST_ENTRY(list_first(&cache->catalogs), struct dsql_types, node));
  rt_closer_remove(rt, closer);
  mem_free(rt_alloc(rt), cache);
}

static struct types_cache *cache_of(struct dsql_rt *rt) {
  struct types_cache *cache = *rt_slot(rt, RT_SLOT_TYPES);

  if (cache || rt_closing(rt)) return cache;
  cache = mem_zalloc(rt_alloc(rt), sizeof *cache);
  if (!cache) return NULL;
  cache->rt = rt;
  cache->closer.close = close_cache;
  list_init(&cache->catalogs);
  rt_closer_add(rt, &cache->closer);
  *rt_slot(rt, RT_SLOT_TYPES) = cache;
  return cache;
}

void types_unref(struct dsql_types *t) {
  const dsql_alloc *alloc = rt_alloc(t->rt);

  if (--t->refs) return;
  arena_deinit(&t->arena);
  mem_free(alloc, t->slots);
  mem_free(alloc, t->key);
  mem_free(alloc, t);
}

static struct dsql_types *find(struct types_cache *cache, const char *key) {
  for (struct list *n = cache->catalogs.next; n != &cache->catalogs; n = n->next) {
    struct dsql_types *t = LIST_ENTRY(n, struct dsql_types, node);
    if (strcmp(t->key, key) == 0) return t;
  }
  return NULL;
}

static struct dsql_types *new_catalog(struct dsql_rt *rt, const char *key) {
  struct dsql_types *t = mem_zalloc(rt_alloc(rt), sizeof *t);

  if (!t) return NULL;
  t->rt = rt;
  t->refs = 1;
  list_init(&t->node);
  arena_init(&t->arena, rt_chunks(rt));
  t->key = mem_strdup(rt_alloc(rt), key);
  if (t->key) return t;
  types_unref(t);
  return NULL;
}

struct dsql_types *types_get(struct dsql_rt *rt, const char *key) {
  struct types_cache *cache = cache_of(rt);
  struct dsql_types *t = cache ? find(cache, key) : NULL;

  if (!cache) return NULL;
  if (t && t->arena.bytes > TYPES_CATALOG_BYTES_MAX) {
    drop(cache, t);
    t = NULL;
  }
  if (!t) {
    t = new_catalog(rt, key);
    if (!t) return NULL;
    if (cache->count == TYPES_CATALOGS_MAX) drop(cache, LIST_ENTRY(cache->catalogs.prev, struct dsql_types, node));
    cache->count++;
  }
  list_remove(&t->node);
  list_push_front(&cache->catalogs, &t->node);
  t->refs++;
  return t;
}

void types_forget(struct dsql_rt *rt, const char *key) {
  struct types_cache *cache = *rt_slot(rt, RT_SLOT_TYPES);
  struct dsql_types *t = cache ? find(cache, key) : NULL;
  if (t) drop(cache, t);
}

/* ---- entries ---- */

/* The slot of oid, or the free one where it belongs. */
static size_t slot_of(const dsql_type *const *slots, size_t slot_count, uint32_t oid) {
  size_t i = (size_t)(oid * UINT32_C(2654435761)) & (slot_count - 1);
  while (slots[i] && slots[i]->oid != oid) i = (i + 1) & (slot_count - 1);
  return i;
}

const dsql_type *dsql_types_find(const dsql_types *t, uint32_t oid) {
  return t && t->slot_count ? t->slots[slot_of(t->slots, t->slot_count, oid)] : NULL;
}

uint32_t dsql_types_base(const dsql_types *t, uint32_t oid) {
  const dsql_type *type = dsql_types_find(t, oid);
  /* A domain over itself can't be, and the catalog comes from the server: who knows. */
  for (int i = 0; type && type->kind == DSQL_TYPE_DOMAIN && i < 64; i++) {
    oid = type->element;
    type = dsql_types_find(t, oid);
  }
  return oid;
}

static int make_room(struct dsql_types *t) {
  size_t n = t->slot_count ? 2 * t->slot_count : 64;
  const dsql_type **slots;

  if (2 * (t->count + 1) <= t->slot_count) return 0;
  slots = mem_zalloc(rt_alloc(t->rt), n * sizeof(const dsql_type *));
  if (!slots) return DSQL_ENOMEM;
  for (size_t i = 0; i < t->slot_count; i++)
    if (t->slots[i]) slots[slot_of(slots, n, t->slots[i]->oid)] = t->slots[i];
  mem_free(rt_alloc(t->rt), t->slots);
  t->slots = slots;
  t->slot_count = n;
  return 0;
}

static int copy_text(struct arena *a, dsql_str s, dsql_str *out) {
  char *copy = arena_strndup(a, s.ptr, s.len);
  if (!copy) return DSQL_ENOMEM;
  *out = (dsql_str){copy, s.len};
  return 0;
}

static int get_text(struct arena *a, const dsql_result *r, size_t row, unsigned col, dsql_str *out) {
  dsql_str s;
  int rc = dsql_get_text(r, row, col, &s);
  return rc ? rc : copy_text(a, s, out);
}

/* A column with an array, NULL for none. */
static int begin_array(const dsql_result *r, size_t row, unsigned col, dsql_array *out) {
  dsql_value v;
  int rc = dsql_get_value(r, row, col, &v);
  *out = (dsql_array){0};
  return rc || v.null ? rc : dsql_array_begin(&v, out);
}

static int next_text(struct arena *a, dsql_array *from, dsql_str *out) {
  dsql_value v;
  dsql_str s;
  int rc = dsql_array_next(from, &v);
  if (rc == 1) rc = dsql_value_text(&v, &s);
  return rc ? rc : copy_text(a, s, out);
}

enum { COL_OID, COL_KIND, COL_SCHEMA, COL_NAME, COL_ELEMENT, COL_LABELS, COL_FIELDS, COL_FIELD_OIDS };

static int read_labels(struct arena *a, const dsql_result *r, size_t row, dsql_type *type) {
  dsql_array labels;
  dsql_str *list;
  int rc = begin_array(r, row, COL_LABELS, &labels);

  if (rc || labels.count == 0) return rc;
  list = arena_alloc(a, labels.count * sizeof *list);
  if (!list) return DSQL_ENOMEM;
  type->labels = list;
  type->label_count = labels.count;
  for (size_t i = 0; rc == 0 && i < type->label_count; i++) rc = next_text(a, &labels, &list[i]);
  return rc;
}

static int read_fields(struct arena *a, const dsql_result *r, size_t row, dsql_type *type) {
  dsql_array names, oids;
  dsql_field *list;
  dsql_value oid;
  int rc = begin_array(r, row, COL_FIELDS, &names);

  if (rc == 0) rc = begin_array(r, row, COL_FIELD_OIDS, &oids);
  if (rc || names.count == 0) return rc;
  if (names.count != oids.count) return DSQL_EPROTO;
  list = arena_alloc(a, names.count * sizeof *list);
  if (!list) return DSQL_ENOMEM;
  type->fields = list;
  type->field_count = names.count;
  for (size_t i = 0; rc == 0 && i < type->field_count; i++) {
    rc = next_text(a, &names, &list[i].name);
    if (rc == 0 && dsql_array_next(&oids, &oid) != 1) rc = DSQL_EPROTO;
    if (rc == 0) rc = dsql_value_oid(&oid, &list[i].oid);
  }
  return rc;
}

static int read_type(struct arena *a, const dsql_result *r, size_t row, dsql_type *type) {
  dsql_str kind;
  int rc = dsql_get_oid(r, row, COL_OID, &type->oid);

  if (rc == 0) rc = dsql_get_text(r, row, COL_KIND, &kind);
  if (rc == 0) rc = dsql_get_oid(r, row, COL_ELEMENT, &type->element);
  if (rc) return rc;
  type->kind = kind.len == 1 ? *kind.ptr : DSQL_TYPE_BASE;
  rc = get_text(a, r, row, COL_SCHEMA, &type->schema);
  if (rc == 0) rc = get_text(a, r, row, COL_NAME, &type->name);
  if (rc == 0) rc = read_labels(a, r, row, type);
  return rc ? rc : read_fields(a, r, row, type);
}

static int add_row(struct dsql_types *t, const dsql_result *r, size_t row) {
  uint32_t oid;
  dsql_type *type;
  int rc = dsql_get_oid(r, row, COL_OID, &oid);

  if (rc || dsql_types_find(t, oid)) return rc; /* two questions at a time may have asked for it */
  rc = make_room(t);
  if (rc) return rc;
  type = arena_alloc(&t->arena, sizeof *type);
  if (!type) return DSQL_ENOMEM;
  memset(type, 0, sizeof *type);
  rc = read_type(&t->arena, r, row, type);
  if (rc) return rc;
  t->slots[slot_of(t->slots, t->slot_count, type->oid)] = type;
  t->count++;
  return 0;
}

int types_add(struct dsql_types *t, const dsql_result *r) {
  int rc = 0;
  for (size_t row = 0; rc == 0 && row < dsql_result_rows(r); row++) rc = add_row(t, r, row);
  return rc == 0 || rc == DSQL_ENOMEM ? rc : DSQL_EPROTO;
}

/* ANY(ARRAY()) keeps the planner's estimate, and JIT compilation, away: a join with t is taken for thousands of rows.
 * pg_range.rngmultitypid is there since PostgreSQL 14, and a column that is not there can't be named: hence to_jsonb().
 * Everything is qualified, whatever the search_path is. */
const char types_sql[] =
    "WITH RECURSIVE t(o) AS ("
    "SELECT pg_catalog.unnest($1::pg_catalog.oid[]) UNION "
    "SELECT i.o FROM t JOIN pg_catalog.pg_type y ON y.oid = t.o CROSS JOIN LATERAL ("
    "SELECT y.typelem WHERE y.typlen = -1 UNION ALL SELECT y.typbasetype "
    "UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a WHERE a.attrelid = y.typrelid AND y.typtype = 'c' "
    "AND a.attnum > 0 AND NOT a.attisdropped "
    "UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = y.oid "
    "UNION ALL SELECT r.rngtypid FROM pg_catalog.pg_range r WHERE y.typtype = 'm' "
    "AND (pg_catalog.to_jsonb(r) OPERATOR(pg_catalog.->>) 'rngmultitypid')::pg_catalog.oid = y.oid"
    ") i(o) WHERE i.o <> 0) "
    "SELECT y.oid, CASE WHEN y.typtype = 'b' AND y.typlen = -1 AND y.typelem <> 0 THEN 'a' ELSE y.typtype::text END, "
    "n.nspname::text, y.typname::text, "
    "CASE y.typtype WHEN 'd' THEN y.typbasetype WHEN 'r' THEN "
    "(SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = y.oid) WHEN 'm' THEN "
    "(SELECT r.rngtypid FROM pg_catalog.pg_range r "
    "WHERE (pg_catalog.to_jsonb(r) OPERATOR(pg_catalog.->>) 'rngmultitypid')::pg_catalog.oid = y.oid) "
    "WHEN 'b' THEN CASE WHEN y.typlen = -1 THEN y.typelem ELSE 0 END ELSE 0 END::pg_catalog.oid, "
    "ARRAY(SELECT e.enumlabel::text FROM pg_catalog.pg_enum e WHERE e.enumtypid = y.oid ORDER BY e.enumsortorder), "
    "ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a WHERE a.attrelid = y.typrelid AND y.typtype = 'c' "
    "AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum), "
    "ARRAY(SELECT a.atttypid FROM pg_catalog.pg_attribute a WHERE a.attrelid = y.typrelid AND y.typtype = 'c' "
    "AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) "
    "FROM pg_catalog.pg_type y JOIN pg_catalog.pg_namespace n ON n.oid = y.typnamespace "
    "WHERE y.oid = ANY (ARRAY(SELECT t.o FROM t))";
