/* printable.h - untrusted bytes made fit for an error message. */
#ifndef DSQL_AUTH_PRINTABLE_H
#define DSQL_AUTH_PRINTABLE_H

#include <stddef.h>

enum { PRINTABLE_SIZE = 64 };

struct printable {
  char text[PRINTABLE_SIZE]; /* NUL-terminated */
};

/* Printable ASCII as it is, '?' for every other byte, cut with "..." when longer. */
struct printable printable_of(const void *p, size_t n);

#endif
