/* Events in, actions out, in words: each script is a list of steps, an event and the actions that must follow it.
 *
 *   a<r>          ask, deadline in 1000 ms         A<r>,<ms>    ask with another deadline (0: none)
 *   n<r>,<s>      ask by the holder of slot s      w<r>         withdraw
 *   e<r>          ask, and it may ride             E<r>         ask again, behind a grant in vain
 *   o<n>          the n-th oldest connect takes riders (0: the oldest)          u<s>  it takes none any more
 *   g<s>          the rider of slot s lets go of it
 *   c             the oldest connect succeeds      f<why>       it fails: b(usy) l(ink) r(efused) x (aborted)
 *   r<s>          returned     b<s> returned bad   s<s>         returning       l<s>  idle connection lost
 *   t<ms>         time passes  z<max>,<min> resize x expire all q<ms> close     k     take
 *   !<event>      the same, and its actions are not pulled yet
 *   actions: C connect, G<r>:<s> grant, F<r>:<why> fail, X<s>:<why> close, FORCE, END, T<s> taken */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "pool/pool_state.h"

enum { REQUESTS = 20, SLOTS = 40 };

struct machine {
  struct pool_state s;
  struct pool_request requests[REQUESTS];
  struct pool_slot slots[SLOTS];
  uint64_t started[SLOTS];          /* generations of connects under way */
  struct pool_slot *boarded[SLOTS]; /* their slots, when they have taken riders */
  unsigned started_first, started_end, slot_count;
  uint64_t now;
  char log[512];
};

static const char *const failures[] = {"timeout", "full", "deadlock", "connect", "closed"};
static const char *const reasons[] = {"lifetime", "idle", "expired", "surplus", "lost", "dirty", "refused", "closed"};

static const struct pool_limits defaults = {.conns_max = 3,
                                            .waiters_max = 5,
                                            .connects_max = 2,
                                            .connects_per_s = 100,
                                            .connects_burst = 50,
                                            .backoff_ms = 100,
                                            .backoff_max_ms = 1000,
                                            .lifetime_ms = POOL_NEVER,
                                            .idle_ms = POOL_NEVER};

static void say(struct machine *m, const char *format, unsigned a, const char *text, unsigned b) {
  size_t n = strlen(m->log);
  if (n) m->log[n++] = ' ';
  if (text)
    (void)snprintf(m->log + n, sizeof m->log - n, format, a, text);
  else
    (void)snprintf(m->log + n, sizeof m->log - n, format, a, b);
}

static unsigned index_of_request(struct machine *m, const struct pool_request *r) {
  return (unsigned)(r - m->requests);
}
static unsigned index_of_slot(struct machine *m, const struct pool_slot *s) { return (unsigned)(s - m->slots); }

static void pull(struct machine *m) {
  struct pool_action a;
  while (pool_state_next(&m->s, m->now, &a)) {
    switch (a.type) {
      case POOL_ACTION_NONE: break;
      case POOL_ACTION_CLOSE: say(m, "X%u:%s", index_of_slot(m, a.slot), reasons[a.gone], 0); break;
      case POOL_ACTION_FAIL: say(m, "F%u:%s", index_of_request(m, a.request), failures[a.failure], 0); break;
      case POOL_ACTION_GRANT: say(m, "G%u:%u", index_of_request(m, a.request), NULL, index_of_slot(m, a.slot)); break;
      case POOL_ACTION_CONNECT:
        m->started[m->started_end++] = a.generation;
        say(m, "C", 0, NULL, 0);
        break;
      case POOL_ACTION_FORCE: say(m, "FORCE", 0, NULL, 0); break;
      case POOL_ACTION_ENDED: say(m, "END", 0, NULL, 0); break;
    }
  }
}

static enum pool_connect_failure failure_of(char c) {
  return c == 'b'   ? POOL_CONNECT_BUSY
         : c == 'l' ? POOL_CONNECT_LINK
         : c == 'r' ? POOL_CONNECT_REFUSED
                    : POOL_CONNECT_ABORTED;
}

/* Slots are numbered in the order in which they take riders or come up. */
static struct pool_slot *slot_of_connect(struct machine *m, unsigned i) {
  struct pool_slot **slot = &m->boarded[i];
  if (*slot) return *slot;
  *slot = &m->slots[m->slot_count++];
  pool_slot_init(*slot, m->started[i]);
  return *slot;
}

static struct pool_slot *end_connect(struct machine *m, bool well) {
  static struct pool_slot failed;
  unsigned i = m->started_first++;

  if (well || m->boarded[i]) return slot_of_connect(m, i);
  pool_slot_init(&failed, m->started[i]);
  return &failed;
}

static void ask_for_a_ride(struct machine *m, struct pool_request *r) {
  r->rides = true;
  pool_state_ask(&m->s, r, NULL, m->now + 1000);
}

static void event(struct machine *m, const char *text) {
  unsigned a = 0, b = 0;
  struct pool_slot *slot;

  (void)sscanf(text + 1, "%u,%u", &a, &b);
  slot = a < SLOTS ? &m->slots[a] : NULL;
  switch (*text) {
    case 'a': pool_state_ask(&m->s, &m->requests[a], NULL, m->now + 1000); break;
    case 'A': pool_state_ask(&m->s, &m->requests[a], NULL, b ? m->now + b : POOL_NEVER); break;
    case 'n': pool_state_ask(&m->s, &m->requests[a], &m->slots[b], m->now + 1000); break;
    case 'w': pool_state_withdraw(&m->s, &m->requests[a], m->now); break;
    case 'e': ask_for_a_ride(m, &m->requests[a]); break;
    case 'E': pool_state_ask_again(&m->s, &m->requests[a]); break;
    case 'o': pool_state_takes_riders(&m->s, slot_of_connect(m, m->started_first + a), true); break;
    case 'u': pool_state_takes_riders(&m->s, slot, false); break;
    case 'g': pool_state_alighted(&m->s, slot); break;
    case 'c': pool_state_connected(&m->s, end_connect(m, true), m->now); break;
    case 'f': pool_state_connect_failed(&m->s, end_connect(m, false), failure_of(text[1]), m->now); break;
    case 'r': pool_state_returned(&m->s, slot, m->now); break;
    case 'b': pool_state_returned_bad(&m->s, slot, DSQL_GONE_DIRTY); break;
    case 's': pool_state_returning(&m->s, slot); break;
    case 'l': pool_state_idle_gone(&m->s, slot, DSQL_GONE_LOST); break;
    case 't':
      m->now += a;
      pool_state_tick(&m->s, m->now);
      break;
    case 'z': pool_state_resize(&m->s, a, b); break;
    case 'x': pool_state_expire_all(&m->s); break;
    case 'q': pool_state_close(&m->s, m->now + a); break;
    case 'k':
      slot = pool_state_take(&m->s);
      say(m, "T%u", slot ? index_of_slot(m, slot) : 99, NULL, 0);
      break;
    default: cr_assert(false, "unknown event %s", text);
  }
}

struct step {
  const char *event, *actions;
};

static void run(const struct pool_limits *limits, const struct step *steps) {
  static struct machine m;

  memset(&m, 0, sizeof m);
  m.now = 5000;
  pool_state_init(&m.s, limits, 1, m.now);
  for (unsigned i = 0; i < REQUESTS; i++) pool_request_init(&m.requests[i]);
  for (unsigned i = 0; steps[i].event; i++) {
    m.log[0] = '\0';
    event(&m, steps[i].event + (*steps[i].event == '!'));
    if (*steps[i].event != '!') pull(&m);
    cr_assert_str_eq(m.log, steps[i].actions, "step %u, %s: got \"%s\", expected \"%s\"", i, steps[i].event, m.log,
                     steps[i].actions);
  }
}

#define SCRIPT(name, limits, ...)                                                                                      \
  Test(pool_state, name) {                                                                                             \
    static const struct step steps[] = {__VA_ARGS__, {NULL, NULL}};                                                    \
    run(limits, steps);                                                                                                \
  }
#define LIMITS(name, max, min, at_once, per_s, burst, lifetime, idle)                                                  \
  static const struct pool_limits name = {max, min, 5, at_once, per_s, burst, 100, 1000, lifetime, idle}

/* ---- lending ---- */
SCRIPT(connects_when_asked, &defaults, {"a1", "C"}, {"c", "G1:0"}, {"r0", ""}, {"a2", "G2:0"}, {"r0", ""})
SCRIPT(nothing_happens_unasked, &defaults, {"t1", ""}, {"t100000", ""})
SCRIPT(first_come_first_served, &defaults, {"a1", "C"}, {"a2", "C"}, {"a3", ""}, {"a4", ""}, {"c", "G1:0 C"},
       {"c", "G2:1"}, {"r1", "G3:1"}, {"r0", "G4:0"}, {"c", ""})
SCRIPT(the_one_used_last_is_lent_first, &defaults, {"a1", "C"}, {"a2", "C"}, {"c", "G1:0"}, {"c", "G2:1"}, {"r1", ""},
       {"r0", ""}, {"a3", "G3:0"}, {"a4", "G4:1"})
SCRIPT(taken_at_once, &defaults, {"k", "T99"}, {"a1", "C"}, {"c", "G1:0"}, {"k", "T99"}, {"r0", ""}, {"k", "T0"},
       {"r0", ""})
SCRIPT(bad_ones_are_replaced_when_somebody_waits, &defaults, {"a1", "C"}, {"c", "G1:0"}, {"b0", "X0:dirty"},
       {"a2", "C"}, {"a3", "C"}, {"a4", ""}, {"c", "G2:1 C"}, {"c", "G3:2"}, {"c", "G4:3"}, {"a5", ""},
       {"b1", "X1:dirty C"}, {"c", "G5:4"})
SCRIPT(returning_ones_count, &defaults, {"a1", "C"}, {"c", "G1:0"}, {"s0", ""}, {"a2", "C"}, {"r0", "G2:0"}, {"c", ""})
SCRIPT(no_more_than_waiters_max, &defaults, {"a1", "C"}, {"a2", "C"}, {"a3", ""}, {"a4", ""}, {"a5", ""},
       {"a6", "F6:full"}, {"w3", ""}, {"a6", ""})
SCRIPT(an_idle_one_that_is_lost, &defaults, {"a1", "C"}, {"c", "G1:0"}, {"r0", ""}, {"l0", "X0:lost"}, {"a2", "C"})

/* ---- withdrawing and deadlines ---- */
SCRIPT(withdrawn, &defaults, {"a1", "C"}, {"a2", "C"}, {"w1", ""}, {"w1", ""}, {"c", "G2:0"}, {"c", ""}, {"w2", ""})
SCRIPT(withdrawn_before_it_is_told, &defaults, {"a1", "C"}, {"a2", "C"}, {"!c", ""}, {"w1", "G2:0"}, {"c", ""},
       {"r0", ""}, {"!a3", ""}, {"w3", ""}, {"k", "T0"}, {"z1,0", "X1:surplus"}, {"A4,1", ""}, {"!t1", ""}, {"w4", ""},
       {"!r0", ""}, {"x", "X0:expired"})
SCRIPT(deadlines_are_absolute, &defaults, {"A1,500", "C"}, {"A2,300", "C"}, {"A3,0", ""}, {"t299", ""},
       {"t1", "F2:timeout"}, {"c", "G1:0"}, {"t999999", ""}, {"r0", "G3:0"})
SCRIPT(a_deadline_that_has_passed, &defaults, {"A1,1", "C"}, {"t1", "F1:timeout"}, {"c", ""})

/* ---- failing to connect ---- */
SCRIPT(a_refusal_is_told_to_all, &defaults, {"a1", "C"}, {"a2", "C"}, {"a3", ""},
       {"fr", "F1:connect F2:connect F3:connect"}, {"fr", ""}, {"a4", ""}, {"t100", "C"}, {"c", "G4:0"})
SCRIPT(never_connected_and_nobody_there, &defaults, {"a1", "C"}, {"fl", "F1:connect"})
SCRIPT(an_outage_is_waited_out, &defaults, {"A1,0", "C"}, {"c", "G1:0"}, {"b0", "X0:dirty"}, {"A2,0", "C"}, {"fl", ""},
       {"t49", ""}, {"t51", "C"}, {"A3,0", ""}, {"fl", ""}, {"t99", ""}, {"t101", "C"}, {"c", "G2:1 C"}, {"c", "G3:2"})
SCRIPT(busy_is_waited_for, &defaults, {"A1,0", "C"}, {"A2,0", "C"}, {"fb", ""}, {"fb", ""}, {"t100", "C"}, {"fb", ""},
       {"t200", "C"}, {"fb", ""}, {"t400", "C"}, {"fb", ""}, {"t800", "C"}, {"fb", ""}, {"t1000", "C"}, {"fb", ""},
       {"t499", ""}, {"t501", "C"}, {"c", "G1:0 C"})
SCRIPT(with_one_open_a_refusal_is_not_told, &defaults, {"a1", "C"}, {"c", "G1:0"}, {"a2", "C"}, {"fr", ""},
       {"r0", "G2:0"})
SCRIPT(aborted_is_no_failure, &defaults, {"a1", "C"}, {"fx", "C"}, {"c", "G1:0"})

LIMITS(slow, 10, 0, 10, 10, 2, POOL_NEVER, POOL_NEVER);
SCRIPT(the_bucket, &slow, {"A1,0", "C"}, {"A2,0", "C"}, {"A3,0", ""}, {"t99", ""}, {"t1", "C"}, {"A4,0", ""},
       {"A5,0", ""}, {"t200", "C C"}, {"t100000", ""}, {"w1", ""}, {"c", "G2:0"})

/* ---- time ---- */
LIMITS(idling, 3, 1, 2, 100, 50, POOL_NEVER, 1000);
SCRIPT(idle_ones_go_down_to_conns_min, &idling, {"t0", "C"}, {"c", ""}, {"A1,0", "G1:0"}, {"A2,0", "C"}, {"A3,0", "C"},
       {"c", "G2:1"}, {"c", "G3:2"}, {"r0", ""}, {"t500", ""}, {"r1", ""}, {"t500", "X0:idle"}, {"r2", ""},
       {"t500", "X1:idle"}, {"t5000", ""}, {"l2", "X2:lost C"})

/* Of 1000 ms up to 100 are taken off at random; the replacement is asked for 1/20 ahead. */
LIMITS(aging, 3, 0, 2, 100, 50, 1000, POOL_NEVER);
SCRIPT(replaced_before_it_goes, &aging, {"a1", "C"}, {"c", "G1:0"}, {"r0", ""}, {"t850", ""}, {"t99", "C"},
       {"c", "X0:lifetime"}, {"a2", "G2:1"})
SCRIPT(lent_out_while_it_is_replaced, &aging, {"a1", "C"}, {"c", "G1:0"}, {"t949", "C"}, {"c", ""},
       {"r0", "X0:lifetime"})
SCRIPT(used_until_its_replacement_is_there, &aging, {"a1", "C"}, {"c", "G1:0"}, {"r0", ""}, {"t949", "C"},
       {"A2,0", "G2:0"}, {"c", ""}, {"r0", "X0:lifetime"})
SCRIPT(too_old_when_it_comes_back, &aging, {"A1,0", "C"}, {"c", "G1:0"}, {"t949", "C"}, {"fl", ""}, {"t1000", ""},
       {"r0", "X0:lifetime"})
LIMITS(tight, 1, 0, 2, 100, 50, 1000, POOL_NEVER);
SCRIPT(no_room_for_both, &tight, {"a1", "C"}, {"c", "G1:0"}, {"r0", ""}, {"t899", ""}, {"t102", "X0:lifetime C"},
       {"c", ""}, {"a2", "G2:1"}, {"t2000", ""}, {"r1", "X1:lifetime C"})

/* ---- by the user ---- */
SCRIPT(resized, &defaults, {"a1", "C"}, {"a2", "C"}, {"a3", ""}, {"c", "G1:0 C"}, {"c", "G2:1"}, {"c", "G3:2"},
       {"r0", ""}, {"z1,0", "X0:surplus"}, {"r1", "X1:surplus"}, {"r2", ""}, {"a4", "G4:2"}, {"a5", ""}, {"z2,0", "C"},
       {"z1,0", ""}, {"c", "X3:surplus"}, {"r2", "G5:2"}, {"r2", ""}, {"z3,3", "C C"})
SCRIPT(expired, &defaults, {"a1", "C"}, {"a2", "C"}, {"c", "G1:0"}, {"c", "G2:1"}, {"r0", ""}, {"a3", "G3:0"},
       {"r1", ""}, {"a4", "G4:1"}, {"a5", "C"}, {"r1", "G5:1"}, {"x", ""}, {"r0", "X0:expired"}, {"c", "X2:expired"},
       {"a6", "C"}, {"c", "G6:3"}, {"r1", "X1:expired"}, {"r3", ""}, {"x", "X3:expired"})
SCRIPT(closed, &defaults, {"q100", "END"}, {"a1", "F1:closed"})
SCRIPT(closed_when_all_are_back, &defaults, {"a1", "C"}, {"a2", "C"}, {"a3", ""}, {"c", "G1:0 C"}, {"c", "G2:1"},
       {"r1", "G3:1"}, {"a4", ""}, {"q100", "F4:closed"}, {"fx", ""}, {"r0", "X0:closed"}, {"r1", "X1:closed END"},
       {"t1000", ""})
SCRIPT(closed_with_force, &defaults, {"a1", "C"}, {"a2", "C"}, {"a3", ""}, {"c", "G1:0 C"}, {"c", "G2:1"},
       {"q100", "F3:closed"}, {"s1", ""}, {"t99", ""}, {"t1", "FORCE"}, {"fx", ""}, {"b1", "X1:dirty END"},
       {"r0", "X0:closed"})
SCRIPT(closed_at_once, &defaults, {"a1", "C"}, {"c", "G1:0"}, {"q0", "FORCE END"}, {"r0", "X0:closed"})

/* ---- a body that asks for another connection ---- */
SCRIPT(waits_for_itself, &tight, {"A1,0", "C"}, {"c", "G1:0"}, {"n2,0", "F2:deadlock"})
LIMITS(two, 2, 0, 2, 100, 50, POOL_NEVER, POOL_NEVER);
SCRIPT(both_wait_for_each_other, &two, {"a1", "C"}, {"a2", "C"}, {"c", "G1:0"}, {"c", "G2:1"}, {"n3,0", ""},
       {"n4,0", ""}, {"n5,1", "F5:deadlock"}, {"w3", ""}, {"n5,1", "F5:deadlock"}, {"w4", ""}, {"n5,1", ""},
       {"n3,0", "F3:deadlock"}, {"r1", "G5:1"}, {"n3,0", ""})
SCRIPT(both_wait_once_there_are_fewer, &two, {"a1", "C"}, {"a2", "C"}, {"c", "G1:0"}, {"c", "G2:1"}, {"n3,0", ""},
       {"a4", ""}, {"z1,0", "F3:deadlock"}, {"r1", "X1:surplus"}, {"r0", "G4:0"})
SCRIPT(another_ones_will_come_back, &two, {"a1", "C"}, {"a2", "C"}, {"c", "G1:0"}, {"c", "G2:1"}, {"n3,0", ""},
       {"r1", "G3:1"}, {"n4,0", ""}, {"r0", "G4:0"})

/* ---- riding ---- */
LIMITS(one, 1, 0, 2, 100, 50, POOL_NEVER, POOL_NEVER);
LIMITS(kept_open, 3, 2, 2, 100, 50, POOL_NEVER, POOL_NEVER);
/* Granted once the connect takes riders; the connection is the rider's when it is up. */
SCRIPT(the_first_rides, &defaults, {"e1", "C"}, {"e2", "C"}, {"o0", "G1:0"}, {"c", ""}, {"o0", "G2:1"}, {"r0", ""},
       {"e3", "G3:0"}, {"c", ""}, {"r1", ""}, {"k", "T1"})
/* Who comes while it takes riders need not wait, and no other connect is begun. */
SCRIPT(boarded_late, &kept_open, {"t1", "C C"}, {"o0", ""}, {"e1", "G1:0"}, {"e2", ""}, {"c", ""}, {"c", "G2:1"})
/* What comes back first serves whoever waits; then nobody rides. */
SCRIPT(an_idle_one_comes_first, &defaults, {"a1", "C"}, {"c", "G1:0"}, {"e2", "C"}, {"r0", "G2:0"}, {"o0", ""},
       {"c", ""}, {"k", "T1"})
/* One that may not ride is not overtaken: neither by a ride nor on a connection that is up. */
SCRIPT(nobody_is_overtaken, &defaults, {"a1", "C"}, {"e2", "C"}, {"o0", ""}, {"o1", ""}, {"c", "G1:0 G2:1"}, {"c", ""})
/* Two rides in vain: both stand where they stood, whichever fails first, and the next connect is the first one's. */
SCRIPT(in_vain, &defaults, {"e1", "C"}, {"e2", "C"}, {"e3", ""}, {"o0", "G1:0"}, {"o1", "G2:1"}, {"e4", ""}, {"E2", ""},
       {"g1", ""}, {"E1", ""}, {"g0", ""}, {"fb", ""}, {"fb", ""}, {"t100", "C"}, {"o0", "G1:2"}, {"c", "C C"},
       {"c", "G2:3"}, {"r3", "G3:3"}, {"c", "G4:4"})
/* The cause is told to who rode as to all others; the deadline is the one it had. */
SCRIPT(refused_while_riding, &defaults, {"e1", "C"}, {"o0", "G1:0"}, {"E1", "C"}, {"g0", ""}, {"fr", "F1:connect"})
SCRIPT(a_ride_does_not_move_the_deadline, &defaults, {"e1", "C"}, {"t400", ""}, {"o0", "G1:0"}, {"t500", ""},
       {"!E1", ""}, {"!g0", ""}, {"fb", ""}, {"t99", "C"}, {"t1", "F1:timeout"})
/* While it rode another one became idle. */
SCRIPT(in_vain_beside_an_idle_one, &defaults, {"a1", "C"}, {"c", "G1:0"}, {"e2", "C"}, {"o0", "G2:1"}, {"r0", ""},
       {"E2", "G2:0"}, {"g1", ""}, {"fr", ""})
/* The rider has not let go when the connect fails: it does, and nothing was ever open. */
SCRIPT(stranded, &defaults, {"e1", "C"}, {"o0", "G1:0"}, {"fb", ""}, {"b0", "X0:dirty"}, {"q0", "END"})
SCRIPT(stranded_and_asked_again, &defaults, {"e1", "C"}, {"o0", "G1:0"}, {"fb", ""}, {"!E1", ""}, {"b0", "X0:dirty"},
       {"t100", "C"}, {"c", "G1:1"})
/* The rider has let go before it is up: another one may ride, or it is cleaned when it is there. */
SCRIPT(alighted, &defaults, {"e1", "C"}, {"o0", "G1:0"}, {"g0", ""}, {"o0", ""}, {"e2", "G2:0"}, {"g0", ""}, {"c", ""},
       {"e3", "C"}, {"r0", "G3:0"})
SCRIPT(no_rides_any_more, &defaults, {"e1", "C"}, {"!o0", ""}, {"u0", ""}, {"t1", ""}, {"c", "G1:0"})
SCRIPT(withdrawn_from_the_ride, &defaults, {"e1", "C"}, {"e2", "C"}, {"!o0", ""}, {"w1", "G2:0"}, {"c", ""})
/* Who rides still counts as one that waits: it may have to, again. */
SCRIPT(riders_count_as_waiters, &one, {"e1", "C"}, {"o0", "G1:0"}, {"e2", ""}, {"e3", ""}, {"e4", ""}, {"e5", ""},
       {"e6", "F6:full"}, {"E1", ""}, {"g0", ""}, {"fx", "C"})
/* A connection that was begun before is not lent to anybody new; its rider gives it back, and it goes. */
SCRIPT(expired_while_connecting, &one, {"e1", "C"}, {"x", ""}, {"o0", ""}, {"c", "X0:expired C"}, {"o0", "G1:1"},
       {"x", ""}, {"c", ""}, {"r1", "X1:expired"})
/* The end waits for who rides, as for who has one. */
SCRIPT(closed_while_riding, &defaults, {"e1", "C"}, {"e2", "C"}, {"o0", "G1:0"}, {"q50", "F2:closed"}, {"c", ""},
       {"fx", ""}, {"r0", "X0:closed END"})
SCRIPT(closed_and_in_vain, &defaults, {"e1", "C"}, {"o0", "G1:0"}, {"q50", ""}, {"E1", "F1:closed"}, {"g0", ""},
       {"fx", "END"})
SCRIPT(forced_while_riding, &defaults, {"e1", "C"}, {"o0", "G1:0"}, {"q50", ""}, {"t50", "FORCE"}, {"fx", "END"},
       {"b0", "X0:dirty"})
/* Its rider's body waits for another one: that is seen, too. */
SCRIPT(a_rider_that_waits_for_itself, &one, {"e1", "C"}, {"o0", "G1:0"}, {"n2,0", "F2:deadlock"}, {"c", ""}, {"r0", ""})
