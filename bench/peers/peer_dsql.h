/* peer_dsql.h - what the parts of peer_dsql share: a loop, its runtime, and workers that each do the work in a circle until
 * the round's deadline has passed. There is one of them, or one for each processor, in a thread of its own. */
#ifndef BENCH_PEER_DSQL_H
#define BENCH_PEER_DSQL_H

#include <uv.h>

#include <dsql/dsql.h>

#include "round.h"

struct worker {
  struct peer *peer;
  struct recorder *recorder;
  int index;
  dsql_conn *conn;
  dsql_future **group; /* of a batch */
  int64_t begun_ns;
  int copied; /* rows of a copy that were written */
  uint64_t n; /* how often it has done its work */
};

struct peer {
  struct work work;
  uv_loop_t loop;
  dsql_rt *rt;
  dsql_target *target;
  dsql_pool *pool; /* of transfers */
  dsql_stmt *stmt, *update;
  dsql_param params[ARGS_MAX];
  int64_t deadline_ns;
  int64_t sum; /* of all values read, so that they were */
  struct worker *workers;
  int workers_count;
};

/* Ends the program unless code is 0. */
void peer_check(int code);
/* Ends the program, with the future's error, unless it succeeded. */
void peer_must(dsql_future *f);
const dsql_result *peer_result(dsql_future *f);
/* Every field to its native value; the sum of round.h. */
int64_t peer_decode(const struct work *w, const dsql_result *r);
/* Starts w's work once more. */
void peer_start(struct worker *w);
/* What w began has ended well: records it, and goes on unless the time is up. */
void peer_done(struct worker *w, uint64_t rows);

void peer_start_batch(struct worker *w);
void peer_start_connect(struct worker *w);
void peer_start_transfer(struct worker *w);
void peer_start_copy(struct worker *w);

#endif
