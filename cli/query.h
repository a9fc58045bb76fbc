/* query.h - `dsql query`: one statement, its rows on standard output. */
#ifndef DSQL_CLI_QUERY_H
#define DSQL_CLI_QUERY_H

#include "format.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum { FETCH_ROWS = 10000 };

struct query_args {
  const char *target, *sql;
  const char *file; /* of a script in place of sql, "-" for standard input; NULL: none */
  const struct format *format;
  dsql_param *params; /* owned */
  size_t params_n;
  uint32_t timeout_ms; /* 0: none */
  uint64_t fetch_rows; /* of a table, at a time; 0: not given */
  const char *copy;    /* the file of a COPY, "-" for standard input or output; NULL: it is no COPY */
  bool copy_in;
  bool format_given;
  bool help;
};

/* Returns EXIT_OK, or EXIT_USAGE after telling what is wrong. Free them in both cases. argv[0] is the subcommand. */
int query_args_parse(struct query_args *args, int argc, char **argv);
void query_args_free(struct query_args *args);

void query_help(void); /* on standard output */

/* Runs it and returns the exit code. */
int query_run(const struct query_args *args);
int query_main(int argc, char **argv);

#endif
