/* txn.h - `dsql bench txn`: money moves between accounts; none may be made or lost. */
#ifndef DSQL_CLI_BENCH_TXN_H
#define DSQL_CLI_BENCH_TXN_H

#include "bench/bench.h"

enum { TXN_BALANCE = 1000, TXN_NAME_SIZE = 160, TXN_SQL_SIZE = 320 };

struct txn_bench;

struct transfer {
  struct txn_bench *owner;
  dsql_future *future;
  dsql_batch *batch; /* of --style batch */
  int64_t from, to, amount;
  uint64_t due_ns;
};

struct txn_bench {
  struct bench *bench;
  dsql_target *target;
  dsql_pool *pool;
  char table[TXN_NAME_SIZE]; /* quoted */
  bool made;                 /* the table is there, and ours */
  dsql_stmt *read, *write;   /* of --style step */
  char debit[TXN_SQL_SIZE], credit[TXN_SQL_SIZE];
  uint64_t random;
  struct transfer *transfers; /* one per worker */
  size_t workers;
};

/* ---- txn_table.c. EXIT_OK, or EXIT_FAILED after telling why ---- */
int txn_table_make(struct txn_bench *t);
/* No account and no money may be missing, whatever was committed, retried or in doubt. */
int txn_table_check(struct txn_bench *t);
int txn_table_drop(struct txn_bench *t);

#endif
