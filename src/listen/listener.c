/* Making, changing and ending a listener. */
#include "listen/listener.h"

#include <assert.h>
#include <string.h>

#include "rt/observe.h"

/* ---- memory ---- */

static void free_listener(struct dsql_listener *l) {
  channels_deinit(&l->channels);
  arena_deinit(&l->error_arena);
  dsql_target_free(l->target);
  mem_free(rt_alloc(l->rt), l);
}

static void let_go(struct dsql_listener *l) {
  if (l->shut)
    dsql_future_destroy(&l->shell);
  else
    free_listener(l);
}

void listener_enter(struct dsql_listener *l) { l->busy++; }

void listener_leave(struct dsql_listener *l) {
  assert(l->busy > 0);
  if (--l->busy == 0 && l->closed) let_go(l);
}

static void stop(struct dsql_listener *l) {
  listener_drop(l);
  rt_timer_stop(l->rt, &l->timer);
  rt_unready(&l->task);
}

/* ---- new ---- */

static void on_task(struct rt_task *t) {
  struct dsql_listener *l = LIST_ENTRY(t, struct dsql_listener, task);

  listener_enter(l);
  listener_step(l);
  listener_leave(l);
}

static void on_rt_close(struct rt_closer *closer);

static struct dsql_listener *new_listener(dsql_rt *rt, const dsql_target *t, dsql_listen_fn fn, void *arg) {
  struct dsql_listener *l = mem_zalloc(rt_alloc(rt), sizeof *l);

  if (!l) return NULL;
  l->rt = rt;
  l->target = target_object_ref((struct dsql_target *)(uintptr_t)t); /* its count is not the caller's business */
  l->fn = fn;
  l->arg = arg;
  l->lost_ms = rt_now_ms(rt);
  l->timer.fire = listener_on_timer;
  l->task.run = on_task;
  l->closer.close = on_rt_close;
  list_init(&l->task.node);
  list_init(&l->owner.task.node);
  channels_init(&l->channels, rt_alloc(rt));
  arena_init(&l->error_arena, rt_chunks(rt));
  return l;
}

static int check(const dsql_target *t, dsql_rt *rt, const char *channel, struct fault *f) {
  if (t->rt != rt) return fault_set(f, DSQL_EINVAL, "the target belongs to another runtime");
  if (t->target->dsql)
    return fault_set(f, DSQL_EUNSUPPORTED,
                     "Aurora DSQL has no LISTEN and NOTIFY: poll a table for what has changed, or listen on a "
                     "PostgreSQL server");
  if (rt_closing(rt)) return fault_set(f, DSQL_ECLOSED, "the runtime is closing");
  if (channel && (!*channel || strlen(channel) > CHANNEL_NAME_MAX))
    return fault_set(f, DSQL_EINVAL, "the channel's name has %zu bytes; 1 to %d are allowed", strlen(channel),
                     CHANNEL_NAME_MAX);
  return 0;
}

static int start(struct dsql_listener *l, const char *channel, const dsql_listen_options *o, struct fault *f) {
  int rc = listener_configure(l, o);

  if (rc) return fault_set(f, rc, "dsql_listen_options.size is 0: initialise it with dsql_listen_options_init()");
  if (channel) rc = channels_add(&l->channels, channel);
  if (rc == DSQL_EINVAL) return fault_set(f, rc, "the channel's name is not UTF-8");
  if (rc == 0) rc = listener_connect(l);
  return rc ? fault_set(f, rc, "out of memory") : 0;
}

int dsql_listen(dsql_listener **out, dsql_rt *rt, const dsql_target *t, const char *channel, dsql_listen_fn fn,
                void *arg, const dsql_listen_options *o, const dsql_error **error) {
  struct dsql_listener *l = NULL;
  struct fault f = {0};

  if (error) *error = NULL;
  if (out) *out = NULL;
  if (!out || !rt || !t || !fn || rt_in_hook(rt)) return DSQL_EINVAL;
  if (check(t, rt, channel, &f) == 0) {
    l = new_listener(rt, t, fn, arg);
    if (!l) fault_set(&f, DSQL_ENOMEM, "out of memory");
  }
  if (l && start(l, channel, o, &f)) free_listener(l);
  if (f.code) {
    if (error) *error = &rt_set_error(rt, &f)->pub;
    return f.code;
  }
  rt_closer_add(rt, &l->closer);
  listener_arm(l);
  *out = l;
  return 0;
}

/* ---- at run time ---- */

int dsql_listener_add(dsql_listener *l, const char *channel) {
  int rc;

  if (!l || !channel) return DSQL_EINVAL;
  if (l->status == DSQL_LISTENER_ENDED) return DSQL_ECLOSED;
  rc = channels_add(&l->channels, channel);
  if (rc == 0) rt_ready(l->rt, &l->task);
  return rc;
}

int dsql_listener_remove(dsql_listener *l, const char *channel) {
  int rc;

  if (!l || !channel) return DSQL_EINVAL;
  rc = channels_remove(&l->channels, channel);
  if (rc == 0 && l->status != DSQL_LISTENER_ENDED) rt_ready(l->rt, &l->task);
  return rc;
}

void dsql_listener_pause(dsql_listener *l) {
  if (!l || l->paused || l->status == DSQL_LISTENER_ENDED) return;
  l->paused = true;
  if (l->conn) conn_hold(l->conn);
  listener_arm(l);
}

/* What stood still goes on: nobody had a chance to answer meanwhile. */
void dsql_listener_resume(dsql_listener *l) {
  if (!l || !l->paused || l->status == DSQL_LISTENER_ENDED) return;
  l->paused = false;
  l->heard_ms = rt_now_ms(l->rt);
  l->flight_due_ms =
      l->heard_ms + l->ping_timeout_ms + (l->status == DSQL_LISTENER_CONNECTING ? l->connect_limit_ms : 0);
  if (l->conn) conn_unhold(l->conn);
  rt_ready(l->rt, &l->task);
}

enum dsql_listener_status dsql_listener_status(const dsql_listener *l) { return l->status; }

static uint32_t count_wanted(const struct channels *all) {
  uint32_t n = 0;
  for (size_t i = 0; i < all->count; i++) n += all->list[i]->wanted;
  return n;
}

void dsql_listener_stats_get(const dsql_listener *l, dsql_listener_stats *out, size_t size) {
  dsql_listener_stats full = {.notifications = l->notifications,
                              .sessions = l->sessions,
                              .failures = l->failures,
                              .channels = count_wanted(&l->channels),
                              .backend_pid = l->conn ? dsql_conn_backend_pid(l->conn) : 0};

  if (size > sizeof full) size = sizeof full;
  full.size = size;
  memcpy(out, &full, size);
}

/* ---- the end ---- */

void dsql_listener_close(dsql_listener *l) {
  if (!l || l->closed || rt_in_hook(l->rt)) return;
  l->closed = true;
  stop(l);
  if (!l->shut) rt_closer_remove(l->rt, &l->closer);
  if (l->busy == 0) let_go(l);
}

static void shell_freed(struct dsql_future *f) {
  struct dsql_listener *l = LIST_ENTRY(f, struct dsql_listener, shell);
  rt_unready(&l->task);
  free_listener(l);
}

static void on_rt_close(struct rt_closer *closer) {
  static const struct future_class class = {.free = shell_freed};
  struct dsql_listener *l = LIST_ENTRY(closer, struct dsql_listener, closer);
  struct error *e;

  stop(l);
  rt_closer_remove(l->rt, &l->closer);
  l->shut = true;
  future_init(&l->shell, l->rt, &class);
  future_complete(&l->shell, NULL);
  if (l->status != DSQL_LISTENER_ENDED) {
    arena_deinit(&l->error_arena);
    e = error_printf(&l->error_arena, DSQL_ECANCELED, "the runtime is closing");
    l->error = e ? e : &error_nomem;
  }
  l->status = DSQL_LISTENER_ENDED;
  rt_ready(l->rt, &l->task); /* tells it, unless it was told */
}
