/* report_json.c - the report for programs: one object on one line (RFC 8259). Times are microseconds. */
#include <string.h>

#include "bench/report.h"
#include "json.h"

static void put_key(struct out *o, const char *key) { out_printf(o, "\"%s\":", key); }
static void put_string(struct out *o, const char *s) { json_string(o, (dsql_str){s, strlen(s)}); }

static void put_percentiles(struct out *o, const struct histogram *h) {
  static const struct {
    const char *key;
    double per_cent;
  } at[] = {{"p50_us", 50}, {"p90_us", 90}, {"p99_us", 99}, {"p99_9_us", 99.9}};

  out_printf(o, "\"count\":%llu,\"mean_us\":%.3f,\"min_us\":%.3f", (unsigned long long)h->count,
             histogram_mean(h) / 1e3, (double)h->min / 1e3);
  for (size_t i = 0; i < sizeof at / sizeof *at; i++)
    out_printf(o, ",\"%s\":%.3f", at[i].key, (double)histogram_percentile(h, at[i].per_cent) / 1e3);
  out_printf(o, ",\"max_us\":%.3f", (double)h->max / 1e3);
}

/* [[least value in microseconds, count], ...] of the buckets that have any. */
static void put_total(struct out *o, const struct histogram *h) {
  bool first = true;

  out_char(o, '{');
  put_percentiles(o, h);
  out_string(o, ",\"histogram\":[");
  for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
    if (!h->buckets[i]) continue;
    out_printf(o, "%s[%.3f,%llu]", first ? "" : ",", (double)histogram_floor(i) / 1e3,
               (unsigned long long)h->buckets[i]);
    first = false;
  }
  out_string(o, "]}");
}

static void put_phases(struct out *o, const struct variant *v) {
  out_printf(o, "\"round_trips\":{\"mean\":%.3f,\"min\":%llu,\"max\":%llu},\"first_connection_us\":%.3f,\"phases\":{",
             v->total.count ? (double)v->round_trips_sum / (double)v->total.count : 0,
             (unsigned long long)v->round_trips_min, (unsigned long long)v->round_trips_max, (double)v->first_ns / 1e3);
  for (size_t k = 0; k < BENCH_PHASES; k++) {
    out_printf(o, "%s\"%s\":{", k ? "," : "", bench_phase_names[k].key);
    put_percentiles(o, &v->phases[k]);
    out_char(o, '}');
  }
  out_string(o, "},");
}

static void put_throughput(struct out *o, const struct report *r, const struct variant *v) {
  struct timeline_bin bins[120];
  uint64_t width_ns;
  size_t n = timeline_resample(&v->timeline, r->elapsed_ns, 120, bins, &width_ns);

  out_printf(o, "\"throughput\":{\"interval_us\":%.3f,\"done\":[", (double)width_ns / 1e3);
  for (size_t i = 0; i < n; i++) out_printf(o, "%s%llu", i ? "," : "", (unsigned long long)bins[i].done);
  out_string(o, "],\"failed\":[");
  for (size_t i = 0; i < n; i++) out_printf(o, "%s%llu", i ? "," : "", (unsigned long long)bins[i].failed);
  out_string(o, "]},");
}

static void put_errors(struct out *o, const struct failures *f) {
  put_key(o, "errors");
  out_char(o, '[');
  for (size_t k = 0; k < f->kinds; k++) {
    out_string(o, k ? ",{\"sqlstate\":" : "{\"sqlstate\":");
    put_string(o, f->kind[k].key);
    out_printf(o, ",\"count\":%llu,\"message\":", (unsigned long long)f->kind[k].count);
    put_string(o, f->kind[k].text);
    out_char(o, '}');
  }
  out_char(o, ']');
}

static void put_variant(struct out *o, const struct report *r, const struct variant *v) {
  out_string(o, "{\"name\":");
  put_string(o, v->name);
  out_printf(o, ",\"done\":%llu,\"failed\":%llu,\"per_s\":%.3f,", (unsigned long long)v->total.count,
             (unsigned long long)v->failures.total, report_per_s(r, v));
  for (size_t k = 0; k < r->counters_n; k++)
    out_printf(o, "\"%s\":%llu,", r->counters[k].key, (unsigned long long)v->counters[k]);
  put_key(o, "total");
  put_total(o, &v->total);
  out_char(o, ',');
  if (r->phases) put_phases(o, v);
  put_throughput(o, r, v);
  put_errors(o, &v->failures);
  out_char(o, '}');
}

void report_json(struct out *o, const struct report *r) {
  char when[32] = "";
  struct tm utc;

  if (gmtime_r(&r->started_s, &utc)) (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
  out_printf(o, "{\"bench\":\"%s\",\"version\":\"%s\",\"started\":\"%s\",\"elapsed_s\":%.3f,\"interrupted\":%s",
             r->work, dsql_version(), when, (double)r->elapsed_ns / 1e9, r->interrupted ? "true" : "false");
  for (size_t i = 0; i < r->facts_n; i++) {
    out_char(o, ',');
    put_key(o, r->facts[i].key);
    put_string(o, r->facts[i].text);
  }
  out_string(o, ",\"notes\":[");
  for (size_t i = 0; i < r->notes_n; i++) {
    if (i) out_char(o, ',');
    put_string(o, r->notes[i]);
  }
  out_string(o, "],\"variants\":[");
  for (size_t i = 0; i < r->variants_n; i++) {
    if (i) out_char(o, ',');
    put_variant(o, r, &r->variants[i]);
  }
  out_string(o, "]}\n");
}
