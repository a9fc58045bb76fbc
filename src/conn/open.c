/* Opening and closing. */
#include <assert.h>

#include "conn/conn.h"
#include "conn/copy.h"
#include "conn/observe.h"
#include "conn/portal.h"
#include "wire/trace.h"

/* ---- dsql_conn_ready() ---- */

struct ready_future {
  struct dsql_future future; /* first */
  struct list node;
  struct arena arena;
};

static void ready_free(struct dsql_future *f) {
  struct ready_future *r = (struct ready_future *)(void *)f;
  struct dsql_rt *rt = f->rt;
  arena_deinit(&r->arena);
  rt_block_put(rt, r);
}

static void ready_cancel(struct dsql_future *f) {
  struct ready_future *r = (struct ready_future *)(void *)f;
  struct error *e = error_printf(&r->arena, DSQL_ECANCELED, "canceled by the caller");
  list_remove(&r->node);
  future_complete(f, e ? e : &error_nomem);
}

static const struct future_class ready_class = {ready_cancel, ready_free, NULL, NULL};
_Static_assert(sizeof(struct ready_future) <= RT_BLOCK_SIZE, "it is made from a block");
/* What an idle connection costs: 4 KB in all, with the link, the parameters and what the system counts. */
_Static_assert(sizeof(struct dsql_conn) <= 2048, "what only connecting or failing takes does not stay");

void conn_ready_complete(struct list *node, const struct error *e) {
  struct ready_future *r = LIST_ENTRY(node, struct ready_future, node);
  const struct error *copy = e ? error_clone(&r->arena, e) : NULL;
  future_complete(&r->future, e && !copy ? &error_nomem : copy);
}

dsql_future *dsql_conn_ready(dsql_conn *c) {
  struct ready_future *r = rt_block_get(c->rt);

  if (!r) return NULL;
  future_init(&r->future, c->rt, &ready_class);
  arena_init(&r->arena, rt_chunks(c->rt));
  list_init(&r->node);
  if (c->status == DSQL_CONN_CONNECTING || c->preparing)
    list_push_back(&c->ready_futures, &r->node);
  else
    conn_ready_complete(&r->node, c->status == DSQL_CONN_READY ? NULL : c->error);
  return &r->future;
}

/* ---- open ---- */

static void on_pump(struct rt_task *t) {
  struct dsql_conn *c = LIST_ENTRY(t, struct dsql_conn, pump_task);

  conn_enter(c);
  conn_pump(c);
  if (c->link && !c->paused && !c->held && !c->closing) {
    link_resume(c->link);
    conn_update(c);
  }
  conn_leave(c);
}

static void on_idle_timer(struct rt_timer *t);
static void on_rt_close(struct rt_closer *closer);

int conn_open(dsql_conn **out, dsql_rt *rt, struct dsql_target *t, struct password_source *password) {
  struct dsql_conn *c;

  if (rt_in_hook(rt)) return DSQL_EINVAL;
  if (rt_closing(rt)) return DSQL_ECLOSED;
  c = mem_zalloc(rt_alloc(rt), sizeof *c);
  if (!c) return DSQL_ENOMEM;
  c->rt = rt;
  c->target = target_object_ref(t);
  c->password_source = password_source_ref(password);
  c->closer.close = on_rt_close;
  c->pump_task.run = on_pump;
  list_init(&c->pump_task.node);
  op_queue_init(&c->queue);
  op_queue_init(&c->prepare_queue);
  list_init(&c->ready_futures);
  list_init(&c->portals);
  list_init(&c->statements);
  arena_init(&c->error_arena, rt_chunks(rt));
  arena_init(&c->group_arena, rt_chunks(rt));
  c->idle_timer = (struct rt_timer){.fire = on_idle_timer, .background = true};
  c->opened_us = rt_clock_us();
  rt_closer_add(rt, &c->closer);
  if (rt_observer(rt)) conn_observe_start(c);
  c->busy = 1; /* a failure that comes at once must not be told before the caller has c */
  if (conn_connect_start(c)) {
    c->busy = 0;
    c->close_code = DSQL_ENOMEM;
    conn_finish_close(c);
    return DSQL_ENOMEM;
  }
  c->busy = 0;
  *out = c;
  return 0;
}

/* ---- close ---- */

static const char *close_text(int code) {
  return code == DSQL_ECANCELED ? "the runtime is closing" : "the connection was closed by its owner";
}

/* What is in flight is reported by the session, which knows what was sent of it. */
static void end_session(struct dsql_conn *c, const struct error *e) {
  struct fault f = {0};
  struct session_event ev;

  c->error = e;
  session_sent(&c->session, link_sent(c->link) - c->stream_base);
  session_terminate(&c->session);
  fault_set(&f, c->close_code, "%s", close_text(c->close_code));
  session_end(&c->session, &f);
  if (c->status != DSQL_CONN_READY) session_surrender(&c->session);
  while (session_next(&c->session, &ev))
    if (ev.type == EVENT_OP_DONE) query_on_done(query_of_op(ev.op));
}

static void free_conn(struct dsql_conn *c) {
  arena_deinit(&c->error_arena);
  arena_deinit(&c->group_arena);
  password_source_unref(c->password_source);
  dsql_target_free(c->target);
  mem_free(rt_alloc(c->rt), c);
}

static void free_shell(struct dsql_future *f) { free_conn(LIST_ENTRY(f, struct dsql_conn, shell)); }

/* The runtime is closing, but the user still has c and may use it as any connection that has failed. */
static void leave_shell(struct dsql_conn *c) {
  static const struct future_class class = {.free = free_shell};
  c->shut = true;
  c->closing = false;
  future_init(&c->shell, c->rt, &class);
  future_complete(&c->shell, NULL);
}

void conn_finish_close(struct dsql_conn *c) {
  const struct error *e = error_printf(&c->error_arena, c->close_code, "%s", close_text(c->close_code));

  assert(c->busy == 0);
  if (!e) e = &error_nomem;
  if (c->session_live && (c->status == DSQL_CONN_READY || !list_empty(&c->session.inflight))) end_session(c, e);
  conn_fail(c, e);
  portals_forget(c);
  statement_free_all(c);
  rt_unready(&c->pump_task);
  rt_closer_remove(c->rt, &c->closer);
  if (c->close_code == DSQL_ECANCELED)
    leave_shell(c);
  else
    free_conn(c);
}

static void close_with(struct dsql_conn *c, int code) {
  if (c->closing) return;
  c->closing = true;
  copy_shut(c);
  c->close_code = code;
  if (c->busy == 0) conn_finish_close(c);
}

void dsql_conn_close(dsql_conn *c) {
  if (!c || rt_in_hook(c->rt)) return;
  if (c->shut)
    dsql_future_destroy(&c->shell);
  else
    close_with(c, DSQL_ECLOSED);
}

static void on_rt_close(struct rt_closer *closer) {
  close_with(LIST_ENTRY(closer, struct dsql_conn, closer), DSQL_ECANCELED);
}

/* ---- idle ---- */

enum { IDLE_RELEASE_MS = 1000 };

void conn_arm_idle(struct dsql_conn *c) { rt_timer_start(c->rt, &c->idle_timer, rt_now_ms(c->rt) + IDLE_RELEASE_MS); }

static void on_idle_timer(struct rt_timer *t) {
  struct dsql_conn *c = LIST_ENTRY(t, struct dsql_conn, idle_timer);
  uint64_t now = rt_now_ms(c->rt), due = c->active_ms + IDLE_RELEASE_MS;

  if (c->status != DSQL_CONN_READY) return;
  if (c->queue.ops) due = now + IDLE_RELEASE_MS;
  if (due > now)
    rt_timer_start(c->rt, t, due);
  else
    link_release_buffers(c->link);
}
