/* json.h - strings as JSON has them (RFC 8259). */
#ifndef DSQL_CLI_JSON_H
#define DSQL_CLI_JSON_H

#include "out.h"

/* In double quotes, with escapes. A database in SQL_ASCII can send bytes that are no UTF-8 and so have no place in JSON:
 * U+FFFD, as everyone does. */
void json_string(struct out *o, dsql_str s);

#endif
