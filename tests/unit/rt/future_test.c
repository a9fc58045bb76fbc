/* Every row of the table of rules for futures. */
#include <criterion/criterion.h>
#include <signal.h>

#include "rt_fixture.h"

static struct fixture x;

static void open_fixture(void) { fixture_open(&x); }
static void close_fixture(void) { fixture_close(&x); }

TestSuite(future, .init = open_fixture, .fini = close_fixture);

/* ---- delivery ---- */

Test(future, callback_never_runs_inside_the_call_that_caused_it) {
  struct calls c = {0};
  dsql_future *f = op_new(&x, OP_CANCEL_AT_ONCE, NULL);
  cr_assert_eq(dsql_future_on_ready(f, on_ready_record, &c), 0);
  op_complete(f, 0);
  cr_expect_eq(c.n, 0);
  turn(&x);
  cr_expect_eq(c.n, 1);
  cr_expect_eq(c.codes[0], 0);
  turn(&x);
  cr_expect_eq(c.n, 1, "at most once");
  dsql_future_destroy(f);
}

Test(future, cancel_calls_back_later_too) {
  struct calls c = {0};
  dsql_future *f = op_new(&x, OP_CANCEL_AT_ONCE, NULL);
  cr_assert_eq(dsql_future_on_ready(f, on_ready_record, &c), 0);
  dsql_future_cancel(f);
  cr_expect_eq(c.n, 0);
  cr_expect(dsql_future_ready(f));
  turn(&x);
  cr_expect_eq(c.n, 1);
  cr_expect_eq(c.codes[0], DSQL_ECANCELED);
  dsql_future_cancel(f);
  cr_expect_eq(op_cancels(f), 1);
  dsql_future_destroy(f);
}

Test(future, cancel_asks_once_and_work_may_be_faster) {
  dsql_future *f = op_new(&x, OP_CANCEL_LATER, NULL);
  dsql_future_cancel(f);
  dsql_future_cancel(f);
  cr_expect_eq(op_cancels(f), 1);
  cr_expect_eq(dsql_future_code(f), DSQL_ENOTREADY);
  op_complete(f, 0);
  cr_expect_eq(dsql_future_code(f), 0);
  dsql_future_destroy(f);
}

Test(future, destroy_between_ready_and_delivery) {
  struct calls c = {0};
  int freed = 0;
  dsql_future *f = op_new(&x, OP_CANCEL_AT_ONCE, &freed);
  cr_assert_eq(dsql_future_on_ready(f, on_ready_record, &c), 0);
  op_complete(f, 0);
  dsql_future_destroy(f);
  cr_expect_eq(freed, 1);
  turn(&x);
  cr_expect_eq(c.n, 0);
}

Test(future, destroy_while_pending_frees_when_the_library_lets_go) {
  struct calls c = {0};
  int freed = 0;
  dsql_future *f = op_new(&x, OP_CANCEL_LATER, &freed);
  cr_assert_eq(dsql_future_on_ready(f, on_ready_record, &c), 0);
  dsql_future_destroy(f);
  cr_expect_eq(op_cancels(f), 1);
  cr_expect_eq(freed, 0);
  op_complete(f, DSQL_ECANCELED);
  cr_expect_eq(freed, 1);
  turn(&x);
  cr_expect_eq(c.n, 0);
}

Test(future, destroy_after_cancel_does_not_cancel_twice) {
  int freed = 0;
  dsql_future *f = op_new(&x, OP_CANCEL_LATER, &freed);
  dsql_future_cancel(f);
  dsql_future_destroy(f);
  cr_expect_eq(op_cancels(f), 1);
  op_complete(f, 0);
  cr_expect_eq(freed, 1);
}

Test(future, detach_lets_the_work_finish_unobserved) {
  struct calls c = {0};
  int freed = 0;
  dsql_future *f = op_new(&x, OP_CANCEL_AT_ONCE, &freed), *g = op_new(&x, OP_CANCEL_AT_ONCE, &freed);
  cr_assert_eq(dsql_future_on_ready(f, on_ready_record, &c), 0);
  cr_assert_eq(dsql_future_on_ready(g, on_ready_record, &c), 0);
  dsql_future_detach(f);
  cr_expect_eq(op_cancels(f), 0);
  cr_expect_eq(freed, 0);
  cr_expect_not(future_observed(f));
  op_complete(f, 0);
  cr_expect_eq(freed, 1);
  op_complete(g, 0);
  dsql_future_detach(g);
  cr_expect_eq(freed, 2);
  turn(&x);
  cr_expect_eq(c.n, 0);
}

/* ---- drain ---- */

struct chain {
  dsql_future *next;
  unsigned turns_seen;
  struct calls calls;
};

static void complete_next(dsql_future *f, void *arg) {
  struct chain *c = arg;
  on_ready_record(f, &c->calls);
  cr_expect(rt_draining(x.rt));
  if (!c->next) return;
  cr_assert_eq(dsql_future_on_ready(c->next, on_ready_record, &c->calls), 0);
  op_complete(c->next, 0);
}

Test(future, drain_is_bounded_by_what_was_queued) {
  struct chain c = {.next = op_new(&x, OP_CANCEL_AT_ONCE, NULL)};
  dsql_future *f = op_new(&x, OP_CANCEL_AT_ONCE, NULL);
  cr_assert_eq(dsql_future_on_ready(f, complete_next, &c), 0);
  op_complete(f, 0);
  turn(&x);
  cr_expect_eq(c.calls.n, 1, "the second was queued while the drain ran");
  turn(&x);
  cr_expect_eq(c.calls.n, 2);
  dsql_future_destroy(f);
  dsql_future_destroy(c.next);
}

Test(future, callbacks_run_in_order_of_completion) {
  struct calls c = {0};
  dsql_future *f[3];
  for (size_t i = 0; i < 3; i++) {
    f[i] = op_new(&x, OP_CANCEL_AT_ONCE, NULL);
    cr_assert_eq(dsql_future_on_ready(f[i], on_ready_record, &c), 0);
  }
  op_complete(f[2], 0);
  op_complete(f[0], 0);
  op_complete(f[1], 0);
  turn(&x);
  cr_assert_eq(c.n, 3);
  cr_expect(c.futures[0] == f[2] && c.futures[1] == f[0] && c.futures[2] == f[1]);
  for (size_t i = 0; i < 3; i++) dsql_future_destroy(f[i]);
}

static void destroy_other(dsql_future *f, void *arg) {
  (void)f;
  dsql_future_destroy(*(dsql_future **)arg);
}

Test(future, destroy_of_one_that_is_due_in_the_same_drain) {
  struct calls c = {0};
  dsql_future *f = op_new(&x, OP_CANCEL_AT_ONCE, NULL), *victim = op_new(&x, OP_CANCEL_AT_ONCE, NULL);
  cr_assert_eq(dsql_future_on_ready(f, destroy_other, &victim), 0);
  cr_assert_eq(dsql_future_on_ready(victim, on_ready_record, &c), 0);
  op_complete(f, 0);
  op_complete(victim, 0);
  turn(&x);
  cr_expect_eq(c.n, 0);
  dsql_future_destroy(f);
}

/* ---- on_ready when already ready; twice ---- */

Test(future, on_ready_when_ready_is_queued) {
  struct calls c = {0};
  dsql_future *f = op_new(&x, OP_CANCEL_AT_ONCE, NULL);
  op_complete(f, DSQL_EIO);
  cr_assert_eq(dsql_future_on_ready(f, on_ready_record, &c), 0);
  cr_expect_eq(c.n, 0);
  cr_expect_eq(dsql_future_on_ready(f, on_ready_record, &c), DSQL_EINVAL);
  turn(&x);
  cr_expect_eq(c.n, 1);
  cr_expect_eq(dsql_future_on_ready(f, on_ready_record, &c), DSQL_EINVAL, "also after delivery");
  cr_expect_eq(dsql_future_on_ready(f, NULL, NULL), DSQL_EINVAL);
  dsql_future_destroy(f);
}

/* ---- in its own callback ---- */

static void destroy_self(dsql_future *f, void *arg) {
  ++*(int *)arg;
  dsql_future_destroy(f);
}

Test(future, callback_may_destroy_its_future) {
  int calls = 0, freed = 0;
  dsql_future *f = op_new(&x, OP_CANCEL_AT_ONCE, &freed);
  cr_assert_eq(dsql_future_on_ready(f, destroy_self, &calls), 0);
  op_complete(f, 0);
  turn(&x);
  cr_expect_eq(calls, 1);
  cr_expect_eq(freed, 1);
}

static void start_work(dsql_future *f, void *arg) {
  dsql_future **next = arg;
  *next = op_new(&x, OP_CANCEL_AT_ONCE, NULL);
  dsql_future_destroy(f);
}

Test(future, callback_may_start_work) {
  dsql_future *next = NULL, *f = op_new(&x, OP_CANCEL_AT_ONCE, NULL);
  cr_assert_eq(dsql_future_on_ready(f, start_work, &next), 0);
  op_complete(f, 0);
  turn(&x);
  cr_assert_not_null(next);
  op_complete(next, 0);
  cr_expect_eq(dsql_future_run(next), 0);
  dsql_future_destroy(next);
}

/* ---- getters ---- */

static int one_result(struct dsql_future *f, const dsql_result **out) {
  *out = (const dsql_result *)(void *)f;
  return 0;
}

static void put_block(struct dsql_future *f) { rt_block_put(f->rt, f); }

Test(future, getters_are_defined_in_every_state) {
  static const struct future_class with_result = {.free = put_block, .result = one_result};
  const dsql_result *r = NULL;
  dsql_future *f = op_new(&x, OP_CANCEL_AT_ONCE, NULL), *g = rt_block_get(x.rt);

  cr_expect_not(dsql_future_ready(f));
  cr_expect_eq(dsql_future_code(f), DSQL_ENOTREADY);
  cr_expect_null(dsql_future_error(f));
  cr_expect_eq(dsql_future_result(f, &r), DSQL_ENOTREADY);
  op_complete(f, DSQL_ESERVER);
  cr_expect_eq(dsql_future_result(f, &r), DSQL_ESERVER);
  cr_expect_eq(dsql_future_error(f)->code, DSQL_ESERVER);
  dsql_future_destroy(f);

  f = op_new(&x, OP_CANCEL_AT_ONCE, NULL);
  op_complete(f, 0);
  cr_expect_eq(dsql_future_result(f, &r), DSQL_ETYPE, "this kind of future has no result");
  cr_expect_null(dsql_future_error(f));
  dsql_future_destroy(f);

  future_init(g, x.rt, &with_result);
  cr_expect_eq(dsql_future_result(g, &r), DSQL_ENOTREADY);
  cr_expect_null(r);
  dsql_future_cancel(g); /* the class has no cancel */
  dsql_resume(g);        /* and nothing to resume */
  future_complete(g, NULL);
  cr_expect_eq(dsql_future_result(g, &r), 0);
  cr_expect(r == (const dsql_result *)(void *)g);
  dsql_future_destroy(g);
}

Test(future, null_future_is_out_of_memory) {
  const dsql_result *r = NULL;
  struct calls c = {0};
  cr_expect(dsql_future_ready(NULL));
  cr_expect_eq(dsql_future_code(NULL), DSQL_ENOMEM);
  cr_expect_eq(dsql_future_error(NULL)->code, DSQL_ENOMEM);
  cr_expect_eq(dsql_future_result(NULL, &r), DSQL_ENOMEM);
  cr_expect_eq(dsql_future_on_ready(NULL, on_ready_record, &c), DSQL_ENOMEM);
  cr_expect_eq(dsql_future_run(NULL), DSQL_ENOMEM);
  dsql_future_cancel(NULL);
  dsql_future_detach(NULL);
  dsql_future_destroy(NULL);
  dsql_resume(NULL);
}

Test(future, failed_start_comes_through_the_future) {
  struct fault fault = {.os_error = 98};
  struct calls c = {0};
  dsql_future *f;
  fault_set(&fault, DSQL_EINVAL, "the statement is empty: give some SQL");
  f = future_failed(x.rt, &fault);
  cr_assert_eq(dsql_future_on_ready(f, on_ready_record, &c), 0);
  cr_expect_eq(c.n, 0);
  turn(&x);
  cr_expect_eq(c.n, 1);
  cr_expect_eq(dsql_future_error(f)->code, DSQL_EINVAL);
  cr_expect_eq(dsql_future_error(f)->os_error, 98);
  cr_expect_eq(dsql_future_error(f)->flags, DSQL_CLIENT_SIDE);
  cr_expect_str_eq(dsql_future_error(f)->message.ptr, "the statement is empty: give some SQL");
  dsql_future_destroy(f);
}

/* ---- blocking ---- */

static void complete_by_timer(uv_timer_t *t) {
  op_complete(t->data, 0);
  uv_close((uv_handle_t *)t, NULL);
}

Test(future, run_waits_for_completion) {
  dsql_future *f = op_new(&x, OP_CANCEL_AT_ONCE, NULL);
  uv_timer_t timer = {.data = f};
  uv_timer_init(&x.loop, &timer);
  uv_timer_start(&timer, complete_by_timer, 5, 0);
  cr_expect_eq(dsql_future_run(f), 0);
  cr_expect_eq(dsql_future_run(f), 0, "ready already");
  dsql_future_destroy(f);
  turn(&x);
}

Test(future, run_says_when_nothing_alive_can_complete_it) {
  dsql_future *f = op_new(&x, OP_CANCEL_AT_ONCE, NULL);
  cr_expect_eq(dsql_future_run(f), DSQL_ENOTREADY);
  cr_expect_eq(dsql_future_run(f), DSQL_ENOTREADY, "and may be asked again");
  dsql_future_destroy(f);
}

static void destroy_awaited(uv_timer_t *t) {
  dsql_future_destroy(t->data);
  uv_close((uv_handle_t *)t, NULL);
}

Test(future, run_survives_the_destruction_of_its_future) {
  dsql_future *f = op_new(&x, OP_CANCEL_AT_ONCE, NULL);
  uv_timer_t timer = {.data = f};
  uv_timer_init(&x.loop, &timer);
  uv_timer_start(&timer, destroy_awaited, 1, 0);
  cr_expect_eq(dsql_future_run(f), DSQL_ECANCELED);
  turn(&x);
}

#ifndef NDEBUG
static void run_inside(dsql_future *f, void *arg) {
  (void)f;
  cr_expect_neq(dsql_future_run(arg), 0);
}

Test(future, run_inside_a_drain_asserts, .signal = SIGABRT) {
  dsql_future *f = op_new(&x, OP_CANCEL_AT_ONCE, NULL), *g = op_new(&x, OP_CANCEL_AT_ONCE, NULL);
  cr_assert_eq(dsql_future_on_ready(f, run_inside, g), 0);
  op_complete(f, 0);
  turn(&x);
}

static void cancel_in_thread(void *f) { dsql_future_cancel(f); }

Test(future, use_from_another_thread_asserts, .signal = SIGABRT) {
  dsql_future *f = op_new(&x, OP_CANCEL_AT_ONCE, NULL);
  struct calls c = {0};
  uv_thread_t thread;
  op_complete(f, 0);
  cr_assert_eq(dsql_future_on_ready(f, on_ready_record, &c), 0);
  turn(&x);
  uv_thread_create(&thread, cancel_in_thread, f);
  uv_thread_join(&thread);
}
#endif

/* ---- handles ---- */

Test(future, no_handle_keeps_the_loop_alive_without_work) {
  cr_expect_not(uv_loop_alive(&x.loop));
  cr_expect_eq(uv_run(&x.loop, UV_RUN_DEFAULT), 0);
}

Test(future, embedded_loop_sees_what_was_queued_from_outside) {
  struct calls c = {0};
  dsql_future *f = op_new(&x, OP_CANCEL_AT_ONCE, NULL);
  uv_timer_t far;
  uv_timer_init(&x.loop, &far);
  uv_timer_start(&far, complete_by_timer, 5000, 0);
  turn(&x);
  cr_assert_gt(uv_backend_timeout(&x.loop), 1000);
  cr_assert_eq(dsql_future_on_ready(f, on_ready_record, &c), 0);
  op_complete(f, 0);
  cr_expect_eq(uv_backend_timeout(&x.loop), 0, "the embedder must not sleep");
  cr_expect(uv_loop_alive(&x.loop));
  turn(&x);
  cr_expect_eq(c.n, 1);
  cr_expect_gt(uv_backend_timeout(&x.loop), 1000, "nothing left to do at once");
  uv_close((uv_handle_t *)&far, NULL);
  turn(&x);
  dsql_future_destroy(f);
}

/* ---- memory ---- */

Test(future, warm_round_trip_calls_no_hook) {
  struct calls c = {0};
  size_t before = 0;
  for (int i = 0; i < 50; i++) {
    dsql_future *f = op_new(&x, OP_CANCEL_AT_ONCE, NULL);
    if (i == 1) before = x.heap.calls;
    cr_assert_eq(dsql_future_on_ready(f, on_ready_record, &c), 0);
    op_complete(f, 0);
    turn(&x);
    dsql_future_destroy(f);
  }
  cr_expect_eq(c.n, 50);
  cr_expect_eq(x.heap.calls, before);
}
