/* rt_fixture.h - a loop, a counting hook and a runtime; and an operation that a test completes by hand. */
#ifndef DSQL_TEST_RT_FIXTURE_H
#define DSQL_TEST_RT_FIXTURE_H

#include <criterion/criterion.h>
#include <uv.h>

#include "rt/future.h"
#include "test_alloc.h"

struct fixture {
  uv_loop_t loop;
  struct test_alloc heap;
  dsql_rt *rt;
  bool closed;
};

static inline void fixture_open(struct fixture *x) {
  *x = (struct fixture){0};
  test_alloc_init(&x->heap);
  cr_assert_eq(uv_loop_init(&x->loop), 0);
  cr_assert_eq(dsql_rt_new(&x->rt, &x->loop, &x->heap.hook), 0);
}

static inline void fixture_on_closed(void *arg) { ((struct fixture *)arg)->closed = true; }

/* Runs the loop out after dsql_rt_close() was called. */
static inline void fixture_finish(struct fixture *x) {
  uv_run(&x->loop, UV_RUN_DEFAULT);
  cr_assert(x->closed);
  test_alloc_assert_empty(&x->heap);
  cr_assert_eq(uv_loop_close(&x->loop), 0, "a handle was left open");
}

static inline void fixture_close(struct fixture *x) {
  dsql_rt_close(x->rt, fixture_on_closed, x);
  cr_assert_not(x->closed, "the close callback ran inside dsql_rt_close()");
  fixture_finish(x);
}

/* What an operation reports when it is asked to cancel. */
enum op_cancel { OP_CANCEL_AT_ONCE, OP_CANCEL_LATER, OP_CANCEL_IGNORED };

struct op {
  struct dsql_future future;
  enum op_cancel on_cancel;
  unsigned cancels;
  int *freed; /* counts */
};

dsql_future *op_new(struct fixture *x, enum op_cancel on_cancel, int *freed);
/* code 0 is success. */
void op_complete(dsql_future *f, int code);
unsigned op_cancels(dsql_future *f);

/* Records callbacks in order. */
struct calls {
  size_t n;
  dsql_future *futures[64];
  int codes[64];
};
void on_ready_record(dsql_future *f, void *calls);
/* One turn without blocking. */
static inline int turn(struct fixture *x) { return uv_run(&x->loop, UV_RUN_NOWAIT); }

#endif
