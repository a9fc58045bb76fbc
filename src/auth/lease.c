#include "auth/lease.h"

#include <assert.h>

enum { FUTURE_MAX_MS = 1000 /* a date that is later than now by more was made by another clock than today's */ };

/* ---- judging the value by the wall clock. Differences are unsigned: those of extreme times overflow int64_t ---- */

static uint64_t since(int64_t later_ms, int64_t earlier_ms) {
  return later_ms > earlier_ms ? (uint64_t)later_ms - (uint64_t)earlier_ms : 0;
}

static uint64_t sum(uint64_t a, uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

static bool is_good(const struct lease *l, int64_t wall_ms) {
  if (!l->valid) return false;
  if (l->expires_ms == 0) return true;
  return wall_ms < l->expires_ms && since(l->issued_ms, wall_ms) <= FUTURE_MAX_MS;
}

/* At which age the value becomes due. */
static uint64_t due_age(const struct lease *l) {
  uint64_t life = since(l->expires_ms, l->issued_ms), permille = l->policy.renew_permille;
  uint64_t age = life / 1000 * permille + life % 1000 * permille / 1000;
  uint64_t before = l->policy.renew_before_ms;

  return before && before < life && life - before < age ? life - before : age;
}

/* Wall milliseconds until a good value becomes due; 0: it is. */
static uint64_t until_due(const struct lease *l, int64_t wall_ms) {
  uint64_t due = due_age(l), age = since(wall_ms, l->issued_ms);

  if (l->expires_ms == 0) return UINT64_MAX;
  return age >= due ? 0 : sum(due - age, since(l->issued_ms, wall_ms));
}

/* ---- attempts ---- */

static bool may_begin(const struct lease *l, uint64_t mono_ms) { return l->at_once || mono_ms >= l->next_ms; }

static void begin(struct lease *l, uint64_t mono_ms) {
  assert(!l->renewing);
  l->renewing = true;
  l->at_once = false;
  l->next_ms = sum(mono_ms, l->policy.gap_min_ms);
}

static void pause_after_failure(struct lease *l, uint64_t mono_ms) {
  uint64_t pause_ms = l->policy.gap_min_ms;

  for (unsigned i = 0; i < l->failures && pause_ms < l->policy.backoff_max_ms; i++) pause_ms *= 2;
  if (pause_ms > l->policy.backoff_max_ms) pause_ms = l->policy.backoff_max_ms;
  l->next_ms = sum(mono_ms, pause_ms);
  if (l->failures < UINT32_MAX) l->failures++;
  l->stats.failures++;
}

/* Whether the timer may start an attempt while no value is good. A value that was in use and died unnoticed, as in a
 * machine that slept, is replaced before anybody asks; after a failure somebody has to ask. */
static bool is_wanted(const struct lease *l) { return l->waited || (l->valid && l->used && l->failures == 0); }

static uint64_t timer_at(const struct lease *l, struct lease_time now) {
  bool good = is_good(l, now.wall_ms);
  uint64_t at_ms = sum(now.mono_ms, 1);

  if (l->renewing) return 0;
  if (good ? !l->used || l->expires_ms == 0 : !is_wanted(l)) return 0;
  if (good && until_due(l, now.wall_ms)) at_ms = sum(now.mono_ms, until_due(l, now.wall_ms));
  return at_ms < l->next_ms && !l->at_once ? l->next_ms : at_ms;
}

static struct lease_step step(const struct lease *l, struct lease_time now, enum lease_use use, bool renew) {
  return (struct lease_step){.use = use, .renew = renew, .timer_ms = timer_at(l, now)};
}

static struct lease_step wait(struct lease *l, struct lease_time now, bool renew) {
  l->waited = true;
  l->stats.waits++;
  return step(l, now, LEASE_WAIT, renew);
}

/* ---- events ---- */

void lease_init(struct lease *l, const struct lease_policy *p) {
  assert(p->renew_permille <= 1000);
  *l = (struct lease){.policy = *p};
  if (l->policy.gap_min_ms == 0) l->policy.gap_min_ms = 1;
  if (l->policy.backoff_max_ms < l->policy.gap_min_ms) l->policy.backoff_max_ms = l->policy.gap_min_ms;
}

static struct lease_step get_without(struct lease *l, struct lease_time now) {
  bool start = !l->renewing && may_begin(l, now.mono_ms);

  if (start) begin(l, now.mono_ms);
  if (l->renewing || l->failures == 0) return wait(l, now, start);
  return step(l, now, LEASE_FAIL, false);
}

struct lease_step lease_get(struct lease *l, struct lease_time now) {
  bool start;

  if (!is_good(l, now.wall_ms)) return get_without(l, now);
  l->used = true;
  l->stats.hits++;
  start = !l->renewing && until_due(l, now.wall_ms) == 0 && may_begin(l, now.mono_ms);
  if (start) begin(l, now.mono_ms);
  return step(l, now, LEASE_SERVE, start);
}

struct lease_step lease_force(struct lease *l, struct lease_time now) {
  if (l->renewing) return wait(l, now, false);
  if (!may_begin(l, now.mono_ms)) return lease_get(l, now);
  begin(l, now.mono_ms);
  return wait(l, now, true);
}

struct lease_step lease_tick(struct lease *l, struct lease_time now) {
  bool good = is_good(l, now.wall_ms), start;

  start = good ? l->used && until_due(l, now.wall_ms) == 0 : is_wanted(l);
  start = start && !l->renewing && may_begin(l, now.mono_ms);
  if (start) begin(l, now.mono_ms);
  return step(l, now, good ? LEASE_SERVE : LEASE_WAIT, start);
}

static struct lease_step renew_again(struct lease *l, struct lease_time now) {
  l->discard = false;
  begin(l, now.mono_ms);
  return step(l, now, LEASE_WAIT, true);
}

struct lease_step lease_renewed(struct lease *l, struct lease_time now, int64_t issued_ms, int64_t expires_ms) {
  bool good;

  assert(l->renewing);
  l->renewing = false;
  if (l->discard) {
    l->stats.renewals++;
    return renew_again(l, now);
  }
  l->valid = true;
  l->issued_ms = issued_ms;
  l->expires_ms = expires_ms;
  good = is_good(l, now.wall_ms);
  l->used = good && l->waited;
  l->waited = false;
  if (good) {
    l->failures = 0;
    l->stats.renewals++;
  } else {
    pause_after_failure(l, now.mono_ms);
  }
  return step(l, now, good ? LEASE_SERVE : LEASE_FAIL, false);
}

struct lease_step lease_failed(struct lease *l, struct lease_time now) {
  bool good = is_good(l, now.wall_ms);

  assert(l->renewing);
  l->renewing = l->discard = false;
  if (good && l->waited) l->used = true;
  l->waited = false;
  pause_after_failure(l, now.mono_ms);
  return step(l, now, good ? LEASE_SERVE : LEASE_FAIL, false);
}

void lease_invalidate(struct lease *l) {
  l->valid = l->used = false;
  l->discard = l->renewing;
  l->at_once = !l->renewing;
  l->stats.invalidations++;
}

int64_t lease_left_ms(const struct lease *l, struct lease_time now) {
  uint64_t left_ms;

  if (!is_good(l, now.wall_ms)) return 0;
  left_ms = since(l->expires_ms, now.wall_ms);
  return l->expires_ms == 0 || left_ms > INT64_MAX ? INT64_MAX : (int64_t)left_ms;
}

int64_t lease_age_ms(const struct lease *l, struct lease_time now) {
  uint64_t age_ms = since(now.wall_ms, l->issued_ms);

  if (!is_good(l, now.wall_ms)) return -1;
  return age_ms > INT64_MAX ? INT64_MAX : (int64_t)age_ms;
}
