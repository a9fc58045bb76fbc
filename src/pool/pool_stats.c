#include <string.h>

#include "pool/pool_object.h"

void dsql_pool_stats_get(const dsql_pool *p, dsql_pool_stats *out, size_t size) {
  const struct pool_state *s = &p->state;
  dsql_pool_stats full = {.conns_max = s->limits.conns_max,
                          .conns_min = s->limits.conns_min,
                          .idle = s->idle_count,
                          .in_use = s->lent_count,
                          .returning = s->returning_count,
                          .connecting = s->connecting,
                          .waiters = s->waiting_count,
                          .acquires = s->acquires,
                          .waits = s->waits,
                          .acquire_timeouts = s->timeouts,
                          .acquire_refusals = s->refusals,
                          .acquire_cancels = s->cancels,
                          .connects = s->connects,
                          .connect_failures = s->connect_failures,
                          .rollbacks = p->rollbacks,
                          .commits = p->tx_counts.commits,
                          .retries = p->tx_counts.retries,
                          .conflicts_data = p->tx_counts.conflicts_data,
                          .conflicts_schema = p->tx_counts.conflicts_schema,
                          .in_doubt = p->tx_counts.in_doubt,
                          .acquire_time = p->acquire_time,
                          .connect_time = p->connect_time,
                          .flights = p->tx_counts.flights,
                          .attempts = p->tx_counts.attempts};

  if (size > sizeof full) size = sizeof full;
  full.size = size;
  memcpy(full.gone, s->gone, sizeof full.gone);
  memcpy(out, &full, size);
}
