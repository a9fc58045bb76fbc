/* options.h - a call's options over its pool's over the defaults, checked: what a transaction goes by. Pure. */
#ifndef DSQL_TX_OPTIONS_H
#define DSQL_TX_OPTIONS_H

#include "base/error.h"

struct tx_policy {
  size_t scratch_size;
  unsigned retries_max; /* 0: none */
  bool full_jitter;
  double base_delay_ms, max_delay_ms;
  double jitter;                             /* 0 to 1 */
  uint32_t deadline_ms, attempt_deadline_ms; /* 0: none */
  enum dsql_isolation isolation;             /* never DEFAULT */
  bool read_only, idempotent, no_reconnect;
  bool dsql; /* the target is Aurora DSQL */
  dsql_tx_observer observer;
  void *observer_arg;
};

/* The first 300 s of a transaction are all that Aurora DSQL gives it. */
enum { TX_DSQL_ATTEMPT_DEADLINE_MS = 290000, TX_RETRIES_MAX = 100 };

/* call and pool may be NULL. 0, or EINVAL, EUNSUPPORTED with the fault set. */
int tx_policy_resolve(const dsql_tx_options *call, const dsql_tx_options *pool, bool dsql, struct tx_policy *out,
                      struct fault *f);
/* The statement that opens a transaction of this policy. */
const char *tx_policy_begin(const struct tx_policy *p);

#endif
