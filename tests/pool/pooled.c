#include "pooled.h"

#include <stdlib.h>

void pooled_target(struct pooled *p, const char *conninfo) {
  dsql_target_free(p->target);
  p->target = client_target(&p->x, "%s", conninfo);
}

void pooled_open(struct pooled *p) {
  const char *given = getenv("DSQL_POOL_TARGET");

  memset(p, 0, sizeof *p);
  client_open(&p->x);
  pooled_target(p, given ? given : server_conninfo(server_default()));
  dsql_pool_config_init(&p->config);
}

void pooled_make(struct pooled *p) {
  int rc = dsql_pool_new(&p->pool, p->x.rt, p->target, &p->config);
  cr_assert_eq(rc, 0, "%s", dsql_error_name(rc));
}

void pooled_close(struct pooled *p) {
  if (p->pool) cr_assert_eq(client_settle(dsql_pool_close(p->pool, 0)), 0);
  dsql_target_free(p->target);
  client_close(&p->x);
}

dsql_conn *pooled_acquire(struct pooled *p) {
  dsql_future *f = dsql_pool_acquire(p->pool);
  dsql_conn *c = NULL;
  cr_assert_eq(dsql_future_run(f), 0, "%s", client_error_text(f));
  cr_assert_eq(dsql_future_take_conn(f, &c), 0);
  dsql_future_destroy(f);
  return c;
}

dsql_pool_stats pooled_stats(struct pooled *p) {
  dsql_pool_stats s;
  dsql_pool_stats_get(p->pool, &s, sizeof s);
  return s;
}

static void on_timer(uv_timer_t *t) { *(bool *)t->data = true; }

void pooled_turn_ms(struct pooled *p, unsigned ms) {
  uv_timer_t timer;
  bool passed = false;

  (void)uv_timer_init(&p->x.loop, &timer);
  timer.data = &passed;
  (void)uv_timer_start(&timer, on_timer, ms, 0);
  while (!passed) (void)uv_run(&p->x.loop, UV_RUN_ONCE);
  uv_close((uv_handle_t *)&timer, NULL);
  (void)uv_run(&p->x.loop, UV_RUN_NOWAIT);
}

void pooled_until_idle(struct pooled *p, uint32_t idle) {
  dsql_pool_stats s = pooled_stats(p);

  for (int i = 0; i < 500; i++) {
    if (s.idle == idle && !s.in_use && !s.returning && !s.connecting) return;
    pooled_turn_ms(p, 10);
    s = pooled_stats(p);
  }
  cr_assert(false, "idle %u (expected %u), in use %u, returning %u, connecting %u", s.idle, idle, s.in_use, s.returning,
            s.connecting);
}
