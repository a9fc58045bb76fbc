/* bench.h - `dsql bench`: what the three kinds of work have in common. */
#ifndef DSQL_CLI_BENCH_BENCH_H
#define DSQL_CLI_BENCH_BENCH_H

#include <uv.h>

#include "bench/args.h"
#include "bench/report.h"
#include "bench/runner.h"

enum { BENCH_DSQL_CONNECTS_PER_S = 100 };

struct bench {
  const struct bench_args *args;
  uv_loop_t loop;
  dsql_rt *rt;
  uv_signal_t sigint;
  bool interrupted, progress; /* progress: somebody looks at standard error */
  dsql_future *waited;        /* canceled by Ctrl-C */
  struct runner runner;
  bool running;
  struct report report;
};

int bench_main(int argc, char **argv);

/* ---- the three kinds of work. They fill in the report; exit code, EXIT_OK: it can be printed ---- */
int bench_connect(struct bench *b);
int bench_query(struct bench *b);
int bench_txn(struct bench *b);

/* ---- run.c ---- */
/* Resolves a target and tells its notices, or why not. The string is tried with the negotiation added unless NULL. */
int bench_target(struct bench *b, const char *negotiation, bool speculate, bool quiet, dsql_target **out);
dsql_str bench_setting(const dsql_target *t, const char *name);
bool bench_target_is_dsql(const dsql_target *t);
void bench_tell_target(struct bench *b, const dsql_target *t); /* as a fact */
/* Waits for f, which Ctrl-C cancels; returns its code. */
int bench_wait(struct bench *b, dsql_future *f);
/* The same for what must succeed: tells why not, and destroys f. */
int bench_must(struct bench *b, dsql_future *f, const char *sql);
/* Paces as the arguments say (slots: pieces at a time), runs, and notes what was missed. EXIT_OK, EXIT_FAILED. */
int bench_run(struct bench *b, const struct runner_work *work, void *owner, size_t slots);
/* One piece has ended at now_ns: counts it, by its total or its failure. */
void bench_succeeded(struct bench *b, struct variant *v, uint64_t due_ns, uint64_t now_ns);
void bench_failed(struct bench *b, struct variant *v, int code, const dsql_error *e);

/* ---- progress.c: one line on the terminal, over and over ---- */
void progress_show(const struct bench *b, uint64_t elapsed_ns);
void progress_clear(const struct bench *b);

#endif
