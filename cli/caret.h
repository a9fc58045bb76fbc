/* caret.h - the line of a statement that an error is about, with a caret under the place. */
#ifndef DSQL_CLI_CARET_H
#define DSQL_CLI_CARET_H

#include "out.h"

/* position counts characters from 1 (Protocol, "Error and Notice Message Fields", 'P'). Writes nothing when it lies
 * outside the statement; one past its end is where an error at end of input is. */
void caret_print(struct out *o, dsql_str sql, size_t position);

#endif
