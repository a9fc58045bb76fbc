/* threads.c - what crosses threads: posts, and work in the pool. A plain program, because Criterion itself does not run
 * under the thread sanitizer. */
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "rt/rt.h"
#include "test_alloc.h"

enum { THREADS = 4, POSTS = 5000, JOBS = 50 };

struct program {
  uv_loop_t loop;
  struct test_alloc heap;
  dsql_rt *rt;
  unsigned posted[THREADS]; /* on the loop's thread only, as everything else here */
  unsigned total, jobs;
  bool closed;
};

struct poster {
  struct program *program;
  uv_thread_t thread;
  unsigned index;
  bool until_closed;
};

struct job {
  struct rt_work work;
  struct program *program;
  unsigned input, output;
};

static void check(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "threads: failed: %s\n", what);
  exit(1);
}

static void on_closed(void *arg) { ((struct program *)arg)->closed = true; }

static void on_post(void *arg) {
  struct poster *p = arg;
  p->program->posted[p->index]++;
  p->program->total++;
}

static void post(void *arg) {
  struct poster *p = arg;
  int code = 0;
  for (unsigned i = 0; i < POSTS && code == 0; i++) code = dsql_rt_post(p->program->rt, on_post, p);
  check(code == 0 || (p->until_closed && code == DSQL_ECLOSED), "posts are taken until the close");
}

static void run_job(struct rt_work *w) {
  struct job *j = (struct job *)(void *)w;
  for (unsigned i = 0; i <= j->input; i++) j->output += i;
}

static void job_done(struct rt_work *w) {
  struct job *j = (struct job *)(void *)w;
  check(j->output == j->input * (j->input + 1) / 2, "what the pool's thread wrote is seen");
  j->program->jobs++;
}

static void on_tick(uv_timer_t *t) {
  struct program *p = t->data;
  if (p->total == THREADS * POSTS && p->jobs == JOBS) uv_close((uv_handle_t *)t, NULL);
}

static void posts_and_work(struct program *p) {
  struct poster posters[THREADS];
  static struct job jobs[JOBS];
  uv_timer_t tick = {.data = p};

  uv_timer_init(&p->loop, &tick);
  uv_timer_start(&tick, on_tick, 1, 1);
  for (unsigned i = 0; i < THREADS; i++) {
    posters[i] = (struct poster){.program = p, .index = i};
    uv_thread_create(&posters[i].thread, post, &posters[i]);
  }
  for (unsigned i = 0; i < JOBS; i++) {
    jobs[i] = (struct job){.work = {.run = run_job, .done = job_done}, .program = p, .input = i * 100};
    check(rt_work_start(p->rt, &jobs[i].work) == 0, "work starts");
  }
  uv_run(&p->loop, UV_RUN_DEFAULT);
  for (unsigned i = 0; i < THREADS; i++) uv_thread_join(&posters[i].thread);
  for (unsigned i = 0; i < THREADS; i++) check(p->posted[i] == POSTS, "every post ran once");
}

static void on_count(void *arg) { ++*(unsigned *)arg; }

/* Posts that race with the close are either taken and run, or refused. */
static void posts_during_close(struct program *p) {
  struct poster poster = {.program = p, .until_closed = true};
  unsigned before = 0;

  p->posted[0] = p->total = 0;
  check(dsql_rt_post(p->rt, on_count, &before) == 0, "posts before the close");
  uv_thread_create(&poster.thread, post, &poster);
  uv_sleep(1);
  dsql_rt_close(p->rt, on_closed, p);
  check(dsql_rt_post(p->rt, on_count, &before) == DSQL_ECLOSED, "no posts after the close");
  uv_thread_join(&poster.thread);
  uv_run(&p->loop, UV_RUN_DEFAULT);
  check(p->closed && before == 1, "what was posted before the close ran");
}

int main(void) {
  static struct program p;
  test_alloc_init(&p.heap);
  check(uv_loop_init(&p.loop) == 0, "a loop");
  check(dsql_rt_new(&p.rt, &p.loop, &p.heap.hook) == 0, "a runtime");
  posts_and_work(&p);
  posts_during_close(&p);
  test_alloc_assert_empty(&p.heap);
  check(uv_loop_close(&p.loop) == 0, "no handle is left");
  return 0;
}
