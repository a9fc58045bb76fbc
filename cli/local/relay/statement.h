/* statement.h - one statement after the other of a script: where it stands, what it does, and whether DSQL has it. */
#ifndef DSQL_LOCAL_STATEMENT_H
#define DSQL_LOCAL_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "lex.h"
#include "relay.h"

/* What a statement does; none of these: it reads. Kept with prepared statements and portals (names.h). */
enum {
  EFFECT_WRITES = 1 << 0,     /* its implicit transaction has something to commit */
  EFFECT_BEGINS = 1 << 1,     /* BEGIN, START TRANSACTION */
  EFFECT_COMMITS = 1 << 2,    /* COMMIT, END */
  EFFECT_ROLLS_BACK = 1 << 3, /* ROLLBACK, ABORT */
  EFFECT_SETS = 1 << 4,       /* SET, SHOW, RESET, DEALLOCATE ALL: no business of the catalog */
  EFFECT_DEFINES = 1 << 5,    /* CREATE and ALTER: DDL whatever its tag says */
  EFFECT_ISOLATES = 1 << 7,   /* it names the isolation level */
  EFFECT_REWRITTEN = 1 << 6   /* the server runs another text: see statement_rewrite() */
};

struct statement {
  const char *start, *end; /* without the semicolon, from its first token; start == end: nothing but blanks */
  unsigned effect;
  bool refused;
  struct relay_refusal refusal;
  const char *cut, *cut_end; /* EFFECT_REWRITTEN: the word ASYNC; EFFECT_ISOLATES: ISOLATION LEVEL REPEATABLE READ */
  bool deallocates_all;
};

/* Takes the next statement of the script, which is what is left of l. False: none is left. Empty statements are
 * passed over. */
bool statement_next(struct lexer *l, struct statement *out);

/* Appends what the server is to run in place of a rewritten statement: a call that does it at once and answers with the
 * row of a job; or, of EFFECT_ISOLATES, the statement with SERIALIZABLE for its level. */
void statement_rewrite(const struct statement *s, struct buf *out);

/* For the rules: sets the refusal (the first one stands). */
void statement_refuse(struct statement *s, const char *sqlstate, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "unsupported statement: <Node>" */
void statement_unsupported(struct statement *s, const char *node);

/* The rules of statements that need more than their first word; l stands behind that. */
void rule_begin(struct statement *s, struct lexer *l);
void rule_commit(struct statement *s, struct lexer *l);
void rule_rollback(struct statement *s, struct lexer *l);
void rule_prepare(struct statement *s, struct lexer *l);
void rule_deallocate(struct statement *s, struct lexer *l);
void rule_set(struct statement *s, struct lexer *l);
void rule_reset(struct statement *s, struct lexer *l);
void rule_copy(struct statement *s, struct lexer *l);
void rule_create(struct statement *s, struct lexer *l);
void rule_alter(struct statement *s, struct lexer *l);
void rule_drop(struct statement *s, struct lexer *l);

#endif
