/* Statistics as text for a metrics endpoint: Prometheus' text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). Names that begin with db_client are OpenTelemetry's
 * (https://opentelemetry.io/docs/specs/semconv/db/database-metrics/), written as its exporters for Prometheus write them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "dsql/observe.h"
#include "pool/pool.h"

struct out {
  char *at;
  size_t cap, len;
};

static __attribute__((format(printf, 2, 3))) void put(struct out *o, const char *format, ...) {
  size_t left = o->len < o->cap ? o->cap - o->len : 0;
  va_list args;
  int n;

  va_start(args, format);
  n = vsnprintf(left ? o->at + o->len : NULL, left, format, args);
  va_end(args);
  if (n > 0) o->len += (size_t)n;
}

/* Of one pool. */
struct facts {
  dsql_pool_stats pool;
  dsql_token_stats tokens;
  uint64_t used; /* in_use and returning */
};

enum type { GAUGE, COUNTER, HISTOGRAM };
enum value { U32, U64, I64, TIMES };

struct metric {
  const char *name; /* NULL: another sample of the one before */
  enum type type;
  enum value value;
  size_t at;     /* in struct facts */
  bool of_token; /* told only when there is one */
  const char *label;
  const char *help;
};

#define POOL(field) offsetof(struct facts, pool.field)
#define TOKEN(field) offsetof(struct facts, tokens.field)
#define GONE(reason) offsetof(struct facts, pool.gone[reason])

/* clang-format off */
static const struct metric metrics[] = {
    {"db_client_connection_count", GAUGE, U32, POOL(idle), false, "db_client_connection_state=\"idle\"",
     "Open connections; used: lent out, or being cleaned."},
    {NULL, GAUGE, U64, offsetof(struct facts, used), false, "db_client_connection_state=\"used\"", NULL},
    {"db_client_connection_max", GAUGE, U32, POOL(conns_max), false, NULL, "Connections at most (conns_max)."},
    {"db_client_connection_idle_min", GAUGE, U32, POOL(conns_min), false, NULL, "Connections kept open (conns_min)."},
    {"db_client_connection_pending_requests", GAUGE, U32, POOL(waiters), false, NULL, "Who waits for a connection."},
    {"db_client_connection_timeouts_total", COUNTER, U64, POOL(acquire_timeouts), false, NULL,
     "Waits for a connection that ended at their deadline."},
    {"db_client_connection_create_time_seconds", HISTOGRAM, TIMES, POOL(connect_time), false, NULL,
     "Making a connection, after_connect included; of those that were made."},
    {"db_client_connection_wait_time_seconds", HISTOGRAM, TIMES, POOL(acquire_time), false, NULL,
     "Waiting for a connection, of who got one."},
    {"dsql_pool_connecting", GAUGE, U32, POOL(connecting), false, NULL, "Connections that are being made."},
    {"dsql_pool_acquires_total", COUNTER, U64, POOL(acquires), false, NULL, "Connections lent out."},
    {"dsql_pool_waits_total", COUNTER, U64, POOL(waits), false, NULL, "Of these, not served at once."},
    {"dsql_pool_refusals_total", COUNTER, U64, POOL(acquire_refusals), false, NULL, "Requests refused."},
    {"dsql_pool_cancels_total", COUNTER, U64, POOL(acquire_cancels), false, NULL, "Waits that were canceled."},
    {"dsql_pool_connects_total", COUNTER, U64, POOL(connects), false, NULL, "Connections made."},
    {"dsql_pool_connect_failures_total", COUNTER, U64, POOL(connect_failures), false, NULL,
     "Connections that could not be made."},
    {"dsql_pool_rollbacks_total", COUNTER, U64, POOL(rollbacks), false, NULL,
     "Connections that came back inside a transaction."},
    {"dsql_pool_closed_total", COUNTER, U64, GONE(DSQL_GONE_LIFETIME), false, "reason=\"lifetime\"",
     "Connections closed, by reason."},
    {NULL, COUNTER, U64, GONE(DSQL_GONE_IDLE), false, "reason=\"idle\"", NULL},
    {NULL, COUNTER, U64, GONE(DSQL_GONE_EXPIRED), false, "reason=\"expired\"", NULL},
    {NULL, COUNTER, U64, GONE(DSQL_GONE_SURPLUS), false, "reason=\"surplus\"", NULL},
    {NULL, COUNTER, U64, GONE(DSQL_GONE_LOST), false, "reason=\"lost\"", NULL},
    {NULL, COUNTER, U64, GONE(DSQL_GONE_DIRTY), false, "reason=\"dirty\"", NULL},
    {NULL, COUNTER, U64, GONE(DSQL_GONE_REFUSED), false, "reason=\"refused\"", NULL},
    {NULL, COUNTER, U64, GONE(DSQL_GONE_CLOSED), false, "reason=\"closed\"", NULL},
    {"dsql_transaction_commits_total", COUNTER, U64, POOL(commits), false, NULL, "Transactions committed."},
    {"dsql_transaction_attempts_total", COUNTER, U64, POOL(attempts), false, NULL, "Attempts of transactions."},
    {"dsql_transaction_retries_total", COUNTER, U64, POOL(retries), false, NULL, "Attempts that were made again."},
    {"dsql_transaction_conflicts_total", COUNTER, U64, POOL(conflicts_data), false, "kind=\"data\"",
     "Attempts that failed by a conflict, by kind."},
    {NULL, COUNTER, U64, POOL(conflicts_schema), false, "kind=\"schema\"", NULL},
    {"dsql_transaction_in_doubt_total", COUNTER, U64, POOL(in_doubt), false, NULL,
     "Transactions that may have been committed or not."},
    {"dsql_transaction_flights_total", COUNTER, U64, POOL(flights), false, NULL, "Round trips of transactions."},
    {"dsql_token_hits_total", COUNTER, U64, TOKEN(hits), false, NULL, "Connects that had a token at once."},
    {"dsql_token_waits_total", COUNTER, U64, TOKEN(waits), false, NULL, "Connects that waited for a token."},
    {"dsql_token_signings_total", COUNTER, U64, TOKEN(signings), false, NULL, "Tokens signed."},
    {"dsql_token_failures_total", COUNTER, U64, TOKEN(failures), false, NULL, "Attempts that gave no token."},
    {"dsql_token_credential_fetches_total", COUNTER, U64, TOKEN(credential_fetches), false, NULL,
     "AWS credentials fetched."},
    {"dsql_token_credential_failures_total", COUNTER, U64, TOKEN(credential_failures), false, NULL,
     "AWS credentials that could not be fetched."},
    {"dsql_token_age_seconds", GAUGE, I64, TOKEN(age_s), true, NULL, "Age of the token."},
    {"dsql_token_expires_in_seconds", GAUGE, I64, TOKEN(expires_in_s), true, NULL, "What is left of the token's life."},
};
/* clang-format on */

/* ---- families and samples ---- */

static void family(struct out *o, const char *name, enum type type, const char *help) {
  static const char *const words[] = {"gauge", "counter", "histogram"};
  put(o, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, words[type]);
}

/* {name="value",more} without its closing brace; a value has its backslashes, quotes and line ends escaped. */
static void labels(struct out *o, const char *pool, const char *more) {
  put(o, "{");
  if (pool) put(o, "db_client_connection_pool_name=\"");
  for (const char *p = pool ? pool : ""; *p; p++) {
    if (*p == '\n')
      put(o, "\\n");
    else
      put(o, *p == '\\' || *p == '"' ? "\\%c" : "%c", *p);
  }
  if (pool) put(o, "\"");
  if (more) put(o, "%s%s", pool ? "," : "", more);
}

/* Without "%f", whose point is the locale's. */
static void seconds(struct out *o, const char *before, uint64_t us, const char *behind) {
  put(o, "%s%llu.%06llu%s", before, (unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000), behind);
}

/* Bucket i has what is below 2^i microseconds. */
static void histogram(struct out *o, const char *name, const char *pool, const char *more, const dsql_histogram *h) {
  uint64_t below = 0;

  for (unsigned i = 0; i < DSQL_HISTOGRAM_BUCKETS; i++) {
    below += h->buckets[i];
    put(o, "%s_bucket", name);
    labels(o, pool, more);
    if (i + 1 < DSQL_HISTOGRAM_BUCKETS)
      seconds(o, ",le=\"", UINT64_C(1) << i, "\"} ");
    else
      put(o, ",le=\"+Inf\"} ");
    put(o, "%llu\n", (unsigned long long)below);
  }
  put(o, "%s_sum", name);
  labels(o, pool, more);
  seconds(o, "} ", h->sum_us, "\n");
  put(o, "%s_count", name);
  labels(o, pool, more);
  put(o, "} %llu\n", (unsigned long long)below);
}

static bool is_told(const struct metric *m, const struct facts *f) {
  return !m->of_token || f->tokens.expires_in_s >= 0;
}

static void sample(struct out *o, const char *name, const struct metric *m, const char *pool, const struct facts *f) {
  const char *at = (const char *)f + m->at;
  uint32_t u32;
  uint64_t u64;

  if (m->value == TIMES) {
    histogram(o, name, pool, m->label, (const dsql_histogram *)(const void *)at);
    return;
  }
  memcpy(&u64, at, sizeof u64);
  memcpy(&u32, at, sizeof u32);
  if (m->value == U32) u64 = u32;
  put(o, "%s", name);
  labels(o, pool, m->label);
  put(o, m->value == I64 ? "} %lld\n" : "} %llu\n", (unsigned long long)u64);
}

static void read_facts(const dsql_pool *p, struct facts *f) {
  dsql_pool_stats_get(p, &f->pool, sizeof f->pool);
  dsql_token_stats_get(pool_target(p), &f->tokens, sizeof f->tokens);
  f->used = (uint64_t)f->pool.in_use + f->pool.returning;
}

/* ---- what is observed ---- */

static void observed(struct out *o, const dsql_rt *rt) {
  static const char *const kinds[] = {"connect", "acquire", "query", "attempt"};
  dsql_observe_stats s;
  char label[40];

  dsql_observe_stats_get(rt, &s, sizeof s);
  family(o, "db_client_operation_duration_seconds", HISTOGRAM, "Calls, failed ones included.");
  histogram(o, "db_client_operation_duration_seconds", NULL, "db_system_name=\"postgresql\"", &s.time[DSQL_SPAN_QUERY]);
  family(o, "dsql_spans_total", COUNTER, "Spans started, by kind.");
  for (unsigned i = 0; i < DSQL_SPAN_KINDS; i++) {
    (void)snprintf(label, sizeof label, "kind=\"%s\"", kinds[i]);
    put(o, "dsql_spans_total{%s} %llu\n", label, (unsigned long long)s.started[i]);
  }
  family(o, "dsql_span_failures_total", COUNTER, "Spans that ended with an error, by kind.");
  for (unsigned i = 0; i < DSQL_SPAN_KINDS; i++)
    put(o, "dsql_span_failures_total{kind=\"%s\"} %llu\n", kinds[i], (unsigned long long)s.failed[i]);
  family(o, "dsql_spans_lost_total", COUNTER, "Spans for which there was no memory.");
  put(o, "dsql_spans_lost_total %llu\n", (unsigned long long)s.lost);
  family(o, "dsql_slow_queries_total", COUNTER, "Calls that took slow_query_ms or longer.");
  put(o, "dsql_slow_queries_total %llu\n", (unsigned long long)s.slow);
  family(o, "dsql_slow_queries_unlogged_total", COUNTER, "Of these, without a line in the log.");
  put(o, "dsql_slow_queries_unlogged_total %llu\n", (unsigned long long)s.slow_suppressed);
}

/* A family stands together, so the pools take turns. */
static void pools_of_family(struct out *o, const dsql_metrics_pool *pools, size_t n, const struct metric *m,
                            size_t samples) {
  struct facts f = {0};
  bool begun = false;

  for (size_t k = 0; k < n; k++) {
    read_facts(pools[k].pool, &f);
    if (!is_told(m, &f)) continue;
    if (!begun) family(o, m->name, m->type, m->help);
    begun = true;
    for (size_t i = 0; i < samples; i++) sample(o, m->name, &m[i], pools[k].name, &f);
  }
}

static bool are_named(const dsql_metrics_pool *pools, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (!pools[i].name || !pools[i].pool) return false;
    for (size_t k = 0; k < i; k++)
      if (strcmp(pools[i].name, pools[k].name) == 0) return false;
  }
  return true;
}

int dsql_metrics_write(const dsql_rt *rt, const dsql_metrics_pool *pools, size_t n, char *out, size_t cap,
                       size_t *len) {
  struct out o = {out, out ? cap : 0, 0};
  size_t count = sizeof metrics / sizeof *metrics;

  if (!len || (n && !pools) || !are_named(pools, n)) return DSQL_EINVAL;
  for (size_t i = 0, end; i < count; i = end) {
    for (end = i + 1; end < count && !metrics[end].name;) end++;
    pools_of_family(&o, pools, n, &metrics[i], end - i);
  }
  if (rt && rt_observer(rt)) observed(&o, rt);
  if (o.len == 0 && o.cap) *out = '\0';
  *len = o.len;
  return o.len < o.cap ? 0 : DSQL_ETOOBIG;
}
