/* encode.h - user calls into messages, in the query's own buffer. Each returns 0 or a code with the fault set. */
#ifndef DSQL_CONN_ENCODE_H
#define DSQL_CONN_ENCODE_H

#include "conn/query.h"

int encode_unnamed(struct query *q, const char *sql, dsql_params p, bool sync, struct fault *f);
/* A command of our own that returns no rows: nothing has to be described, and a row breaks the protocol. */
int encode_command(struct query *q, const char *sql, bool sync, struct fault *f);
int encode_statement(struct query *q, struct dsql_stmt *s, dsql_params p, bool sync, struct fault *f);
/* Into a portal that has a name, with a row limit: one of sql and s. It takes an open transaction block to outlive its
 * group. */
struct portal_at {
  const char *name;
  uint32_t rows_max;
};
int encode_portal(struct query *q, const char *sql, struct dsql_stmt *s, dsql_params p, const struct portal_at *at,
                  bool sync, struct fault *f);
/* More of its rows; described once more where its columns are not known yet. */
int encode_more(struct query *q, const struct portal_at *at, bool describe, bool sync, struct fault *f);
int encode_script(struct query *q, const char *script, struct fault *f);
/* Parse, Describe and no more. */
int encode_describe(struct query *q, const char *sql, const uint32_t *oids, size_t n, bool sync, struct fault *f);
/* Rewrites a Bind to a statement that has gone stale into Close, Parse, Describe, Bind with the same parameters. */
int encode_again(struct query *q);
/* The same into a flight without a name. */
int encode_again_unnamed(struct query *q);
/* Rewrites a Bind that asks for the formats of known columns into one that asks for text. */
int encode_as_text(struct query *q);
/* The same where an unnamed Parse goes ahead of it. */
int encode_flight_as_text(struct query *q);
/* An unnamed Parse with a Bind that asks for the formats of columns as they are believed to be. */
static inline bool encode_guessed_formats(const struct query *q) {
  return q->bind_at > 0 && (q->op.first_steps & STEP_COLUMNS);
}

#endif
