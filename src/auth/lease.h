/* lease.h - when to renew something that expires: an IAM token, AWS credentials. Pure: times are arguments, the value
 * itself stays with the owner.
 *
 * At every event the value is judged by the wall clock of that moment:
 *
 *   none    no value came yet, it was invalidated, it has expired, or its date is over a second in the future
 *   fresh   good
 *   due     good, and renew_permille of its life is over, or less than renew_before_ms of it is left
 *
 * and an attempt to renew is `running`, or may be started (`free`), or may not yet (`paused`: gap_min_ms since the start
 * of the last one, or the back-off since its failure, is not over). What happens then:
 *
 *   event        value  attempt  step
 *   get          none   free     WAIT, renew
 *                none   paused   FAIL after a failure; else WAIT, and the timer starts the renewal
 *                none   running  WAIT
 *                fresh  any      SERVE, timer at the moment it becomes due
 *                due    free     SERVE, renew
 *                due    paused   SERVE, timer at the end of the pause
 *                due    running  SERVE
 *   force        any    free     WAIT, renew; the value, when good, is served on to others
 *                any    running  WAIT
 *                any    paused   as get
 *   tick         fresh  any      timer again, if the value was used since it came
 *                due    free     renew, if used
 *                due    paused   timer again, if used
 *                none   free     renew, if somebody waits, or the value was used and no attempt has failed since
 *                none   paused   timer again, likewise
 *                any    running  nothing
 *   renewed      good            SERVE; timer as for get, if somebody waited for it
 *                dead            counts as a failure: FAIL, paused
 *                discarded       WAIT, renew: it was begun before an invalidation
 *   failed       good            SERVE on; paused; timer at the end of the pause, if used
 *                none            FAIL; paused
 *   invalidate                   none, and free whatever the pause was; a renewal that is running is to be discarded
 *
 * The gap is counted from the start of an attempt; the back-off from its failure. A value that arrives with no more
 * than renew_before_ms of life is renewed by renew_permille alone, else it would be asked for again and again. */
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
  uint32_t gap_min_ms;      /* between the starts of two attempts (1000); at least 1 */
  uint32_t backoff_max_ms;  /* after failures: gap_min_ms doubled up to this */
};

enum lease_use {
  LEASE_SERVE, /* the value is good */
  LEASE_WAIT,  /* wait for the renewal that is under way, that this step starts, or that the timer will start */
  LEASE_FAIL   /* none is good, and the last attempt failed so recently that the next is not due: its failure holds */
};

struct lease_step {
  enum lease_use use; /* for who asked; of lease_renewed() and lease_failed(): for all who wait */
  bool renew;         /* start an attempt: exactly one lease_renewed() or lease_failed() must follow */
  uint64_t timer_ms;  /* mono: call lease_tick() then, in place of any earlier request; 0: no timer */
};

struct lease_stats {
  uint64_t hits, waits; /* of gets and forces */
  uint64_t renewals;    /* attempts that gave a value, also when it was discarded */
  uint64_t failures;    /* attempts that gave none, or a dead one */
  uint64_t invalidations;
};

/* Private to lease.c. */
struct lease {
  struct lease_policy policy;
  bool valid, renewing, used;    /* used: since the value came */
  bool waited;                   /* somebody waits for an attempt */
  bool discard;                  /* invalidated while a renewal was under way that began before */
  bool at_once;                  /* invalidated: the next attempt need not wait for the pause to end */
  int64_t issued_ms, expires_ms; /* wall; expires 0: never */
  uint64_t next_ms;              /* mono: the end of the pause */
  unsigned failures;             /* in a row */
  struct lease_stats stats;
};

void lease_init(struct lease *l, const struct lease_policy *p);
/* Somebody wants the value, now. */
struct lease_step lease_get(struct lease *l, struct lease_time now);
/* Somebody wants a newer value than the one that is kept, such as credentials that outlive a token to be signed. SERVE:
 * the last attempt was so recent that what is kept has to do. */
struct lease_step lease_force(struct lease *l, struct lease_time now);
/* The timer fired, possibly late or early. */
struct lease_step lease_tick(struct lease *l, struct lease_time now);
/* The attempt gave a value, which takes the place of the one that was kept: an owner that sees by itself that it is no
 * good reports a failure instead, and keeps the old one. The step's use is what those who wait get (they may also ask
 * again by lease_get()): a value that is dead on arrival is not served, one that was invalidated meanwhile neither. */
struct lease_step lease_renewed(struct lease *l, struct lease_time now, int64_t issued_ms, int64_t expires_ms);
struct lease_step lease_failed(struct lease *l, struct lease_time now);
/* The value was refused, or what it was made from has changed: never served again. The next get may renew at once. */
void lease_invalidate(struct lease *l);
/* Wall milliseconds until the value expires, judged now; 0 when there is none, INT64_MAX when it never does. */
int64_t lease_left_ms(const struct lease *l, struct lease_time now);
/* Wall milliseconds since the value was issued, not below 0; -1 when there is none that is good now. */
int64_t lease_age_ms(const struct lease *l, struct lease_time now);

#endif
