#include <criterion/criterion.h>

#include <time.h>

#include "rt_fixture.h"

static struct fixture x;

static void open_fixture(void) { fixture_open(&x); }
static void close_fixture(void) { fixture_close(&x); }

TestSuite(rt, .init = open_fixture, .fini = close_fixture);

/* ---- tasks ---- */

struct log_task {
  struct rt_task task;
  char name;
  int again;
};

static char order[64];

static void log_run(struct rt_task *t) {
  struct log_task *l = (struct log_task *)(void *)t;
  order[strlen(order)] = l->name;
  if (l->again-- > 0) rt_ready(x.rt, t);
}

static struct log_task log_task(char name, int again) {
  return (struct log_task){.task = {.run = log_run}, .name = name, .again = again};
}

static void start(struct log_task *t, bool flush) {
  list_init(&t->task.node);
  if (flush)
    rt_flush_later(x.rt, &t->task);
  else
    rt_ready(x.rt, &t->task);
}

Test(rt, tasks_run_in_order_flushes_last_and_requeued_ones_later) {
  struct log_task a = log_task('a', 1), b = log_task('b', 0), f = log_task('F', 0), gone = log_task('x', 0);
  memset(order, 0, sizeof order);
  start(&f, true);
  start(&a, false);
  start(&gone, false);
  start(&b, false);
  rt_ready(x.rt, &a.task); /* queued already */
  rt_unready(&gone.task);
  rt_unready(&gone.task);
  turn(&x);
  cr_expect_str_eq(order, "abF");
  turn(&x);
  cr_expect_str_eq(order, "abFa");
  cr_expect_not(uv_loop_alive(&x.loop));
}

static void flush_from_user(dsql_future *f, void *arg) {
  (void)f;
  rt_flush_later(x.rt, &((struct log_task *)arg)->task);
}

Test(rt, what_callbacks_flush_leaves_in_the_same_turn) {
  struct log_task f = log_task('F', 0);
  dsql_future *future = op_new(&x, OP_CANCEL_AT_ONCE, NULL);
  memset(order, 0, sizeof order);
  list_init(&f.task.node);
  cr_assert_eq(dsql_future_on_ready(future, flush_from_user, &f), 0);
  op_complete(future, 0);
  turn(&x);
  cr_expect_str_eq(order, "F");
  dsql_future_destroy(future);
}

static void on_wake(uv_async_t *h) {
  rt_enter(x.rt);
  start(h->data, true);
  rt_leave_polled(x.rt);
}

Test(rt, what_is_queued_in_the_poll_leaves_in_the_same_turn_and_starts_no_handle) {
  struct log_task f = log_task('F', 0);
  static uv_async_t wake;
  memset(order, 0, sizeof order);
  cr_assert_eq(uv_async_init(&x.loop, &wake, on_wake), 0);
  wake.data = &f;
  uv_async_send(&wake);
  turn(&x);
  cr_expect_str_eq(order, "F");
  uv_unref((uv_handle_t *)&wake);
  cr_expect_not(uv_loop_alive(&x.loop));
  uv_close((uv_handle_t *)&wake, NULL);
}

/* ---- timers ---- */

struct log_timer {
  struct rt_timer timer;
  char name;
  int again;
};

static void log_fire(struct rt_timer *t) {
  struct log_timer *l = (struct log_timer *)(void *)t;
  order[strlen(order)] = l->name;
  if (l->again-- > 0) rt_timer_start(x.rt, t, rt_now_ms(x.rt));
}

Test(rt, timers_fire_in_order_and_keep_the_loop_alive) {
  struct log_timer a = {.timer.fire = log_fire, .name = 'a'}, b = a, c = a, d = a;
  uint64_t now = rt_now_ms(x.rt);
  memset(order, 0, sizeof order);
  b.name = 'b', c.name = 'c', d.name = 'd';
  rt_timer_start(x.rt, &a.timer, now + 30);
  rt_timer_start(x.rt, &b.timer, now + 10);
  rt_timer_start(x.rt, &c.timer, now + 5);
  rt_timer_start(x.rt, &d.timer, now + 1);
  rt_timer_start(x.rt, &c.timer, now + 20); /* moved */
  rt_timer_stop(x.rt, &d.timer);
  rt_timer_stop(x.rt, &d.timer);
  uv_run(&x.loop, UV_RUN_DEFAULT);
  cr_expect_str_eq(order, "bca");
  cr_expect_geq(uv_now(&x.loop), now + 30);
}

Test(rt, background_timers_do_not_keep_the_loop_alive) {
  struct log_timer a = {.timer = {.fire = log_fire, .background = true}, .name = 'a'}, b = a;
  uint64_t now = rt_now_ms(x.rt);
  memset(order, 0, sizeof order);
  b.timer.background = false;
  b.name = 'b';
  rt_timer_start(x.rt, &a.timer, now + 5);
  cr_expect_not(uv_loop_alive(&x.loop));
  uv_run(&x.loop, UV_RUN_DEFAULT);
  cr_expect_str_eq(order, "");
  rt_timer_start(x.rt, &b.timer, now + 10);
  cr_expect(uv_loop_alive(&x.loop));
  uv_run(&x.loop, UV_RUN_DEFAULT);
  cr_expect_str_eq(order, "ab");
  rt_timer_start(x.rt, &b.timer, now + 10000);
  rt_timer_stop(x.rt, &b.timer);
  cr_expect_not(uv_loop_alive(&x.loop));
}

Test(rt, timer_that_restarts_itself_as_due_does_not_starve_the_loop) {
  struct log_timer a = {.timer.fire = log_fire, .name = 'a', .again = 1};
  memset(order, 0, sizeof order);
  rt_timer_start(x.rt, &a.timer, 0);
  uv_run(&x.loop, UV_RUN_NOWAIT);
  cr_expect_str_eq(order, "a");
  uv_run(&x.loop, UV_RUN_DEFAULT);
  cr_expect_str_eq(order, "aa");
}

Test(rt, deadline_made_after_a_long_pause_outside_the_loop_is_not_over) {
  struct log_timer a = {.timer.fire = log_fire, .name = 'a'};
  uint64_t begin;
  memset(order, 0, sizeof order);
  turn(&x);
  uv_sleep(30);
  begin = uv_hrtime();
  rt_timer_start(x.rt, &a.timer, rt_now_ms(x.rt) + 20);
  uv_run(&x.loop, UV_RUN_DEFAULT);
  cr_expect_geq(uv_hrtime() - begin, UINT64_C(19000000));
  cr_expect_geq(rt_clock_us(), begin / 1000);
}

Test(rt, the_wall_clock_is_unix_time) {
  int64_t before_ms = (int64_t)time(NULL) * 1000, now_ms = rt_wall_ms();
  cr_expect_geq(now_ms, before_ms);
  cr_expect_lt(now_ms - before_ms, 10 * 1000);
}

Test(rt, jitter_differs_between_runtimes) {
  struct fixture other;
  fixture_open(&other);
  cr_expect_neq(rt_random(x.rt), rt_random(x.rt));
  cr_expect_neq(rt_random(x.rt), rt_random(other.rt));
  fixture_close(&other);
}

static struct log_timer timer_pair[2];

static void stop_other(struct rt_timer *t) {
  rt_timer_stop(x.rt, &timer_pair[t == &timer_pair[0].timer].timer);
  order[strlen(order)] = 's';
}

Test(rt, timer_may_stop_one_that_is_due_as_well) {
  uint64_t now = rt_now_ms(x.rt);
  memset(order, 0, sizeof order);
  memset(timer_pair, 0, sizeof timer_pair);
  for (size_t i = 0; i < 2; i++) {
    timer_pair[i].timer.fire = stop_other;
    rt_timer_start(x.rt, &timer_pair[i].timer, now + 1);
  }
  uv_run(&x.loop, UV_RUN_DEFAULT);
  cr_expect_str_eq(order, "s");
}

/* ---- the thread pool ---- */

struct job {
  struct rt_work work;
  int input, output;
  bool done;
};

static void job_run(struct rt_work *w) { ((struct job *)(void *)w)->output = ((struct job *)(void *)w)->input * 2; }
static void job_done(struct rt_work *w) { ((struct job *)(void *)w)->done = true; }

Test(rt, work_runs_in_a_thread_and_is_warm) {
  struct job j = {.work = {.run = job_run, .done = job_done}, .input = 21};
  size_t calls = 0;
  for (int i = 0; i < 3; i++) {
    j.done = false;
    cr_assert_eq(rt_work_start(x.rt, &j.work), 0);
    uv_run(&x.loop, UV_RUN_DEFAULT);
    cr_expect(j.done && j.output == 42);
    if (i == 0) calls = x.heap.calls;
  }
  cr_expect_eq(x.heap.calls, calls);
}

Test(rt, work_without_memory) {
  struct job j = {.work = {.run = job_run, .done = job_done}};
  test_alloc_arm(&x.heap, 1, true);
  cr_expect_eq(rt_work_start(x.rt, &j.work), DSQL_ENOMEM);
  test_alloc_arm(&x.heap, 0, false);
}

/* ---- posts ---- */

static int post_count;
static void count_post(void *arg) {
  cr_expect_eq((int)(intptr_t)arg, post_count, "in the order of the calls");
  post_count++;
}

static void tick(uv_timer_t *t) { (void)t; }

static void post_many(void *arg) {
  (void)arg;
  for (intptr_t i = 0; i < 2000; i++) cr_assert_eq(dsql_rt_post(x.rt, count_post, (void *)i), 0);
}

Test(rt, posts_from_another_thread) {
  uv_thread_t thread;
  uv_timer_t alive;
  post_count = 0;
  uv_timer_init(&x.loop, &alive); /* the program's own: posts alone do not keep a loop alive */
  uv_timer_start(&alive, tick, 1, 1);
  uv_thread_create(&thread, post_many, NULL);
  while (post_count < 2000) turn(&x);
  uv_thread_join(&thread);
  uv_close((uv_handle_t *)&alive, NULL);
  turn(&x);
  cr_expect_eq(post_count, 2000);
  cr_expect_eq(dsql_rt_post(NULL, count_post, NULL), DSQL_EINVAL);
  cr_expect_eq(dsql_rt_post(x.rt, NULL, NULL), DSQL_EINVAL);
}

/* ---- memory ---- */

Test(rt, blocks_are_kept_up_to_a_cap) {
  enum { N = 5000 };
  static void *blocks[N];
  size_t live;
  for (size_t i = 0; i < N; i++) blocks[i] = rt_block_get(x.rt);
  live = x.heap.live;
  for (size_t i = 0; i < N; i++) rt_block_put(x.rt, blocks[i]);
  cr_expect_eq(live - x.heap.live, N - 4096);
  rt_block_put(x.rt, NULL);
}

Test(rt, slabs_are_lazy_and_kept) {
  size_t live = x.heap.live;
  uint8_t *a = rt_slab(x.rt, 0);
  cr_expect_eq(x.heap.live, live + 1);
  cr_expect(rt_slab(x.rt, 0) == a);
  cr_expect(rt_slab(x.rt, 1) != a);
  a[RT_SLAB_SIZE - 1] = 1;
}

Test(rt, last_error_lives_until_the_next) {
  struct fault f = {0};
  size_t calls = 0;
  for (int i = 0; i < 10; i++) {
    fault_clear(&f);
    fault_set(&f, DSQL_EINVAL, "port %d: out of range", i);
    cr_expect_eq(rt_set_error(x.rt, &f)->pub.code, DSQL_EINVAL);
    if (i == 0) calls = x.heap.calls;
  }
  cr_expect_eq(x.heap.calls, calls);
}

/* ---- hints ---- */

Test(rt, hints_replace_the_least_recently_used) {
  char host[16];
  cr_expect_eq(rt_hint_get(x.rt, "h0", 1), 0);
  for (int i = 0; i < 64; i++) {
    snprintf(host, sizeof host, "h%d", i);
    rt_hint_set(x.rt, host, 1, i + 1);
  }
  cr_expect_eq(rt_hint_get(x.rt, "h0", 1), 1);
  cr_expect_eq(rt_hint_get(x.rt, "h0", 2), 0);
  rt_hint_set(x.rt, "new", 1, 99);
  cr_expect_eq(rt_hint_get(x.rt, "h0", 1), 1, "was used after h1");
  cr_expect_eq(rt_hint_get(x.rt, "h1", 1), 0);
  cr_expect_eq(rt_hint_get(x.rt, "new", 1), 99);
  rt_hint_set(x.rt, "new", 1, 7);
  cr_expect_eq(rt_hint_get(x.rt, "new", 1), 7);
  test_alloc_arm(&x.heap, 1, true);
  rt_hint_set(x.rt, "newer", 1, 8);
  test_alloc_arm(&x.heap, 0, false);
  cr_expect_eq(rt_hint_get(x.rt, "newer", 1), 0);
}

Test(rt, facts_do_the_same_under_any_text) {
  char key[16];
  cr_expect_eq(rt_fact_get(x.rt, "k0"), 0);
  for (int i = 0; i < 64; i++) {
    snprintf(key, sizeof key, "k%d", i);
    rt_fact_set(x.rt, key, i + 1);
  }
  cr_expect_eq(rt_fact_get(x.rt, "k0"), 1);
  rt_fact_set(x.rt, "new", 99);
  cr_expect_eq(rt_fact_get(x.rt, "k0"), 1, "was used after k1");
  cr_expect_eq(rt_fact_get(x.rt, "k1"), 0);
  rt_fact_set(x.rt, "new", 7);
  cr_expect_eq(rt_fact_get(x.rt, "new"), 7);
  cr_expect_eq(rt_hint_get(x.rt, "new", 0), 0, "a table of its own");
  test_alloc_arm(&x.heap, 1, true);
  rt_fact_set(x.rt, "newer", 8);
  test_alloc_arm(&x.heap, 0, false);
  cr_expect_eq(rt_fact_get(x.rt, "newer"), 0);
}
