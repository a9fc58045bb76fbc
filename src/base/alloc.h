/* alloc.h - every byte of heap that the library itself takes comes through the hook given to dsql_rt_new().
 * Out of memory is an ordinary error: callers check for NULL and report DSQL_ENOMEM. */
#ifndef DSQL_BASE_ALLOC_H
#define DSQL_BASE_ALLOC_H

#include <stddef.h>

#include "dsql/dsql.h"

/* The C library's realloc/free behind the hook's signature: what a NULL hook means. */
extern const dsql_alloc mem_default;

/* size 0 is a caller's bug. */
void *mem_alloc(const dsql_alloc *a, size_t size);
void *mem_zalloc(const dsql_alloc *a, size_t size);
void *mem_realloc(const dsql_alloc *a, void *ptr, size_t size);
void mem_free(const dsql_alloc *a, void *ptr); /* NULL is allowed */

/* Copies n bytes and adds a NUL. */
char *mem_strndup(const dsql_alloc *a, const char *s, size_t n);
char *mem_strdup(const dsql_alloc *a, const char *s);

/* Overwrites memory in a way that the compiler may not remove. */
void mem_cleanse(void *ptr, size_t size);
/* Cleanses, then frees; NULL is allowed. */
void mem_free_secret(const dsql_alloc *a, void *ptr, size_t size);

#endif
