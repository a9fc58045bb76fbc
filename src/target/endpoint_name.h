/* endpoint_name.h - the names of Aurora DSQL's endpoints, told by their shape alone, as all official connectors do:
 *   <26 of a-z 0-9>                      a cluster's id
 *   <anything>.dsql*.<region>.on.aws     its host; behind "dsql" there may be more ("dsql-fnh4": PrivateLink) */
#ifndef DSQL_TARGET_ENDPOINT_NAME_H
#define DSQL_TARGET_ENDPOINT_NAME_H

#include <stdbool.h>

#include "dsql/dsql.h"

enum { ENDPOINT_ID_SIZE = 26 };

bool endpoint_is_cluster_id(dsql_str s);
/* In any letter case, with trailing dots. *region (may be NULL) is the part of s that names it. */
bool endpoint_is_dsql_host(dsql_str s, dsql_str *region);
/* Letters, digits and '-'. */
bool endpoint_is_region(dsql_str s);
/* Lower case, without trailing dots; in place. */
void endpoint_normalise(char *s, size_t *n);
/* What a name or an address may consist of. */
bool endpoint_is_name(dsql_str s);

#endif
