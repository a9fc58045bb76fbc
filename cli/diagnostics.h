/* diagnostics.h - errors and notices for people, on standard error:
 *
 *   ERROR: 42703: column "nam" does not exist
 *   LINE 1: select nam from person
 *                  ^
 *   HINT: Perhaps you meant to reference the column "person.name".
 */
#ifndef DSQL_CLI_DIAGNOSTICS_H
#define DSQL_CLI_DIAGNOSTICS_H

#include <dsql/dsql.h>

/* sql (may be NULL) is the statement that the error's position refers to. */
void diagnostics_error(const dsql_error *e, const char *sql);
void diagnostics_notice(const dsql_error *e);
/* "dsql: message" */
void diagnostics_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
