/* interrupt.h - a source that is asked, and then given up or closed before it has an answer. The server must have a reply
 * that never comes, or the source pauses. */
#ifndef DSQL_TEST_CREDS_INTERRUPT_H
#define DSQL_TEST_CREDS_INTERRUPT_H

#include "world.h"

struct interrupted {
  int answers;
  struct fault why;
};

static inline void interrupted_answer(void *owner, struct creds_source *s, struct creds_answer *a) {
  struct interrupted *i = owner;
  i->answers++;
  i->why = a->why;
  cr_assert_eq(a->outcome, CREDS_FAILED, "%s", a->why.text);
  world_check_text(a->why.text);
  source_free(s);
}

/* Frees s when the server has got this many requests, answered or not: nothing comes any more. Closes the world. */
static inline void interrupt_by_free(struct world *w, struct creds_source *s, size_t requests) {
  struct interrupted i = {0};
  cr_assert_not_null(s);
  source_start(s, interrupted_answer, &i);
  world_until(w, w->http.request_count >= requests);
  for (int k = 0; k < 20; k++) uv_run(&w->x.loop, UV_RUN_NOWAIT);
  cr_assert_eq(i.answers, 0, "%s", i.why.text);
  source_free(s);
  for (int k = 0; k < 20; k++) uv_run(&w->x.loop, UV_RUN_NOWAIT);
  world_close(w);
  cr_assert_eq(i.answers, 0);
}

/* Closes the runtime instead: one answer, ECANCELED. */
static inline void interrupt_by_close(struct world *w, struct creds_source *s, size_t requests) {
  struct interrupted i = {0};
  cr_assert_not_null(s);
  source_start(s, interrupted_answer, &i);
  world_until(w, w->http.request_count >= requests);
  cr_assert_eq(i.answers, 0, "%s", i.why.text);
  world_close(w);
  cr_assert_eq(i.answers, 1);
  cr_assert_eq(i.why.code, DSQL_ECANCELED, "%s", i.why.text);
}

/* Every allocation fails in turn: out of memory, or it was not needed. */
static inline void interrupt_by_no_memory(struct world *w, struct creds_source *(*make)(struct world *), size_t least) {
  for (size_t i = 1; i < 500; i++) {
    enum creds_outcome outcome;
    test_alloc_arm(&w->x.heap, i, false);
    outcome = world_ask(w, make(w));
    if (!test_alloc_fired(&w->x.heap)) {
      cr_assert_eq(outcome, CREDS_FOUND, "%s", w->why.text);
      cr_assert_gt(i, least);
      return;
    }
    if (outcome != CREDS_FOUND)
      cr_assert_eq(w->why.code, DSQL_ENOMEM, "allocation %zu: %s", i, w->why.text);
    else
      cr_assert_str_eq(w->got.secret_access_key, WORLD_SECRET);
  }
  cr_assert_fail("never without a failure");
}

#endif
