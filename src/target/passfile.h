/* passfile.h - the password file (PostgreSQL 18 documentation, "The Password File"): lines of
 *   hostname:port:database:username:password
 * of which the first that matches counts. A field is * or literal; '\' escapes ':' and itself. Lines that begin with
 * '#' are comments. */
#ifndef DSQL_TARGET_PASSFILE_H
#define DSQL_TARGET_PASSFILE_H

#include <stdbool.h>

#include "base/buf.h"

struct passfile_key {
  const char *host, *port, *dbname, *user;
};

/* Appends the password to out (which may fail for want of memory). */
bool passfile_find(const char *text, size_t n, const struct passfile_key *key, struct buf *out);

#endif
