/* format.h - how rows are printed. A format either takes rows one by one as they arrive, or portions of them that it
 * aligns. */
#ifndef DSQL_CLI_FORMAT_H
#define DSQL_CLI_FORMAT_H

#include <dsql/dsql.h>

#include "out.h"

struct cell;

/* A table that is being printed. Its columns become wider when a portion asks for it, never narrower. */
struct table {
  struct cell *cells; /* one per column */
  size_t rows;        /* printed so far */
  bool color, begun;
};

struct format {
  const char *name;
  /* The head line, before the first row; NULL: none. */
  int (*head)(struct out *o, const dsql_result *r);
  /* One row; NULL: the format takes portions. */
  int (*row)(struct out *o, const dsql_result *r, size_t row);
  /* The next rows, the first time with a head; NULL when row is not. */
  int (*portion)(struct out *o, struct table *t, const dsql_result *r);
};
/* All of these return 0 or the code of the dsql_get_*() that failed. */

/* Behind the last portion: the number of rows, or what the command did. */
void table_foot(struct out *o, const struct table *t, const dsql_result *last);
void table_deinit(struct table *t); /* zeros are one that has not begun; so is what this leaves, of the same color */

extern const struct format format_table, format_csv, format_json;

const struct format *format_find(const char *name); /* NULL: no such format */

#endif
