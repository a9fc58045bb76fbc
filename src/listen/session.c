/* A listener's sessions: connecting, what is sent, and what follows when one is lost. */
#include <string.h>

#include "conn/failure.h"
#include "listen/listener.h"

enum { SCRIPT_MAX = 64 * 1024 * 1024, FOREVER_MS = 24 * 60 * 60 * 1000 };

static void lost(struct dsql_listener *l, const struct error *e);

static void lost_with(struct dsql_listener *l, const struct fault *f) {
  struct arena arena;

  arena_init(&arena, rt_chunks(l->rt));
  lost(l, error_from_fault(&arena, f));
  arena_deinit(&arena);
}

/* ---- flights ---- */

static void on_flight(dsql_future *f, void *arg);

/* Its deadline is the listener's timer, which stands still while it is paused. */
static int fly(struct dsql_listener *l, const char *script, uint64_t limit_ms) {
  dsql_call call;

  dsql_call_init(&call);
  call.timeout_ms = UINT32_MAX;
  l->flight_due_ms = rt_now_ms(l->rt) + limit_ms;
  l->flight = dsql_exec(l->conn, script, &call);
  return dsql_future_on_ready(l->flight, on_flight, l) ? DSQL_ENOMEM : 0;
}

static int fly_script(struct dsql_listener *l, bool even_empty, uint64_t limit_ms) {
  struct buf script;
  bool any;
  int rc = 0;

  buf_init(&script, rt_alloc(l->rt), SCRIPT_MAX);
  any = channels_script(&l->channels, &script);
  buf_put_u8(&script, 0);
  if (!buf_ok(&script))
    rc = DSQL_ENOMEM;
  else if (any || even_empty)
    rc = fly(l, (const char *)script.data, limit_ms);
  buf_deinit(&script);
  return rc;
}

/* Lost, perhaps. */
static void on_watched(struct rt_task *t) {
  struct dsql_listener *l = LIST_ENTRY(t, struct dsql_listener, owner.task);

  if (l->conn->status != DSQL_CONN_FAILED) return;
  listener_enter(l);
  lost(l, l->conn->error);
  listener_leave(l);
}

static void began(struct dsql_listener *l) {
  l->status = DSQL_LISTENER_LISTENING;
  l->sessions++;
  l->since_ms = rt_now_ms(l->rt);
  l->conn->owner = &l->owner;
  l->owner.task.run = on_watched;
  l->owner.watching = true;
}

static void on_flight(dsql_future *f, void *arg) {
  struct dsql_listener *l = arg;
  const dsql_error *e = dsql_future_error(f);

  l->flight = NULL;
  listener_enter(l);
  if (e) {
    lost(l, (const struct error *)(const void *)e);
  } else if (l->conn->status == DSQL_CONN_FAILED) {
    lost(l, l->conn->error);
  } else {
    if (l->status == DSQL_LISTENER_CONNECTING) began(l);
    l->heard_ms = rt_now_ms(l->rt);
    channels_confirmed(&l->channels);
    listener_step(l);
  }
  dsql_future_destroy(f);
  listener_leave(l);
}

/* ---- connecting ---- */

int listener_connect(struct dsql_listener *l) {
  if (conn_open(&l->conn, l->rt, l->target, l->target->password_source)) return DSQL_ENOMEM;
  l->status = DSQL_LISTENER_CONNECTING;
  dsql_conn_on_notify(l->conn, listener_on_notify, l);
  if (fly_script(l, true, l->connect_limit_ms + l->ping_timeout_ms) == 0) return 0;
  listener_drop(l);
  return DSQL_ENOMEM;
}

static void connect_again(struct dsql_listener *l) {
  if (rt_closing(l->rt)) return; /* the closer is about to be asked */
  if (listener_connect(l)) lost(l, &error_nomem);
}

void listener_step(struct dsql_listener *l) {
  if (l->status == DSQL_LISTENER_LISTENING) {
    listener_announce(l);
    if (l->status == DSQL_LISTENER_LISTENING && !l->closed && !l->flight && !l->paused &&
        fly_script(l, false, l->ping_timeout_ms))
      lost(l, &error_nomem);
  } else if (l->status == DSQL_LISTENER_WAITING && !l->paused && rt_now_ms(l->rt) >= l->retry_at_ms) {
    connect_again(l);
  } else if (l->status == DSQL_LISTENER_ENDED) {
    listener_tell_ended(l);
  }
  if (!l->closed) listener_arm(l);
}

/* ---- losing ---- */

void listener_drop(struct dsql_listener *l) {
  dsql_future *flight = l->flight;
  struct dsql_conn *c = l->conn;

  l->flight = NULL;
  l->conn = NULL;
  channels_lost(&l->channels);
  if (c) {
    c->owner = NULL;
    c->notify_fn = NULL;
    l->owner.watching = false;
    rt_unready(&l->owner.task);
    dsql_conn_close(c);
  }
  dsql_future_destroy(flight); /* behind the close: destroyed before it, it would be canceled at the server */
}

/* Until a session has listened, a refusal is taken for an answer; later it may be a failover's, or a new password's. */
static bool is_final(const struct dsql_listener *l, const dsql_error *e) {
  if (strcmp(e->sqlstate, "0A000") == 0) return true;
  if (strcmp(e->sqlstate, "25006") == 0) return false; /* LISTEN on a standby: it may be promoted */
  return l->sessions == 0 && conn_failure_of(e) == CONN_FAILURE_REFUSED;
}

static uint32_t pause_before_retry(struct dsql_listener *l) {
  unsigned doublings = l->row < 32 ? l->row : 32;
  uint64_t ms = l->backoff_ms << doublings;

  if (ms > l->backoff_max_ms) ms = l->backoff_max_ms;
  l->row++;
  return (uint32_t)(ms - rt_random(l->rt) % (ms / 2 + 1));
}

static void keep_error(struct dsql_listener *l, const struct error *e) {
  struct error *copy;

  arena_deinit(&l->error_arena);
  copy = error_clone(&l->error_arena, e);
  l->error = copy ? copy : &error_nomem;
}

static void lost(struct dsql_listener *l, const struct error *e) {
  uint64_t now = rt_now_ms(l->rt);
  uint32_t retry_ms;

  keep_error(l, e);
  if (l->status == DSQL_LISTENER_LISTENING) {
    if (now - l->since_ms >= l->backoff_max_ms) l->row = 0;
    l->lost_ms = l->heard_ms;
  }
  l->failures++;
  l->status = DSQL_LISTENER_WAITING;
  listener_drop(l);
  if (is_final(l, &l->error->pub)) {
    l->status = DSQL_LISTENER_ENDED;
    rt_timer_stop(l->rt, &l->timer);
    rt_ready(l->rt, &l->task);
    return;
  }
  retry_ms = pause_before_retry(l);
  l->retry_at_ms = now + retry_ms;
  listener_arm(l);
  listener_tell_lost(l, retry_ms);
}

/* ---- time ---- */

static uint64_t due_ms(const struct dsql_listener *l, uint64_t now) {
  if (l->paused) return now + FOREVER_MS;
  if (l->status == DSQL_LISTENER_WAITING) return l->retry_at_ms;
  if (l->flight) return l->flight_due_ms;
  return l->ping_interval_ms ? l->heard_ms + l->ping_interval_ms : now + FOREVER_MS;
}

void listener_arm(struct dsql_listener *l) {
  if (l->status == DSQL_LISTENER_ENDED || l->shut) return;
  rt_timer_start(l->rt, &l->timer, due_ms(l, rt_now_ms(l->rt)));
}

static void give_up_on_flight(struct dsql_listener *l) {
  struct fault f = {0};
  bool connecting = l->status == DSQL_LISTENER_CONNECTING;

  fault_set(&f, DSQL_ETIMEDOUT, "the server did not answer a %s within %u ms",
            connecting ? "connect and its LISTEN" : "ping or a LISTEN",
            (unsigned)(l->ping_timeout_ms + (connecting ? l->connect_limit_ms : 0)));
  f.flags = DSQL_CONN_LOST;
  lost_with(l, &f);
}

void listener_on_timer(struct rt_timer *t) {
  struct dsql_listener *l = LIST_ENTRY(t, struct dsql_listener, timer);
  uint64_t now = rt_now_ms(l->rt);

  listener_enter(l);
  if (due_ms(l, now) > now)
    listener_arm(l); /* something was heard meanwhile */
  else if (l->status == DSQL_LISTENER_WAITING)
    listener_step(l);
  else if (l->flight)
    give_up_on_flight(l);
  else if (fly(l, "", l->ping_timeout_ms))
    lost(l, &error_nomem);
  if (!l->closed) listener_arm(l);
  listener_leave(l);
}
