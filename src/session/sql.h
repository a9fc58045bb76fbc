/* sql.h - what a statement does to the transaction block, told from its first keyword. Only used to decide what a
 * lost connection leaves in doubt and to see a COMMIT answered with ROLLBACK; when unsure it says SQL_UNKNOWN. */
#ifndef DSQL_SESSION_SQL_H
#define DSQL_SESSION_SQL_H

#include <stdbool.h>
#include <stddef.h>

enum sql_effect {
  SQL_PLAIN,       /* leaves the block as it is */
  SQL_BEGIN,       /* BEGIN, START */
  SQL_COMMIT,      /* COMMIT, END, PREPARE TRANSACTION */
  SQL_ROLLBACK,    /* ROLLBACK, ABORT; not ROLLBACK TO */
  SQL_ROLLBACK_TO, /* to a savepoint: a block that has failed goes on */
  SQL_COMMITS_ITSELF, /* CALL, DO, VACUUM, COMMIT PREPARED, ...: outside a block they may commit, themselves and what stands
                         before them in their group; a block they can't end */
  SQL_UNKNOWN,        /* a script of several statements */
  SQL_COPY
};

enum sql_effect sql_effect_of(const char *sql, size_t n);
/* A script: SQL_UNKNOWN when anything follows a semicolon; but SQL_COMMIT when it starts with one. */
enum sql_effect sql_effect_of_script(const char *sql, size_t n);
/* True when the script may contain a COPY: nothing should travel behind it. */
bool sql_may_copy(const char *sql, size_t n);

/* ---- for people who look at what runs ---- */
enum { SQL_VERB_SIZE = 13 };
/* The first keyword in capitals; "" when there is none. */
void sql_verb(const char *sql, size_t n, char out[SQL_VERB_SIZE]);
/* How much of it may be shown: what follows PASSWORD in a CREATE or an ALTER, or in a connection string, is a secret. */
size_t sql_shown_length(const char *sql, size_t n);

#endif
