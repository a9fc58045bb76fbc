/* metadata_word.h - the name of an error out of an endpoint's JSON body. An endpoint chooses the text, and might echo a
 * token: only a short word of letters is shown to people. Pure. */
#ifndef DSQL_CREDS_METADATA_WORD_H
#define DSQL_CREDS_METADATA_WORD_H

#include "base/alloc.h"

struct metadata_word {
  char text[48]; /* "" when there is no such member, or no such word */
};

struct metadata_word metadata_word_of(dsql_str body, const char *member, const dsql_alloc *alloc);

#endif
