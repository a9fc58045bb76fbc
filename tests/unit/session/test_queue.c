/* The queue that outlives sessions: taking back, surrendering, groups, soft limits. */
#include <criterion/criterion.h>
#include <string.h>

#include "rig.h"

static void restart(struct rig *r) {
  session_deinit(&r->s);
  buf_reset(&r->out);
  cr_assert_eq(rig_start(r), 0);
}

/* A failed attempt: the next session sends the same bytes. */
Test(queue, taken_back_and_sent_again) {
  struct rig r;
  struct list dropped;
  uint8_t first[4096];
  size_t n;

  rig_init(&r);
  cr_assert_eq(rig_start(&r), 0);
  rig_submit(&r, "x:A b:B| s:C r:D|");
  (void)rig_take_output(&r);
  rig_feed(&r, "R0");
  rig_gather(&r);
  n = r.out.len;
  cr_assert_lt(n, sizeof first);
  memcpy(first, r.out.data, n);
  rig_submit(&r, "b:E|");
  rig_feed(&r, "E:53300");
  rig_expect(&r, "error -1 53300\nfailed DSQL_ESERVER\n");
  cr_assert_not(session_ride_in_doubt(&r.s), "the start-up was refused: nothing was run");
  list_init(&dropped);
  session_take_back(&r.s, &dropped);
  cr_assert(list_empty(&dropped));
  cr_assert_eq(r.queue.ops, 5);

  restart(&r);
  (void)rig_take_output(&r);
  rig_feed(&r, "R0");
  rig_gather(&r);
  cr_assert_gt(r.out.len, n);
  cr_assert_eq(memcmp(first, r.out.data, n), 0);
  rig_feed(&r, "Z:I 1 2 n C:A 2 C:B Z:I C:C Z:I 3 1 t: n 2 C:D Z:I 2 C:E Z:I");
  rig_expect(&r, "ready I\nparsed 0\ncolumns 0 none\nresult 0 A\nresult 1 B\ndone 0 ok\ndone 1 ok\ngroup I\n"
                 "result 2 C\ndone 2 ok\ngroup I\nparsed 3\nparams 3\nstmt-columns 3 none\nresult 3 D\ndone 3 ok\n"
                 "group I\nresult 4 E\ndone 4 ok\ngroup I\n");
  rig_deinit(&r);
}

/* What was given up during the first attempt is not run in the second one. */
Test(queue, what_was_abandoned_is_not_sent_again) {
  struct rig r;
  struct list dropped, *node;

  rig_init(&r);
  cr_assert_eq(rig_start(&r), 0);
  rig_submit(&r, "b:A b:B| b:C|");
  rig_feed(&r, "R0");
  rig_gather(&r);
  list_init(&dropped);
  cr_assert_not(session_abandon(&r.s, &r.ops[1], &dropped));
  rig_feed(&r, "E:53300");
  session_take_back(&r.s, &dropped);
  for (size_t i = 0; i < 2; i++) {
    node = list_pop_front(&dropped);
    cr_assert_eq(node, &r.ops[i].node);
    cr_assert_eq(r.ops[i].outcome, OP_LOST);
    r.done[i]++;
  }
  cr_assert(list_empty(&dropped));
  cr_assert_eq(r.queue.ops, 1);
  cr_assert_eq(r.queue.bytes, r.ops[2].bytes.len);
  restart(&r);
  (void)rig_take_output(&r);
  rig_feed(&r, "R0 Z:I");
  rig_gather(&r);
  cr_assert_str_eq(rig_take_output(&r), "BES");
  rig_feed(&r, "2 C:C Z:I");
  rig_deinit(&r);
}

Test(queue, surrendered) {
  struct rig r;
  rig_init(&r);
  cr_assert_eq(rig_start(&r), 0);
  rig_submit(&r, "b:INSERT| b:SELECT!|");
  rig_feed(&r, "R0");
  rig_gather(&r);
  rig_submit(&r, "b:LATER|");
  cr_assert(session_ride_in_doubt(&r.s));
  rig_eof(&r);
  rig_expect(&r, "failed DSQL_ECLOSED\n");
  session_surrender(&r.s);
  rig_pull(&r);
  rig_expect(&r, "done 0 lost conn-lost IN-DOUBT\ndone 1 lost conn-lost\ndone 2 lost conn-lost not-sent\n"
                 "failed DSQL_ECLOSED\n");
  rig_deinit(&r);
}

/* Nothing that could be run twice: BEGIN without COMMIT, read-only, not sent, given up. */
Test(queue, a_ride_that_may_be_repeated) {
  static const char *const rides[] = {"b:BEGIN b:SELECT|", "b:SELECT!|", "b:BEGIN|", "c!|", "y|"};
  for (size_t i = 0; i < sizeof rides / sizeof rides[0]; i++) {
    struct rig r;
    rig_init(&r);
    cr_assert_eq(rig_start(&r), 0);
    rig_submit(&r, rides[i]);
    rig_feed(&r, "R0");
    rig_gather(&r);
    cr_expect_not(session_ride_in_doubt(&r.s), "%s", rides[i]);
    rig_deinit(&r);
  }
}

Test(queue, an_open_group_waits_and_holds_the_rest) {
  struct rig r;
  rig_init_ready(&r, 'I');
  rig_submit(&r, "b:A| b:B b:C");
  rig_gather(&r);
  cr_assert_str_eq(rig_take_output(&r), "BES");
  rig_gather(&r);
  cr_assert_str_eq(rig_take_output(&r), "");
  rig_submit(&r, "y|");
  rig_gather(&r);
  cr_assert_str_eq(rig_take_output(&r), "BEBES");
  rig_feed(&r, "2 C:A Z:I 2 C:B 2 C:C Z:I");
  rig_deinit(&r);
}

/* A loss with a group still open leaves no pointer to it. */
Test(queue, lost_with_an_open_group) {
  struct rig r;
  rig_init_ready(&r, 'I');
  rig_submit(&r, "b:A b:B");
  rig_eof(&r);
  rig_expect(&r, "done 0 lost conn-lost not-sent\ndone 1 lost conn-lost not-sent\nfailed DSQL_ECLOSED\n");
  cr_assert_null(r.queue.group_open);
  rig_deinit(&r);
}

/* An operation that its owner puts back into the queue while the loss is being reported. */
Test(queue, pushed_while_a_loss_is_reported) {
  struct rig r;
  struct session_event ev;
  struct fault f = {0};
  rig_init_ready(&r, 'I');
  rig_submit(&r, "b:A|");
  rig_gather(&r);
  fault_set(&f, DSQL_EIO, "reset");
  session_end(&r.s, &f);
  cr_assert(session_next(&r.s, &ev) && ev.op == &r.ops[0]);
  op_queue_push_first(&r.queue, &r.ops[0]);
  rig_pull(&r);
  rig_expect(&r, "done 0 lost conn-lost not-sent\nfailed DSQL_EIO\n");
  rig_deinit(&r);
}

Test(queue, first_before_what_waits) {
  struct rig r;
  rig_init_ready(&r, 'I');
  rig_submit(&r, "b:A| b:B| b:C|");
  op_queue_forget(&r.ops[2]);
  op_queue_push_first(&r.queue, &r.ops[2]);
  cr_assert_eq(op_queue_pop(&r.queue), &r.ops[2]);
  op_renew(&r.ops[2]);
  op_queue_push(&r.queue, &r.ops[2]);
  rig_gather(&r);
  rig_feed(&r, "2 C:A Z:I 2 C:B Z:I 2 C:C Z:I");
  rig_expect(&r, "result 0 A\ndone 0 ok\ngroup I\nresult 1 B\ndone 1 ok\ngroup I\nresult 2 C\ndone 2 ok\ngroup I\n");
  rig_deinit(&r);
}

Test(queue, gathering_stops_at_the_soft_limit) {
  struct rig r;
  rig_init_ready(&r, 'I');
  for (size_t i = 0; i < 4; i++) {
    rig_submit(&r, "b:A|");
    cr_assert(buf_reserve(&r.ops[i].bytes, 40000));
    /* Whole messages: Flush, many times. */
    for (size_t n = 0; n < 8000; n++) wire_flush(&r.ops[i].bytes);
    r.queue.bytes += 40000;
  }
  cr_assert(session_gather(&r.s));
  cr_assert_not(list_empty(&r.queue.list));
  cr_assert_eq(r.queue.list.next, &r.ops[2].node, "one passes the limit, the next one waits");
  buf_reset(&r.out);
  rig_gather(&r);
  cr_assert(list_empty(&r.queue.list));
  rig_feed(&r, "2 C:A Z:I 2 C:B Z:I 2 C:A Z:I 2 C:B Z:I");
  rig_deinit(&r);
}

/* Out of memory in the middle of a group: nothing of it can be run, because its Sync is missing. */
Test(queue, no_memory_for_output) {
  struct rig r;
  const char *log;
  rig_init_ready(&r, 'I');
  rig_submit(&r, "b:A b:B b:C b:D b:E b:F b:G b:H b:I b:J b:K b:L b:M b:N b:O b:P|");
  test_alloc_arm(&r.heap, 1, true);
  cr_assert_not(session_gather(&r.s));
  test_alloc_arm(&r.heap, 0, false);
  session_sent(&r.s, r.s.appended);
  cr_assert_eq(r.s.phase, SESSION_FAILED);
  rig_pull(&r);
  log = rig_take_log(&r);
  cr_assert_not_null(strstr(log, "done 0 lost conn-lost\n"), "%s", log);
  cr_assert_not_null(strstr(log, "done 15 lost conn-lost not-sent\nfailed DSQL_ENOMEM\n"), "%s", log);
  cr_assert_null(strstr(log, "IN-DOUBT"), "%s", log);
  rig_deinit(&r);
}

Test(queue, terminate) {
  struct rig r;
  rig_init(&r);
  cr_assert_eq(rig_start(&r), 0);
  session_terminate(&r.s);
  cr_assert_str_eq(rig_take_output(&r), "0", "the start-up knows no Terminate");
  rig_feed(&r, "R0 Z:I");
  session_terminate(&r.s);
  cr_assert_str_eq(rig_take_output(&r), "X");
  rig_eof(&r);
  session_terminate(&r.s);
  cr_assert_str_eq(rig_take_output(&r), "");
  rig_deinit(&r);
}
