/* pool_state.h - the pool as a machine without clock, sockets and memory of its own: events in, actions out. Times are
 * milliseconds of any clock that does not go back; randomness comes from the seed. Requests and slots are the caller's
 * memory. Everything is O(1), but for the deadline of a request and the age of a connection: O(log n).
 *
 * A request: NONE -> WAITING -> GRANTED or FAILED (until the action was pulled) -> NONE.
 *
 * A slot, from the start of its connect on. What is called at a connection before it is up travels with the start-up, from
 * a certain moment on: it takes riders. A request that may ride is granted the connection then; one that may not waits
 * until it is up, and so do those behind it: first come, first served.
 *
 *   state       is counted as        event                       next
 *   CONNECTING  connecting           takes riders                BOARDING; not of an old generation, nor closing
 *   BOARDING    connecting           takes none any more         CONNECTING
 *                                    the first that waits rides  RIDDEN: GRANT
 *   CONNECTING, BOARDING             connected                   IDLE, LENT or closed, as below
 *                                    connect failed              OUT
 *   RIDDEN      connecting, ridden   connected                   LENT, to its rider
 *                                    connect failed              STRANDED: the rider finds out by itself
 *                                    its rider lets go           ALIGHTED
 *   ALIGHTED    connecting           takes riders (it is clean)  BOARDING
 *                                    connected                   RETURNING: what the rider has left is cleaned up
 *                                    connect failed              OUT
 *   STRANDED    -                    returned, however           OUT: CLOSE
 *   IDLE        open, idle           granted, taken              LENT
 *   LENT        open, lent           returning, returned         RETURNING, IDLE, LENT or closed
 *   RETURNING   open, returning      returned                    IDLE, LENT or closed
 *
 * A rider of which nothing was sent when its connect fails asks again: it has its old place and its old deadline.
 *
 *   event                      what follows, in this order
 *   ask                        closing: FAIL closed. Idle, and nobody waits: GRANT. waiters_max wait or ride: FAIL full.
 *                              Every connection is held by somebody who would wait: FAIL deadlock. Else it waits, last
 *   ask again                  closing: FAIL closed. Idle: GRANT. Else it waits, ahead of all that have asked later
 *   withdraw                   it is out; what was granted and not pulled goes to the next one
 *   takes riders               GRANT to the first that waits, if it may ride. The same later, until it is connected
 *   connected                  of an old generation: CLOSE. Else as returned; the back-off is over
 *   connect failed             back-off, doubled; nobody is open, and it is REFUSED, or LINK and none was ever made:
 *                              FAIL all that wait, with the cause. Else they wait on
 *   returned, reusable         closing, old generation, too old, over conns_max: CLOSE. Somebody waits: GRANT to the
 *                              first. Else idle, to be lent first
 *   returned, not reusable     CLOSE
 *   idle connection gone       CLOSE
 *   tick                       deadlines passed: FAIL. Idle too long, down to conns_min: CLOSE the one idle for longest.
 *                              Nearly too old: a replacement is connected, and CLOSE when it is there; too old: CLOSE
 *   resize                     over conns_max: CLOSE idle ones, then as they are returned. As many holders as that wait
 *                              for another one: FAIL deadlock, the newest first
 *   expire all                 next generation: CLOSE idle ones, then as they are returned
 *   close                      FAIL all that wait, CLOSE idle ones. Nothing open: ENDED. The deadline: FORCE
 *
 *   CONNECT is an action while all of this holds:
 *     fewer are connecting without a rider than wait, than lack to conns_min, or than are to be replaced
 *     open and connecting together are fewer than conns_max; connecting ones are fewer than connects_max
 *     the bucket has a token (connects_per_s, connects_burst)
 *     the last attempt did not fail; or nothing is connecting and the back-off has passed: one prober
 *     the pool is not closing
 *
 * After every event the caller pulls actions until there are none, then asks for the time of the next tick. */
#ifndef DSQL_POOL_POOL_STATE_H
#define DSQL_POOL_POOL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/list.h"
#include "dsql/dsql.h"

#define POOL_NEVER UINT64_MAX

enum pool_failure {
  POOL_FAIL_TIMEOUT,
  POOL_FAIL_FULL,
  POOL_FAIL_DEADLOCK,
  POOL_FAIL_CONNECT, /* the caller knows the cause: what the last attempt failed with */
  POOL_FAIL_CLOSED
};

enum pool_connect_failure {
  POOL_CONNECT_BUSY,    /* the server asks to come back later */
  POOL_CONNECT_LINK,    /* nobody was reached */
  POOL_CONNECT_REFUSED, /* trying again would not help */
  POOL_CONNECT_ABORTED  /* by the pool itself */
};

enum pool_request_state { POOL_REQUEST_NONE, POOL_REQUEST_WAITING, POOL_REQUEST_GRANTED, POOL_REQUEST_FAILED };
enum pool_slot_state {
  POOL_SLOT_OUT,
  POOL_SLOT_CONNECTING,
  POOL_SLOT_BOARDING,
  POOL_SLOT_RIDDEN,
  POOL_SLOT_ALIGHTED,
  POOL_SLOT_STRANDED,
  POOL_SLOT_IDLE,
  POOL_SLOT_LENT,
  POOL_SLOT_RETURNING
};

struct pool_slot {
  struct list node;             /* boarding, idle, retiring, or to be closed */
  struct heap_node aged;        /* next: to be replaced, then too old */
  struct list nested;           /* requests by who has it */
  struct pool_request *request; /* granted and not pulled */
  uint64_t generation, expires_ms, idle_since_ms;
  enum pool_slot_state state;
  enum dsql_pool_gone gone;
  bool retiring; /* its replacement is asked for */
};

/* Zeroed, then pool_request_init(). */
struct pool_request {
  struct list node;   /* waiting, granted or failed */
  struct list nested; /* in its holder's list */
  struct heap_node deadline;
  struct pool_slot *slot, *holder;
  uint64_t ticket, deadline_ms;
  uint64_t asked_us; /* the caller's */
  enum pool_request_state state;
  enum pool_failure failure;
  bool rides; /* the caller's: a connection that takes riders will do */
};

struct pool_limits {
  uint32_t conns_max, conns_min, waiters_max, connects_max;
  uint32_t connects_per_s, connects_burst;
  uint32_t backoff_ms, backoff_max_ms;
  uint64_t lifetime_ms, idle_ms; /* POOL_NEVER: none */
};

struct pool_state {
  struct pool_limits limits;
  struct list waiting, granted, failed; /* requests */
  struct list idle, retiring, doomed;   /* slots; idle: the one idle for longest first */
  struct list boarding;                 /* slots; the one that will be up first is first */
  struct heap deadlines, ages;
  uint64_t generation, rng, tickets;
  uint64_t tokens; /* thousandths */
  uint64_t tokens_ms, probe_ms, close_ms;
  uint32_t waiting_count, idle_count, lent_count, returning_count, connecting;
  uint32_t ridden; /* of the connecting ones */
  uint32_t to_replace;
  uint32_t holders_waiting; /* slots whose holder waits for another one */
  unsigned failures;        /* attempts in a row */
  bool proven;              /* one connect has succeeded */
  bool closing, forced, ended;

  uint64_t acquires, waits, timeouts, refusals, cancels, connects, connect_failures;
  uint64_t gone[DSQL_GONE_REASONS];
};

enum pool_action_type {
  POOL_ACTION_NONE,
  POOL_ACTION_CLOSE,   /* slot, gone: the slot has left the machine */
  POOL_ACTION_FAIL,    /* request, failure */
  POOL_ACTION_GRANT,   /* request, slot */
  POOL_ACTION_CONNECT, /* generation; ends in connected or connect failed */
  POOL_ACTION_FORCE,   /* once: end what is lent, returning or connecting */
  POOL_ACTION_ENDED    /* once, last: nothing is open */
};

struct pool_action {
  enum pool_action_type type;
  struct pool_request *request;
  struct pool_slot *slot;
  uint64_t generation;
  enum pool_failure failure;
  enum dsql_pool_gone gone;
};

void pool_state_init(struct pool_state *s, const struct pool_limits *limits, uint64_t seed, uint64_t now_ms);
static inline void pool_request_init(struct pool_request *r) {
  list_init(&r->node);
  list_init(&r->nested);
}
/* Of a connect that is started; generation as of the action. */
void pool_slot_init(struct pool_slot *slot, uint64_t generation);

/* ---- events ---- */
/* deadline_ms may be POOL_NEVER. holder: what the asker has already, or NULL. */
void pool_state_ask(struct pool_state *s, struct pool_request *r, struct pool_slot *holder, uint64_t deadline_ms);
/* Behind a GRANT that was in vain. Its slot is still to be returned. */
void pool_state_ask_again(struct pool_state *s, struct pool_request *r);
void pool_state_withdraw(struct pool_state *s, struct pool_request *r, uint64_t now_ms);
/* ask and GRANT in one, when that needs nothing else; NULL when it does. */
struct pool_slot *pool_state_take(struct pool_state *s);
/* Whether what is called at the connection now travels with the start-up, and nobody's calls are on it. */
void pool_state_takes_riders(struct pool_state *s, struct pool_slot *slot, bool takes);
void pool_state_alighted(struct pool_state *s, struct pool_slot *slot);
void pool_state_connected(struct pool_state *s, struct pool_slot *slot, uint64_t now_ms);
void pool_state_connect_failed(struct pool_state *s, struct pool_slot *slot, enum pool_connect_failure why,
                               uint64_t now_ms);
/* Lent -> being cleaned: pool_state_returned() or pool_state_returned_bad() follows. */
void pool_state_returning(struct pool_state *s, struct pool_slot *slot);
void pool_state_returned(struct pool_state *s, struct pool_slot *slot, uint64_t now_ms);
void pool_state_returned_bad(struct pool_state *s, struct pool_slot *slot, enum dsql_pool_gone why);
void pool_state_idle_gone(struct pool_state *s, struct pool_slot *slot, enum dsql_pool_gone why);
void pool_state_tick(struct pool_state *s, uint64_t now_ms);
void pool_state_resize(struct pool_state *s, uint32_t conns_max, uint32_t conns_min);
void pool_state_expire_all(struct pool_state *s);
void pool_state_close(struct pool_state *s, uint64_t deadline_ms);

/* ---- actions ---- */
/* False, and type NONE: there is nothing to do. */
bool pool_state_next(struct pool_state *s, uint64_t now_ms, struct pool_action *out);
/* When the next tick is due; POOL_NEVER: at no time. */
uint64_t pool_state_due_ms(const struct pool_state *s);

static inline uint32_t pool_state_open(const struct pool_state *s) {
  return s->idle_count + s->lent_count + s->returning_count;
}
static inline uint32_t pool_state_total(const struct pool_state *s) { return pool_state_open(s) + s->connecting; }

/* ---- pool_admit.c: a part of the machine ---- */
enum { POOL_TOKEN = 1000 }; /* connects_per_s tokens per second are so many thousandths per millisecond */
/* The CONNECT action, when the table above says so; and when it may. */
bool pool_admit(struct pool_state *s, uint64_t now_ms, struct pool_action *out);
uint64_t pool_admit_due_ms(const struct pool_state *s);

#endif
