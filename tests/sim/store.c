#include "store.h"

static struct store {
  uint64_t commits;
  int64_t balances[STORE_ACCOUNTS];
  uint64_t changed[STORE_ACCOUNTS]; /* by which commit */
  unsigned char times[STORE_ROWS_MAX], moves[STORE_ROWS_MAX];
} store;

void store_init(void) { memset(&store, 0, sizeof store); }

void store_begin(struct store_tx *tx) {
  tx->n = 0;
  tx->snapshot = store.commits;
}

void store_write(struct store_tx *tx, struct store_write w) {
  sim_check(tx->n < STORE_WRITES_MAX, "a transaction of more writes than anybody has asked for");
  sim_check(w.id < STORE_ROWS_MAX && (w.id || (w.from < STORE_ACCOUNTS && w.to < STORE_ACCOUNTS)),
            "a write that nobody has asked for");
  tx->writes[tx->n++] = w;
}

static bool conflicts(const struct store_tx *tx) {
  for (unsigned i = 0; i < tx->n; i++) {
    const struct store_write *w = &tx->writes[i];
    if (w->id == 0 && (store.changed[w->from] > tx->snapshot || store.changed[w->to] > tx->snapshot)) return true;
  }
  return false;
}

static unsigned apply_moves(const struct store_tx *tx) {
  unsigned moves = 0;
  for (unsigned i = 0; i < tx->n; i++) {
    const struct store_write *w = &tx->writes[i];
    if (w->id) continue;
    store.balances[w->from] -= w->amount;
    store.balances[w->to] += w->amount;
    store.changed[w->from] = store.changed[w->to] = store.commits;
    moves++;
  }
  return moves;
}

const char *store_commit(struct store_tx *tx) {
  unsigned moves;

  if (conflicts(tx)) return "40001";
  if (tx->n) store.commits++;
  moves = apply_moves(tx);
  for (unsigned i = 0; i < tx->n; i++) {
    int64_t id = tx->writes[i].id;
    if (!id) continue;
    store.times[id]++;
    store.moves[id] = (unsigned char)moves;
    sim_trace("   row %lld committed, with %u moves", (long long)id, moves);
  }
  tx->n = 0;
  return NULL;
}

int64_t store_balance(int64_t account) { return store.balances[account]; }
unsigned store_times(int64_t id) { return store.times[id]; }
unsigned store_moves(int64_t id) { return store.moves[id]; }

void store_check_sum(void) {
  int64_t sum = 0;
  for (int i = 0; i < STORE_ACCOUNTS; i++) sum += store.balances[i];
  sim_check(sum == 0, "the balances sum up to %lld", (long long)sum);
}
