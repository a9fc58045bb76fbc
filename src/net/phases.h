/* phases.h - what the time until a connection is ready is spent on. One phase at a time, however often hosts and attempts
 * are gone through, so that together they are all of it. */
#ifndef DSQL_NET_PHASES_H
#define DSQL_NET_PHASES_H

#include "rt/rt.h"

enum phase { PHASE_PREPARE, PHASE_DNS, PHASE_SOCKET, PHASE_SSLREQUEST, PHASE_TLS, PHASE_AUTH, PHASES };

struct phases {
  enum phase now;
  uint64_t since_us;
  uint64_t us[PHASES];
};

/* The time since the last call goes to the phase that ends here. p NULL: nobody asks. */
static inline void phases_enter(struct phases *p, enum phase next) {
  uint64_t now_us;

  if (!p) return;
  now_us = rt_clock_us();
  p->us[p->now] += now_us - p->since_us;
  p->since_us = now_us;
  p->now = next;
}

#endif
