/* sql.h - what a statement does to the transaction block, told from its first keyword. Only used to decide what a
 * lost connection leaves in doubt and to see a COMMIT answered with ROLLBACK; when unsure it says SQL_UNKNOWN. */
#ifndef DSQL_SESSION_SQL_H
#define DSQL_SESSION_SQL_H

#include <stddef.h>

enum sql_effect {
  SQL_PLAIN,    /* leaves the block as it is */
  SQL_BEGIN,    /* BEGIN, START */
  SQL_COMMIT,   /* COMMIT, END, PREPARE TRANSACTION */
  SQL_ROLLBACK, /* ROLLBACK, ABORT; not ROLLBACK TO */
  SQL_UNKNOWN,  /* CALL and DO, which may commit; a script of several statements */
  SQL_COPY
};

enum sql_effect sql_effect_of(const char *sql, size_t n);
/* A script: SQL_UNKNOWN when anything follows a semicolon; but SQL_COMMIT when it starts with one. */
enum sql_effect sql_effect_of_script(const char *sql, size_t n);

#endif
