/* Starts, ends and counts. */
#include "rt/observe.h"

#include <assert.h>
#include <string.h>

#include "base/histogram.h"
#include "rt/observer.h"
#include "rt/state.h"

dsql_str observe_text(const char *s) { return (dsql_str){s ? s : "", s ? strlen(s) : 0}; }

bool observe_in_hook(const struct dsql_rt *rt) { return rt->observer->in_hook; }

int observe_refuse(struct fault *f) {
  f->flags |= DSQL_NOT_SENT;
  return fault_set(f, DSQL_EINVAL,
                   "called from inside a hook of dsql_rt_observe(), which may only look: dsql_rt_post() does it later");
}

struct rt_awaited rt_hook_awaits;

static void enter_hook(struct observer *o) {
  o->in_hook = true;
  o->awaited = o->rt->awaited;
  o->rt->awaited = &rt_hook_awaits;
}

static void leave_hook(struct observer *o) {
  o->in_hook = false;
  o->rt->awaited = o->awaited;
}

void observe_log(struct observer *o, const char *line, size_t n) {
  enter_hook(o);
  o->hooks.log(line, n, o->hooks.log_arg);
  leave_hook(o);
}

/* ---- spans ---- */

static struct observe_span *new_span(struct dsql_rt *rt, size_t text) {
  size_t size = sizeof(struct observe_span) + text;
  struct observe_span *s = size > RT_BLOCK_SIZE ? mem_alloc(&rt->alloc, size) : rt_block_get(rt);

  if (s) s->large = size > RT_BLOCK_SIZE;
  return s;
}

static void free_span(struct dsql_rt *rt, struct observe_span *s) {
  if (s->large)
    mem_free(&rt->alloc, s);
  else
    rt_block_put(rt, s);
}

static char *keep(char *to, dsql_str *s) {
  if (s->len) memcpy(to, s->ptr, s->len);
  s->ptr = s->len ? to : "";
  return to + s->len;
}

struct observe_span *observe_start(struct dsql_rt *rt, const dsql_span *what) {
  struct observer *o = rt->observer;
  size_t sql = o->hooks.no_sql ? 0 : what->sql.len;
  struct observe_span *s;
  char *at;

  if (o->in_hook) return NULL; /* what was started there is refused */
  s = new_span(rt, what->host.len + what->database.len + what->user.len + what->operation.len + sql);
  if (!s) {
    o->stats.lost++;
    return NULL;
  }
  s->pub = *what;
  s->pub.size = sizeof s->pub;
  s->pub.sql.len = sql;
  at = keep(s->text, &s->pub.host);
  at = keep(at, &s->pub.database);
  at = keep(at, &s->pub.user);
  at = keep(at, &s->pub.operation);
  (void)keep(at, &s->pub.sql);
  s->pub.id = ++o->last_id;
  s->pub.rows = s->pub.rows_affected = -1;
  s->sent_before = s->received_before = 0;
  s->data = NULL;
  o->open++;
  o->stats.started[s->pub.kind]++;
  if (o->hooks.start) {
    enter_hook(o);
    s->data = o->hooks.start(&s->pub, o->hooks.arg);
    leave_hook(o);
  }
  s->started_us = rt_clock_us();
  return s;
}

/* A link that was made since has begun at 0. */
static uint64_t since(uint64_t before, uint64_t now) { return now >= before ? now - before : now; }

void observe_bytes(struct observe_span *s, uint64_t sent, uint64_t received) {
  s->pub.bytes_sent = since(s->sent_before, sent);
  s->pub.bytes_received = since(s->received_before, received);
}

void observe_error(struct observe_span *s, const struct error *e) {
  s->pub.error = e ? &e->pub : NULL;
  s->pub.conflict = dsql_error_conflict(s->pub.error);
}

void observe_end(struct dsql_rt *rt, struct observe_span *s) {
  struct observer *o = rt->observer;

  assert(o && o->open > 0 && !s->pub.ended);
  s->pub.ended = true;
  s->pub.duration_us = rt_clock_us() - s->started_us;
  histogram_add(&o->stats.time[s->pub.kind], s->pub.duration_us);
  if (s->pub.error) o->stats.failed[s->pub.kind]++;
  if (o->hooks.end) {
    enter_hook(o);
    o->hooks.end(&s->pub, s->data, o->hooks.arg);
    leave_hook(o);
  }
  if (o->hooks.slow_query_ms && s->pub.kind == DSQL_SPAN_QUERY) observe_slow(o, &s->pub);
  o->open--;
  free_span(rt, s);
}

/* ---- from outside ---- */

void dsql_hooks_init_sized(dsql_hooks *h, size_t size) {
  memset(h, 0, size);
  h->size = size;
}

static int read_hooks(const dsql_hooks *h, dsql_hooks *out) {
  if (h->size < sizeof h->size) return DSQL_EINVAL;
  memcpy(out, h, h->size < sizeof *out ? h->size : sizeof *out);
  if (out->slow_query_ms && !out->log) return DSQL_EINVAL;
  if (!out->slow_lines_per_s) out->slow_lines_per_s = 10;
  if (!out->slow_sql_bytes) out->slow_sql_bytes = 1024;
  return 0;
}

void observe_deinit(struct dsql_rt *rt) {
  struct observer *o = rt->observer;

  if (!o) return;
  assert(o->open == 0);
  observe_slow_flush(o);
  rt_timer_stop(rt, &o->slow_timer);
  rt->observer = NULL;
  mem_free(&rt->alloc, o);
}

int dsql_rt_observe(dsql_rt *rt, const dsql_hooks *h) {
  struct observer *o;
  dsql_hooks hooks = {0};
  int rc = h ? read_hooks(h, &hooks) : 0;

  if (!rt || rc) return DSQL_EINVAL;
  if (rt->observer && (rt->observer->open || rt->observer->in_hook)) return DSQL_EBUSY;
  o = h ? mem_zalloc(&rt->alloc, sizeof *o) : NULL;
  if (h && !o) return DSQL_ENOMEM;
  observe_deinit(rt);
  if (!o) return 0;
  o->rt = rt;
  o->hooks = hooks;
  observe_slow_init(o);
  rt->observer = o;
  return 0;
}

void dsql_observe_stats_get(const dsql_rt *rt, dsql_observe_stats *out, size_t size) {
  dsql_observe_stats full = {0};

  if (rt && rt->observer) full = rt->observer->stats;
  if (size > sizeof full) size = sizeof full;
  full.size = size;
  memcpy(out, &full, size);
}
