/* format.h - how rows are printed. A format either takes rows one by one as they arrive, or needs the whole result. */
#ifndef DSQL_CLI_FORMAT_H
#define DSQL_CLI_FORMAT_H

#include <dsql/dsql.h>

#include "out.h"

struct format {
  const char *name;
  /* The head line, before the first row; NULL: none. */
  int (*head)(struct out *o, const dsql_result *r);
  /* One row; NULL: the format needs the whole result. */
  int (*row)(struct out *o, const dsql_result *r, size_t row);
  /* All rows, and what the command did; NULL when row is not. */
  int (*whole)(struct out *o, const dsql_result *r, bool color);
};
/* All of these return 0 or the code of the dsql_get_*() that failed. */

extern const struct format format_table, format_csv, format_json;

const struct format *format_find(const char *name); /* NULL: no such format */

#endif
