/* connect.c - `dsql bench connect`: open a connection, run one query, close it. Each variant has a target of its own; they
 * take turns, so that what the machine and the network do meanwhile meets all of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"
#include "diagnostics.h"
#include "query.h"
#include "tool.h"

struct connect;

struct slot {
  struct connect *owner;
  size_t variant;
  dsql_auth *auth; /* of --fresh-token: it signs one for each connection */
  dsql_auth_request *request;
  dsql_future *token;
  dsql_conn *conn;
  dsql_future *query;
  uint64_t due_ns, opened_ns, first_row_ns; /* first_row_ns 0: none yet */
};

struct connect {
  struct bench *bench;
  dsql_target *targets[VARIANTS_MAX];
  const char *negotiation[VARIANTS_MAX]; /* NULL: the target's own */
  bool speculate[VARIANTS_MAX];
  size_t next; /* whose turn it is */
  struct slot *slots;
  size_t slots_n;
};

/* ---- a token for each connection ---- */

static void on_token(dsql_future *f, void *arg) {
  struct slot *s = arg;
  dsql_auth_request *q = s->request;
  dsql_str token;
  char *text;

  s->token = NULL;
  s->request = NULL;
  if (dsql_future_text(f, &token)) {
    const dsql_error *e = dsql_future_error(f);
    char reason[REPORT_TEXT];
    (void)snprintf(reason, sizeof reason, "%.*s", e ? (int)e->message.len : 0, e ? e->message.ptr : "");
    dsql_auth_fail(q, reason);
  } else if ((text = malloc(token.len + 1)) == NULL) {
    dsql_auth_fail(q, "out of memory");
  } else {
    memcpy(text, token.ptr, token.len);
    text[token.len] = '\0';
    dsql_auth_answer(q, text, 0); /* good for this once */
    explicit_bzero(text, token.len);
    free(text);
  }
  dsql_future_destroy(f);
}

static void want_token(dsql_auth_request *q, void *arg) {
  struct slot *s = arg;

  s->request = q;
  s->token = dsql_target_token(s->owner->targets[s->variant], (int64_t)time(NULL));
  if (dsql_future_on_ready(s->token, on_token, s) == 0) return;
  s->token = NULL;
  s->request = NULL;
  dsql_auth_fail(q, "out of memory");
}

/* ---- one connection ---- */

static int on_row(const dsql_result *row, void *arg) {
  struct slot *s = arg;

  (void)row;
  if (!s->first_row_ns) s->first_row_ns = uv_hrtime();
  return 0;
}

static void count_phases(struct variant *v, const struct slot *s) {
  dsql_conn_stats stats;
  uint64_t ready_ns, trips;

  dsql_conn_stats_get(s->conn, &stats, sizeof stats);
  ready_ns = s->opened_ns + (uint64_t)stats.connect_us * 1000;
  histogram_add(&v->phases[BENCH_WAITED], s->opened_ns - s->due_ns);
  histogram_add(&v->phases[BENCH_PREPARE], (uint64_t)stats.prepare_us * 1000);
  histogram_add(&v->phases[BENCH_DNS], (uint64_t)stats.dns_us * 1000);
  histogram_add(&v->phases[BENCH_SOCKET], (uint64_t)stats.socket_us * 1000);
  histogram_add(&v->phases[BENCH_SSLREQUEST], (uint64_t)stats.sslrequest_us * 1000);
  histogram_add(&v->phases[BENCH_TLS], (uint64_t)stats.tls_us * 1000);
  histogram_add(&v->phases[BENCH_AUTH], (uint64_t)stats.auth_us * 1000);
  histogram_add(&v->phases[BENCH_FIRST_ROW], s->first_row_ns > ready_ns ? s->first_row_ns - ready_ns : 0);
  trips = stats.connect_round_trips;
  if (v->total.count == 0 || trips < v->round_trips_min) v->round_trips_min = trips;
  if (trips > v->round_trips_max) v->round_trips_max = trips;
  v->round_trips_sum += trips;
}

static void close_slot(struct slot *s) {
  dsql_future_destroy(s->query);
  if (s->conn) dsql_conn_close(s->conn);
  s->query = NULL;
  s->conn = NULL;
}

static void on_done(dsql_future *f, void *arg) {
  struct slot *s = arg;
  struct bench *b = s->owner->bench;
  struct variant *v = &b->report.variants[s->variant];
  int code = dsql_future_code(f);

  if (code) {
    bench_failed(b, v, code, dsql_future_error(f));
  } else {
    if (!s->first_row_ns) s->first_row_ns = uv_hrtime(); /* a query without rows */
    count_phases(v, s);
    bench_succeeded(b, v, s->due_ns, s->first_row_ns);
  }
  close_slot(s);
  runner_done(&b->runner, (size_t)(s - s->owner->slots), code == 0);
}

/* Opens, with the query riding along. 0 or a code; the query may be NULL then. */
static int open_slot(struct slot *s, size_t variant, uint64_t due_ns) {
  struct connect *k = s->owner;
  dsql_conn_options options;
  int code;

  dsql_conn_options_init(&options);
  options.auth = s->auth;
  s->variant = variant;
  s->first_row_ns = 0;
  s->opened_ns = uv_hrtime();
  s->due_ns = k->bench->args->rate_per_s ? due_ns : s->opened_ns;
  code = dsql_conn_open_with(&s->conn, k->bench->rt, k->targets[variant], &options);
  if (code) return code;
  s->query = dsql_query_each(s->conn, k->bench->args->first_query, DSQL_NO_PARAMS, on_row, s, NULL);
  return s->query ? 0 : DSQL_ENOMEM;
}

static void start(void *owner, size_t slot, uint64_t due_ns) {
  struct connect *k = owner;
  struct slot *s = &k->slots[slot];
  size_t variant = k->next;
  int code;

  k->next = (k->next + 1) % k->bench->report.variants_n;
  code = open_slot(s, variant, due_ns);
  if (code == 0) code = dsql_future_on_ready(s->query, on_done, s);
  if (code == 0) return;
  bench_failed(k->bench, &k->bench->report.variants[variant], code, NULL);
  close_slot(s);
  runner_done(&k->bench->runner, slot, false);
}

static void cancel(void *owner) {
  struct connect *k = owner;
  for (size_t i = 0; i < k->slots_n; i++)
    if (k->slots[i].query) dsql_future_cancel(k->slots[i].query);
}

static void tick(void *owner, uint64_t elapsed_ns) {
  struct connect *k = owner;
  progress_show(k->bench, elapsed_ns);
}

static const struct runner_work work = {start, cancel, tick};

/* ---- variants ---- */

static void add_variant(struct connect *k, size_t i, const char *negotiation, bool speculate) {
  k->negotiation[i] = negotiation;
  k->speculate[i] = speculate;
}

static size_t plan_variants(struct connect *k, const struct bench_args *a) {
  static const char *const forced[] = {
      [TLS_AS_TARGET] = NULL, [TLS_DIRECT] = "direct", [TLS_POSTGRES] = "postgres", [TLS_BOTH] = "direct"};
  size_t n = 0;

  for (int second = 0; second <= (a->tls == TLS_BOTH); second++) {
    const char *negotiation = second ? "postgres" : forced[a->tls];
    if (a->speculate != SPECULATE_OFF) add_variant(k, n++, negotiation, true);
    if (a->speculate == SPECULATE_OFF || a->speculate == SPECULATE_BOTH) add_variant(k, n++, negotiation, false);
  }
  return n;
}

static void name_variant(struct connect *k, size_t i) {
  const struct bench_args *a = k->bench->args;
  dsql_str negotiation = bench_setting(k->targets[i], "sslnegotiation");
  bool direct = negotiation.len && *negotiation.ptr == 'd', tls = dsql_conn_tls(k->slots[0].conn);
  const char *transport = !tls ? "no TLS" : direct ? "direct" : "SSLRequest";
  const char *speculation = k->speculate[i] ? "speculative" : "not speculative";
  struct variant *v = &k->bench->report.variants[i];

  if (a->speculate != SPECULATE_BOTH)
    (void)snprintf(v->name, sizeof v->name, "%s", transport);
  else if (a->tls != TLS_BOTH)
    (void)snprintf(v->name, sizeof v->name, "%s", speculation);
  else
    (void)snprintf(v->name, sizeof v->name, "%s, %s", transport, speculation);
}

/* The first connection loads the trust store, learns how the server authenticates, and tells what is wrong. */
static int warm_up(struct connect *k, size_t i) {
  struct bench *b = k->bench;
  struct slot *s = &k->slots[0];
  struct variant *v = &b->report.variants[i];
  int code = open_slot(s, i, uv_hrtime());

  if (code)
    (void)tool_failed(code, NULL);
  else if ((code = bench_wait(b, s->query)) != 0 && !b->interrupted)
    diagnostics_error(dsql_future_error(s->query), b->args->first_query);
  if (code == 0) {
    v->first_ns = (s->first_row_ns ? s->first_row_ns : uv_hrtime()) - s->opened_ns;
    name_variant(k, i);
    if (b->args->tls != TLS_AS_TARGET && !dsql_conn_tls(s->conn)) {
      diagnostics_say("bench: --tls needs a TARGET that is connected to through TLS; see its sslmode");
      code = DSQL_ETLS;
    }
  }
  close_slot(s);
  return code ? EXIT_FAILED : EXIT_OK;
}

/* ---- limits and options ---- */

static int keep_limits(struct connect *k) {
  struct bench *b = k->bench;
  const struct bench_args *a = b->args;

  if (!bench_target_is_dsql(k->targets[0])) {
    if (!a->fresh_token) return EXIT_OK;
    diagnostics_say("bench: --fresh-token needs a TARGET in DSQL mode; others use no tokens");
    return EXIT_USAGE;
  }
  if (a->exceed_limits) return EXIT_OK;
  if (a->rate_per_s > BENCH_DSQL_CONNECTS_PER_S) {
    diagnostics_say("bench: an Aurora DSQL cluster accepts %d connections per second; add --exceed-limits to try more",
                    BENCH_DSQL_CONNECTS_PER_S);
    return EXIT_USAGE;
  }
  if (a->rate_per_s) return EXIT_OK;
  b->runner.pacer.interval_ns = 1000000000 / BENCH_DSQL_CONNECTS_PER_S;
  report_note(&b->report,
              "At most %d connections per second were opened, which is what an Aurora DSQL cluster accepts; "
              "--exceed-limits lifts that.",
              BENCH_DSQL_CONNECTS_PER_S);
  return EXIT_OK;
}

static void tell_work(struct bench *b) {
  const struct bench_args *a = b->args;
  char amount[64];

  if (a->count)
    (void)snprintf(amount, sizeof amount, "%llu connections%s", (unsigned long long)a->count,
                   b->report.variants_n > 1 ? " of each variant" : "");
  else
    (void)snprintf(amount, sizeof amount, "connections for %.1f s", (double)a->duration_ms / 1e3);
  report_fact(&b->report, "method", "%s, at most %llu at a time%s%s; each runs %.120s", amount,
              (unsigned long long)a->concurrency, b->report.variants_n > 1 ? ", variants in turn" : "",
              a->fresh_token ? ", a new token for each" : "", a->first_query);
}

static int make_slots(struct connect *k) {
  const struct bench_args *a = k->bench->args;

  k->slots_n = a->concurrency;
  k->slots = calloc(k->slots_n, sizeof *k->slots);
  if (!k->slots) return tool_failed(DSQL_ENOMEM, NULL);
  for (size_t i = 0; i < k->slots_n; i++) {
    struct slot *s = &k->slots[i];
    int code;
    s->owner = k;
    code = a->fresh_token ? dsql_auth_new(&s->auth, k->bench->rt, want_token, s) : 0;
    if (code) return tool_failed(code, NULL);
  }
  return EXIT_OK;
}

/* A request that is not answered yet must be, and its slot will be gone. */
static void free_auth(struct slot *s) {
  dsql_future_destroy(s->token);
  if (s->request) dsql_auth_fail(s->request, "the run has ended");
  dsql_auth_free(s->auth);
}

static void free_all(struct connect *k) {
  for (size_t i = 0; k->slots && i < k->slots_n; i++) free_auth(&k->slots[i]);
  for (size_t i = 0; i < VARIANTS_MAX; i++) dsql_target_free(k->targets[i]);
  free(k->slots);
}

static int run_variants(struct connect *k) {
  struct bench *b = k->bench;
  size_t n = b->report.variants_n;
  int code = EXIT_OK;

  for (size_t i = 0; i < n && !code; i++)
    code = bench_target(b, k->negotiation[i], k->speculate[i], i > 0, &k->targets[i]);
  if (!code) code = keep_limits(k);
  if (!code) code = make_slots(k);
  if (code) return code;
  bench_tell_target(b, k->targets[0]);
  tell_work(b);
  for (size_t i = 0; i < n && !code; i++) code = warm_up(k, i);
  return code ? code : bench_run(b, &work, k, k->slots_n);
}

int bench_connect(struct bench *b) {
  struct connect k = {.bench = b};
  int code;

  if (!report_init(&b->report, plan_variants(&k, b->args))) return tool_failed(DSQL_ENOMEM, NULL);
  b->report.work = "connect";
  b->report.units = "connections";
  b->report.phases = true;
  code = run_variants(&k);
  free_all(&k);
  return code;
}
