/* find_pg.h - where PostgreSQL's programs are. */
#ifndef DSQL_CLI_LOCAL_FIND_PG_H
#define DSQL_CLI_LOCAL_FIND_PG_H

#include "local/paths.h"

/* The directory with initdb and postgres: the one given (may be NULL), else the first of PATH that has them, else the
 * newest of Debian's /usr/lib/postgresql/N/bin. False after telling on standard error where it was looked for. */
bool find_pg(const char *given, char out[LOCAL_PATH_SIZE]);

#endif
