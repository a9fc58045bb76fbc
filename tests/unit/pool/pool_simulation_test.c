/* The machine against random borrowers, a random server and a fake clock. After every step: each request ended at most
 * once, limits hold, nobody waits beside an idle connection or one that would take it along, first come is first served. At the end: each ended exactly
 * once, nothing leaks. The seed is printed when a run fails: DSQL_SEED=n runs it alone. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool/pool_state.h"

enum { SEEDS = 10000, STEPS = 300, REQUESTS = 400, MANY = 100000 };

struct asker {
  struct pool_request request; /* first */
  uint64_t ticket, deadline_ms;
  unsigned ended;
  bool asked, withdrawn;
};

struct borrowed {
  struct pool_slot slot;                                  /* first */
  struct asker *rider;                                    /* who has it although it is not up */
  bool connecting, live, lent, returning, stranded, left; /* left: a rider has, and not cleaned up */
};

struct sim {
  struct pool_state s;
  struct asker askers[REQUESTS];
  struct borrowed conns[STEPS * 8];
  size_t conn_count, connecting;
  size_t asked;
  uint64_t now, rng, tickets, seed, rides, vain;
  size_t late; /* asked again after the connect had failed: meanwhile another one may have taken the place */
  bool closing, ended, forced;
};

static uint64_t draw(struct sim *m, uint64_t n) {
  m->rng ^= m->rng << 13;
  m->rng ^= m->rng >> 7;
  m->rng ^= m->rng << 17;
  return (m->rng >> 11) % n;
}

#define HOLDS(condition) cr_assert(condition, "seed %llu: %s", (unsigned long long)m->seed, #condition)

static void end(struct sim *m, struct asker *a) {
  HOLDS(a->asked && !a->withdrawn && a->ended == 0);
  a->ended++;
}

/* First come, first served: nobody who waits has asked before. */
static void nobody_was_first(struct sim *m, const struct asker *a) {
  for (size_t i = 0; i < m->asked; i++) {
    const struct asker *other = &m->askers[i];
    if (other->request.state == POOL_REQUEST_WAITING) HOLDS(other->ticket > a->ticket);
  }
}

static void granted(struct sim *m, const struct pool_action *act) {
  struct asker *a = (struct asker *)(void *)act->request;
  struct borrowed *c = (struct borrowed *)(void *)act->slot;

  end(m, a);
  nobody_was_first(m, a);
  HOLDS(!c->lent && !c->returning && !c->stranded && !c->left);
  HOLDS(c->slot.generation == m->s.generation || m->closing);
  if (c->connecting) {
    HOLDS(a->request.rides && !c->rider && c->slot.state == POOL_SLOT_RIDDEN);
    c->rider = a;
    m->rides++;
  } else {
    HOLDS(c->live);
    c->lent = true;
  }
}

static void failed(struct sim *m, const struct pool_action *act) {
  struct asker *a = (struct asker *)(void *)act->request;
  end(m, a);
  if (act->failure == POOL_FAIL_TIMEOUT) HOLDS(m->now >= a->deadline_ms);
}

static void closed(struct sim *m, const struct pool_action *act) {
  struct borrowed *c = (struct borrowed *)(void *)act->slot;
  HOLDS(c->live != c->stranded && !c->lent && !c->returning && !c->rider);
  HOLDS(!act->slot->aged.linked && !list_linked(&act->slot->node) && list_empty(&act->slot->nested));
  c->live = c->stranded = false;
}

/* A connect fails under its rider, who has not noticed yet. */
static void fail_connect(struct sim *m, struct borrowed *c, enum pool_connect_failure why) {
  c->connecting = c->left = false;
  c->stranded = c->rider != NULL;
  m->connecting--;
  pool_state_connect_failed(&m->s, &c->slot, why, m->now);
  HOLDS(c->slot.state == (c->stranded ? POOL_SLOT_STRANDED : POOL_SLOT_OUT));
}

static void force(struct sim *m) {
  m->forced = true;
  for (size_t i = 0; i < m->conn_count; i++)
    if (m->conns[i].connecting) fail_connect(m, &m->conns[i], POOL_CONNECT_ABORTED);
  for (size_t i = 0; i < m->conn_count; i++) {
    if (!m->conns[i].returning) continue;
    m->conns[i].returning = false;
    pool_state_returned_bad(&m->s, &m->conns[i].slot, DSQL_GONE_CLOSED);
  }
}

static void pull(struct sim *m) {
  struct pool_action a;
  uint32_t connects = 0;

  while (pool_state_next(&m->s, m->now, &a)) {
    switch (a.type) {
      case POOL_ACTION_NONE: break;
      case POOL_ACTION_CLOSE: closed(m, &a); break;
      case POOL_ACTION_FAIL: failed(m, &a); break;
      case POOL_ACTION_GRANT: granted(m, &a); break;
      case POOL_ACTION_CONNECT:
        HOLDS(!m->closing && ++connects <= m->s.limits.connects_max);
        m->connecting++;
        m->conns[m->conn_count].connecting = true;
        pool_slot_init(&m->conns[m->conn_count++].slot, a.generation);
        break;
      case POOL_ACTION_FORCE: force(m); break;
      case POOL_ACTION_ENDED:
        HOLDS(m->closing && !m->ended);
        m->ended = true;
        break;
    }
  }
}

static const struct asker *first_waiter(const struct sim *m) {
  const struct asker *first = NULL;
  for (size_t i = 0; i < m->asked; i++) {
    const struct asker *a = &m->askers[i];
    if (a->request.state == POOL_REQUEST_WAITING && (!first || a->ticket < first->ticket)) first = a;
  }
  return first;
}

static void check(struct sim *m, uint32_t most) {
  size_t live = 0, lent = 0, waiting = 0, ridden = 0;
  uint64_t due = pool_state_due_ms(&m->s);

  for (size_t i = 0; i < m->conn_count; i++) {
    live += m->conns[i].live;
    lent += m->conns[i].lent;
    ridden += m->conns[i].connecting && m->conns[i].rider;
  }
  for (size_t i = 0; i < m->asked; i++) waiting += m->askers[i].request.state == POOL_REQUEST_WAITING;
  HOLDS(live + m->connecting <= most);
  HOLDS(live == pool_state_open(&m->s) && lent == m->s.lent_count);
  HOLDS(m->connecting == m->s.connecting && m->s.connecting <= m->s.limits.connects_max);
  HOLDS(ridden == m->s.ridden);
  HOLDS(waiting == m->s.waiting_count && waiting + ridden <= m->s.limits.waiters_max + m->late);
  HOLDS(!waiting || m->s.idle_count == 0);
  HOLDS(!m->closing || (waiting == 0 && m->s.idle_count == 0));
  HOLDS(list_empty(&m->s.boarding) || !waiting || !first_waiter(m)->request.rides); /* nobody waits beside a ride */
  HOLDS(due > m->now);                                                              /* or the timer would spin */
  HOLDS(!waiting || m->s.connecting || m->s.lent_count + m->s.returning_count || due != POOL_NEVER); /* nothing hangs */
}

/* ---- random events ---- */

static struct borrowed *pick(struct sim *m, bool lent, bool returning) {
  size_t from = m->conn_count ? draw(m, m->conn_count) : 0;
  for (size_t i = 0; i < m->conn_count; i++) {
    struct borrowed *c = &m->conns[(from + i) % m->conn_count];
    if (c->live && c->lent == lent && c->returning == returning) return c;
  }
  return NULL;
}

static struct borrowed *pick_connecting(struct sim *m) {
  size_t from = m->conn_count ? draw(m, m->conn_count) : 0;
  for (size_t i = 0; m->connecting && i < m->conn_count; i++) {
    struct borrowed *c = &m->conns[(from + i) % m->conn_count];
    if (c->connecting) return c;
  }
  return NULL;
}

static struct borrowed *pick_ridden(struct sim *m) {
  size_t from = m->conn_count ? draw(m, m->conn_count) : 0;
  for (size_t i = 0; i < m->conn_count; i++) {
    struct borrowed *c = &m->conns[(from + i) % m->conn_count];
    if (c->rider) return c;
  }
  return NULL;
}

static void ask(struct sim *m) {
  struct asker *a;
  struct borrowed *holder = draw(m, 4) ? NULL : pick(m, true, false);

  if (!holder && draw(m, 8) == 0) holder = pick_ridden(m); /* a body on a connection that is not up */
  if (m->asked == REQUESTS) return;
  a = &m->askers[m->asked++];
  pool_request_init(&a->request);
  a->asked = true;
  a->request.rides = draw(m, 3) > 0;
  a->ticket = ++m->tickets;
  a->deadline_ms = draw(m, 8) ? m->now + 1 + draw(m, 500) : POOL_NEVER;
  pool_state_ask(&m->s, &a->request, holder ? &holder->slot : NULL, a->deadline_ms);
}

static void withdraw(struct sim *m) {
  struct asker *a = m->asked ? &m->askers[draw(m, m->asked)] : NULL;
  if (!a || a->ended || a->withdrawn) return;
  pool_state_withdraw(&m->s, &a->request, m->now);
  a->withdrawn = true;
}

/* Between the event that grants and the action that tells. */
static void withdraw_granted(struct sim *m) {
  for (size_t i = 0; i < m->asked; i++) {
    struct asker *a = &m->askers[i];
    if (a->request.state != POOL_REQUEST_GRANTED) continue;
    pool_state_withdraw(&m->s, &a->request, m->now);
    a->withdrawn = true;
    return;
  }
}

/* What a rider called travels now; or not any more, since the attempt is made anew. */
static void turn_riders(struct sim *m) {
  struct borrowed *c = pick_connecting(m);
  bool takes = c && !c->rider && draw(m, 4) > 0;

  if (!c) return;
  pool_state_takes_riders(&m->s, &c->slot, takes);
  if (takes) c->left = false;
}

/* The rider lets go: it was canceled, or nothing was sent and it asks again, before or behind the connect's failure. */
static void alight(struct sim *m) {
  struct borrowed *c = pick_ridden(m);
  struct asker *a = c ? c->rider : NULL;

  if (!c) return;
  c->rider = NULL;
  if (draw(m, 3)) {
    m->vain++;
    m->late += c->stranded;
    a->ended--;
    pool_state_ask_again(&m->s, &a->request);
  }
  if (c->stranded) {
    pool_state_returned_bad(&m->s, &c->slot, DSQL_GONE_LOST);
  } else {
    c->left = true;
    pool_state_alighted(&m->s, &c->slot);
  }
}

static void finish_connect(struct sim *m, bool well) {
  struct borrowed *c = pick_connecting(m);

  if (!c) return;
  if (!well) {
    fail_connect(m, c, (enum pool_connect_failure)draw(m, 4));
    return;
  }
  m->connecting--;
  c->connecting = false;
  c->live = true;
  c->lent = c->rider != NULL;
  c->returning = c->left;
  c->rider = NULL;
  c->left = false;
  pool_state_connected(&m->s, &c->slot, m->now);
}

static void give_back(struct sim *m, bool well) {
  struct borrowed *c = pick(m, true, false);
  if (!c) c = pick(m, false, true);
  if (!c) return;
  if (c->lent && draw(m, 3) == 0) {
    c->lent = false;
    c->returning = true;
    pool_state_returning(&m->s, &c->slot);
    return;
  }
  c->lent = c->returning = false;
  if (well)
    pool_state_returned(&m->s, &c->slot, m->now);
  else
    pool_state_returned_bad(&m->s, &c->slot, DSQL_GONE_DIRTY);
}

static void lose_idle(struct sim *m) {
  struct borrowed *c = pick(m, false, false);
  if (c && c->slot.state == POOL_SLOT_IDLE) pool_state_idle_gone(&m->s, &c->slot, DSQL_GONE_LOST);
}

static void take(struct sim *m) {
  struct pool_slot *slot = pool_state_take(&m->s);
  if (slot) ((struct borrowed *)(void *)slot)->lent = true;
}

static uint32_t step(struct sim *m, uint32_t most) {
  switch (draw(m, 32)) {
    case 0: m->now += draw(m, 4) ? draw(m, 20) : draw(m, 2000); break;
    case 1: withdraw(m); break;
    case 2: finish_connect(m, false); break;
    case 3: give_back(m, false); break;
    case 4: lose_idle(m); break;
    case 5:
      if (draw(m, 8) == 0) pool_state_expire_all(&m->s);
      break;
    case 6:
      if (draw(m, 8) == 0) {
        uint32_t max = 1 + (uint32_t)draw(m, 8);
        uint32_t now = pool_state_open(&m->s) + m->s.connecting;
        pool_state_resize(&m->s, max, (uint32_t)draw(m, max + 1));
        most = max > now ? max : now;
      }
      break;
    case 7: take(m); break;
    case 8:
    case 9:
    case 10:
    case 11: finish_connect(m, true); break;
    case 12:
    case 13:
    case 14:
    case 15:
    case 16: give_back(m, true); break;
    case 17: m->now++; break;
    case 18:
    case 19:
    case 20:
    case 21: turn_riders(m); break;
    case 22:
    case 23: alight(m); break;
    default: ask(m); break;
  }
  return most;
}

static void drain(struct sim *m) {
  m->closing = true;
  pool_state_close(&m->s, m->now + draw(m, 100));
  pull(m);
  for (int i = 0; i < 1000 && !m->ended; i++) {
    m->now++;
    pool_state_tick(&m->s, m->now);
    if (draw(m, 2)) give_back(m, true);
    if (draw(m, 2)) finish_connect(m, true);
    if (draw(m, 2)) alight(m);
    pull(m);
  }
  HOLDS(m->ended);
  while (pick_ridden(m)) {
    alight(m);
    pull(m);
  }
  while (m->s.lent_count) {
    give_back(m, true);
    pull(m);
  }
  while (m->s.returning_count) {
    give_back(m, true);
    pull(m);
  }
}

static uint64_t total_rides, total_vain;

static void run(uint64_t seed) {
  static struct sim sim;
  struct sim *m = &sim;
  struct pool_limits limits;
  uint32_t most;

  memset(m, 0, sizeof *m);
  m->seed = seed;
  m->rng = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
  m->now = draw(m, 100000);
  limits = (struct pool_limits){.conns_max = 1 + (uint32_t)draw(m, 6),
                                .waiters_max = 1 + (uint32_t)draw(m, 40),
                                .connects_max = 1 + (uint32_t)draw(m, 4),
                                .connects_per_s = 10 + (uint32_t)draw(m, 1000),
                                .connects_burst = 1 + (uint32_t)draw(m, 50),
                                .backoff_ms = 1 + (uint32_t)draw(m, 50),
                                .backoff_max_ms = 500,
                                .lifetime_ms = draw(m, 2) ? 20 + draw(m, 1000) : POOL_NEVER,
                                .idle_ms = draw(m, 2) ? 1 + draw(m, 500) : POOL_NEVER};
  limits.conns_min = (uint32_t)draw(m, limits.conns_max + 1);
  most = limits.conns_max;
  pool_state_init(&m->s, &limits, seed, m->now);
  for (int i = 0; i < STEPS; i++) {
    most = step(m, most);
    if (draw(m, 4) == 0) withdraw_granted(m);
    if (m->conn_count + 8 > sizeof m->conns / sizeof *m->conns) break;
    pool_state_tick(&m->s, m->now);
    pull(m);
    check(m, most);
    if (pool_state_open(&m->s) + m->s.connecting <= m->s.limits.conns_max) most = m->s.limits.conns_max;
  }
  drain(m);
  for (size_t i = 0; i < m->asked; i++) HOLDS(m->askers[i].ended + m->askers[i].withdrawn == 1);
  for (size_t i = 0; i < m->conn_count; i++) HOLDS(!m->conns[i].live && !m->conns[i].rider && !m->conns[i].stranded);
  HOLDS(list_empty(&m->s.boarding) && m->s.ridden == 0);
  total_rides += m->rides;
  total_vain += m->vain;
  HOLDS(!heap_min(&m->s.deadlines) && !heap_min(&m->s.ages) && m->s.holders_waiting == 0);
}

Test(pool_simulation, invariants, .timeout = 55) {
  const char *one = getenv("DSQL_SEED");
  if (one) {
    run(strtoull(one, NULL, 10));
    return;
  }
  for (uint64_t seed = 1; seed <= SEEDS; seed++) run(seed);
  cr_assert_gt(total_rides, SEEDS, "%llu", (unsigned long long)total_rides);
  cr_assert_gt(total_vain, SEEDS, "%llu", (unsigned long long)total_vain);
}

/* ---- very many ---- */

static struct pool_request many[MANY];
static uint32_t order[MANY];

static struct pool_state *crowd(void) {
  static struct pool_state s;
  struct pool_limits limits = {10, 0, MANY, 16, 100, 1000, 100, 1000, POOL_NEVER, POOL_NEVER};
  struct pool_action a;
  uint64_t rng = 88172645463325252u;

  pool_state_init(&s, &limits, 1, 0);
  for (uint32_t i = 0; i < MANY; i++) {
    pool_request_init(&many[i]);
    pool_state_ask(&s, &many[i], NULL, 1000 + (i * UINT64_C(7919)) % 100000);
    order[i] = i;
  }
  for (uint32_t i = MANY - 1; i > 0; i--) {
    uint32_t j, t = order[i];
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    j = (uint32_t)(rng % (i + 1));
    order[i] = order[j];
    order[j] = t;
  }
  for (uint32_t i = 0; i < 10; i++)
    cr_assert(pool_state_next(&s, 0, &a) && a.type == POOL_ACTION_CONNECT, "it connects for the first ten");
  cr_assert(!pool_state_next(&s, 0, &a));
  cr_assert_eq(s.waiting_count, MANY);
  return &s;
}

Test(pool_simulation, a_hundred_thousand_withdrawn_in_random_order, .timeout = 10) {
  struct pool_state *s = crowd();

  for (uint32_t i = 0; i < MANY; i++) pool_state_withdraw(s, &many[order[i]], 0);
  cr_assert_eq(s->waiting_count, 0);
  cr_assert_eq(s->cancels, MANY);
  cr_assert(list_empty(&s->waiting) && !heap_min(&s->deadlines));
}

Test(pool_simulation, a_hundred_thousand_granted_in_order, .timeout = 10) {
  struct pool_state *s = crowd();
  struct pool_slot slot;
  struct pool_action a;

  for (uint32_t i = 1; i < MANY; i += 2) pool_state_withdraw(s, &many[i], 0);
  pool_slot_init(&slot, 0);
  pool_state_connected(s, &slot, 0);
  for (uint32_t i = 0; i < MANY; i += 2) {
    cr_assert(pool_state_next(s, 0, &a) && a.type == POOL_ACTION_GRANT && a.request == &many[i]);
    pool_state_returned(s, &slot, 0);
  }
  cr_assert_eq(s->waiting_count, 0);
}

Test(pool_simulation, a_hundred_thousand_deadlines, .timeout = 10) {
  struct pool_state *s = crowd();
  struct pool_action a;
  uint32_t failed_count = 0;

  for (uint64_t now = 0; now <= 101000; now += 500) {
    pool_state_tick(s, now);
    while (pool_state_next(s, now, &a)) failed_count += a.type == POOL_ACTION_FAIL;
    cr_assert(pool_state_due_ms(s) > now);
  }
  cr_assert_eq(failed_count, MANY);
  cr_assert_eq(s->timeouts, MANY);
}
