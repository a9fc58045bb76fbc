/* clock_hint.h - what a refusal says about time: Aurora DSQL's HINT "Signature expired: 20261121T100000Z is now earlier
 * than 20261121T104500Z (20261121T110000Z - 15 min.)". Pure. */
#ifndef DSQL_DSQL_CLOCK_HINT_H
#define DSQL_DSQL_CLOCK_HINT_H

#include <stdbool.h>

#include "base/buf.h"
#include "dsql/dsql.h"

/* "Signature expired", or not valid yet: a token signed now may do. */
bool clock_hint_is_expiry(const dsql_error *e);
/* The server's own time, when the hint has it: of several times the one in parentheses, or the last. */
bool clock_hint_server_time(const dsql_error *e, int64_t *unix_s);
/* Appends the sentence about the clocks; skew_s: the server's minus this machine's, 0: not known. */
void clock_hint_explain(int64_t skew_s, struct buf *out);

#endif
