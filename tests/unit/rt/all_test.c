#include <criterion/criterion.h>

#include "rt_fixture.h"

static struct fixture x;

static void open_fixture(void) { fixture_open(&x); }
static void close_fixture(void) { fixture_close(&x); }

TestSuite(all, .init = open_fixture, .fini = close_fixture);

enum { MANY = 1000 };

Test(all, ready_when_every_child_is) {
  struct calls c = {0};
  int freed = 0;
  dsql_future *fs[3], *all;
  for (size_t i = 0; i < 3; i++) fs[i] = op_new(&x, OP_CANCEL_AT_ONCE, &freed);
  all = dsql_all(x.rt, fs, 3);
  cr_assert_eq(dsql_future_on_ready(all, on_ready_record, &c), 0);
  op_complete(fs[1], 0);
  op_complete(fs[0], 0);
  cr_expect_eq(dsql_future_run(all), DSQL_ENOTREADY);
  op_complete(fs[2], 0);
  cr_expect_eq(dsql_future_run(all), 0);
  turn(&x);
  cr_expect_eq(c.n, 1);
  cr_expect_eq(dsql_future_code(fs[1]), 0, "children stay readable");
  cr_expect_eq(freed, 0);
  dsql_future_destroy(all);
  cr_expect_eq(freed, 3);
}

Test(all, first_failure_wins_and_cancels_the_rest) {
  int freed = 0;
  dsql_future *fs[3], *all;
  fs[0] = op_new(&x, OP_CANCEL_LATER, &freed);
  fs[1] = op_new(&x, OP_CANCEL_AT_ONCE, &freed);
  fs[2] = op_new(&x, OP_CANCEL_AT_ONCE, &freed);
  all = dsql_all(x.rt, fs, 3);
  op_complete(fs[2], DSQL_ESERVER);
  cr_expect_eq(dsql_future_run(all), DSQL_ESERVER);
  cr_expect_eq(dsql_future_error(all)->code, DSQL_ESERVER);
  cr_expect_eq(op_cancels(fs[0]), 1);
  cr_expect_eq(dsql_future_code(fs[1]), DSQL_ECANCELED);
  dsql_future_destroy(all);
  cr_expect_eq(freed, 2, "the library still has one");
  op_complete(fs[0], DSQL_ECANCELED);
  cr_expect_eq(freed, 3);
}

Test(all, of_nothing_succeeds) {
  struct calls c = {0};
  dsql_future *all = dsql_all(x.rt, NULL, 0);
  cr_assert_eq(dsql_future_on_ready(all, on_ready_record, &c), 0);
  cr_expect_eq(c.n, 0);
  turn(&x);
  cr_expect_eq(c.n, 1);
  cr_expect_eq(dsql_future_code(all), 0);
  dsql_future_destroy(all);
}

Test(all, children_that_were_ready) {
  dsql_future *fs[2] = {op_new(&x, OP_CANCEL_AT_ONCE, NULL), op_new(&x, OP_CANCEL_AT_ONCE, NULL)}, *all;
  op_complete(fs[0], 0);
  op_complete(fs[1], 0);
  all = dsql_all(x.rt, fs, 2);
  cr_expect_eq(dsql_future_run(all), 0);
  dsql_future_destroy(all);
}

Test(all, destroy_while_pending_destroys_the_children) {
  int freed = 0;
  dsql_future *fs[2] = {op_new(&x, OP_CANCEL_AT_ONCE, &freed), op_new(&x, OP_CANCEL_AT_ONCE, &freed)};
  dsql_future_destroy(dsql_all(x.rt, fs, 2));
  cr_expect_eq(freed, 2);
}

Test(all, cancel_completes_with_canceled) {
  int freed = 0;
  dsql_future *fs[2] = {op_new(&x, OP_CANCEL_AT_ONCE, &freed), op_new(&x, OP_CANCEL_AT_ONCE, &freed)};
  dsql_future *all = dsql_all(x.rt, fs, 2);
  dsql_future_cancel(all);
  cr_expect_eq(dsql_future_run(all), DSQL_ECANCELED);
  dsql_future_destroy(all);
  cr_expect_eq(freed, 2);
}

Test(all, detach_lets_them_finish) {
  int freed = 0;
  dsql_future *fs[2] = {op_new(&x, OP_CANCEL_AT_ONCE, &freed), op_new(&x, OP_CANCEL_AT_ONCE, &freed)};
  dsql_future_detach(dsql_all(x.rt, fs, 2));
  op_complete(fs[0], 0);
  op_complete(fs[1], 0);
  turn(&x);
  turn(&x);
  cr_expect_eq(freed, 2);
}

Test(all, null_child_is_out_of_memory) {
  int freed = 0;
  dsql_future *fs[2] = {op_new(&x, OP_CANCEL_AT_ONCE, &freed), NULL}, *all = dsql_all(x.rt, fs, 2);
  cr_expect_eq(dsql_future_run(all), DSQL_ENOMEM);
  cr_expect_eq(op_cancels(fs[0]), 1);
  dsql_future_destroy(all);
  cr_expect_eq(freed, 1);
}

Test(all, child_with_a_callback_or_given_twice_is_refused_and_freed_once) {
  struct calls c = {0};
  int freed = 0;
  dsql_future *f = op_new(&x, OP_CANCEL_AT_ONCE, &freed), *twice[2], *all;
  cr_assert_eq(dsql_future_on_ready(f, on_ready_record, &c), 0);
  all = dsql_all(x.rt, &f, 1);
  cr_expect_eq(dsql_future_run(all), DSQL_EINVAL);
  dsql_future_destroy(all);
  cr_expect_eq(freed, 1);
  twice[0] = twice[1] = op_new(&x, OP_CANCEL_AT_ONCE, &freed);
  all = dsql_all(x.rt, twice, 2);
  cr_expect_eq(dsql_future_run(all), DSQL_EINVAL);
  dsql_future_destroy(all);
  cr_expect_eq(freed, 2);
}

Test(all, of_many_and_of_alls) {
  static dsql_future *fs[MANY];
  dsql_future *pair[2];
  int freed = 0;
  for (size_t i = 0; i < MANY; i++) fs[i] = op_new(&x, OP_CANCEL_AT_ONCE, &freed);
  pair[0] = dsql_all(x.rt, fs, MANY);
  pair[1] = dsql_all(x.rt, NULL, 0);
  pair[0] = dsql_all(x.rt, pair, 2);
  for (size_t i = 0; i < MANY; i++) op_complete(fs[i], 0);
  cr_expect_eq(dsql_future_run(pair[0]), 0);
  dsql_future_destroy(pair[0]);
  cr_expect_eq(freed, MANY);
}

Test(all, without_memory_destroys_the_children) {
  static dsql_future *fs[MANY];
  int freed = 0;
  for (size_t n = 1; n <= MANY; n += MANY - 1) {
    for (size_t i = 0; i < n; i++) fs[i] = op_new(&x, OP_CANCEL_AT_ONCE, &freed);
    test_alloc_arm(&x.heap, 1, true);
    cr_expect_null(dsql_all(x.rt, fs, n));
    test_alloc_arm(&x.heap, 0, false);
    cr_expect_eq(freed, (int)n);
    freed = 0;
  }
}
