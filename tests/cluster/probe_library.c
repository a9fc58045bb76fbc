/* The same server as the library sees it. */
#include <stdio.h>
#include <uv.h>

#include "probe.h"

static void row_of_failure(struct probe *p, const char *question, const dsql_future *f) {
  const dsql_error *e = dsql_future_error(f);
  probe_row(p, question, dsql_error_name(dsql_future_code(f)), "%s %.*s, flags %u", e ? e->sqlstate : "",
            e ? (int)e->message.len : 0, e ? e->message.ptr : "", e ? e->flags : 0);
}

static bool ask_query(struct probe *p, dsql_conn *c, const char *question) {
  dsql_future *f = dsql_query(c, "SELECT $1::int8", DSQL_PARAMS(dsql_int8(42)), NULL);
  dsql_conn_stats stats;
  const dsql_result *r;
  int64_t value = 0;
  bool ok = dsql_future_run(f) == 0 && dsql_future_result(f, &r) == 0 && dsql_get_int8(r, 0, 0, &value) == 0;

  dsql_conn_stats_get(c, &stats, sizeof stats);
  if (ok)
    probe_row(p, question, value == 42 ? "works" : "wrong", "%u round trips until ready, %u us",
              stats.connect_round_trips, stats.connect_us);
  else
    row_of_failure(p, question, f);
  dsql_future_destroy(f);
  return ok;
}

static void ask_deadline(struct probe *p, dsql_conn *c) {
  static const char question[] = "library: a call's deadline";
  dsql_future *f;
  dsql_call call;

  dsql_call_init(&call);
  call.timeout_ms = 700;
  call.read_only = true;
  f = dsql_query(c, "SELECT count(*) FROM generate_series(1, 2000000000)", DSQL_NO_PARAMS, &call);
  if (dsql_future_run(f) == 0)
    probe_row(p, question, "too fast", "the statement ended before its deadline");
  else
    row_of_failure(p, question, f);
  dsql_future_destroy(f);
}

static void run(struct probe *p, dsql_rt *rt) {
  dsql_config config;
  dsql_target *target;
  dsql_conn *c;
  const dsql_error *error = NULL;

  dsql_config_init(&config);
  config.target = p->conninfo;
  config.password = p->password;
  config.application_name = "libdsql-cluster-probe";
  config.connect_timeout_ms = 30000;
  if (dsql_target_new(&target, rt, &config, &error)) {
    probe_unanswered(p, "library", error ? error->message.ptr : "no target");
    return;
  }
  if (dsql_conn_open(&c, rt, target)) {
    probe_unanswered(p, "library", "out of memory");
  } else {
    if (ask_query(p, c, "library: query")) {
      ask_deadline(p, c);
      (void)ask_query(p, c, "library: query behind it");
    }
    dsql_conn_close(c);
  }
  dsql_target_free(target);
}

void probe_library(struct probe *p) {
  uv_loop_t loop;
  dsql_rt *rt;

  if (uv_loop_init(&loop)) return;
  if (dsql_rt_new(&rt, &loop, NULL) == 0) {
    run(p, rt);
    dsql_rt_close(rt, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
  }
  uv_loop_close(&loop);
}
