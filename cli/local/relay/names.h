/* names.h - what the prepared statements or portals of a session do, by name. Only names of effect are kept, and of
 * these only a 64-bit hash (FNV-1a): a name that is not found has effect 0. */
#ifndef DSQL_LOCAL_NAMES_H
#define DSQL_LOCAL_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"

struct names {
  struct name_slot *slots; /* open addressing, a power of two of them */
  size_t cap, count;
};

/* effect 0 removes. False: no memory. */
bool names_set(struct names *t, const dsql_alloc *alloc, const char *name, size_t n, uint32_t effect);
uint32_t names_get(const struct names *t, const char *name, size_t n);
void names_clear(struct names *t, const dsql_alloc *alloc); /* and frees */

#endif
