/* Every allocation fails in turn, alone and with all that follow: a listener tells it or comes through, nothing leaks. */
#include "fake_server.h"
#include "heard.h"

static const struct fake_step script[] = {FAKE_TRUSTED,
                                          FAKE_A('Q'),
                                          FAKE_M('C', "LISTEN\0"),
                                          FAKE_M('Z', "I"),
                                          FAKE_M('A', "\0\0\0\1a\0"
                                                      "hello\0"),
                                          FAKE_A('Q'),
                                          FAKE_M('C', "LISTEN\0"),
                                          FAKE_M('Z', "I"),
                                          FAKE_DO(FAKE_CLOSE)};

struct run {
  uv_loop_t loop;
  struct test_alloc heap;
  dsql_rt *rt;
  unsigned told, gaps, lost, refused;
  bool ended;
};

static void on_event(dsql_listener *l, const dsql_listen_event *event, void *arg) {
  struct run *r = arg;
  const dsql_error *e = event->error;

  if (event->what == DSQL_LISTEN_NOTIFY) {
    r->told++;
    if (dsql_listener_add(l, "b")) r->refused++; /* then the server would wait for it */
  }
  if (event->what == DSQL_LISTEN_GAP) r->gaps++;
  if (event->what == DSQL_LISTEN_LOST) {
    cr_assert(e->code == DSQL_ENOMEM || e->code == DSQL_EIO || e->code == DSQL_ECLOSED, "allocation %zu: %s %.*s",
              r->heap.fail_at, dsql_error_name(e->code), (int)e->message.len, e->message.ptr);
    r->lost++;
  }
  if (event->what == DSQL_LISTEN_ENDED) r->ended = true;
  if (r->gaps >= 1 || r->lost > 8 || r->ended || r->refused) dsql_listener_close(l);
}

static void scenario(struct run *r, const char *conninfo) {
  dsql_listen_options o;
  dsql_config config;
  dsql_target *t = NULL;
  dsql_listener *l = NULL;
  const dsql_error *e = NULL;
  int rc;

  dsql_config_init(&config);
  config.target = conninfo;
  dsql_listen_options_init(&o);
  o.backoff_ms = o.backoff_max_ms = 1;
  if (dsql_target_new(&t, r->rt, &config, NULL)) return;
  rc = dsql_listen(&l, r->rt, t, "a", on_event, r, &o, &e);
  cr_assert(rc == 0 || rc == DSQL_ENOMEM, "allocation %zu: %s", r->heap.fail_at, dsql_error_name(rc));
  cr_assert_eq(rc, e ? e->code : 0);
  dsql_target_free(t);
  if (rc == 0) uv_run(&r->loop, UV_RUN_DEFAULT); /* until it is closed */
}

static bool run_once(struct fake_server *server, size_t fail_at, bool all_after) {
  struct run r = {0};
  bool fired;

  test_alloc_init(&r.heap);
  test_alloc_arm(&r.heap, fail_at, all_after);
  cr_assert_eq(uv_loop_init(&r.loop), 0);
  if (dsql_rt_new(&r.rt, &r.loop, &r.heap.hook) == 0) {
    scenario(&r, fake_conninfo(server));
    dsql_rt_close(r.rt, NULL, NULL);
  }
  uv_run(&r.loop, UV_RUN_DEFAULT);
  cr_assert_eq(uv_loop_close(&r.loop), 0, "allocation %zu: a handle was left open", fail_at);
  cr_assert_eq(r.heap.live, 0, "allocation %zu: %zu blocks are live", fail_at, r.heap.live);
  fired = test_alloc_fired(&r.heap);
  cr_assert(fired || (r.told == 1 && r.gaps == 1), "told %u, gaps %u", r.told, r.gaps);
  fake_wait_idle(server);
  return fired;
}

Test(memory, every_allocation_fails_in_turn, .timeout = 60) {
  struct fake_server *server = fake_start(FAKE_UNIX);

  fake_plan_set(server, &(struct fake_plan){.steps = script});
  for (int all_after = 0; all_after < 2; all_after++) {
    size_t n = 1;
    while (run_once(server, n, all_after)) n++;
    cr_log_info("%zu allocations", n - 1);
    cr_assert_gt(n, 20);
  }
  fake_stop(server);
}
