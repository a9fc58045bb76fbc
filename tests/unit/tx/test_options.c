/* Defaults, the pool's options under the call's, and what is refused. */
#include <criterion/criterion.h>
#include <math.h>

#include "tx/options.h"

static struct fault f;
static struct tx_policy p;

static int resolve(const dsql_tx_options *call, const dsql_tx_options *pool, bool dsql) {
  fault_clear(&f);
  return tx_policy_resolve(call, pool, dsql, &p, &f);
}

static void check_defaults(void) {
  cr_expect_eq(p.retries_max, 3);
  cr_expect_eq(p.base_delay_ms, 1.0);
  cr_expect_eq(p.max_delay_ms, 100.0);
  cr_expect_eq(p.jitter, 0.25);
  cr_expect_eq(p.full_jitter, false);
  cr_expect_eq(p.deadline_ms, 0);
  cr_expect_eq((int)p.isolation, DSQL_REPEATABLE_READ);
  cr_expect_not(p.read_only || p.idempotent || p.no_reconnect);
}

Test(options, defaults) {
  dsql_tx_options o;
  dsql_tx_options_init(&o);
  cr_assert_eq(resolve(NULL, NULL, false), 0);
  check_defaults();
  cr_expect_eq(p.attempt_deadline_ms, 0);
  cr_assert_eq(resolve(&o, &o, true), 0);
  check_defaults();
  cr_expect_eq(p.attempt_deadline_ms, 290000);
  cr_expect_eq(p.scratch_size, 0);
}

Test(options, the_call_wins_and_what_it_leaves_out_is_the_pools) {
  dsql_tx_options pool, call;
  dsql_tx_options_init(&pool);
  dsql_tx_options_init(&call);
  pool.retries_max = 7;
  pool.base_delay_ms = 5;
  pool.jitter = 0.5;
  pool.deadline_ms = 1000;
  pool.attempt_deadline_ms = 500;
  pool.isolation = DSQL_SERIALIZABLE;
  pool.backoff = DSQL_BACKOFF_FULL_JITTER;
  pool.read_only = true;
  pool.scratch_size = 16;
  cr_assert_eq(resolve(&call, &pool, false), 0);
  cr_expect_eq(p.retries_max, 7);
  cr_expect_eq(p.base_delay_ms, 5.0);
  cr_expect_eq(p.jitter, 0.5);
  cr_expect_eq(p.deadline_ms, 1000);
  cr_expect_eq(p.attempt_deadline_ms, 500);
  cr_expect_eq((int)p.isolation, DSQL_SERIALIZABLE);
  cr_expect(p.full_jitter && p.read_only);
  cr_expect_eq(p.scratch_size, 16);
  call.retries_max = DSQL_NO_RETRY;
  call.base_delay_ms = 1;
  call.jitter = DSQL_NO_JITTER;
  call.deadline_ms = call.attempt_deadline_ms = DSQL_NO_DEADLINE;
  call.isolation = DSQL_REPEATABLE_READ;
  call.backoff = DSQL_BACKOFF_EXPONENTIAL;
  call.idempotent = true;
  call.scratch_size = 8;
  cr_assert_eq(resolve(&call, &pool, false), 0);
  cr_expect_eq(p.retries_max, 0);
  cr_expect_eq(p.base_delay_ms, 1.0);
  cr_expect_eq(p.jitter, 0.0);
  cr_expect_eq(p.deadline_ms, 0);
  cr_expect_eq(p.attempt_deadline_ms, 0);
  cr_expect_eq((int)p.isolation, DSQL_REPEATABLE_READ);
  cr_expect(!p.full_jitter && p.read_only && p.idempotent);
  cr_expect_eq(p.scratch_size, 8);
}

/* A base above the default of the maximum lifts it; one above a maximum that was given is refused. */
Test(options, base_and_maximum) {
  dsql_tx_options o;
  dsql_tx_options_init(&o);
  o.base_delay_ms = 500;
  cr_assert_eq(resolve(&o, NULL, false), 0);
  cr_expect_eq(p.max_delay_ms, 500.0);
  o.max_delay_ms = 499;
  cr_expect_eq(resolve(&o, NULL, false), DSQL_EINVAL);
  cr_expect(strstr(f.text, "max_delay_ms"), "%s", f.text);
}

static void refused(const dsql_tx_options *o, bool dsql, int code, const char *part) {
  cr_expect_eq(resolve(o, NULL, dsql), code, "%s", part);
  cr_expect(strstr(f.text, part), "want \"%s\" in \"%s\"", part, f.text);
  cr_expect_eq(resolve(NULL, o, dsql), code, "the pool's are checked as well: %s", part);
}

Test(options, what_is_out_of_range_is_refused) {
  dsql_tx_options o;
#define REFUSED(field, value, dsql, code, part)                                                                        \
  do {                                                                                                                 \
    dsql_tx_options_init(&o);                                                                                          \
    o.field = (value);                                                                                                 \
    refused(&o, (dsql), (code), (part));                                                                               \
  } while (0)
  REFUSED(size, 0, false, DSQL_EINVAL, "dsql_tx_options_init");
  REFUSED(size, sizeof o - 8, false, DSQL_EINVAL, "dsql_tx_options_init");
  REFUSED(retries_max, -2, false, DSQL_EINVAL, "retries_max");
  REFUSED(retries_max, 101, false, DSQL_EINVAL, "retries_max");
  REFUSED(jitter, 1.01, false, DSQL_EINVAL, "jitter");
  REFUSED(jitter, -0.5, false, DSQL_EINVAL, "jitter");
  REFUSED(jitter, (double)NAN, false, DSQL_EINVAL, "jitter");
  REFUSED(jitter, (double)INFINITY, false, DSQL_EINVAL, "jitter");
  REFUSED(backoff, (enum dsql_backoff)3, false, DSQL_EINVAL, "backoff");
  REFUSED(isolation, (enum dsql_isolation)4, false, DSQL_EINVAL, "isolation");
  REFUSED(isolation, DSQL_SERIALIZABLE, true, DSQL_EUNSUPPORTED, "REPEATABLE READ");
  REFUSED(isolation, DSQL_READ_COMMITTED, true, DSQL_EUNSUPPORTED, "REPEATABLE READ");
  REFUSED(max_delay_ms, 0, false, 0, "");
  REFUSED(retries_max, 100, false, 0, "");
  REFUSED(jitter, 1.0, false, 0, "");
}

Test(options, the_level_is_always_sent) {
  static const struct {
    enum dsql_isolation isolation;
    bool read_only;
    const char *text;
  } begins[] = {{DSQL_REPEATABLE_READ, false, "BEGIN ISOLATION LEVEL REPEATABLE READ"},
                {DSQL_REPEATABLE_READ, true, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"},
                {DSQL_SERIALIZABLE, false, "BEGIN ISOLATION LEVEL SERIALIZABLE"},
                {DSQL_SERIALIZABLE, true, "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY"},
                {DSQL_READ_COMMITTED, false, "BEGIN ISOLATION LEVEL READ COMMITTED"},
                {DSQL_READ_COMMITTED, true, "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"}};
  for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
    struct tx_policy q = {.isolation = begins[i].isolation, .read_only = begins[i].read_only};
    cr_expect_str_eq(tx_policy_begin(&q), begins[i].text);
  }
}

/* A caller compiled with a longer struct, and one that says less than what there is. */
Test(options, init_clears_what_it_is_told_and_no_more) {
  unsigned char bytes[sizeof(dsql_tx_options) + 16];
  memset(bytes, 0xee, sizeof bytes);
  dsql_tx_options_init_sized((dsql_tx_options *)(void *)bytes, sizeof(dsql_tx_options));
  for (size_t i = sizeof(size_t); i < sizeof(dsql_tx_options); i++) cr_assert_eq(bytes[i], 0);
  for (size_t i = sizeof(dsql_tx_options); i < sizeof bytes; i++) cr_assert_eq(bytes[i], 0xee);
  dsql_tx_options_init_sized(NULL, 100);
}
