/* conninfo.h - `dsql conninfo`: what a target resolves to, and where each value came from. */
#ifndef DSQL_CLI_CONNINFO_H
#define DSQL_CLI_CONNINFO_H

#include <dsql/dsql.h>

#include "out.h"

/* One of the three forms. A setting is shown when it has a value, and an empty one when it was given so. */
void conninfo_table(struct out *o, const dsql_target *t); /* for people */
void conninfo_json(struct out *o, const dsql_target *t);  /* {"host":{"value":"...","source":"..."},...} on one line */
void conninfo_parsed(struct out *o,
                     const dsql_target *t); /* key=value lines of a keyword string; only what was given */

/* The next setting to show from *index on, which is moved behind it; false: no more. */
bool conninfo_next(const dsql_target *t, size_t *index, dsql_setting *out);

int conninfo_main(int argc, char **argv);

#endif
