/* Errors for when there is no memory for an error. What they say about the statement's fate must not get lost. */
#include "conn/query.h"

#define NOMEM(its_flags)                                                                                               \
  {                                                                                                                    \
    .pub = {                                                                                                           \
      .code = DSQL_ENOMEM,                                                                                             \
      .flags = DSQL_CLIENT_SIDE | (its_flags),                                                                         \
      .attempts = 1,                                                                                                   \
      .cause_index = -1,                                                                                               \
      .message = {"out of memory", 13},                                                                                \
      .detail = {"", 0},                                                                                               \
      .hint = {"", 0}                                                                                                  \
    }                                                                                                                  \
  }

const struct error *query_nomem(unsigned flags) {
  static const struct error plain[] = {NOMEM(0), NOMEM(DSQL_NOT_SENT), NOMEM(DSQL_IN_DOUBT)};
  static const struct error lost[] = {NOMEM(DSQL_CONN_LOST), NOMEM(DSQL_CONN_LOST | DSQL_NOT_SENT),
                                      NOMEM(DSQL_CONN_LOST | DSQL_IN_DOUBT)};
  const struct error *of = flags & DSQL_CONN_LOST ? lost : plain;
  if (flags & DSQL_IN_DOUBT) return &of[2];
  return flags & DSQL_NOT_SENT ? &of[1] : &of[0];
}
