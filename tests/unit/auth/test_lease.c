/* The lease's state table, its clock scenarios, and random events against the rules. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "auth/lease.h"

enum { LIFE_MS = 900000, DUE_MS = 720000, GAP_MS = 1000, BACKOFF_MAX_MS = 30000, START_MONO_MS = 5000 };
#define T0 INT64_C(1700000000000)

static const struct lease_policy policy = {800, 0, GAP_MS, BACKOFF_MAX_MS};

/* Both clocks, ms after the start. */
static struct lease_time at(int64_t ms) { return (struct lease_time){T0 + ms, (uint64_t)(START_MONO_MS + ms)}; }

static uint64_t mono(int64_t ms) { return (uint64_t)(START_MONO_MS + ms); }

/* ---- the table: every event in every state ---- */

enum value { NONE, FRESH, DUE };
enum attempt { FREE, PAUSED, PAUSED_FAILED, RUNNING };
enum event { GET, FORCE, TICK, TICK_UNUSED, RENEWED, RENEWED_DEAD, FAILED };

/* A lease in that state at `now`, 20 minutes after the start. PAUSED: an attempt began 400 ms ago; failed 100 ms ago. */
static const int64_t NOW_MS = 1200000;

static struct lease made(enum value value, enum attempt attempt, bool used) {
  const int64_t issued_ms[] = {NOW_MS - LIFE_MS - 10, NOW_MS - 1000, NOW_MS - DUE_MS - 500};
  struct lease l;

  lease_init(&l, &policy);
  cr_assert(lease_get(&l, at(0)).renew);
  (void)lease_renewed(&l, at(0), T0 + issued_ms[value], T0 + issued_ms[value] + LIFE_MS);
  l.used = used;
  l.failures = 0;
  l.waited = false;
  l.next_ms = mono(GAP_MS);
  if (attempt == PAUSED) l.next_ms = mono(NOW_MS - 400 + GAP_MS);
  if (attempt == RUNNING || attempt == PAUSED_FAILED) cr_assert(lease_force(&l, at(NOW_MS - 400)).renew);
  if (attempt == PAUSED_FAILED) (void)lease_failed(&l, at(NOW_MS - 100));
  if (attempt == RUNNING || attempt == PAUSED_FAILED) l.waited = false;
  l.used = used;
  return l;
}

static struct lease_step apply(struct lease *l, enum event e) {
  struct lease_time now = at(NOW_MS);
  switch (e) {
    case GET: return lease_get(l, now);
    case FORCE: return lease_force(l, now);
    case RENEWED: return lease_renewed(l, now, now.wall_ms, now.wall_ms + LIFE_MS);
    case RENEWED_DEAD: return lease_renewed(l, now, now.wall_ms - LIFE_MS, now.wall_ms);
    case FAILED: return lease_failed(l, now);
    default: return lease_tick(l, now);
  }
}

static const struct row {
  enum event event;
  enum value value;
  enum attempt attempt;
  int use; /* -1: of no concern */
  bool renew;
  int64_t timer_ms; /* after now; 0: none */
} rows[] = {
    {GET, NONE, FREE, LEASE_WAIT, true, 0},
    {GET, NONE, PAUSED, LEASE_WAIT, false, 600},
    {GET, NONE, PAUSED_FAILED, LEASE_FAIL, false, 0},
    {GET, NONE, RUNNING, LEASE_WAIT, false, 0},
    {GET, FRESH, FREE, LEASE_SERVE, false, DUE_MS - 1000},
    {GET, FRESH, PAUSED, LEASE_SERVE, false, DUE_MS - 1000},
    {GET, FRESH, PAUSED_FAILED, LEASE_SERVE, false, DUE_MS - 1000},
    {GET, FRESH, RUNNING, LEASE_SERVE, false, 0},
    {GET, DUE, FREE, LEASE_SERVE, true, 0},
    {GET, DUE, PAUSED, LEASE_SERVE, false, 600},
    {GET, DUE, PAUSED_FAILED, LEASE_SERVE, false, 900},
    {GET, DUE, RUNNING, LEASE_SERVE, false, 0},
    {FORCE, NONE, FREE, LEASE_WAIT, true, 0},
    {FORCE, NONE, PAUSED, LEASE_WAIT, false, 600},
    {FORCE, NONE, PAUSED_FAILED, LEASE_FAIL, false, 0},
    {FORCE, NONE, RUNNING, LEASE_WAIT, false, 0},
    {FORCE, FRESH, FREE, LEASE_WAIT, true, 0},
    {FORCE, FRESH, PAUSED, LEASE_SERVE, false, DUE_MS - 1000},
    {FORCE, FRESH, PAUSED_FAILED, LEASE_SERVE, false, DUE_MS - 1000},
    {FORCE, FRESH, RUNNING, LEASE_WAIT, false, 0},
    {FORCE, DUE, FREE, LEASE_WAIT, true, 0},
    {FORCE, DUE, PAUSED, LEASE_SERVE, false, 600},
    {FORCE, DUE, PAUSED_FAILED, LEASE_SERVE, false, 900},
    {FORCE, DUE, RUNNING, LEASE_WAIT, false, 0},
    {TICK, NONE, FREE, -1, true, 0},
    {TICK, NONE, PAUSED, -1, false, 600},
    {TICK, NONE, PAUSED_FAILED, -1, false, 0},
    {TICK, NONE, RUNNING, -1, false, 0},
    {TICK, FRESH, FREE, -1, false, DUE_MS - 1000},
    {TICK, FRESH, PAUSED, -1, false, DUE_MS - 1000},
    {TICK, FRESH, PAUSED_FAILED, -1, false, DUE_MS - 1000},
    {TICK, FRESH, RUNNING, -1, false, 0},
    {TICK, DUE, FREE, -1, true, 0},
    {TICK, DUE, PAUSED, -1, false, 600},
    {TICK, DUE, PAUSED_FAILED, -1, false, 900},
    {TICK, DUE, RUNNING, -1, false, 0},
    {TICK_UNUSED, NONE, FREE, -1, false, 0},
    {TICK_UNUSED, NONE, PAUSED, -1, false, 0},
    {TICK_UNUSED, NONE, PAUSED_FAILED, -1, false, 0},
    {TICK_UNUSED, FRESH, FREE, -1, false, 0},
    {TICK_UNUSED, DUE, FREE, -1, false, 0},
    {TICK_UNUSED, DUE, PAUSED, -1, false, 0},
    {TICK_UNUSED, DUE, RUNNING, -1, false, 0},
    {RENEWED, NONE, RUNNING, LEASE_SERVE, false, 0},
    {RENEWED, FRESH, RUNNING, LEASE_SERVE, false, 0},
    {RENEWED, DUE, RUNNING, LEASE_SERVE, false, 0},
    {RENEWED_DEAD, NONE, RUNNING, LEASE_FAIL, false, 0},
    {RENEWED_DEAD, FRESH, RUNNING, LEASE_FAIL, false, 0},
    {RENEWED_DEAD, DUE, RUNNING, LEASE_FAIL, false, 0},
    {FAILED, NONE, RUNNING, LEASE_FAIL, false, 0},
    {FAILED, FRESH, RUNNING, LEASE_SERVE, false, DUE_MS - 1000},
    {FAILED, DUE, RUNNING, LEASE_SERVE, false, GAP_MS},
};

Test(lease, table) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct row *r = &rows[i];
    struct lease l = made(r->value, r->attempt, r->event != TICK_UNUSED);
    struct lease_step s = apply(&l, r->event);
    cr_assert(r->use < 0 || (int)s.use == r->use, "row %zu: use %d", i, (int)s.use);
    cr_assert_eq(s.renew, r->renew, "row %zu: renew %d", i, s.renew);
    cr_assert_eq(s.timer_ms, r->timer_ms ? mono(NOW_MS + r->timer_ms) : 0, "row %zu: timer %lld", i,
                 (long long)(s.timer_ms - mono(NOW_MS)));
  }
}

/* After an invalidation every state asks anew: at once, unless the renewal that is running has to be waited for. */
Test(lease, table_invalidated) {
  for (int value = NONE; value <= DUE; value++) {
    for (int attempt = FREE; attempt <= RUNNING; attempt++) {
      struct lease l = made((enum value)value, (enum attempt)attempt, true);
      struct lease_step s;
      lease_invalidate(&l);
      cr_assert_eq(lease_left_ms(&l, at(NOW_MS)), 0);
      s = lease_tick(&l, at(NOW_MS));
      cr_assert(!s.renew && s.timer_ms == 0, "nobody asked: %d %d", value, attempt);
      s = lease_get(&l, at(NOW_MS));
      cr_assert_eq(s.use, LEASE_WAIT);
      cr_assert_eq(s.renew, attempt != RUNNING, "%d %d", value, attempt);
      if (attempt != RUNNING) continue;
      s = lease_renewed(&l, at(NOW_MS), T0 + NOW_MS, T0 + NOW_MS + LIFE_MS);
      cr_assert(s.use == LEASE_WAIT && s.renew, "begun before the invalidation: discarded");
      cr_assert_eq(lease_left_ms(&l, at(NOW_MS)), 0);
      s = lease_renewed(&l, at(NOW_MS + 50), T0 + NOW_MS, T0 + NOW_MS + LIFE_MS);
      cr_assert(s.use == LEASE_SERVE && !s.renew);
      cr_assert_eq(s.timer_ms, mono(NOW_MS + DUE_MS), "somebody waited for it: it is in use");
    }
  }
}

/* ---- life of a value ---- */

static struct lease with_value(int64_t life_ms) {
  struct lease l;

  lease_init(&l, &policy);
  cr_assert(lease_get(&l, at(0)).renew);
  cr_assert_eq(lease_renewed(&l, at(0), T0, T0 + life_ms).use, LEASE_SERVE);
  return l;
}

Test(lease, renewed_by_timer_while_used) {
  struct lease l = with_value(LIFE_MS);
  struct lease_step s = lease_get(&l, at(10000));

  cr_assert(s.use == LEASE_SERVE && s.timer_ms == mono(DUE_MS));
  s = lease_tick(&l, at(DUE_MS - 1));
  cr_assert(!s.renew && s.timer_ms == mono(DUE_MS), "early");
  s = lease_tick(&l, at(DUE_MS));
  cr_assert(s.renew && s.timer_ms == 0);
  s = lease_get(&l, at(DUE_MS + 10));
  cr_assert(s.use == LEASE_SERVE && !s.renew, "single flight");
  s = lease_renewed(&l, at(DUE_MS + 50), T0 + DUE_MS, T0 + DUE_MS + LIFE_MS);
  cr_assert(s.timer_ms == 0, "not used yet");
  cr_assert_not(lease_tick(&l, at(2 * DUE_MS + 10)).renew);
  s = lease_get(&l, at(2 * DUE_MS + 20));
  cr_assert(s.use == LEASE_SERVE && s.renew, "used again: renewed while it serves");
}

Test(lease, boundaries) {
  struct lease l = with_value(LIFE_MS);

  cr_assert_eq(lease_left_ms(&l, at(0)), LIFE_MS);
  cr_assert_eq(lease_left_ms(&l, at(LIFE_MS - 1)), 1);
  cr_assert_eq(lease_left_ms(&l, at(LIFE_MS)), 0);
  cr_assert_eq(lease_age_ms(&l, at(LIFE_MS - 1)), LIFE_MS - 1);
  cr_assert_eq(lease_age_ms(&l, at(LIFE_MS)), -1);
  cr_assert_eq(lease_get(&l, at(LIFE_MS - 1)).use, LEASE_SERVE);
  cr_assert_eq(lease_get(&l, at(LIFE_MS)).use, LEASE_WAIT);
}

Test(lease, never_expires) {
  struct lease l = with_value(-T0);
  struct lease_step s = lease_get(&l, (struct lease_time){INT64_MAX, UINT64_MAX});

  cr_assert(s.use == LEASE_SERVE && !s.renew && s.timer_ms == 0);
  cr_assert_eq(lease_left_ms(&l, at(0)), INT64_MAX);
  cr_assert_eq(lease_get(&l, (struct lease_time){INT64_MIN, 1 << 30}).use, LEASE_SERVE, "has no date to be judged by");
}

Test(lease, renew_before) {
  static const struct {
    uint64_t before_ms;
    int64_t life_ms, due_ms;
  } cases[] = {
      {300000, 3600000, 2880000},   {900000, 3600000, 2700000},
      {300000, 21600000, 17280000}, {300000, 900000, 600000},
      {300000, 300001, 1},          {300000, 300000, 240000},
      {300000, 60000, 48000},       {0, 1000, 800},
      {UINT64_MAX, 1000, 800},      {300000, INT64_C(3600001), 2880000},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lease_policy p = policy;
    struct lease l;
    p.renew_before_ms = cases[i].before_ms;
    lease_init(&l, &p);
    cr_assert(lease_get(&l, at(-5000)).renew);
    (void)lease_renewed(&l, at(0), T0, T0 + cases[i].life_ms);
    cr_assert_eq(lease_get(&l, at(0)).timer_ms, mono(cases[i].due_ms), "case %zu: %llu", i,
                 (unsigned long long)lease_get(&l, at(0)).timer_ms);
    cr_assert(lease_tick(&l, at(cases[i].due_ms)).renew);
  }
}

/* ---- failures ---- */

Test(lease, back_off_doubles) {
  static const int64_t pauses_ms[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
  struct lease l;
  int64_t now = 0;

  lease_init(&l, &policy);
  for (size_t i = 0; i < sizeof pauses_ms / sizeof *pauses_ms; i++) {
    cr_assert(lease_get(&l, at(now)).renew, "attempt %zu", i);
    now += 70;
    cr_assert_eq(lease_failed(&l, at(now)).use, LEASE_FAIL);
    cr_assert_eq(lease_get(&l, at(now)).use, LEASE_FAIL);
    now += pauses_ms[i];
    cr_assert_eq(lease_get(&l, at(now - 1)).use, LEASE_FAIL, "pause %zu", i);
  }
  cr_assert(lease_get(&l, at(now)).renew);
  cr_assert_eq(lease_renewed(&l, at(now), T0 + now, T0 + now + LIFE_MS).use, LEASE_SERVE);
  cr_assert_eq(l.stats.failures, 8);
  cr_assert_eq(l.stats.renewals, 1);
  lease_invalidate(&l);
  cr_assert(lease_get(&l, at(now + 1)).renew);
  (void)lease_failed(&l, at(now + 2));
  cr_assert_eq(lease_get(&l, at(now + 1001)).use, LEASE_FAIL);
  cr_assert(lease_get(&l, at(now + 1002)).renew, "a success starts the back-off anew");
}

Test(lease, old_value_serves_while_renewing_fails) {
  struct lease l = with_value(LIFE_MS);
  struct lease_step s = lease_get(&l, at(DUE_MS));
  int64_t now = DUE_MS;

  while (now < LIFE_MS) {
    cr_assert(s.renew);
    now += 100;
    s = lease_failed(&l, at(now));
    if (now >= LIFE_MS) break;
    cr_assert_eq(s.use, LEASE_SERVE);
    cr_assert_geq(s.timer_ms, mono(now + GAP_MS));
    cr_assert_eq(lease_get(&l, at(now)).use, LEASE_SERVE);
    now = (int64_t)s.timer_ms - START_MONO_MS;
    s = lease_tick(&l, at(now));
  }
  cr_assert_neq(lease_get(&l, at(LIFE_MS)).use, LEASE_SERVE);
}

Test(lease, dead_on_arrival_does_not_spin) {
  struct lease l;

  lease_init(&l, &policy);
  cr_assert(lease_get(&l, at(0)).renew);
  cr_assert_eq(lease_renewed(&l, at(10), T0 - 1000, T0 + 10).use, LEASE_FAIL);
  cr_assert_eq(lease_get(&l, at(11)).use, LEASE_FAIL);
  cr_assert_eq(lease_get(&l, at(1009)).use, LEASE_FAIL);
  cr_assert(lease_get(&l, at(1010)).renew);
  cr_assert_eq(lease_renewed(&l, at(1010), T0 + 3000, T0 + 9000).use, LEASE_FAIL, "dated in the future");
  cr_assert_eq(lease_get(&l, at(1999)).use, LEASE_FAIL);
  cr_assert_eq(l.stats.failures, 2);
}

Test(lease, failure_of_an_invalidated_renewal) {
  struct lease l = with_value(LIFE_MS);

  cr_assert(lease_get(&l, at(DUE_MS)).renew);
  lease_invalidate(&l);
  cr_assert_eq(lease_get(&l, at(DUE_MS)).use, LEASE_WAIT);
  cr_assert_eq(lease_failed(&l, at(DUE_MS + 5)).use, LEASE_FAIL);
  cr_assert_eq(lease_get(&l, at(DUE_MS + 6)).use, LEASE_FAIL, "its back-off holds");
  cr_assert(lease_get(&l, at(DUE_MS + 5 + GAP_MS)).renew);
  cr_assert_eq(lease_renewed(&l, at(DUE_MS + 2000), T0 + DUE_MS, T0 + DUE_MS + LIFE_MS).use, LEASE_SERVE);
}

Test(lease, invalidation_allows_one_attempt) {
  struct lease l = with_value(LIFE_MS);

  lease_invalidate(&l);
  cr_assert(lease_get(&l, at(5)).renew, "within the gap");
  (void)lease_failed(&l, at(6));
  cr_assert_eq(lease_get(&l, at(7)).use, LEASE_FAIL, "once");
}

/* ---- clocks ---- */

static struct lease_time shifted(int64_t mono_ms, int64_t wall_ms) {
  return (struct lease_time){T0 + wall_ms, mono(mono_ms)};
}

Test(lease, clock_jumps_forward) {
  struct lease l = with_value(LIFE_MS);
  struct lease_step s = lease_get(&l, shifted(10000, 10000 + 3600000));

  cr_assert(s.use == LEASE_WAIT && s.renew);
  s = lease_renewed(&l, shifted(10050, 3610050), T0 + 3610000, T0 + 3610000 + LIFE_MS);
  cr_assert(s.use == LEASE_SERVE && s.timer_ms == mono(10050 - 50 + DUE_MS));
  s = lease_get(&l, shifted(10060, 3610060 + DUE_MS)); /* into what is left */
  cr_assert(s.use == LEASE_SERVE && !s.renew && s.timer_ms == mono(10000 + GAP_MS), "due, but within the gap");
}

Test(lease, clock_jumps_back) {
  struct lease l = with_value(LIFE_MS);
  struct lease_step s;

  s = lease_get(&l, shifted(10000, -1000));
  cr_assert(s.use == LEASE_SERVE && s.timer_ms == mono(10000 + 1000 + DUE_MS), "a second is tolerated");
  s = lease_tick(&l, shifted((int64_t)DUE_MS, -1000));
  cr_assert(!s.renew && s.timer_ms == mono(2 * (int64_t)DUE_MS + 1000), "the timer follows the wall clock");
  s = lease_get(&l, shifted(DUE_MS + 1, -1001));
  cr_assert(s.use == LEASE_WAIT && s.renew, "dated in the future");
  s = lease_renewed(&l, shifted(DUE_MS + 51, -951), T0 - 1000, T0 - 1000 + LIFE_MS);
  cr_assert_eq(s.use, LEASE_SERVE);
}

Test(lease, machine_sleeps) {
  struct lease l = with_value(LIFE_MS);
  struct lease_step s;

  s = lease_get(&l, shifted(10000, 10000 + 800000));
  cr_assert(s.use == LEASE_SERVE && s.renew, "woke up when it was due");
  l = with_value(LIFE_MS);
  (void)lease_get(&l, at(5));
  s = lease_tick(&l, shifted(DUE_MS, DUE_MS + 1800000));
  cr_assert(s.renew, "the timer comes late, before anybody asked");
  l = with_value(LIFE_MS);
  s = lease_get(&l, shifted(10000, 10000 + 1800000));
  cr_assert(s.use == LEASE_WAIT && s.renew, "judged at use");
}

/* ---- very short lives: renewed at 80 %, never within the gap ---- */

Test(lease, one_second_tokens) {
  struct lease l;
  uint64_t last_ms = 0, timer_ms = 0;
  unsigned attempts = 0, served = 0, waits = 0;

  lease_init(&l, &policy);
  for (int64_t now = 0; now < 60000; now += 10) {
    struct lease_step s = now % 100 == 0 ? lease_get(&l, at(now)) : (struct lease_step){.timer_ms = timer_ms};
    if (now % 100 == 0) *(s.use == LEASE_SERVE ? &served : &waits) += 1;
    if (!s.renew && s.timer_ms && s.timer_ms <= mono(now)) s = lease_tick(&l, at(now));
    if (s.renew) {
      cr_assert(attempts == 0 || mono(now) - last_ms >= GAP_MS);
      last_ms = mono(now);
      attempts++;
      s = lease_renewed(&l, at(now), T0 + now, T0 + now + 1000);
    }
    timer_ms = s.timer_ms;
  }
  cr_assert(attempts >= 58 && attempts <= 60, "%u", attempts);
  cr_assert_geq(served, 540, "%u", served);
  cr_assert_leq(waits, 60, "%u", waits);
}

/* ---- extreme times ---- */

Test(lease, extremes) {
  static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, T0, INT64_MAX - 1, INT64_MAX};
  static const uint64_t monos[] = {0, 1, UINT64_MAX - 1, UINT64_MAX};
  static const struct lease_policy policies[] = {
      {800, 0, 1000, 30000}, {0, 0, 0, 0}, {1000, UINT64_MAX, UINT32_MAX, UINT32_MAX}, {1000, 1, 1, UINT32_MAX}};
  enum { TIMES = sizeof times / sizeof *times };

  for (size_t i = 0; i < 4 * 4 * TIMES * TIMES * TIMES; i++) {
    const struct lease_policy *p = &policies[i % 4];
    struct lease_time now = {times[i / 16 % TIMES], monos[i / 4 % 4]};
    int64_t issued_ms = times[i / 16 / TIMES % TIMES], expires_ms = times[i / 16 / TIMES / TIMES];
    struct lease l;
    struct lease_step s;
    lease_init(&l, p);
    cr_assert(lease_get(&l, now).renew);
    s = lease_renewed(&l, now, issued_ms, expires_ms);
    cr_assert(s.timer_ms == 0 || s.timer_ms >= now.mono_ms);
    cr_assert_eq(s.use == LEASE_SERVE, lease_left_ms(&l, now) > 0);
    cr_assert(s.use != LEASE_SERVE || expires_ms == 0 || expires_ms > now.wall_ms);
    (void)lease_get(&l, now);
    if (l.renewing) (void)lease_failed(&l, now);
    (void)lease_tick(&l, now);
  }
}

/* ---- random events against the rules ---- */

struct world {
  struct lease lease;
  struct lease_time now;
  bool have;                     /* the owner holds a value: */
  int64_t issued_ms, expires_ms; /* as it was given */
  bool running, stale;           /* an attempt; it began before an invalidation */
  bool started;
  uint64_t start_ms; /* of the last attempt */
  bool excused;      /* by an invalidation, from the gap */
  bool used;
  unsigned waiting;
  uint64_t timer_ms;
  unsigned served, failed;
};

static uint32_t roll(uint32_t *seed, uint32_t n) {
  *seed = *seed * 1664525 + 1013904223;
  return (uint32_t)(((uint64_t)*seed * n) >> 32);
}

static bool holds_good(const struct world *w) {
  return w->have && w->now.wall_ms < w->expires_ms && w->now.wall_ms >= w->issued_ms - 1000;
}

static void take(struct world *w, struct lease_step s) {
  w->timer_ms = s.timer_ms;
  cr_assert(s.timer_ms == 0 || s.timer_ms > w->now.mono_ms, "a timer that is over would spin");
  if (s.renew) {
    cr_assert_not(w->running, "two renewals at once");
    cr_assert(!w->started || w->excused || w->now.mono_ms - w->start_ms >= GAP_MS, "within the gap");
    w->running = w->started = true;
    w->start_ms = w->now.mono_ms;
    w->stale = w->excused = false;
  }
  if (!w->running && w->used && holds_good(w)) cr_assert_neq(s.timer_ms, 0, "a used value without a timer");
  if (!w->running && w->waiting) cr_assert_neq(s.timer_ms, 0, "someone waits for nothing");
}

static void ask(struct world *w, bool force) {
  struct lease_step s = force ? lease_force(&w->lease, w->now) : lease_get(&w->lease, w->now);

  if (s.use == LEASE_SERVE) {
    cr_assert(holds_good(w), "served what is not good");
    w->used = true;
    w->served++;
  } else {
    cr_assert(force || !holds_good(w), "a good value was not served");
  }
  if (s.use == LEASE_WAIT) w->waiting++;
  if (s.use == LEASE_FAIL) cr_assert_not(w->running || w->lease.at_once);
  if (s.use == LEASE_FAIL) w->failed++;
  take(w, s);
}

static void end_attempt(struct world *w, uint32_t *seed) {
  struct lease_step s;
  bool stale = w->stale;

  w->running = w->stale = false;
  if (roll(seed, 3) == 0) {
    s = lease_failed(&w->lease, w->now);
  } else {
    int64_t issued_ms = w->now.wall_ms - (int64_t)roll(seed, 1500),
            life_ms = 1 + roll(seed, roll(seed, 3) ? 90000 : 1200);
    s = lease_renewed(&w->lease, w->now, issued_ms, issued_ms + life_ms);
    if (stale) {
      cr_assert(s.renew && s.use == LEASE_WAIT, "a stale renewal starts another");
      w->excused = true;
      take(w, s);
      return;
    }
    w->have = true;
    w->used = false;
    w->issued_ms = issued_ms;
    w->expires_ms = issued_ms + life_ms;
  }
  cr_assert_neq(s.use, LEASE_WAIT, "all who wait get an outcome");
  cr_assert_eq(s.use == LEASE_SERVE, holds_good(w));
  if (w->waiting && s.use == LEASE_SERVE) w->used = true;
  w->waiting = 0;
  take(w, s);
}

static void pass_time(struct world *w, uint32_t *seed) {
  uint64_t ms = roll(seed, roll(seed, 4) ? 700 : 40000);

  w->now.mono_ms += ms;
  w->now.wall_ms += (int64_t)ms;
  if (roll(seed, 40) == 0) w->now.wall_ms += (int64_t)roll(seed, 7200000) - 3600000;
}

static void invalidate(struct world *w) {
  lease_invalidate(&w->lease);
  w->have = w->used = false;
  w->stale = w->running;
  w->excused = !w->running;
}

static void live(uint32_t seed, unsigned *served, unsigned *failed) {
  struct world w = {.now = {T0, 0}};

  lease_init(&w.lease, &policy);
  for (unsigned i = 0; i < 2000; i++) {
    uint32_t event = roll(&seed, 20);
    pass_time(&w, &seed);
    if (w.timer_ms && w.timer_ms <= w.now.mono_ms && event < 18) take(&w, lease_tick(&w.lease, w.now));
    if (event < 10) ask(&w, event == 0);
    if (event >= 10 && event < 17 && w.running) end_attempt(&w, &seed);
    if (event == 17) take(&w, lease_tick(&w.lease, w.now));
    if (event == 18 && roll(&seed, 4) == 0) invalidate(&w);
  }
  if (w.running) end_attempt(&w, &seed);
  cr_assert_eq(w.lease.stats.hits, w.served);
  *served += w.served;
  *failed += w.failed;
}

Test(lease, random_events) {
  unsigned served = 0, failed = 0;

  for (uint32_t seed = 1; seed <= 300; seed++) live(seed * 2654435761U, &served, &failed);
  cr_assert(served > 100000 && failed > 1000, "%u served, %u failed: the events reach too little", served, failed);
}
