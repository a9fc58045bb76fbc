/* Operations that nobody waits for any more, and what may travel beside them. */
#include <criterion/criterion.h>
#include <string.h>

#include "rig.h"

/* Takes the dropped ones out as their owner does. */
static unsigned drop(struct rig *r, struct list *dropped) {
  struct list *node;
  unsigned n = 0;
  while ((node = list_pop_front(dropped)) != NULL) {
    struct op *op = LIST_ENTRY(node, struct op, node);
    cr_assert_eq(op->outcome, OP_LOST);
    r->done[op - r->ops]++;
    n++;
  }
  return n;
}

static bool abandon(struct rig *r, size_t op, unsigned *count) {
  struct list dropped;
  bool unsent;
  list_init(&dropped);
  unsent = session_abandon(&r->s, &r->ops[op], &dropped);
  *count = drop(r, &dropped);
  return unsent;
}

Test(abandon, a_queued_group_is_dropped_whole) {
  unsigned n;
  for (size_t victim = 1; victim <= 3; victim++) {
    struct rig r;
    rig_init_ready(&r, 'I');
    rig_submit(&r, "b:A| b:B b:C b:D| b:E|");
    cr_assert(abandon(&r, victim, &n));
    cr_assert_eq(n, 3);
    for (size_t i = 1; i <= 3; i++) cr_assert_eq(r.ops[i].flags, (unsigned)DSQL_NOT_SENT);
    cr_assert_eq(r.queue.ops, 2);
    rig_gather(&r);
    cr_assert_str_eq(rig_take_output(&r), "BESBES");
    rig_feed(&r, "2 C:A Z:I 2 C:E Z:I");
    rig_expect(&r, "result 0 A\ndone 0 ok\ngroup I\nresult 4 E\ndone 4 ok\ngroup I\n");
    rig_deinit(&r);
  }
}

/* Of a group that is still open: what was pushed goes; the owner pushes no more of it. */
Test(abandon, an_open_group) {
  struct rig r;
  unsigned n;
  rig_init_ready(&r, 'I');
  rig_submit(&r, "b:A| b:B b:C");
  cr_assert(abandon(&r, 2, &n));
  cr_assert_eq(n, 2);
  cr_assert_null(r.queue.group_open);
  r.queue.grouping = false;
  rig_submit(&r, "b:D|");
  rig_gather(&r);
  cr_assert_str_eq(rig_take_output(&r), "BESBES");
  rig_feed(&r, "2 C:A Z:I 2 C:D Z:I");
  rig_deinit(&r);
}

Test(abandon, replies_are_swallowed) {
  struct rig r;
  unsigned n;
  rig_init_ready(&r, 'I');
  rig_submit(&r, "b:A| x:B p:C y| b:D|");
  rig_gather(&r);
  cr_assert_not(abandon(&r, 1, &n));
  cr_assert_not(abandon(&r, 2, &n)); /* twice is once */
  cr_assert_eq(n, 0);
  cr_assert_eq(r.s.abandoned, 1);
  rig_feed(&r, "2 D:x C:A Z:I 1 2 T:a D:x D:y C:B 1 t:23 T:a 2 D:x C:C Z:I 2 C:D Z:I");
  rig_expect(&r, "row 0 12\nresult 0 A\ndone 0 ok\ngroup I\nparsed 1\nparsed 2\nparams 2 23\nstmt-columns 2 a\n"
                 "done 1 ok\ndone 2 ok\ndone 3 ok\ngroup I\nresult 4 D\ndone 4 ok\ngroup I\n");
  cr_assert_eq(r.s.abandoned, 0);
  rig_deinit(&r);
}

Test(abandon, nothing_is_gathered_meanwhile) {
  struct rig r;
  unsigned n;
  rig_init_ready(&r, 'I');
  rig_submit(&r, "b:A| b:B|");
  rig_gather(&r);
  (void)rig_take_output(&r);
  rig_submit(&r, "b:C|");
  (void)abandon(&r, 0, &n);
  (void)abandon(&r, 1, &n);
  cr_assert_eq(r.s.abandoned, 2);
  rig_gather(&r);
  cr_assert_str_eq(rig_take_output(&r), "");
  rig_feed(&r, "E:57014");
  rig_gather(&r);
  rig_feed(&r, "Z:I");
  rig_gather(&r);
  cr_assert_str_eq(rig_take_output(&r), "");
  rig_feed(&r, "2 C:B Z:I");
  rig_gather(&r);
  cr_assert_str_eq(rig_take_output(&r), "BES");
  rig_feed(&r, "2 C:C Z:I");
  rig_expect(&r, "error 0 57014\ndone 0 failed cause=0\ngroup I\ndone 1 ok\ngroup I\nresult 2 C\ndone 2 ok\ngroup I\n");
  rig_deinit(&r);
}

/* Half of its rows were shown; the rest is swallowed. */
Test(abandon, in_the_middle_of_rows) {
  struct rig r;
  unsigned n;
  rig_init_ready(&r, 'I');
  rig_submit(&r, "b:A|");
  rig_gather(&r);
  rig_feed(&r, "2 D:x");
  (void)abandon(&r, 0, &n);
  rig_feed(&r, "D:y D:z C:A Z:I");
  rig_expect(&r, "row 0 12\ndone 0 ok\ngroup I\n");
  rig_deinit(&r);
}

Test(abandon, an_unexpected_copy_is_still_ended) {
  struct rig r;
  unsigned n;
  rig_init_ready(&r, 'I');
  rig_submit(&r, "b:COPY|");
  rig_gather(&r);
  (void)rig_take_output(&r);
  (void)abandon(&r, 0, &n);
  rig_feed(&r, "2 G");
  cr_assert_str_eq(rig_take_output(&r), "fS");
  rig_feed(&r, "E:57014 Z:I");
  rig_expect(&r, "error 0 57014\ndone 0 copy-refused cause=0\ngroup I\n");
  rig_deinit(&r);
}

static void ignore(void *arg, bool from_server, const uint8_t *message, size_t n) {
  (void)arg;
  (void)from_server;
  (void)message;
  (void)n;
}

/* While the members of its own group are being reported: one by one, as they are to who traces. */
Test(abandon, the_rest_of_a_group_that_is_being_reported) {
  struct rig r;
  struct session_event ev;
  unsigned n;
  struct backend_script b;

  rig_init_ready(&r, 'I');
  r.s.config.trace = ignore;
  rig_submit(&r, "b:A b:B|");
  rig_gather(&r);
  rig_feed(&r, "2 C:A 2 C:B");
  backend_script_init(&b, "Z:I");
  cr_assert_eq(session_feed(&r.s, b.data, b.len), b.len);
  cr_assert(session_next(&r.s, &ev));
  cr_assert(ev.type == EVENT_OP_DONE && ev.op == &r.ops[0]);
  r.done[0]++;
  cr_assert_eq(session_abandon_flags(&r.s, &r.ops[1]), 0, "the group's end was read");
  cr_assert_eq(session_loss_flags(&r.s, &r.ops[1]), 0);
  (void)abandon(&r, 1, &n);
  rig_pull(&r);
  rig_expect(&r, "result 0 A\nresult 1 B\ndone 1 ok\ngroup I\n");
  cr_assert_eq(r.s.abandoned, 0);
  rig_deinit(&r);
}

/* A lost session still reports what it has read. */
Test(abandon, an_end_while_a_group_is_being_reported) {
  struct rig r;
  struct session_event ev;
  struct backend_script b;

  rig_init_ready(&r, 'I');
  r.s.config.trace = ignore;
  rig_submit(&r, "b:A b:B| b:C|");
  rig_gather(&r);
  rig_feed(&r, "2 C:A 2 C:B");
  (void)rig_take_log(&r);
  backend_script_init(&b, "Z:I");
  (void)session_feed(&r.s, b.data, b.len);
  cr_assert(session_next(&r.s, &ev));
  r.done[0]++;
  rig_eof(&r);
  rig_expect(&r, "done 1 ok\ngroup I\ndone 2 lost conn-lost IN-DOUBT\nfailed DSQL_ECLOSED\n");
  rig_deinit(&r);
}

/* What is abandoned leaves all the same when it was gathered: it is not "not sent". */
Test(abandon, gathered_is_as_good_as_sent) {
  struct rig r;
  rig_init_ready(&r, 'I');
  rig_submit(&r, "b:INSERT| b:SELECT!|");
  cr_assert_eq(session_abandon_flags(&r.s, &r.ops[0]), (unsigned)DSQL_NOT_SENT);
  cr_assert(session_gather(&r.s)); /* and not sent */
  cr_assert_eq(session_loss_flags(&r.s, &r.ops[0]), (unsigned)DSQL_NOT_SENT);
  cr_assert_eq(session_abandon_flags(&r.s, &r.ops[0]), (unsigned)DSQL_IN_DOUBT);
  cr_assert_eq(session_abandon_flags(&r.s, &r.ops[1]), 0);
  rig_deinit(&r);

  rig_init_ready(&r, 'T');
  rig_submit(&r, "b:INSERT| b:COMMIT|");
  cr_assert_eq(session_abandon_flags(&r.s, &r.ops[0]), (unsigned)DSQL_NOT_SENT);
  cr_assert(session_gather(&r.s));
  cr_assert_eq(session_abandon_flags(&r.s, &r.ops[0]), (unsigned)DSQL_IN_DOUBT, "its COMMIT will leave too");
  rig_deinit(&r);

  rig_init_ready(&r, 'T');
  rig_submit(&r, "b:INSERT|");
  cr_assert(session_gather(&r.s));
  cr_assert_eq(session_abandon_flags(&r.s, &r.ops[0]), 0, "its block is open");
  rig_deinit(&r);
}

Test(abandon, cancelable_only_when_nothing_else_can_be_hit) {
  struct rig r;
  rig_init_ready(&r, 'I');
  rig_submit(&r, "b:A b:B| b:C|");
  cr_assert_not(session_cancelable(&r.s, &r.ops[0]), "it is not in flight");
  rig_gather(&r);
  cr_assert_not(session_cancelable(&r.s, &r.ops[0]), "something travels behind it");
  cr_assert_not(session_cancelable(&r.s, &r.ops[2]), "something is before it");
  rig_feed(&r, "2 C:A 2 C:B Z:I");
  cr_assert(session_cancelable(&r.s, &r.ops[2]));
  rig_feed(&r, "2");
  cr_assert(session_cancelable(&r.s, &r.ops[2]));
  rig_feed(&r, "C:C Z:I");
  cr_assert_not(session_cancelable(&r.s, &r.ops[2]), "it is over");
  rig_submit(&r, "b:D b:E|");
  rig_gather(&r);
  cr_assert(session_cancelable(&r.s, &r.ops[3]) && session_cancelable(&r.s, &r.ops[4]));
  rig_eof(&r);
  cr_assert_not(session_cancelable(&r.s, &r.ops[3]));
  rig_deinit(&r);
}

Test(abandon, a_barrier_travels_alone) {
  struct rig r;
  rig_init_ready(&r, 'I');
  rig_submit(&r, "b:A| s:COPY_t_FROM_STDIN b:B| b:C b:COPY_t_FROM_STDIN y| b:D|");
  rig_gather(&r);
  cr_assert_str_eq(rig_take_output(&r), "BES");
  rig_feed(&r, "2 C:A Z:I");
  rig_gather(&r);
  cr_assert_str_eq(rig_take_output(&r), "Q", "nothing behind it");
  rig_feed(&r, "H c C:COPY_0");
  rig_gather(&r);
  cr_assert_str_eq(rig_take_output(&r), "", "nor before its ReadyForQuery");
  rig_feed(&r, "Z:I");
  rig_gather(&r);
  cr_assert_str_eq(rig_take_output(&r), "BES");
  rig_feed(&r, "2 C:B Z:I");
  rig_gather(&r);
  cr_assert_str_eq(rig_take_output(&r), "BEBES", "a member in the middle holds the next group back");
  rig_feed(&r, "2 C:C 2 H c C:COPY_0 Z:I");
  rig_gather(&r);
  cr_assert_str_eq(rig_take_output(&r), "BES");
  rig_feed(&r, "2 C:D Z:I");
  cr_assert_eq(r.s.barriers, 0);
  rig_deinit(&r);
}

/* New work that is gathered while a failed group is being reported is not taken for a part of it. */
Test(abandon, gathering_between_reports) {
  struct rig r;
  struct session_event ev;
  struct backend_script b;

  rig_init_ready(&r, 'I');
  rig_submit(&r, "b:A|");
  rig_gather(&r);
  rig_submit(&r, "b:INSERT|");
  backend_script_init(&b, "E:1 Z:I");
  (void)session_feed(&r.s, b.data, b.len);
  cr_assert(session_next(&r.s, &ev) && ev.type == EVENT_ERROR);
  cr_assert(session_next(&r.s, &ev) && ev.type == EVENT_OP_DONE);
  r.done[0]++;
  rig_gather(&r);
  cr_assert_eq(session_loss_flags(&r.s, &r.ops[1]), (unsigned)DSQL_IN_DOUBT);
  rig_pull(&r);
  rig_feed(&r, "2 C:INSERT_0_1 Z:I");
  rig_expect(&r, "group I\nresult 1 INSERT 0 1\ndone 1 ok\ngroup I\n");
  rig_deinit(&r);
}
