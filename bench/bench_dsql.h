/* bench_dsql.h - what the parts of bench_dsql, bench_backoff and bench_idle share: a loop, a runtime, a target, a connection. */
#ifndef BENCH_DSQL_H
#define BENCH_DSQL_H

#include <uv.h>

#include <dsql/dsql.h>

struct client {
  uv_loop_t loop;
  dsql_rt *rt;
  dsql_target *target;
};

void client_open(struct client *c, const char *target);
void client_close(struct client *c);

dsql_conn *open_connection(struct client *c);
/* Ends the program unless code is 0. */
void check(int code);
/* Ends the program, with the future's error, unless it succeeded. */
const dsql_result *must_result(dsql_future *f);
int64_t one_value(const dsql_result *r);
/* Runs the loop until f is complete, which must be a success, and destroys it. */
void must_succeed(dsql_future *f);
/* Runs the loop for so long. */
void idle_for(struct client *c, uint64_t ms);

void run_insert(struct client *c, uint64_t count);
void run_connect(struct client *c, uint64_t count);
void run_idle(struct client *c, uint64_t count);
/* bench_dsql_copy.c; false: the name is none of its works. */
bool run_copy(struct client *c, const char *name, uint64_t count);
/* bench_dsql_pool.c; false: the name is none of its works. */
bool run_pool(struct client *c, const char *name, uint64_t count);
/* bench_dsql_trips.c; false: the name is none of its works. */
bool run_trips(struct client *c, const char *name, uint64_t count);
/* The longest time between two ticks of the loop's millisecond timer while one connection is made and used. */
void run_stall(struct client *c);

#endif
