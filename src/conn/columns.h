/* columns.h - the columns of a result, described once: in a result's arena, or shared by all results of a prepared
 * statement (counted, loop-affine). */
#ifndef DSQL_CONN_COLUMNS_H
#define DSQL_CONN_COLUMNS_H

#include "base/arena.h"
#include "wire/backend.h"

struct columns {
  const dsql_alloc *alloc; /* NULL: lives in an arena and is not counted */
  unsigned refs;
  unsigned count;
  bool any_binary; /* some formats entry is 1 */
  dsql_column *list;
  const uint32_t *oids;             /* of the columns' types, once more and densely, for the getters */
  const uint32_t *binary_oids;      /* the same where a column is asked for in binary, else 0 */
  const uint32_t *told_binary_oids; /* the same where it was described as binary */
  const uint8_t *formats;           /* what to ask for, per column: binary where a codec exists */
  const uint8_t *told_formats;      /* as described: of a statement zeros, of a portal what was asked for */
};

/* body: a RowDescription that passed its check, or NULL for NoData. NULL when there is no memory. */
struct columns *columns_new(const dsql_alloc *alloc, const uint8_t *body, size_t n);
struct columns *columns_new_in(struct arena *a, const uint8_t *body, size_t n);
struct columns *columns_ref(struct columns *c);
void columns_unref(struct columns *c); /* NULL is allowed */

#endif
