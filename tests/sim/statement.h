/* statement.h - the little language that the fake server speaks. $n stands for an int8 parameter, in binary; in scripts
 * numbers are written out.
 *
 *   BEGIN START COMMIT ROLLBACK RESET SAVEPOINT RELEASE, ROLLBACK TO
 *   SELECT get $1          one row: the balance of account $1
 *   SELECT rows $1         that many rows
 *   SELECT sleep $1        nothing, after that many milliseconds
 *   SELECT fail            always fails, with 22012
 *   INSERT put $1          a row with that id, which must come out exactly once
 *   UPDATE move $1 $2 $3   from, to, amount
 *   UPDATE none            changes nothing
 *   COPY put FROM STDIN    of its lines each that begins with a p is a row with that id; others are passed over
 *   COPY rows $1 TO STDOUT that many lines
 *   SELECT hook            what after_connect asks
 *   SELECT pg_catalog...   what target_session_attrs asks: two columns of text */
#ifndef DSQL_TEST_SIM_STATEMENT_H
#define DSQL_TEST_SIM_STATEMENT_H

#include "sim.h"

enum verb {
  VERB_UNKNOWN,
  VERB_BEGIN,
  VERB_COMMIT,
  VERB_ROLLBACK,
  VERB_ROLLBACK_TO,
  VERB_SAVEPOINT,
  VERB_RELEASE,
  VERB_RESET,
  VERB_GET,
  VERB_PROBE,
  VERB_HOOK,
  VERB_ROWS,
  VERB_SLEEP,
  VERB_FAIL,
  VERB_PUT,
  VERB_MOVE,
  VERB_NONE,
  VERB_COPY_IN,
  VERB_COPY_OUT
};

enum { STATEMENT_ARGS = 3, PREPARED_MAX = 32, NAME_SIZE = 64 };

struct statement_args {
  int64_t v[STATEMENT_ARGS];
};

struct command {
  enum verb verb;
  struct statement_args args; /* a parameter's number where from_param says so */
  bool from_param[STATEMENT_ARGS];
};

/* As far as the first semicolon; *rest is what stands behind it, or NULL. */
struct command command_parse(const char *sql, const char **rest);
struct statement_args command_bind(const struct command *c, const struct statement_args *params);

/* The statements of one session by name, "" included. */
struct prepared {
  char name[NAME_SIZE];
  struct command command;
  bool used;
};
struct prepared_table {
  struct prepared entries[PREPARED_MAX];
};
/* NULL: there is none. */
struct prepared *prepared_find(struct prepared_table *t, const char *name);
/* A new one, or the one of that name. */
struct prepared *prepared_set(struct prepared_table *t, const char *name, const char *sql);

/* The parts of a Bind message. */
struct bind {
  const char *portal, *statement; /* in its body */
  struct statement_args params;
  bool binary; /* results */
};
struct bind bind_parse(const uint8_t *body, size_t n);

/* The ids in the lines of a COPY, which comes in any pieces. */
struct copy_reader {
  bool inside, is_id; /* a line; one with an id */
  int64_t id;
};
/* Reads on; true when an id is complete: *id is it, and *p and *n what is left. */
bool copy_read(struct copy_reader *r, const uint8_t **p, size_t *n, int64_t *id);

#endif
