#include "fault.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsql/dsql.h"

Test(fault, specifications) {
  static const struct {
    const char *text;
    struct fault_spec spec;
  } cases[] = {
      {"occ@commit", {FAULT_OCC, FAULT_AT_COMMIT, FAULT_BY_SEED, 1, UINT64_MAX, 0, 0, 0, 0, NULL}},
      {"occ@commit:p=0.1", {FAULT_OCC, FAULT_AT_COMMIT, FAULT_BY_SEED, 0.1, UINT64_MAX, 0, 0, 0, 0, NULL}},
      {"schema@statement:p=.5:count=3", {FAULT_SCHEMA, FAULT_AT_STATEMENT, FAULT_BY_SEED, 0.5, 3, 0, 0, 0, 0, NULL}},
      {"unavailable@commit:p=0.05:count=3",
       {FAULT_UNAVAILABLE, FAULT_AT_COMMIT, FAULT_BY_SEED, 0.05, 3, 0, 0, 0, 0, NULL}},
      {"unavailable@commit:after", {FAULT_UNAVAILABLE, FAULT_AT_COMMIT, FAULT_AFTER, 1, UINT64_MAX, 0, 0, 0, 0, NULL}},
      {"close@commit:before:skip=7", {FAULT_CLOSE, FAULT_AT_COMMIT, FAULT_BEFORE, 1, UINT64_MAX, 7, 0, 0, 0, NULL}},
      {"stall@statement:ms=500", {FAULT_STALL, FAULT_AT_STATEMENT, FAULT_BY_SEED, 1, UINT64_MAX, 0, 500, 0, 0, NULL}},
      {"stall@connect", {FAULT_STALL, FAULT_AT_CONNECT, FAULT_BY_SEED, 1, UINT64_MAX, 0, 1000, 0, 0, NULL}},
      {"waking@connect:count=2", {FAULT_WAKING, FAULT_AT_CONNECT, FAULT_BY_SEED, 1, 2, 0, 0, 0, 0, NULL}},
      {"signature-expired@connect:count=1",
       {FAULT_SIGNATURE_EXPIRED, FAULT_AT_CONNECT, FAULT_BY_SEED, 1, 1, 0, 0, 0, 0, NULL}},
      {"rate@connect:p=1", {FAULT_RATE, FAULT_AT_CONNECT, FAULT_BY_SEED, 1, UINT64_MAX, 0, 0, 0, 0, NULL}},
      {"full@connect:p=0", {FAULT_FULL, FAULT_AT_CONNECT, FAULT_BY_SEED, 0, UINT64_MAX, 0, 0, 0, 0, NULL}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct fault_spec *want = &cases[i].spec, *got;
    struct faults f;
    char error[200];
    faults_init(&f, 1);
    cr_assert_eq(faults_add(&f, cases[i].text, error, sizeof error), 0, "%s: %s", cases[i].text, error);
    got = &f.specs[0];
    cr_assert(f.count == 1 && got->kind == want->kind && got->point == want->point && got->side == want->side &&
                  got->left == want->left && got->skip == want->skip && got->stall_ms == want->stall_ms,
              "%s", cases[i].text);
    cr_assert(fabs(got->probability - want->probability) < 1e-12, "%s", cases[i].text);
    cr_assert(faults_at(&f, want->point));
    cr_assert(!faults_at(&f, (want->point + 1) % 3));
  }
}

Test(fault, refusals_name_what_is_wrong) {
  static const struct {
    const char *text, *in_error;
  } cases[] = {
      {"", "none of occ"},
      {"bogus@commit", "bogus@commit"},
      {"occ", "KIND@POINT"},
      {"occ@", "connect, statement, commit"},
      {"occ@nowhere", "connect, statement, commit"},
      {"occ@connect", "does not happen at connect"},
      {"rollback@statement", "does not happen at statement"},
      {"waking@commit", "does not happen at commit"},
      {"occ@commit:", "unknown"},
      {"occ@commit:x=1", "x=1"},
      {"occ@commit:p=", "0 to 1"},
      {"occ@commit:p=1.1", "0 to 1"},
      {"occ@commit:p=1e-1", "0 to 1"},
      {"occ@commit:p=-1", "0 to 1"},
      {"occ@commit:p=.", "0 to 1"},
      {"occ@commit:p=0.1.1", "0 to 1"},
      {"occ@commit:count=x", "whole number"},
      {"occ@commit:count=", "whole number"},
      {"occ@commit:skip=-1", "whole number"},
      {"occ@commit:skip=9999999999999999999", "whole number"},
      {"occ@commit:ms=5", "for stall only"},
      {"stall@commit:ms=0", "1 to 3600000"},
      {"stall@commit:ms=3600001", "1 to 3600000"},
      {"occ@commit:after", "close@commit"},
      {"close@statement:before", "close@commit"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct faults f;
    char error[200], small[8];
    faults_init(&f, 1);
    cr_assert_eq(faults_add(&f, cases[i].text, error, sizeof error), DSQL_EINVAL, "%s", cases[i].text);
    cr_assert(strstr(error, cases[i].in_error), "%s: %s", cases[i].text, error);
    cr_assert_eq(f.count, 0);
    cr_assert_eq(faults_add(&f, cases[i].text, small, sizeof small), DSQL_EINVAL);
    cr_assert_lt(strlen(small), sizeof small);
  }
}

Test(fault, there_is_an_end_to_specifications) {
  struct faults f;
  char error[200];
  faults_init(&f, 1);
  for (int i = 0; i < FAULT_SPECS_MAX; i++) cr_assert_eq(faults_add(&f, "occ@commit", error, sizeof error), 0);
  cr_assert_eq(faults_add(&f, "occ@commit", error, sizeof error), DSQL_EINVAL);
}

Test(fault, the_rate_is_a_short_form) {
  struct faults f;
  char error[200];
  faults_init(&f, 1);
  cr_assert_eq(faults_add_occ_rate(&f, "0.25", error, sizeof error), 0);
  cr_assert_eq(f.specs[0].kind, FAULT_OCC);
  cr_assert_eq(f.specs[0].point, FAULT_AT_COMMIT);
  cr_assert(fabs(f.specs[0].probability - 0.25) < 1e-12);
  cr_assert_eq(faults_add_occ_rate(&f, "25%", error, sizeof error), DSQL_EINVAL);
  cr_assert(strstr(error, "25%"));
}

/* splitmix64 of seed 1234567, as published with it. */
Test(fault, randomness_is_what_it_says) {
  static const uint64_t known[] = {6457827717110365317u, 3203168211198807973u, 9817491932198370423u};
  struct faults f;
  char error[200];
  faults_init(&f, 1234567);
  cr_assert_eq(faults_add(&f, "occ@commit:p=0.5", error, sizeof error), 0);
  for (size_t i = 0; i < 3; i++)
    cr_assert_eq(faults_roll(&f, FAULT_AT_COMMIT).kind == FAULT_OCC, known[i] < UINT64_C(1) << 63, "%zu", i);
}

Test(fault, counts_skips_and_order) {
  struct faults f;
  char error[200];
  struct fault_hit hit;
  faults_init(&f, 1);
  cr_assert_eq(faults_add(&f, "stall@commit:ms=5:count=2", error, sizeof error), 0);
  cr_assert_eq(faults_add(&f, "occ@commit:skip=1:count=1", error, sizeof error), 0);
  cr_assert_eq(faults_add(&f, "schema@commit:count=1", error, sizeof error), 0);
  hit = faults_roll(&f, FAULT_AT_COMMIT);
  cr_assert(hit.kind == FAULT_SCHEMA && hit.stall_ms == 5);
  hit = faults_roll(&f, FAULT_AT_COMMIT);
  cr_assert(hit.kind == FAULT_OCC && hit.stall_ms == 5);
  hit = faults_roll(&f, FAULT_AT_COMMIT);
  cr_assert(hit.kind == FAULT_NONE && hit.stall_ms == 0);
  cr_assert_eq(faults_roll(&f, FAULT_AT_STATEMENT).kind, FAULT_NONE);
  cr_assert(f.specs[0].injected == 2 && f.specs[1].injected == 1 && f.specs[2].injected == 1);
}

Test(fault, even_odds_of_applied) {
  struct faults f;
  char error[200];
  unsigned applied = 0;
  faults_init(&f, 7);
  cr_assert_eq(faults_add(&f, "unavailable@commit", error, sizeof error), 0);
  for (int i = 0; i < 1000; i++) applied += faults_roll(&f, FAULT_AT_COMMIT).applied;
  cr_assert(applied > 430 && applied < 570, "%u", applied);
  cr_assert_eq(f.specs[0].applied, applied);
  cr_assert_str_eq(f.specs[0].text, "unavailable@commit");
}
