/* Two runtimes in two threads, observed: what their hooks share is nothing. ThreadSanitizer looks on where it is built in. */
#include <pthread.h>

#include "client.h"
#include "dsql/observe.h"

enum { THREADS = 2, CALLS = 200 };

struct thread {
  pthread_t id;
  uv_loop_t loop;
  dsql_rt *rt;
  dsql_pool *pool;
  const char *conninfo;
  unsigned starts, ends, lines, pending, failed;
  char metrics[64 * 1024];
};

static void *on_start(const dsql_span *s, void *arg) {
  ((struct thread *)arg)->starts++;
  return (void *)(uintptr_t)s->id;
}
static void on_end(const dsql_span *s, void *data, void *arg) {
  struct thread *t = arg;
  t->ends++;
  if ((uintptr_t)data != s->id) t->failed++;
}
static void on_line(const char *line, size_t len, void *arg) {
  (void)line, (void)len;
  ((struct thread *)arg)->lines++;
}

static void on_pool_closed(dsql_future *f, void *arg) {
  struct thread *t = arg;
  dsql_future_destroy(f);
  dsql_rt_close(t->rt, NULL, NULL);
}

static void on_done(dsql_future *f, void *arg) {
  struct thread *t = arg;
  dsql_metrics_pool pools[] = {{"p", t->pool}};
  size_t len;

  if (dsql_future_code(f)) t->failed++;
  dsql_future_destroy(f);
  if (--t->pending) return;
  if (dsql_metrics_write(t->rt, pools, 1, t->metrics, sizeof t->metrics, &len)) t->failed++;
  if (dsql_future_on_ready(dsql_pool_close(t->pool, 1000), on_pool_closed, t)) t->failed++;
}

static bool start(struct thread *t) {
  dsql_config c;
  dsql_hooks h;
  dsql_target *target = NULL;

  dsql_config_init(&c);
  c.target = t->conninfo;
  dsql_hooks_init(&h);
  h.start = on_start;
  h.end = on_end;
  h.arg = h.log_arg = t;
  h.log = on_line;
  h.slow_query_ms = 1;
  if (uv_loop_init(&t->loop) || dsql_rt_new(&t->rt, &t->loop, NULL) || dsql_rt_observe(t->rt, &h) ||
      dsql_target_new(&target, t->rt, &c, NULL) || dsql_pool_new(&t->pool, t->rt, target, NULL))
    return false;
  dsql_target_free(target);
  for (t->pending = 0; t->pending < CALLS; t->pending++) {
    dsql_future *f =
        dsql_pool_query(t->pool, t->pending % 20 ? "select 1" : "select pg_sleep(0.003)", DSQL_NO_PARAMS, NULL);
    if (dsql_future_on_ready(f, on_done, t)) return false;
  }
  return true;
}

static void *run(void *arg) {
  struct thread *t = arg;
  if (!start(t)) t->failed++;
  (void)uv_run(&t->loop, UV_RUN_DEFAULT);
  if (uv_loop_close(&t->loop)) t->failed++;
  return NULL;
}

Test(threads, two_runtimes_observed, .timeout = 60) {
  static struct thread threads[THREADS];
  const char *conninfo = server_conninfo(server_default()); /* in a buffer that the next call would write */

  for (unsigned i = 0; i < THREADS; i++) {
    threads[i].conninfo = conninfo;
    cr_assert_eq(pthread_create(&threads[i].id, NULL, run, &threads[i]), 0);
  }
  for (unsigned i = 0; i < THREADS; i++) {
    struct thread *t = &threads[i];
    cr_assert_eq(pthread_join(t->id, NULL), 0);
    cr_expect_eq(t->failed, 0);
    cr_expect(t->starts >= 2 * CALLS && t->starts == t->ends, "%u starts, %u ends", t->starts, t->ends);
    cr_expect_gt(t->lines, 0);
  }
}
