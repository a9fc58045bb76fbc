/* What becomes of requests and connections. The order of the functions is that of the header's table. */
#include "pool/pool_state.h"

#include <assert.h>
#include <string.h>

enum {
  JITTER_PART = 10,      /* of the lifetime, at random, so that what was opened together ends apart */
  LEAD_PART = 20,        /* of the lifetime, and at most LEAD_MS: the time for connecting a replacement */
  LEAD_MS = 30 * 1000,   /* */
  FAILURES_COUNTED = 32, /* the back-off has reached its maximum long before */
};

static struct pool_request *request_of(struct list *n) { return LIST_ENTRY(n, struct pool_request, node); }
static struct pool_slot *slot_of(struct list *n) { return LIST_ENTRY(n, struct pool_slot, node); }

/* splitmix64 */
static uint64_t random_below(struct pool_state *s, uint64_t n) {
  uint64_t z = (s->rng += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  z ^= z >> 31;
  return n ? z % n : 0;
}

void pool_state_init(struct pool_state *s, const struct pool_limits *limits, uint64_t seed, uint64_t now_ms) {
  *s = (struct pool_state){.limits = *limits, .rng = seed, .tokens_ms = now_ms, .close_ms = POOL_NEVER};
  s->tokens = (uint64_t)limits->connects_burst * POOL_TOKEN;
  list_init(&s->waiting);
  list_init(&s->granted);
  list_init(&s->failed);
  list_init(&s->idle);
  list_init(&s->retiring);
  list_init(&s->doomed);
  list_init(&s->boarding);
  heap_init(&s->deadlines);
  heap_init(&s->ages);
}

/* ---- requests ---- */

/* Its holder does not wait for it any more. */
static void let_holder_go(struct pool_state *s, struct pool_request *r) {
  struct pool_slot *holder = r->holder;

  if (!holder) return;
  r->holder = NULL;
  list_remove(&r->nested);
  if (list_empty(&holder->nested)) s->holders_waiting--;
}

static void stop_waiting(struct pool_state *s, struct pool_request *r) {
  assert(r->state == POOL_REQUEST_WAITING && s->waiting_count > 0);
  list_remove(&r->node);
  heap_remove(&s->deadlines, &r->deadline);
  let_holder_go(s, r);
  s->waiting_count--;
}

static void fail(struct pool_state *s, struct pool_request *r, enum pool_failure why) {
  if (r->state == POOL_REQUEST_WAITING) stop_waiting(s, r);
  if (why == POOL_FAIL_TIMEOUT)
    s->timeouts++;
  else
    s->refusals++;
  r->state = POOL_REQUEST_FAILED;
  r->failure = why;
  list_push_back(&s->failed, &r->node);
}

static void fail_all(struct pool_state *s, enum pool_failure why) {
  while (!list_empty(&s->waiting)) fail(s, request_of(list_first(&s->waiting)), why);
}

static void lend(struct pool_state *s, struct pool_slot *slot) {
  slot->state = POOL_SLOT_LENT;
  s->lent_count++;
  s->acquires++;
}

static void hand(struct pool_state *s, struct pool_request *r, struct pool_slot *slot, enum pool_slot_state state) {
  slot->state = state;
  r->state = POOL_REQUEST_GRANTED;
  r->slot = slot;
  slot->request = r;
  list_push_back(&s->granted, &r->node);
}

static void grant(struct pool_state *s, struct pool_request *r, struct pool_slot *slot) {
  lend(s, slot);
  hand(s, r, slot, POOL_SLOT_LENT);
}

/* ---- slots ---- */

/* It is in no list and in no count. */
static void doom(struct pool_state *s, struct pool_slot *slot, enum dsql_pool_gone why) {
  heap_remove(&s->ages, &slot->aged);
  if (slot->state != POOL_SLOT_STRANDED) s->gone[why]++; /* that one never was there */
  slot->state = POOL_SLOT_OUT;
  slot->gone = why;
  list_push_back(&s->doomed, &slot->node);
}

static void leave_idle(struct pool_state *s, struct pool_slot *slot) {
  assert(slot->state == POOL_SLOT_IDLE && s->idle_count > 0);
  list_remove(&slot->node);
  s->idle_count--;
}

static void doom_idle(struct pool_state *s, struct pool_slot *slot, enum dsql_pool_gone why) {
  leave_idle(s, slot);
  doom(s, slot, why);
}

/* The one used last; one that is about to be replaced only when there is no other. */
static struct pool_slot *best_idle(const struct pool_state *s) {
  struct list *n = list_last(&s->idle);
  if (!n) n = list_last(&s->retiring);
  return n ? slot_of(n) : NULL;
}

/* The least useful one. */
static struct pool_slot *worst_idle(const struct pool_state *s) {
  struct list *n = list_first(&s->retiring);
  if (!n) n = list_first(&s->idle);
  return n ? slot_of(n) : NULL;
}

static void doom_all_idle(struct pool_state *s, enum dsql_pool_gone why) {
  struct pool_slot *slot;
  while ((slot = worst_idle(s)) != NULL) doom_idle(s, slot, why);
}

static void put_idle(struct pool_state *s, struct pool_slot *slot, uint64_t now_ms) {
  slot->state = POOL_SLOT_IDLE;
  slot->idle_since_ms = now_ms;
  s->idle_count++;
  list_push_back(slot->retiring ? &s->retiring : &s->idle, &slot->node);
}

__attribute__((noinline)) static void grant_first(struct pool_state *s, struct pool_slot *slot) {
  struct pool_request *r = request_of(list_first(&s->waiting));

  stop_waiting(s, r);
  s->waits++;
  grant(s, r, slot);
}

/* A clean connection of nobody: to the one that has waited longest, or to the idle ones. */
static inline void offer(struct pool_state *s, struct pool_slot *slot, uint64_t now_ms) {
  if (list_empty(&s->waiting))
    put_idle(s, slot, now_ms);
  else
    grant_first(s, slot);
}

__attribute__((noinline, cold)) static void doom_unwanted(struct pool_state *s, struct pool_slot *slot) {
  if (s->closing)
    doom(s, slot, DSQL_GONE_CLOSED);
  else if (slot->generation != s->generation)
    doom(s, slot, DSQL_GONE_EXPIRED);
  else if (pool_state_total(s) >= s->limits.conns_max)
    doom(s, slot, DSQL_GONE_SURPLUS);
  else
    doom(s, slot, DSQL_GONE_LIFETIME);
}

/* slot is in no count. */
static inline bool may_stay(struct pool_state *s, struct pool_slot *slot, uint64_t now_ms) {
  if (!s->closing && slot->generation == s->generation && pool_state_total(s) < s->limits.conns_max &&
      now_ms < slot->expires_ms)
    return true;
  doom_unwanted(s, slot);
  return false;
}

/* ---- events: requests ---- */

static bool would_deadlock(const struct pool_state *s, const struct pool_slot *holder) {
  uint32_t waiting = s->holders_waiting + (list_empty(&holder->nested) ? 1 : 0);
  return waiting >= s->limits.conns_max;
}

static void stand_in_line(struct pool_state *s, struct pool_request *r) {
  r->state = POOL_REQUEST_WAITING;
  s->waiting_count++;
  if (r->deadline_ms != POOL_NEVER) heap_insert(&s->deadlines, &r->deadline, r->deadline_ms);
}

static void wait_in_line(struct pool_state *s, struct pool_request *r, struct pool_slot *holder, uint64_t deadline_ms) {
  r->ticket = ++s->tickets;
  r->deadline_ms = deadline_ms;
  stand_in_line(s, r);
  list_push_back(&s->waiting, &r->node);
  if (!holder) return;
  if (list_empty(&holder->nested)) s->holders_waiting++;
  r->holder = holder;
  list_push_back(&holder->nested, &r->nested);
}

static bool grant_idle(struct pool_state *s, struct pool_request *r) {
  struct pool_slot *slot = pool_state_take(s);

  if (!slot) return false;
  s->acquires--;
  s->lent_count--;
  grant(s, r, slot);
  return true;
}

void pool_state_ask(struct pool_state *s, struct pool_request *r, struct pool_slot *holder, uint64_t deadline_ms) {
  assert(r->state == POOL_REQUEST_NONE && !list_linked(&r->node));
  if (s->closing) {
    fail(s, r, POOL_FAIL_CLOSED);
  } else if (grant_idle(s, r)) {
    return;
  } else if (s->waiting_count + s->ridden >= s->limits.waiters_max) {
    fail(s, r, POOL_FAIL_FULL);
  } else if (holder && would_deadlock(s, holder)) {
    fail(s, r, POOL_FAIL_DEADLOCK);
  } else {
    wait_in_line(s, r, holder, deadline_ms);
  }
}

/* Only what rode has a ticket that is older than the first one's: there are at most connects_max of these. */
void pool_state_ask_again(struct pool_state *s, struct pool_request *r) {
  struct list *n = s->waiting.next;

  assert(r->state == POOL_REQUEST_NONE && r->ticket);
  s->acquires--;
  if (!s->closing && grant_idle(s, r)) return;
  s->waits--;
  if (s->closing) {
    fail(s, r, POOL_FAIL_CLOSED);
    return;
  }
  stand_in_line(s, r);
  while (n != &s->waiting && request_of(n)->ticket < r->ticket) n = n->next;
  list_push_back(n, &r->node); /* before n */
}

static void let_board(struct pool_state *s, struct pool_slot *slot) {
  if (s->closing || slot->generation != s->generation) {
    slot->state = POOL_SLOT_CONNECTING;
    return;
  }
  slot->state = POOL_SLOT_BOARDING;
  list_push_back(&s->boarding, &slot->node);
}

/* What was granted and not pulled has no owner any more. */
static void ungrant(struct pool_state *s, struct pool_slot *slot, uint64_t now_ms) {
  slot->request = NULL;
  s->acquires--;
  if (slot->state == POOL_SLOT_RIDDEN) {
    s->ridden--;
    let_board(s, slot);
  } else if (slot->state == POOL_SLOT_STRANDED) {
    pool_state_returned_bad(s, slot, DSQL_GONE_LOST);
  } else {
    pool_state_returned(s, slot, now_ms);
  }
}

void pool_state_withdraw(struct pool_state *s, struct pool_request *r, uint64_t now_ms) {
  struct pool_slot *slot = r->slot;
  enum pool_request_state state = r->state;

  if (state == POOL_REQUEST_NONE) return;
  if (state == POOL_REQUEST_WAITING)
    stop_waiting(s, r);
  else
    list_remove(&r->node);
  r->state = POOL_REQUEST_NONE;
  r->slot = NULL;
  s->cancels++;
  if (state == POOL_REQUEST_GRANTED) ungrant(s, slot, now_ms);
}

struct pool_slot *pool_state_take(struct pool_state *s) {
  struct pool_slot *slot = best_idle(s);

  if (!slot || s->closing || !list_empty(&s->waiting)) return NULL;
  leave_idle(s, slot);
  lend(s, slot);
  return slot;
}

/* ---- events: connections ---- */

static void set_ages(struct pool_state *s, struct pool_slot *slot, uint64_t now_ms) {
  uint64_t lifetime = s->limits.lifetime_ms, lead;

  slot->expires_ms = POOL_NEVER;
  if (lifetime == POOL_NEVER) return;
  lifetime -= random_below(s, lifetime / JITTER_PART + 1);
  lead = lifetime / LEAD_PART < LEAD_MS ? lifetime / LEAD_PART : LEAD_MS;
  slot->expires_ms = now_ms + lifetime;
  heap_insert(&s->ages, &slot->aged, slot->expires_ms - lead);
}

/* The replacement is there: the one that it replaces goes, unless it is lent out; then it goes when it comes back. */
static void replaced(struct pool_state *s) {
  struct list *n = list_first(&s->retiring);
  if (s->to_replace == 0) return;
  s->to_replace--;
  if (n) doom_idle(s, slot_of(n), DSQL_GONE_LIFETIME);
}

void pool_slot_init(struct pool_slot *slot, uint64_t generation) {
  *slot = (struct pool_slot){.generation = generation, .state = POOL_SLOT_CONNECTING};
  list_init(&slot->node);
  list_init(&slot->nested);
}

/* Whoever had it waits for nothing because of it. */
static void let_nested_go(struct pool_state *s, struct pool_slot *slot) {
  struct list *n;
  while ((n = list_first(&slot->nested)) != NULL) let_holder_go(s, LIST_ENTRY(n, struct pool_request, nested));
}

void pool_state_takes_riders(struct pool_state *s, struct pool_slot *slot, bool takes) {
  if (takes && (slot->state == POOL_SLOT_CONNECTING || slot->state == POOL_SLOT_ALIGHTED)) let_board(s, slot);
  if (takes || slot->state != POOL_SLOT_BOARDING) return;
  list_remove(&slot->node);
  slot->state = POOL_SLOT_CONNECTING;
}

void pool_state_alighted(struct pool_state *s, struct pool_slot *slot) {
  assert(slot->state == POOL_SLOT_RIDDEN && !slot->request);
  let_nested_go(s, slot);
  s->ridden--;
  slot->state = POOL_SLOT_ALIGHTED;
}

/* The rider has it already, or has left something on it. */
static bool arrived_used(struct pool_state *s, struct pool_slot *slot) {
  if (slot->state == POOL_SLOT_RIDDEN) {
    s->ridden--;
    s->lent_count++;
    slot->state = POOL_SLOT_LENT;
    return true;
  }
  if (slot->state != POOL_SLOT_ALIGHTED) return false;
  s->returning_count++;
  slot->state = POOL_SLOT_RETURNING;
  return true;
}

void pool_state_connected(struct pool_state *s, struct pool_slot *slot, uint64_t now_ms) {
  assert(s->connecting > 0);
  s->connecting--;
  s->connects++;
  s->proven = true;
  s->failures = 0;
  s->probe_ms = 0;
  set_ages(s, slot, now_ms);
  if (slot->state == POOL_SLOT_BOARDING) list_remove(&slot->node);
  if (arrived_used(s, slot)) {
    replaced(s);
  } else if (may_stay(s, slot, now_ms)) {
    replaced(s);
    offer(s, slot, now_ms);
  }
}

static void leave_connecting(struct pool_state *s, struct pool_slot *slot) {
  bool ridden = slot->state == POOL_SLOT_RIDDEN;

  assert(s->connecting > 0);
  s->connecting--;
  if (ridden) s->ridden--;
  if (slot->state == POOL_SLOT_BOARDING) list_remove(&slot->node);
  slot->state = ridden ? POOL_SLOT_STRANDED : POOL_SLOT_OUT;
}

/* Half of it at random, so that a fleet of clients does not knock in step. */
static void back_off(struct pool_state *s, uint64_t now_ms) {
  uint64_t delay = s->limits.backoff_ms;

  if (now_ms < s->probe_ms) return; /* started before the failure that began this pause */
  for (unsigned i = 0; i < s->failures && delay < s->limits.backoff_max_ms; i++) delay *= 2;
  if (delay > s->limits.backoff_max_ms) delay = s->limits.backoff_max_ms;
  if (s->failures < FAILURES_COUNTED) s->failures++;
  s->probe_ms = now_ms + delay - random_below(s, delay / 2 + 1);
}

void pool_state_connect_failed(struct pool_state *s, struct pool_slot *slot, enum pool_connect_failure why,
                               uint64_t now_ms) {
  leave_connecting(s, slot);
  if (why == POOL_CONNECT_ABORTED) return;
  s->connect_failures++;
  s->to_replace = 0; /* nobody waits for them; they are replaced when they are too old */
  back_off(s, now_ms);
  if (pool_state_open(s)) return;
  if (why == POOL_CONNECT_REFUSED || (why == POOL_CONNECT_LINK && !s->proven)) fail_all(s, POOL_FAIL_CONNECT);
}

/* Lent or returning -> in no count. */
static void take_back(struct pool_state *s, struct pool_slot *slot) {
  assert(slot->state >= POOL_SLOT_STRANDED && slot->state != POOL_SLOT_IDLE);
  assert(!slot->request);
  let_nested_go(s, slot);
  if (slot->state == POOL_SLOT_LENT)
    s->lent_count--;
  else if (slot->state == POOL_SLOT_RETURNING)
    s->returning_count--;
}

void pool_state_returning(struct pool_state *s, struct pool_slot *slot) {
  take_back(s, slot);
  slot->state = POOL_SLOT_RETURNING;
  s->returning_count++;
}

/* Whoever gave it back is likely to ask again: the next one is connected before that. */
static void replace_later(struct pool_state *s, const struct pool_slot *slot) {
  if (!slot->retiring && !s->closing) s->to_replace++;
}

void pool_state_returned(struct pool_state *s, struct pool_slot *slot, uint64_t now_ms) {
  assert(slot->state != POOL_SLOT_STRANDED);
  take_back(s, slot);
  if (!may_stay(s, slot, now_ms)) {
    if (slot->gone == DSQL_GONE_LIFETIME) replace_later(s, slot);
    return;
  }
  if (slot->retiring && s->to_replace == 0)
    doom(s, slot, DSQL_GONE_LIFETIME); /* its replacement has come meanwhile, or could not */
  else
    offer(s, slot, now_ms);
}

void pool_state_returned_bad(struct pool_state *s, struct pool_slot *slot, enum dsql_pool_gone why) {
  take_back(s, slot);
  doom(s, slot, why);
}

void pool_state_idle_gone(struct pool_state *s, struct pool_slot *slot, enum dsql_pool_gone why) {
  doom_idle(s, slot, why);
}

/* ---- events: time ---- */

static void pass_deadlines(struct pool_state *s, uint64_t now_ms) {
  struct heap_node *n;
  while ((n = heap_min(&s->deadlines)) != NULL && n->key <= now_ms)
    fail(s, LIST_ENTRY(n, struct pool_request, deadline), POOL_FAIL_TIMEOUT);
}

/* First its replacement is asked for; where there is no room for both, and later, it goes. One that is lent out is looked
 * at when it comes back. */
static void age(struct pool_state *s, struct pool_slot *slot, uint64_t now_ms) {
  heap_remove(&s->ages, &slot->aged);
  if (now_ms < slot->expires_ms) {
    heap_insert(&s->ages, &slot->aged, slot->expires_ms);
    if (slot->retiring || s->closing || pool_state_total(s) + s->to_replace >= s->limits.conns_max) return;
    slot->retiring = true;
    s->to_replace++;
    if (slot->state != POOL_SLOT_IDLE) return;
    list_remove(&slot->node);
    list_push_back(&s->retiring, &slot->node);
  } else if (slot->state == POOL_SLOT_IDLE) {
    replace_later(s, slot);
    doom_idle(s, slot, DSQL_GONE_LIFETIME);
  }
}

static void pass_ages(struct pool_state *s, uint64_t now_ms) {
  struct heap_node *n;
  while ((n = heap_min(&s->ages)) != NULL && n->key <= now_ms) age(s, LIST_ENTRY(n, struct pool_slot, aged), now_ms);
}

/* When the first idle connection has been so for too long. */
static uint64_t idle_due_ms(const struct pool_state *s) {
  const struct list *n = list_first(&s->idle);
  if (!n || s->limits.idle_ms == POOL_NEVER || pool_state_open(s) <= s->limits.conns_min) return POOL_NEVER;
  return LIST_ENTRY(n, const struct pool_slot, node)->idle_since_ms + s->limits.idle_ms;
}

void pool_state_tick(struct pool_state *s, uint64_t now_ms) {
  pass_deadlines(s, now_ms);
  while (idle_due_ms(s) <= now_ms) doom_idle(s, slot_of(list_first(&s->idle)), DSQL_GONE_IDLE);
  pass_ages(s, now_ms);
}

/* ---- events: by the user ---- */

void pool_state_resize(struct pool_state *s, uint32_t conns_max, uint32_t conns_min) {
  struct pool_slot *slot;

  s->limits.conns_max = conns_max;
  s->limits.conns_min = conns_min;
  while (pool_state_total(s) > conns_max && (slot = worst_idle(s)) != NULL) doom_idle(s, slot, DSQL_GONE_SURPLUS);
  /* What else comes back is surplus now: those that hold what may stay would wait for each other. */
  for (struct list *at = s->waiting.prev, *n = at->prev; at != &s->waiting; at = n, n = at->prev)
    if (s->holders_waiting >= conns_max && request_of(at)->holder) fail(s, request_of(at), POOL_FAIL_DEADLOCK);
}

static void board_nobody(struct pool_state *s) {
  while (!list_empty(&s->boarding)) pool_state_takes_riders(s, slot_of(list_first(&s->boarding)), false);
}

void pool_state_expire_all(struct pool_state *s) {
  s->generation++;
  board_nobody(s);
  doom_all_idle(s, DSQL_GONE_EXPIRED);
}

void pool_state_close(struct pool_state *s, uint64_t deadline_ms) {
  if (s->closing) return;
  s->closing = true;
  s->close_ms = deadline_ms;
  s->to_replace = 0;
  board_nobody(s);
  fail_all(s, POOL_FAIL_CLOSED);
  doom_all_idle(s, DSQL_GONE_CLOSED);
}

/* ---- actions ---- */

/* What is lent, after the deadline, counts as closed: it has been cut off, and only its memory is still out. */
static bool next_end(struct pool_state *s, uint64_t now_ms, struct pool_action *out) {
  if (!s->closing || s->ended) return false;
  if (!s->forced && now_ms >= s->close_ms && pool_state_total(s)) {
    s->forced = true;
    out->type = POOL_ACTION_FORCE;
    return true;
  }
  if (pool_state_total(s) - (s->forced ? s->lent_count : 0)) return false;
  s->ended = true;
  out->type = POOL_ACTION_ENDED;
  return true;
}

static void leave(struct pool_request *r) {
  list_remove(&r->node);
  r->state = POOL_REQUEST_NONE;
}

/* First come, first served: who may not ride keeps those behind it from riding. */
static void board(struct pool_state *s) {
  while (!list_empty(&s->boarding) && !list_empty(&s->waiting)) {
    struct pool_request *r = request_of(list_first(&s->waiting));
    struct pool_slot *slot = slot_of(list_first(&s->boarding));

    if (!r->rides) return;
    list_remove(&slot->node);
    stop_waiting(s, r);
    s->waits++;
    s->ridden++;
    s->acquires++;
    hand(s, r, slot, POOL_SLOT_RIDDEN);
  }
}

bool pool_state_next(struct pool_state *s, uint64_t now_ms, struct pool_action *out) {
  struct list *n;

  board(s);
  *out = (struct pool_action){.type = POOL_ACTION_NONE};
  if ((n = list_pop_front(&s->doomed)) != NULL) {
    out->type = POOL_ACTION_CLOSE;
    out->slot = slot_of(n);
    out->gone = out->slot->gone;
    return true;
  }
  if ((n = list_first(&s->failed)) != NULL) {
    out->type = POOL_ACTION_FAIL;
    out->request = request_of(n);
    out->failure = out->request->failure;
    leave(out->request);
    return true;
  }
  if ((n = list_first(&s->granted)) != NULL) {
    out->type = POOL_ACTION_GRANT;
    out->request = request_of(n);
    out->slot = out->request->slot;
    out->slot->request = NULL;
    out->request->slot = NULL;
    leave(out->request);
    return true;
  }
  return pool_admit(s, now_ms, out) || next_end(s, now_ms, out);
}

static uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

uint64_t pool_state_due_ms(const struct pool_state *s) {
  uint64_t due = idle_due_ms(s);

  if (heap_min(&s->deadlines)) due = earlier(due, heap_min(&s->deadlines)->key);
  if (heap_min(&s->ages)) due = earlier(due, heap_min(&s->ages)->key);
  if (s->closing && !s->forced) due = earlier(due, s->close_ms);
  return earlier(due, pool_admit_due_ms(s));
}
