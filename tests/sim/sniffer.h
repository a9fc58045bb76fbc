/* sniffer.h - reads what the client's kernel has taken, and notes which rows a commit point was sent for: the first byte
 * of a COMMIT, of the Sync behind statements outside a block, of a Query. Only then may a failure be in doubt.
 * A row's Bind begins a new attempt, for which nothing is sent yet. */
#ifndef DSQL_TEST_SIM_SNIFFER_H
#define DSQL_TEST_SIM_SNIFFER_H

#include "statement.h"

enum { SNIFFER_IDS_MAX = 64 };

struct sniffer {
  uint8_t *data;
  size_t len, cap;
  bool started, in_block, first_byte_seen;
  struct prepared_table *prepared;
  enum verb portal;
  int64_t ids[SNIFFER_IDS_MAX];
  unsigned n;
  bool copying;
  struct copy_reader copied;
};

void sniffer_init(void); /* of a seed */
void sniffer_take(struct sniffer *s, const void *p, size_t n);
void sniffer_deinit(struct sniffer *s);
bool sniffer_commit_sent(int64_t id, bool by_any_attempt);

#endif
