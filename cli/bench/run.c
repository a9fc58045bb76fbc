/* run.c - targets, waiting, pacing and counting, for every kind of work. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "diagnostics.h"
#include "query.h"
#include "tool.h"

/* ---- targets ---- */

/* The target with sslnegotiation added, which wins over one that it has: to a URL, to a keyword string, and to a bare
 * host name or cluster id, which becomes one. NULL: no memory. */
static char *with_negotiation(const char *target, const char *negotiation) {
  const char *before = "", *between;
  size_t size = strlen(target) + strlen(negotiation) + 64;
  char *text = malloc(size);

  if (!text) return NULL;
  if (strstr(target, "://")) {
    between = strchr(target, '?') ? "&" : "?";
  } else {
    between = " ";
    if (*target && !strchr(target, '=')) before = "host=";
  }
  (void)snprintf(text, size, "%s%s%ssslnegotiation=%s", before, target, between, negotiation);
  return text;
}

int bench_target(struct bench *b, const char *negotiation, bool speculate, bool quiet, dsql_target **out) {
  char *text = negotiation ? with_negotiation(b->args->target, negotiation) : NULL;
  const dsql_error *error = NULL;
  const char *notice;
  dsql_config config;
  int code;

  if (negotiation && !text) return tool_failed(DSQL_ENOMEM, NULL);
  dsql_config_init(&config);
  config.target = text ? text : b->args->target;
  config.no_fast_connect = !speculate;
  code = dsql_target_new(out, b->rt, &config, &error);
  if (code) (void)tool_failed(code, error);
  free(text);
  if (code) return EXIT_FAILED;
  for (size_t i = 0; !quiet && (notice = dsql_target_notice(*out, i)) != NULL; i++) diagnostics_say("%s", notice);
  return EXIT_OK;
}

dsql_str bench_setting(const dsql_target *t, const char *name) {
  dsql_setting s;

  for (size_t i = 0; dsql_target_setting(t, i, &s); i++)
    if (strcmp(s.name, name) == 0) return s.value;
  return (dsql_str){"", 0};
}

static bool is(dsql_str s, const char *text) { return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0; }

bool bench_target_is_dsql(const dsql_target *t) { return is(bench_setting(t, "auth"), "iam"); }

void bench_tell_target(struct bench *b, const dsql_target *t) {
  dsql_str host = bench_setting(t, "host"), address = bench_setting(t, "hostaddr"), port = bench_setting(t, "port");
  dsql_str database = bench_setting(t, "dbname"), user = bench_setting(t, "user");

  report_fact(&b->report, "target", "%.*s%s%.*s port %.*s, database %.*s, user %.*s%s", (int)host.len, host.ptr,
              host.len && address.len ? " at " : "", (int)address.len, address.ptr, (int)port.len, port.ptr,
              (int)database.len, database.ptr, (int)user.len, user.ptr,
              bench_target_is_dsql(t) ? ", by IAM token" : "");
}

/* ---- waiting ---- */

int bench_wait(struct bench *b, dsql_future *f) {
  int code;

  b->waited = f;
  code = dsql_future_run(f);
  b->waited = NULL;
  return code;
}

int bench_must(struct bench *b, dsql_future *f, const char *sql) {
  int code = bench_wait(b, f);
  const dsql_error *e = dsql_future_error(f);

  if (code && e)
    diagnostics_error(e, sql);
  else if (code)
    diagnostics_say("%s", dsql_strerror(code));
  dsql_future_destroy(f);
  return code ? EXIT_FAILED : EXIT_OK;
}

/* ---- the run ---- */

void bench_succeeded(struct bench *b, struct variant *v, uint64_t due_ns, uint64_t now_ns) {
  histogram_add(&v->total, now_ns - due_ns);
  timeline_done(&v->timeline, now_ns - b->runner.pacer.begin_ns);
}

void bench_failed(struct bench *b, struct variant *v, int code, const dsql_error *e) {
  if (b->interrupted) return; /* canceled by Ctrl-C: says nothing about the endpoint */
  failures_add(&v->failures, code, e);
  timeline_failed(&v->timeline, uv_hrtime() - b->runner.pacer.begin_ns);
}

static void note_missed(struct bench *b) {
  uint64_t missed = pacer_missed(&b->runner.pacer, b->runner.end_ns);

  if (missed && !b->interrupted)
    report_note(
        &b->report,
        "Fell behind: %llu %s were due and not begun before the end. The latencies above lack them; lower --rate, "
        "or allow more at a time.",
        (unsigned long long)missed, b->report.units);
}

int bench_run(struct bench *b, const struct runner_work *work, void *owner, size_t slots) {
  const struct bench_args *a = b->args;
  struct runner *r = &b->runner;
  struct pacer *p = &r->pacer;
  int status;

  r->work = work;
  r->owner = owner;
  p->count = a->count * b->report.variants_n;
  p->duration_ns = a->duration_ms * 1000000;
  if (a->rate_per_s) {
    p->open = true;
    p->interval_ns = 1000000000 / a->rate_per_s;
    report_note(&b->report, "Begun at %llu per second; latency counts from when each was due.",
                (unsigned long long)a->rate_per_s);
  }
  if (b->interrupted) return EXIT_OK;
  b->report.started_s = time(NULL);
  b->running = true;
  status = runner_run(r, &b->loop, slots);
  b->running = false;
  progress_clear(b);
  if (status) {
    diagnostics_say("%s", uv_strerror(status));
    return EXIT_FAILED;
  }
  b->report.elapsed_ns = r->end_ns - p->begin_ns;
  note_missed(b);
  return EXIT_OK;
}
