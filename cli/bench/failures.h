/* failures.h - what went wrong, counted by SQLSTATE, or by the library's code where the server said nothing. */
#ifndef DSQL_CLI_BENCH_FAILURES_H
#define DSQL_CLI_BENCH_FAILURES_H

#include <dsql/dsql.h>

enum { FAILURES_KINDS = 24, FAILURES_TEXT_SIZE = 256 };

struct failure {
  char key[24];                  /* "40001", "DSQL_EIO" */
  char text[FAILURES_TEXT_SIZE]; /* the first one's message, cut to whole characters */
  uint64_t count;
};

/* Zero-initialised is empty. Kinds come in the order of their first appearance; those past the last share it, as
 * "other". */
struct failures {
  uint64_t total;
  size_t kinds;
  struct failure kind[FAILURES_KINDS];
};

void failures_add(struct failures *f, int code, const dsql_error *e); /* e NULL: there is only the code */

#endif
