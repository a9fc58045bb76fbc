/* A day of one connect per second: a token's lease over a lease of credentials, with token_sign(), simulated clocks and
 * fetches that take 50 ms. What the leases' owners do is done here as the library's token source and credentials do it.
 * Every count is predicted from the rules: by a formula beside each test, in seconds. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "auth/lease.h"
#include "auth/token.h"
#include "test_alloc.h"

#define T0 INT64_C(1700000000000)
#define NEVER INT64_MAX

enum { DAY_S = 86400, FETCH_MS = 50, DURATION_S = 900, RENEW_S = 720 /* 80 % */, MARGIN_S = 300 };

static const struct lease_policy creds_policy = {800, MARGIN_S * 1000, 1000, 60000};
static const struct lease_policy token_policy = {800, 0, 1000, 30000};

/* Where credentials come from. */
struct provider {
  int64_t life_s;         /* 0: they never expire */
  int64_t rotate_s;       /* 0: new ones at each fetch; else the same until then, and again */
  int64_t fail_s, heal_s; /* fetches begun in between fail */
};

struct jump {
  int64_t at_s, by_s; /* of the wall clock */
};

struct sim {
  struct provider provider;
  const struct jump *jumps;
  size_t jump_count;
  struct test_alloc heap;
  int64_t now_ms, shift_ms; /* mono is now, wall is T0 + now + shift */
  struct lease creds, token;
  int64_t creds_timer_ms, token_timer_ms, fetched_ms; /* NEVER: none */
  int64_t fetch_began_ms;
  unsigned key, token_key;   /* stands for the access key id */
  int64_t keys_expire_s;     /* wall */
  bool token_waits;          /* for credentials */
  bool forced;               /* this renewal has asked for fresh ones */
  unsigned connects_waiting; /* for a token */
  /* what is counted */
  unsigned connects, served, waited, failed, failed_needlessly, signings, clamped, forces, fetches, fetch_failures;
  int64_t last_sign_ms, closest_ms; /* between two signings that were not due to a new key */
  int64_t last_wait_ms, last_fail_ms;
};

static struct lease_time now_of(const struct sim *s) {
  return (struct lease_time){T0 + s->now_ms + s->shift_ms, (uint64_t)s->now_ms};
}

static int64_t wall_s(const struct sim *s) { return now_of(s).wall_ms / 1000; }
static int64_t timer_of(struct lease_step step) { return step.timer_ms ? (int64_t)step.timer_ms : NEVER; }

/* ---- credentials ---- */

static void follow_creds(struct sim *s, struct lease_step step) {
  s->creds_timer_ms = timer_of(step);
  if (!step.renew) return;
  cr_assert_eq(s->fetched_ms, NEVER, "two fetches at once");
  cr_assert(s->fetches + s->fetch_failures == 0 || s->now_ms - s->fetch_began_ms >= 1000, "within a second");
  s->fetch_began_ms = s->now_ms;
  s->fetched_ms = s->now_ms + FETCH_MS;
}

/* 0: at hand; 1: to be waited for; -1: none. */
static int creds_get(struct sim *s, bool fresh) {
  struct lease_step step = (fresh ? lease_force : lease_get)(&s->creds, now_of(s));
  follow_creds(s, step);
  return step.use == LEASE_SERVE ? 0 : step.use == LEASE_WAIT ? 1 : -1;
}

/* ---- the token ---- */

static void act(struct sim *s, struct lease_step step);

static void end_waits(struct sim *s, struct lease_step step) {
  act(s, step);
  if (step.use == LEASE_WAIT) return;
  if (step.use == LEASE_SERVE) s->served += s->connects_waiting;
  if (step.use == LEASE_FAIL) s->failed += s->connects_waiting;
  s->connects_waiting = 0;
}

static struct token_request request(const struct sim *s) {
  return (struct token_request){.keys = {"AKIDEXAMPLE", "secret", "session"},
                                .keys_expire_s = s->keys_expire_s,
                                .host = "a1b2c3d4e5f6g7h8i9j0klmnop.dsql.us-east-1.on.aws",
                                .region = "us-east-1",
                                .admin = true,
                                .unix_s = wall_s(s)};
}

static void count_signing(struct sim *s, bool clamped) {
  int64_t since_ms = s->now_ms - s->last_sign_ms;
  if (s->signings && s->token_key == s->key && since_ms < s->closest_ms) s->closest_ms = since_ms;
  s->last_sign_ms = s->now_ms;
  s->signings++;
  s->clamped += clamped;
  s->token_key = s->key;
}

static void sign(struct sim *s, const struct token_request *q) {
  struct token_made made;
  struct fault f = {0};
  struct buf out;

  buf_init(&out, &s->heap.hook, 1 << 16);
  if (token_sign(q, &s->heap.hook, &out, &made, &f)) {
    end_waits(s, lease_failed(&s->token, now_of(s)));
  } else {
    count_signing(s, made.clamped);
    end_waits(s, lease_renewed(&s->token, now_of(s), q->unix_s * 1000, made.expires_s * 1000));
  }
  buf_deinit(&out);
}

static void with_creds(struct sim *s);

static void ask(struct sim *s, bool fresh) {
  int rc = creds_get(s, fresh);
  if (rc == 0) with_creds(s);
  if (rc == 1) s->token_waits = true;
  if (rc < 0) end_waits(s, lease_failed(&s->token, now_of(s)));
}

static void with_creds(struct sim *s) {
  struct token_request q = request(s);
  bool serves = lease_left_ms(&s->token, now_of(s)) > 0;

  if (!s->forced && (serves ? token_wants_fresh_keys(&q) : token_needs_fresh_keys(&q))) {
    s->forced = true;
    s->forces++;
    ask(s, true);
    return;
  }
  sign(s, &q);
}

static void act(struct sim *s, struct lease_step step) {
  s->token_timer_ms = timer_of(step);
  if (!step.renew) return;
  s->forced = false;
  ask(s, false);
}

/* ---- events ---- */

static bool fetch_fails(const struct sim *s) {
  return s->fetch_began_ms >= s->provider.fail_s * 1000 && s->fetch_began_ms < s->provider.heal_s * 1000;
}

static void take_keys(struct sim *s) {
  const struct provider *p = &s->provider;
  int64_t period = p->rotate_s ? s->now_ms / 1000 / p->rotate_s : 0;

  s->key = p->rotate_s ? (unsigned)period + 1 : p->life_s ? s->key + 1 : 1;
  s->keys_expire_s = p->rotate_s ? T0 / 1000 + period * p->rotate_s + p->life_s : p->life_s ? wall_s(s) + p->life_s : 0;
}

static void on_fetched(struct sim *s) {
  bool failed = fetch_fails(s), waited = s->token_waits;

  s->fetched_ms = NEVER;
  s->token_waits = false;
  if (failed) {
    s->fetch_failures++;
    follow_creds(s, lease_failed(&s->creds, now_of(s)));
  } else {
    s->fetches++;
    take_keys(s);
    follow_creds(s, lease_renewed(&s->creds, now_of(s), now_of(s).wall_ms, s->keys_expire_s * 1000));
  }
  if (!waited) return;
  if (lease_left_ms(&s->creds, now_of(s)) > 0)
    with_creds(s);
  else
    end_waits(s, lease_failed(&s->token, now_of(s)));
}

static void on_connect(struct sim *s) {
  struct lease_step step;
  unsigned waiting = s->connects_waiting;

  s->connects++;
  if (s->token_key != s->key && !s->token.renewing) lease_invalidate(&s->token);
  step = lease_get(&s->token, now_of(s));
  if (step.use == LEASE_SERVE) {
    cr_assert(now_of(s).wall_ms < s->token.expires_ms && now_of(s).wall_ms >= s->token.issued_ms - 1000);
    s->served++;
  }
  if (step.use == LEASE_WAIT) s->connects_waiting++;
  act(s, step);
  if (s->connects_waiting > waiting) {
    s->waited++; /* and was not served before the call returned */
    s->last_wait_ms = s->now_ms;
  }
  if (step.use != LEASE_FAIL) return;
  s->failed++;
  s->failed_needlessly += lease_left_ms(&s->token, now_of(s)) > 0;
  s->last_fail_ms = s->now_ms;
}

static void run(struct sim *s, int64_t length_s) {
  int64_t connect_ms = 0;
  size_t jump = 0;

  test_alloc_init(&s->heap);
  lease_init(&s->creds, &creds_policy);
  lease_init(&s->token, &token_policy);
  s->creds_timer_ms = s->token_timer_ms = s->fetched_ms = s->closest_ms = NEVER;
  for (;;) {
    int64_t next_ms = connect_ms;
    if (s->creds_timer_ms < next_ms) next_ms = s->creds_timer_ms;
    if (s->token_timer_ms < next_ms) next_ms = s->token_timer_ms;
    if (s->fetched_ms < next_ms) next_ms = s->fetched_ms;
    if (next_ms >= length_s * 1000) break;
    cr_assert_geq(next_ms, s->now_ms);
    s->now_ms = next_ms;
    if (jump < s->jump_count && next_ms >= s->jumps[jump].at_s * 1000) s->shift_ms += s->jumps[jump++].by_s * 1000;
    if (next_ms == s->fetched_ms) {
      on_fetched(s);
    } else if (next_ms == s->creds_timer_ms) {
      follow_creds(s, lease_tick(&s->creds, now_of(s)));
    } else if (next_ms == s->token_timer_ms) {
      act(s, lease_tick(&s->token, now_of(s)));
    } else {
      on_connect(s);
      connect_ms += 1000;
    }
  }
  test_alloc_assert_empty(&s->heap);
}

static void report(const char *name, const struct sim *s) {
  fprintf(stderr,
          "%-28s %u connects: %u served, %u waited, %u failed; %u signings (%u clamped), %u credential fetches "
          "(%u forced), %u failed\n",
          name, s->connects, s->served, s->waited, s->failed, s->signings, s->clamped, s->fetches, s->forces,
          s->fetch_failures);
}

static int64_t ceiling(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* All were served, and none but the first, which finds nothing, waited. */
static void assert_smooth(const struct sim *s) {
  cr_assert_eq(s->connects, DAY_S);
  cr_assert_eq(s->served, s->connects);
  cr_assert_eq(s->waited, 1);
  cr_assert_eq(s->last_wait_ms, 0);
  cr_assert_eq(s->failed, 0);
}

/* ---- the days ---- */

/* One signing per 720 s, one fetch. */
Test(day, static_credentials) {
  struct sim s = {.provider = {0}};

  run(&s, DAY_S);
  report("static credentials", &s);
  assert_smooth(&s);
  cr_assert_eq(s.signings, ceiling(DAY_S, RENEW_S));
  cr_assert_eq(s.fetches, 1);
  cr_assert_eq(s.forces, 0);
}

/* Role credentials of 15 minutes are renewed 5 minutes before their end, each time with a new key, for which the next
 * connect signs anew: that comes before the token is due, so nothing is forced. All but the first token end with
 * credentials that are a second old. */
Test(day, fifteen_minutes) {
  struct sim s = {.provider = {.life_s = 900}};
  int64_t period_s = 900 - MARGIN_S;

  run(&s, DAY_S);
  report("credentials of 15 minutes", &s);
  assert_smooth(&s);
  cr_assert_eq(s.fetches, ceiling(DAY_S, period_s));
  cr_assert_eq(s.signings, ceiling(DAY_S, period_s));
  cr_assert_eq(s.clamped, s.signings - 1);
  cr_assert_eq(s.forces, 0);
}

/* Credentials of an hour would be renewed at 80 %, 2880 s, of which the token's renewals are a quarter: that falls due a
 * moment earlier, finds 720 s left, which would clamp it, and so forces the fetch. */
Test(day, an_hour) {
  struct sim s = {.provider = {.life_s = 3600}};
  int64_t period_s = 3600 * 8 / 10;

  run(&s, DAY_S);
  report("credentials of an hour", &s);
  assert_smooth(&s);
  cr_assert_eq(s.signings, ceiling(DAY_S, RENEW_S));
  cr_assert_eq(s.fetches, ceiling(DAY_S, period_s));
  cr_assert_eq(s.forces, s.fetches - 1);
  cr_assert_eq(s.clamped, 0);
}

/* Six hours, replaced 5 minutes before their end. In each period: fetches when 80 % of what is left is over, as long as
 * that comes before the margin; one that a token forces, because less than 900 s are left; one at the margin, which
 * gives new ones. A token each 720 s, the last of them clamped; its own renewal is overtaken by the new key. */
Test(day, rotated_five_minutes_before) {
  struct sim s = {.provider = {.life_s = 21600, .rotate_s = 21300}};
  int64_t periods = DAY_S / 21300, rest_s = DAY_S % 21300, fetches = 2, signings = ceiling(21300, RENEW_S);

  for (int64_t left_s = 21600; left_s / 5 > MARGIN_S; left_s /= 5) fetches++;
  run(&s, DAY_S);
  report("rotated 5 minutes before end", &s);
  assert_smooth(&s);
  cr_assert_eq(s.fetches, 1 + periods * fetches);
  cr_assert_eq(s.signings, periods * signings + ceiling(rest_s - 1, RENEW_S));
  cr_assert_eq(s.forces, periods);
  cr_assert_eq(s.clamped, periods);
}

/* Replaced only 2 s before their end: the same ones come again and again, and each clamped token lives a fifth of the
 * time that the last one had, in whole seconds. Nobody waits, and nothing is closer than a second. */
Test(day, rotated_two_seconds_before) {
  struct sim s = {.provider = {.life_s = 21600, .rotate_s = 21598}};
  int64_t due_ms = 0, signings = 0, clamped = 0, closest_ms = NEVER;

  while (due_ms < 21598000) {
    int64_t left_s = 21600 - due_ms / 1000, life_s = left_s < DURATION_S ? left_s : DURATION_S;
    int64_t next_ms = due_ms / 1000 * 1000 + life_s * 800;
    if (next_ms < due_ms + 1000) next_ms = due_ms + 1000;
    signings++;
    clamped += life_s < DURATION_S;
    if (next_ms < 21598000 && next_ms - due_ms < closest_ms) closest_ms = next_ms - due_ms;
    due_ms = next_ms;
  }
  run(&s, 21598);
  report("rotated 2 s before end", &s);
  cr_assert_eq(s.served, 21598);
  cr_assert_eq(s.waited, 1);
  cr_assert_eq(s.signings, signings, "%lld", (long long)signings);
  cr_assert_eq(s.clamped, clamped);
  cr_assert(s.closest_ms >= 1000 && s.closest_ms >= closest_ms - FETCH_MS && s.closest_ms <= closest_ms + FETCH_MS,
            "%lld, not %lld", (long long)s.closest_ms, (long long)closest_ms);
  s = (struct sim){.provider = s.provider};
  run(&s, DAY_S);
  assert_smooth(&s);
  cr_assert_geq(s.closest_ms, 1000);
}

/* How often, and when for the first time after `length_s`, a fetch is tried that fails until then. */
static int64_t tries(int64_t length_s, int64_t *healed_ms) {
  int64_t n = 0, pause_ms = 1000;

  for (*healed_ms = 0; *healed_ms < length_s * 1000; n++) {
    *healed_ms += FETCH_MS + pause_ms;
    pause_ms = pause_ms * 2 < 60000 ? pause_ms * 2 : 60000;
  }
  return n;
}

/* Fetches fail for 10 minutes, from the one that is forced when credentials of an hour have 720 s left. Two tokens are
 * signed with them, at once and after 80 % of the 720 s; the new key's is signed by the first connect after it came. */
Test(day, failing_for_ten_minutes) {
  enum { FROM_S = 43200, LENGTH_S = 600 };
  struct sim s = {.provider = {.life_s = 3600, .fail_s = FROM_S, .heal_s = FROM_S + LENGTH_S}};
  int64_t healed_ms, failures = tries(LENGTH_S, &healed_ms), again_s = FROM_S + ceiling(healed_ms + FETCH_MS, 1000);

  run(&s, DAY_S);
  report("failing for 10 minutes", &s);
  assert_smooth(&s);
  cr_assert_eq(s.fetch_failures, failures);
  cr_assert_eq(s.fetches, ceiling(FROM_S, 2880) + ceiling(DAY_S - again_s, 2880));
  cr_assert_eq(s.signings, ceiling(FROM_S, RENEW_S) + 2 + ceiling(DAY_S - again_s, RENEW_S));
  cr_assert_eq(s.clamped, 2);
}

/* The same with credentials of 15 minutes, which end meanwhile: connects fail from then on until a fetch succeeds, which
 * is tried after the pause of the credentials, or of the token, whichever ends later. */
Test(day, failing_beyond_the_end) {
  enum { FROM_S = 43200, LENGTH_S = 600 };
  struct sim s = {.provider = {.life_s = 900, .fail_s = FROM_S, .heal_s = FROM_S + LENGTH_S}};
  int64_t dead_s = MARGIN_S, longest_s = LENGTH_S - dead_s + 60 + 30 + 1;

  run(&s, DAY_S);
  report("failing beyond the end", &s);
  cr_assert_eq(s.served + s.failed, DAY_S);
  cr_assert_eq(s.failed_needlessly, 0);
  cr_assert(s.failed >= LENGTH_S - dead_s && s.failed <= longest_s, "%u", s.failed);
  cr_assert_leq(s.last_fail_ms, (FROM_S + dead_s + longest_s) * 1000);
}

/* Half an hour of sleep looks like a jump to these clocks: only the wall's moves. */
static const struct jump jumps[] = {{30000, 3600}, {50000, -3600}, {70000, 1800}};

/* Credentials of an hour are dead after each: those in use during the sleep were fetched at 50,000 s and six times
 * 2880 s, and live for 3600 s, which is before the 71,800 s that the clock then says. One connect waits for each fetch. */
Test(day, clocks_jump) {
  struct sim s = {.provider = {.life_s = 3600}, .jumps = jumps, .jump_count = 3};

  cr_assert_lt(50000 + 6 * 2880 + 3600, 70000 + 1800);
  run(&s, DAY_S);
  report("clocks jump", &s);
  cr_assert_eq(s.served, DAY_S);
  cr_assert_eq(s.waited, 1 + 3);
  cr_assert_eq(s.last_wait_ms, 70000000);
}

/* Credentials of 6 hours outlive the jumps forward, so that the new token is signed at once; after the jump back they
 * are dated in the future. */
Test(day, clocks_jump_within_credentials) {
  struct sim s = {.provider = {.life_s = 21600}, .jumps = jumps, .jump_count = 3};

  run(&s, DAY_S);
  report("clocks jump, 6 hours", &s);
  cr_assert_eq(s.served, DAY_S);
  cr_assert_eq(s.waited, 1 + 1);
  cr_assert_eq(s.last_wait_ms, 50000000);
}
