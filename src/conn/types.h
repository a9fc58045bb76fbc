/* types.h - what the catalog says about types, kept per server and database, shared by all connections of a runtime that
 * go there. Entries never change or move; a catalog that has grown too large, or is to be forgotten, leaves the cache,
 * and its memory goes with the last future that shows it. Loop-affine. */
#ifndef DSQL_CONN_TYPES_H
#define DSQL_CONN_TYPES_H

#include "dsql/types.h"
#include "rt/rt.h"

enum { TYPES_CATALOGS_MAX = 16, TYPES_CATALOG_BYTES_MAX = 4 * 1024 * 1024 };

struct dsql_types {
  struct list node; /* in the cache, most recently used first; or alone */
  struct dsql_rt *rt;
  unsigned refs;
  char *key;
  struct arena arena;      /* the entries */
  const dsql_type **slots; /* by oid, open addressing, a power of two of them */
  size_t slot_count, count;
};

/* The catalog under this key, made where there is none; the caller holds a reference. NULL: no memory. */
struct dsql_types *types_get(struct dsql_rt *rt, const char *key);
void types_unref(struct dsql_types *t);
void types_forget(struct dsql_rt *rt, const char *key);
/* Adds the rows that types_sql gives. 0, ENOMEM, EPROTO. */
int types_add(struct dsql_types *t, const dsql_result *r);

/* One parameter: oid[]. The types and what they consist of. */
extern const char types_sql[];

#endif
