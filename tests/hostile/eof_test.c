/* The end of stream at every byte of a whole session, and the same bytes split everywhere. */
#include "sweep.h"

static struct sweep s;

static void open_all(void) { sweep_open(&s, FAKE_UNIX); }
static void close_all(void) { sweep_close(&s); }

TestSuite(sweep, .init = open_all, .fini = close_all);

Test(sweep, end_of_stream_at_every_byte) {
  size_t total = s.marks[SWEEP_THIRD], ends[4] = {0}, cases = 0;

  for (size_t at = 0; at <= total; at++, cases++) {
    struct sweep_outcome o = sweep_run(&s, &(struct fake_plan){.steps = sweep_script, .has_cut = true, .cut_at = at});
    sweep_check(&s, at, &o);
    ends[0] += o.ready == DSQL_EIO;
    for (int i = 0; i < 3; i++) ends[i + 1] += o.code[i] == DSQL_EIO;
  }
  cr_log_info("%zu sessions of %zu bytes; lost: %zu in the start-up, %zu, %zu and %zu in each query", cases, total,
              ends[0], ends[1], ends[2], ends[3]);
  cr_assert_eq(cases, total + 1);
  cr_assert_gt(total, 400);
  cr_assert_eq(ends[0], s.marks[SWEEP_READY]);
  cr_assert_eq(ends[1], s.marks[SWEEP_FIRST]);
  cr_assert_eq(ends[2], s.marks[SWEEP_FAILED]);
  cr_assert_eq(ends[3], s.marks[SWEEP_THIRD] - s.marks[SWEEP_READY]);
}

Test(sweep, input_split_at_every_byte) {
  size_t total = s.marks[SWEEP_THIRD], cases = 0;
  for (size_t at = 1; at < total; at++, cases++) {
    struct sweep_outcome o = sweep_run(&s, &(struct fake_plan){.steps = sweep_script, .split_at = at});
    sweep_check(&s, total, &o);
  }
  cr_log_info("%zu sessions, each in two pieces", cases);
  cr_assert_eq(cases, total - 1);
}

Test(sweep, input_in_single_bytes) {
  struct sweep_outcome o = sweep_run(&s, &(struct fake_plan){.steps = sweep_script, .split_all = true});
  sweep_check(&s, s.marks[SWEEP_THIRD], &o);
}
