/* dsql_rt_close() in every state. */
#include <criterion/criterion.h>

#include "rt_fixture.h"

static struct fixture x;

static void open_fixture(void) { fixture_open(&x); }

TestSuite(close, .init = open_fixture);

Test(close, at_once) { fixture_close(&x); }

Test(close, without_a_callback) {
  dsql_rt_close(x.rt, NULL, NULL);
  x.closed = true;
  fixture_finish(&x);
  dsql_rt_close(NULL, NULL, NULL);
}

Test(close, new_fails_cleanly) {
  dsql_alloc broken = {0};
  dsql_rt *rt = NULL;
  cr_expect_eq(dsql_rt_new(NULL, &x.loop, NULL), DSQL_EINVAL);
  cr_expect_eq(dsql_rt_new(&rt, NULL, NULL), DSQL_EINVAL);
  cr_expect_eq(dsql_rt_new(&rt, &x.loop, &broken), DSQL_EINVAL);
  test_alloc_arm(&x.heap, 1, true);
  cr_expect_eq(dsql_rt_new(&rt, &x.loop, &x.heap.hook), DSQL_ENOMEM);
  cr_expect_null(rt);
  test_alloc_arm(&x.heap, 0, false);
  fixture_close(&x);
}

Test(close, two_runtimes_on_one_loop) {
  struct fixture y = {0};
  cr_assert_eq(dsql_rt_new(&y.rt, &x.loop, NULL), 0);
  dsql_rt_close(y.rt, fixture_on_closed, &y);
  fixture_close(&x);
  cr_expect(y.closed);
}

static void put_freed(struct dsql_future *f) { rt_block_put(f->rt, f); }

Test(close, frees_the_futures_that_the_user_left) {
  int freed = 0;
  dsql_future *a = op_new(&x, OP_CANCEL_AT_ONCE, &freed), *b = op_new(&x, OP_CANCEL_AT_ONCE, &freed);
  dsql_future *c = op_new(&x, OP_CANCEL_AT_ONCE, &freed);
  op_complete(a, 0);
  op_complete(b, DSQL_EIO);
  op_complete(c, 0);
  cr_assert_not_null(dsql_all(x.rt, &c, 1));
  fixture_close(&x);
  cr_expect_eq(freed, 3);
}

/* An owner of work: completes it with ECANCELED when the runtime closes, after some time. */
struct owner {
  struct rt_closer closer;
  struct rt_timer timer;
  dsql_future *future;
  uv_idle_t handle;
  int asked;
  bool slow;
};

static void owner_end(struct owner *o) {
  op_complete(o->future, DSQL_ECANCELED);
  rt_closer_remove(x.rt, &o->closer);
}

static void owner_fire(struct rt_timer *t) { owner_end(LIST_ENTRY(t, struct owner, timer)); }

static void owner_close(struct rt_closer *c) {
  struct owner *o = LIST_ENTRY(c, struct owner, closer);
  if (o->asked++) return;
  if (!o->slow) {
    owner_end(o);
    return;
  }
  o->timer.fire = owner_fire;
  rt_timer_start(x.rt, &o->timer, rt_now_ms(x.rt) + 10);
}

static void owner_start(struct owner *o, bool slow, int *freed) {
  *o = (struct owner){.closer.close = owner_close, .slow = slow};
  o->future = op_new(&x, OP_CANCEL_IGNORED, freed);
  rt_closer_add(x.rt, &o->closer);
}

static int closed_after;
static void count_and_destroy(dsql_future *f, void *arg) {
  cr_expect_eq(dsql_future_code(f), DSQL_ECANCELED);
  cr_expect_not(x.closed, "futures come before the close callback");
  ++*(int *)arg;
  dsql_future_destroy(f);
}

Test(close, completes_everything_before_its_callback) {
  struct owner o[3];
  int called = 0, freed = 0;
  for (size_t i = 0; i < 3; i++) {
    owner_start(&o[i], i != 1, &freed);
    cr_assert_eq(dsql_future_on_ready(o[i].future, count_and_destroy, &called), 0);
  }
  fixture_close(&x);
  cr_expect_eq(called, 3);
  cr_expect_eq(freed, 3);
  for (size_t i = 0; i < 3; i++) cr_expect_eq(o[i].asked, 1);
}

static struct owner late;
static void start_late(dsql_future *f, void *arg) {
  owner_start(&late, true, NULL);
  count_and_destroy(f, arg);
}

Test(close, owner_that_registers_while_closing_is_asked_too) {
  struct owner o;
  int called = 0;
  owner_start(&o, false, NULL);
  cr_assert_eq(dsql_future_on_ready(o.future, start_late, &called), 0);
  fixture_close(&x);
  cr_expect_eq(called, 1);
  cr_expect_geq(late.asked, 1);
}

static void close_rt(dsql_future *f, void *arg) {
  (void)arg;
  dsql_rt_close(x.rt, fixture_on_closed, &x);
  dsql_future_destroy(f);
}

Test(close, from_a_future_callback) {
  dsql_future *f = op_new(&x, OP_CANCEL_AT_ONCE, NULL);
  cr_assert_eq(dsql_future_on_ready(f, close_rt, NULL), 0);
  op_complete(f, 0);
  fixture_finish(&x);
}

Test(close, inside_dsql_future_run) {
  dsql_future *f = op_new(&x, OP_CANCEL_AT_ONCE, NULL);
  struct owner o;
  owner_start(&o, true, NULL);
  cr_assert_eq(dsql_future_on_ready(f, close_rt, NULL), 0);
  op_complete(f, 0);
  cr_expect_eq(dsql_future_run(o.future), DSQL_ECANCELED);
  fixture_finish(&x);
}

static void close_posted(void *arg) {
  (void)arg;
  dsql_rt_close(x.rt, fixture_on_closed, &x);
}

static void count(void *arg) { ++*(int *)arg; }

Test(close, runs_what_was_posted_before_and_refuses_after) {
  int posted = 0;
  cr_assert_eq(dsql_rt_post(x.rt, count, &posted), 0);
  dsql_rt_close(x.rt, fixture_on_closed, &x);
  cr_expect_eq(dsql_rt_post(x.rt, count, &posted), DSQL_ECLOSED);
  fixture_finish(&x);
  cr_expect_eq(posted, 1);
}

static void stop_when_closed(uv_timer_t *t) {
  if (x.closed) uv_close((uv_handle_t *)t, NULL);
}

Test(close, from_a_posted_function) {
  uv_timer_t alive; /* posts alone do not keep a loop alive */
  cr_assert_eq(dsql_rt_post(x.rt, close_posted, NULL), 0);
  uv_timer_init(&x.loop, &alive);
  uv_timer_start(&alive, stop_when_closed, 1, 1);
  fixture_finish(&x);
}

struct job {
  struct rt_work work;
  bool done;
};
static void job_run(struct rt_work *w) {
  (void)w;
  uv_sleep(20);
}
static void job_done(struct rt_work *w) {
  ((struct job *)(void *)w)->done = true;
  cr_expect_not(x.closed);
}

Test(close, waits_for_the_thread_pool) {
  struct job jobs[8];
  for (size_t i = 0; i < 8; i++) {
    jobs[i] = (struct job){.work = {.run = job_run, .done = job_done}};
    cr_assert_eq(rt_work_start(x.rt, &jobs[i].work), 0);
  }
  fixture_close(&x);
  for (size_t i = 0; i < 8; i++) cr_expect(jobs[i].done);
}

/* Between the last look and the end: a callback registered then is still delivered. */
static dsql_future *last;
static uv_check_t check;

static void register_last(uv_check_t *h) {
  (void)h;
  if (closed_after++ == 0) cr_assert_eq(dsql_future_on_ready(last, count_and_destroy, check.data), 0);
  uv_close((uv_handle_t *)&check, NULL);
}

Test(close, callback_registered_while_handles_close) {
  int called = 0;
  last = op_new(&x, OP_CANCEL_AT_ONCE, NULL);
  op_complete(last, DSQL_ECANCELED);
  uv_check_init(&x.loop, &check);
  check.data = &called;
  uv_check_start(&check, register_last);
  fixture_close(&x);
  cr_expect_eq(called, 1);
}

static void close_from_timer(struct rt_timer *t) {
  (void)t;
  dsql_rt_close(x.rt, fixture_on_closed, &x);
}

Test(close, from_a_timer) {
  struct rt_timer t = {.fire = close_from_timer};
  rt_timer_start(x.rt, &t, rt_now_ms(x.rt) + 1);
  fixture_finish(&x);
}

Test(close, future_without_cancel_in_the_open_list) {
  static const struct future_class class = {.free = put_freed};
  dsql_future *f = rt_block_get(x.rt);
  future_init(f, x.rt, &class);
  future_complete(f, NULL);
  fixture_close(&x);
}
