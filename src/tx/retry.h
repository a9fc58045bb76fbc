/* retry.h - whether a failed attempt is made again, when, and on which connection. Pure: the error, what may have taken
 * effect, what happened before, the time that has passed and a random number are arguments.
 *
 *   error                                              where             action
 *   40001 40P01 OC000 OC001                            anywhere          again after a back-off, any connection; the first
 *                                                                        one about the schema at once on the same one
 *   the same, of a statement that commits in parts     commits by itself fail with DSQL_IN_DOUBT; unless read_only or
 *   (CALL, DO)                                                           idempotent: as above
 *   a prepared statement of ours is gone or outdated   in a transaction  again at once, same connection; once, not counted
 *   (26000, 42P05, 0A000 of RevalidateCachedQuery;
 *   08P01 of exec_bind_message and 42883 of
 *   getTypeBinaryOutputInfo)
 *   XX000 "server unavailable", Aurora DSQL            not in doubt      again after a back-off, any connection
 *   the connection was lost (end of stream, reset,     not in doubt      again after a back-off, new connection; unless
 *   57P01 57P02 57P03 57P05 25P03 25P04 08xxx), or                       no_reconnect
 *   a deadline passed (of a statement, the attempt)
 *   53300 53400 ahead of the first statement           not sent          again after a back-off, new connection
 *   the last three, 40003, 08007                       in doubt          fail with DSQL_IN_DOUBT; unless read_only or
 *                                                                        idempotent: again, new connection
 *   anything else, or not of this transaction                            fail
 *
 * In every row: fail when the retries are used up, or when the delay would outlast the deadline. "In doubt" is what the
 * session says (src/session/doubt.c); an XX000 "server unavailable" that answers the commit itself is, too. */
#ifndef DSQL_TX_RETRY_H
#define DSQL_TX_RETRY_H

#include "tx/options.h"

/* What the failed operation was to the transaction. */
enum retry_phase {
  RETRY_NO_CONNECTION, /* the pool could not give one: it has tried again by itself */
  RETRY_STATEMENT,     /* before the commit point */
  RETRY_COMMIT,        /* the commit point itself: COMMIT, or a statement that commits by itself */
  RETRY_FOREIGN        /* a future that the body awaited, the body itself, the caller */
};

struct retry_input {
  const dsql_error *error;
  enum retry_phase phase;
  unsigned retries;       /* counted ones so far */
  bool schema_retried;    /* there was a retry at once for the schema */
  bool statement_retried; /* there was one for a prepared statement */
  bool statement_is_ours; /* the statement that failed is a prepared one of ours */
  bool in_parts;          /* what failed may have committed a part of itself: CALL, DO, CREATE INDEX CONCURRENTLY */
  bool connection_is_usable;
  uint64_t elapsed_ms; /* since the call */
  uint64_t random;
};

enum retry_action {
  RETRY_FAIL,
  RETRY_SAME, /* on the same connection, which is held */
  RETRY_ANY,  /* on any; this one goes back to the pool */
  RETRY_NEW   /* this one is given up */
};

struct retry_verdict {
  enum retry_action action;
  uint32_t delay_ms;
  bool counted;       /* against retries_max */
  bool for_statement; /* for a prepared statement */
  bool for_schema;    /* at once, for the schema */
  bool in_doubt;      /* the error is to say so */
  enum dsql_conflict conflict;
};

struct retry_verdict retry_decide(const struct tx_policy *p, const struct retry_input *in);

/* Before the n-th retry, 1 for the first; u is in [0,1). */
double retry_delay_ms(const struct tx_policy *p, unsigned n, double u);
/* The lower 11 bits of random round delay_ms up or down, so that a millisecond clock keeps the mean; 53 others are u. */
uint32_t retry_delay_rounded_ms(const struct tx_policy *p, unsigned n, uint64_t random);

#endif
