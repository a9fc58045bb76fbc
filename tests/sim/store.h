/* store.h - the data behind the fake server: accounts, and rows with unique ids. Optimistic, first committer wins: a
 * commit fails with 40001 when another one has changed one of its accounts since its transaction began. */
#ifndef DSQL_TEST_SIM_STORE_H
#define DSQL_TEST_SIM_STORE_H

#include "sim.h"

enum { STORE_ACCOUNTS = 8, STORE_WRITES_MAX = 64, STORE_ROWS_MAX = 4096 };

struct store_write {
  int64_t id;               /* of a row; 0: a move */
  int64_t from, to, amount; /* of a move */
};

struct store_tx {
  uint64_t snapshot;
  struct store_write writes[STORE_WRITES_MAX];
  unsigned n;
};

void store_init(void);
void store_begin(struct store_tx *tx);
void store_write(struct store_tx *tx, struct store_write w);
/* NULL, or a SQLSTATE: nothing was changed. */
const char *store_commit(struct store_tx *tx);
int64_t store_balance(int64_t account);
/* How often a row with that id was committed, and with how many moves the last time. */
unsigned store_times(int64_t id);
unsigned store_moves(int64_t id);
void store_check_sum(void);

#endif
