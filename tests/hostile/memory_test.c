/* Every allocation fails in turn, alone and with all that follow: each call ends with ENOMEM or well, nothing leaks. */
#include "../unit/tls/zoo.h"
#include "client.h"
#include "fake_server.h"

static const struct fake_step script[] = {FAKE_DO(FAKE_STARTUP),
                                          FAKE_FN(fake_scram),
                                          FAKE_M('S', "server_version\0"
                                                      "18.0\0"),
                                          FAKE_M('K', "\0\0\0\7\0\0\0\x9"),
                                          FAKE_M('Z', "I"),
                                          FAKE_FN(fake_serve)};
static const struct fake_step tls_script[] = {FAKE_DO(FAKE_STARTUP), FAKE_R("S"),
                                              FAKE_DO(FAKE_TLS),     FAKE_DO(FAKE_STARTUP),
                                              FAKE_FN(fake_scram),   FAKE_M('K', "\0\0\0\7\0\0\0\x9"),
                                              FAKE_M('Z', "I"),      FAKE_FN(fake_serve)};

struct run {
  uv_loop_t loop;
  struct test_alloc heap;
  dsql_rt *rt;
  dsql_conn *conn;
  unsigned failed, rows;
};

/* A future's end: well, out of memory, or a consequence of it. */
static void settle(struct run *r, dsql_future *f) {
  int rc = f ? dsql_future_run(f) : DSQL_ENOMEM;
  const dsql_error *why = r->conn ? dsql_conn_error(r->conn) : NULL;
  if (rc) r->failed++;
  if (rc == DSQL_ECLOSED)
    cr_assert(why && why->code == DSQL_ENOMEM, "allocation %zu: closed by %s", r->heap.fail_at,
              why ? dsql_error_name(why->code) : "nothing");
  else
    cr_assert(rc == 0 || rc == DSQL_ENOMEM || rc == DSQL_ESKIPPED, "allocation %zu: %s", r->heap.fail_at,
              client_error_text(f));
  dsql_future_destroy(f);
}

static int count_row(const dsql_result *row, void *arg) {
  dsql_str text;
  int rc = dsql_get_text(row, 0, 0, &text);
  cr_assert(rc == 0 || rc == DSQL_ENOMEM);
  ++*(unsigned *)arg;
  return 0;
}

static void queries(struct run *r) {
  dsql_conn *c = r->conn;
  dsql_stmt *s = NULL;
  dsql_future *ready = dsql_conn_ready(c), *f[4];
  size_t n = 0;

  f[n++] = dsql_query(c, "select x from t where y = $1", DSQL_PARAMS(dsql_text("a long enough text")), NULL);
  settle(r, ready);
  settle(r, f[0]);
  n = 0;
  if (dsql_stmt_new(&s, r->rt, "select y", NULL, 0) == 0) {
    settle(r, dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL));
    settle(r, dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL));
  } else {
    r->failed++;
  }
  settle(r, dsql_query_each(c, "select z", DSQL_NO_PARAMS, count_row, &r->rows, NULL));
  if (dsql_pipeline_begin(c) == 0) {
    f[n++] = dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL);
    f[n++] = dsql_query(c, "select 2", DSQL_NO_PARAMS, NULL);
    if (dsql_pipeline_end(c)) r->failed++;
    for (size_t i = 0; i < n; i++) settle(r, f[i]);
  }
  settle(r, dsql_exec(c, "select 1", NULL));
  dsql_stmt_free(s);
}

static void scenario(struct run *r, const char *conninfo) {
  dsql_config config;
  dsql_target *t = NULL;
  int rc;

  dsql_config_init(&config);
  config.target = conninfo;
  config.password = "secret";
  rc = dsql_target_new(&t, r->rt, &config, NULL);
  cr_assert(rc == 0 || rc == DSQL_ENOMEM, "allocation %zu: target: %s", r->heap.fail_at, dsql_error_name(rc));
  if (rc == 0) rc = dsql_conn_open(&r->conn, r->rt, t);
  cr_assert(rc == 0 || rc == DSQL_ENOMEM);
  dsql_target_free(t);
  if (rc) {
    r->failed++;
    return;
  }
  queries(r);
  dsql_conn_close(r->conn);
}

/* One run from the runtime's birth to its end; false when the armed failure was not reached. */
static bool run_once(struct fake_server *server, const char *conninfo, size_t fail_at, bool all_after, size_t *failed) {
  struct run r = {0};
  bool fired;

  test_alloc_init(&r.heap);
  test_alloc_arm(&r.heap, fail_at, all_after);
  cr_assert_eq(uv_loop_init(&r.loop), 0);
  if (dsql_rt_new(&r.rt, &r.loop, &r.heap.hook) == 0) {
    scenario(&r, conninfo);
    dsql_rt_close(r.rt, NULL, NULL);
  } else {
    r.failed++;
  }
  uv_run(&r.loop, UV_RUN_DEFAULT);
  cr_assert_eq(uv_loop_close(&r.loop), 0, "allocation %zu: a handle was left open", fail_at);
  cr_assert_eq(r.heap.live, 0, "allocation %zu: %zu blocks are live", fail_at, r.heap.live);
  fired = test_alloc_fired(&r.heap);
  cr_assert(fired || r.failed == 0, "it failed without a reason");
  *failed += r.failed > 0;
  fake_wait_idle(server);
  return fired;
}

static void sweep(struct fake_server *server, const char *conninfo, size_t least) {
  for (int all_after = 0; all_after < 2; all_after++) {
    size_t cases = 0, failed = 0;
    while (run_once(server, conninfo, cases + 1, all_after, &failed)) cases++;
    cr_log_info("%zu allocations failed %s: %zu runs with DSQL_ENOMEM, %zu that did without", cases,
                all_after ? "with all that follow" : "alone", failed, cases - failed);
    cr_assert_gt(cases, least);
  }
}

Test(memory, every_allocation_fails_in_turn) {
  struct fake_server *server = fake_start(FAKE_UNIX);
  fake_plan_set(server, &(struct fake_plan){.steps = script, .rows = 100, .row_len = 200});
  sweep(server, fake_conninfo(server), 30);
  fake_stop(server);
}

Test(memory, every_allocation_fails_in_turn_over_TLS) {
  struct fake_server *server = fake_start(FAKE_TCP);
  struct zoo zoo;
  struct identity id;
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  char conninfo[512];

  zoo_init(&zoo);
  id = zoo_make(&(struct zoo_spec){.cn = "localhost", .san = "DNS:localhost"}, &zoo.ca);
  cr_assert(ctx && SSL_CTX_use_certificate(ctx, id.cert) == 1 && SSL_CTX_use_PrivateKey(ctx, id.key) == 1);
  fake_plan_set(server, &(struct fake_plan){.steps = tls_script, .tls = ctx, .rows = 100, .row_len = 200});
  (void)snprintf(conninfo, sizeof conninfo, "%s sslmode=verify-full sslrootcert=%s", fake_conninfo(server),
                 zoo.ca_file);
  sweep(server, conninfo, 40);
  fake_stop(server);
  SSL_CTX_free(ctx);
  zoo_drop(&id);
  zoo_deinit(&zoo);
}
