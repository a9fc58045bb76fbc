/* array.h - the two halves of arrays: binary in array.c, text in array_text.c. */
#ifndef DSQL_WIRE_CODEC_ARRAY_H
#define DSQL_WIRE_CODEC_ARRAY_H

#include "wire/codec/container.h"

/* ndim, dims and lower_bounds are set: checks them and sets count, at most `most`. EPROTO; ERANGE, where the server's
 * ArrayCheckBounds() fails. */
int array_count(dsql_array *a, size_t most);

/* Reads the whole text, "[2:4]={1,NULL,\"a\"}", and leaves pos at the first brace. */
int array_text_begin(dsql_array *a);
int array_text_next(dsql_array *a, dsql_value *element);

#endif
