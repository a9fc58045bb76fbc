/* describe.h - a container's content in one line, whichever format it has: "2x2 a|b|c|d", with "@2" for a lower bound of
 * 2; NULL is "~". Elements are shown as their text. */
#ifndef DSQL_TEST_CODEC_DESCRIBE_H
#define DSQL_TEST_CODEC_DESCRIBE_H

#include "dsql/types.h"

enum { DESCRIBE_SIZE = 4096 };

/* The first failure's code, else 0. */
int describe_array(const dsql_value *v, char out[DESCRIBE_SIZE]);
int describe_record(const dsql_value *v, char out[DESCRIBE_SIZE]);
int describe_range(const dsql_value *v, char out[DESCRIBE_SIZE]);
int describe_multirange(const dsql_value *v, char out[DESCRIBE_SIZE]);

#endif
