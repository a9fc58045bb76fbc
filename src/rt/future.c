#include "rt/future.h"

#include <assert.h>
#include <string.h>

#include "base/zero.h"
#include "rt/observer.h"
#include "rt/state.h"

static void deliver(struct rt_task *t) {
  struct dsql_future *f = LIST_ENTRY(t, struct dsql_future, task);
  assert(f->ready && f->registered && !f->delivered);
  f->delivered = true;
  f->cb(f, f->arg); /* may destroy f */
}

void future_init(struct dsql_future *f, struct dsql_rt *rt, const struct future_class *class) {
  assert(class->free);
  zero_words(f, sizeof *f);
  f->class = class;
  f->rt = rt;
  f->user = f->library = true;
  f->task.run = deliver;
  list_init(&f->task.node);
  list_push_back(&rt->open, &f->open);
}

void future_complete(struct dsql_future *f, const struct error *error) {
  assert(f->library && !f->ready);
  assert(!error || error->pub.code != 0);
  f->library = false;
  f->ready = true;
  f->error = error;
  f->code = error ? error->pub.code : 0;
  if (!f->user)
    f->class->free(f);
  else if (f->registered)
    rt_ready(f->rt, &f->task);
}

int dsql_future_on_ready(dsql_future *f, dsql_future_cb cb, void *arg) {
  if (!f) return DSQL_ENOMEM;
  rt_assert_thread(f->rt);
  if (!cb || f->registered) return DSQL_EINVAL;
  f->registered = true;
  f->cb = cb;
  f->arg = arg;
  if (f->ready) rt_ready(f->rt, &f->task);
  return 0;
}

bool dsql_future_ready(const dsql_future *f) { return !f || f->ready; }

int dsql_future_code(const dsql_future *f) {
  if (!f) return DSQL_ENOMEM;
  return f->ready ? f->code : DSQL_ENOTREADY;
}

const dsql_error *dsql_future_error(const dsql_future *f) {
  if (!f) return &error_nomem.pub;
  return f->ready && f->error ? &f->error->pub : NULL;
}

int dsql_future_result(dsql_future *f, const dsql_result **out) {
  int code = dsql_future_code(f);
  if (!out) return DSQL_EINVAL;
  *out = NULL;
  if (code) return code;
  return f->class->result ? f->class->result(f, out) : DSQL_ETYPE;
}

void dsql_resume(dsql_future *f) {
  if (f && !f->ready && f->class->resume) f->class->resume(f);
}

/* Once: the class sees no second wish. f may be gone afterwards unless the user holds it. */
static void ask_cancel(struct dsql_future *f) {
  if (f->ready || f->canceled) return;
  f->canceled = true;
  if (f->class->cancel) f->class->cancel(f);
}

void dsql_future_cancel(dsql_future *f) {
  if (!f || rt_in_hook(f->rt)) return;
  rt_assert_thread(f->rt);
  ask_cancel(f);
}

/* The user's end: no callback from here on. */
static inline void let_go(struct dsql_future *f) {
  assert(f->user);
  rt_assert_thread(f->rt);
  rt_unready(&f->task);
  list_remove(&f->open);
  f->user = false;
}

/* Somebody waits for a future, perhaps for f; or a hook runs, and then nobody may let go of what is under way. */
__attribute__((noinline, cold)) static bool note_gone(struct dsql_future *f) {
  struct rt_awaited *awaited = f->rt->awaited;

  if (awaited == &rt_hook_awaits) {
    if (!f->ready) return false;
    awaited = f->rt->observer->awaited;
  }
  if (awaited && awaited->future == f) *awaited = (struct rt_awaited){NULL, f->ready ? f->code : DSQL_ECANCELED};
  return true;
}

static inline void destroy(struct dsql_future *f) {
  let_go(f);
  if (f->library)
    ask_cancel(f);
  else
    f->class->free(f);
}

__attribute__((noinline, cold)) static void destroy_noted(struct dsql_future *f) {
  if (note_gone(f)) destroy(f);
}

void dsql_future_destroy(dsql_future *f) {
  if (!f) return;
  if (f->rt->awaited)
    destroy_noted(f);
  else
    destroy(f);
}

void dsql_future_detach(dsql_future *f) {
  if (!f || (f->rt->awaited && !note_gone(f))) return;
  let_go(f);
  if (!f->library) f->class->free(f);
}

/* ---- a future that never had any work behind it ---- */

struct failed {
  struct dsql_future future;
  struct error error;
  char text[FAULT_TEXT_SIZE];
};

_Static_assert(sizeof(struct failed) <= RT_BLOCK_SIZE, "a failed future lives in a block");

static void failed_free(struct dsql_future *f) { rt_block_put(f->rt, f); }

struct dsql_future *future_failed(struct dsql_rt *rt, const struct fault *fault) {
  static const struct future_class class = {.free = failed_free};
  struct failed *f = rt_block_get(rt);
  size_t n = strlen(fault->text);

  assert(fault->code);
  if (!f) return NULL;
  memcpy(f->text, fault->text, n + 1);
  f->error = (struct error){.pub = {.code = fault->code,
                                    .os_error = fault->os_error,
                                    .flags = fault->flags | DSQL_CLIENT_SIDE,
                                    .attempts = 1,
                                    .cause_index = -1,
                                    .message = {f->text, n},
                                    .detail = {"", 0},
                                    .hint = {"", 0}}};
  memcpy(f->error.pub.sqlstate, fault->sqlstate, sizeof f->error.pub.sqlstate);
  future_init(&f->future, rt, &class);
  future_complete(&f->future, &f->error);
  return &f->future;
}
