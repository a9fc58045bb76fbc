/* lease.h - when to renew something that expires: an IAM token, AWS credentials. Pure: times are arguments, the value
 * itself stays with the owner. */
#ifndef DSQL_AUTH_LEASE_H
#define DSQL_AUTH_LEASE_H

#include <stdbool.h>
#include <stdint.h>

struct lease_time {
  int64_t wall_ms;  /* Unix time: what validity is judged by. May jump, either way */
  uint64_t mono_ms; /* for pauses between attempts: never goes back, may stand still while the machine sleeps */
};

struct lease_policy {
  unsigned renew_permille;  /* of the life: renewed in the background from then on (800) */
  uint64_t renew_before_ms; /* and at the latest this long before the end; 0: no such rule */
  uint32_t gap_min_ms;      /* between the starts of two attempts (1000) */
  uint32_t backoff_max_ms;  /* after failures: gap_min_ms doubled up to this */
};

enum lease_use {
  LEASE_SERVE, /* the value is good */
  LEASE_WAIT,  /* none is good: wait for the renewal that is under way, or that this step starts */
  LEASE_FAIL   /* none is good, and the last attempt failed so recently that the next is not due: its failure holds */
};

struct lease_step {
  enum lease_use use;
  bool renew;        /* start an attempt: exactly one lease_renewed() or lease_failed() must follow */
  uint64_t timer_ms; /* mono: call lease_tick() then, in place of any earlier request; 0: no timer */
};

struct lease_stats {
  uint64_t hits, waits, renewals, failures, invalidations;
};

/* Private to lease.c. */
struct lease {
  struct lease_policy policy;
  bool valid, renewing, used;    /* used: since the value came */
  bool discard;                  /* invalidated while a renewal was under way that began before */
  int64_t issued_ms, expires_ms; /* wall; expires 0: never */
  int64_t wall_at_ms;            /* the wall clock and */
  uint64_t mono_at_ms;           /* the monotonic one when the value came */
  uint64_t attempt_ms;           /* mono: start of the last attempt */
  bool attempted;
  unsigned failures; /* in a row */
  struct lease_stats stats;
};

void lease_init(struct lease *l, const struct lease_policy *p);
/* Somebody wants the value, now. */
struct lease_step lease_get(struct lease *l, struct lease_time now);
/* The timer fired, possibly late or early. */
struct lease_step lease_tick(struct lease *l, struct lease_time now);
/* The attempt gave a value. Waiters are then served it, unless lease_get() says otherwise: a value that is dead on
 * arrival, or invalidated meanwhile. The step's timer is to be armed. */
struct lease_step lease_renewed(struct lease *l, struct lease_time now, int64_t issued_ms, int64_t expires_ms);
struct lease_step lease_failed(struct lease *l, struct lease_time now);
/* The value was refused, or what it was made from has changed: never served again. The next get may renew at once. */
void lease_invalidate(struct lease *l);
/* Wall milliseconds until the value expires, judged now; 0 when there is none, INT64_MAX when it never does. */
int64_t lease_left_ms(const struct lease *l, struct lease_time now);

#endif
