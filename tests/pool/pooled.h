/* pooled.h - a client with a pool on the default server, or on DSQL_POOL_TARGET. */
#ifndef DSQL_TEST_POOL_POOLED_H
#define DSQL_TEST_POOL_POOLED_H

#include "client.h"

struct pooled {
  struct client x;
  dsql_target *target;
  dsql_pool *pool; /* NULL: closed by the test */
  dsql_pool_config config;
};

/* Runtime, target and default config; then pooled_make() with what the test has set. */
void pooled_open(struct pooled *p);
void pooled_target(struct pooled *p, const char *conninfo);
void pooled_make(struct pooled *p);
/* Closes the pool (at once) unless the test has, and the runtime: nothing may be left. */
void pooled_close(struct pooled *p);

dsql_conn *pooled_acquire(struct pooled *p);
dsql_pool_stats pooled_stats(struct pooled *p);
/* Turns the loop, at most a few seconds, until the pool has this many idle connections and no others. */
void pooled_until_idle(struct pooled *p, uint32_t idle);
void pooled_turn_ms(struct pooled *p, unsigned ms);

#endif
