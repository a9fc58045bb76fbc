/* figures.c - the rows of the tables, for people: the same in the terminal and on the page. */
#include <stdio.h>

#include "bench/report.h"

struct percentile {
  const char *label;
  double per_cent;
};
static const struct percentile percentiles[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99.9", 99.9}, {"max", 100}};
enum { PERCENTILES = sizeof percentiles / sizeof *percentiles };

void figure_text(char *out, size_t size, enum figure_kind kind, double value) {
  switch (kind) {
    case FIGURE_COUNT: (void)snprintf(out, size, "%.0f", value); return;
    case FIGURE_MS:
      if (value > 0)
        report_ms(out, size, value);
      else
        (void)snprintf(out, size, "-");
      return;
    case FIGURE_PER_S: (void)snprintf(out, size, "%.*f", value < 99.95 ? 1 : 0, value); return;
    case FIGURE_TRIPS: (void)snprintf(out, size, "%.*f", value == (double)(unsigned)value ? 0 : 2, value); return;
    case FIGURE_PER_CENT: (void)snprintf(out, size, "%.1f %%", value); return;
  }
}

struct rows {
  const struct report *report;
  struct figure *out;
  size_t n;
};

static struct figure *add(struct rows *r, const char *section, const char *label, enum figure_kind kind, bool ratio) {
  struct figure *f = &r->out[r->n++];
  *f = (struct figure){.section = section, .label = label, .kind = kind, .ratio = ratio};
  return f;
}

static double round_trips(const struct variant *v) {
  return v->total.count ? (double)v->round_trips_sum / (double)v->total.count : 0;
}

static void add_head(struct rows *r) {
  const struct report *p = r->report;
  struct figure *done = add(r, NULL, p->units, FIGURE_COUNT, false);
  struct figure *per_s = add(r, NULL, "per second", FIGURE_PER_S, false);
  struct figure *failed = add(r, NULL, "failed", FIGURE_COUNT, false);
  struct figure *trips = p->phases ? add(r, NULL, "round trips", FIGURE_TRIPS, true) : NULL;
  struct figure *first = p->phases ? add(r, NULL, "first connection of all, ms", FIGURE_MS, false) : NULL;

  for (size_t i = 0; i < p->variants_n; i++) {
    const struct variant *v = &p->variants[i];
    done->values[i] = (double)v->total.count;
    per_s->values[i] = report_per_s(p, v);
    failed->values[i] = (double)v->failures.total;
    if (trips) trips->values[i] = round_trips(v);
    if (first) first->values[i] = (double)v->first_ns;
  }
  for (size_t k = 0; k < p->counters_n; k++) {
    struct figure *f = add(r, NULL, p->counters[k].label, FIGURE_COUNT, false);
    for (size_t i = 0; i < p->variants_n; i++) f->values[i] = (double)p->variants[i].counters[k];
  }
}

static void add_latency(struct rows *r, const char *section) {
  const struct report *p = r->report;
  struct figure *mean = add(r, section, "mean", FIGURE_MS, true), *f;

  for (size_t i = 0; i < p->variants_n; i++) mean->values[i] = histogram_mean(&p->variants[i].total);
  for (size_t k = 0; k < PERCENTILES; k++) {
    f = add(r, section, percentiles[k].label, FIGURE_MS, true);
    for (size_t i = 0; i < p->variants_n; i++)
      f->values[i] = (double)histogram_percentile(&p->variants[i].total, percentiles[k].per_cent);
  }
}

static bool phase_seen(const struct report *p, size_t phase) {
  for (size_t i = 0; i < p->variants_n; i++)
    if (p->variants[i].phases[phase].sum) return true;
  return false;
}

static void add_phases(struct rows *r, const char *section, double per_cent) {
  const struct report *p = r->report;
  struct figure *sum, *f;

  for (size_t k = 0; k < BENCH_PHASES; k++) {
    if (!phase_seen(p, k)) continue;
    f = add(r, section, bench_phase_names[k].label, FIGURE_MS, false);
    for (size_t i = 0; i < p->variants_n; i++) {
      const struct histogram *h = &p->variants[i].phases[k];
      f->values[i] = per_cent > 0 ? (double)histogram_percentile(h, per_cent) : histogram_mean(h);
    }
  }
  if (per_cent > 0) return; /* percentiles do not add up */
  sum = add(r, section, "sum", FIGURE_MS, true);
  f = add(r, section, "of the total", FIGURE_PER_CENT, false);
  for (size_t i = 0; i < p->variants_n; i++) {
    double mean = histogram_mean(&p->variants[i].total);
    for (size_t k = 0; k < BENCH_PHASES; k++) sum->values[i] += histogram_mean(&p->variants[i].phases[k]);
    f->values[i] = mean > 0 ? 100 * sum->values[i] / mean : 0;
  }
}

size_t figures_of(const struct report *report, struct figure out[FIGURES_MAX]) {
  struct rows r = {report, out, 0};

  add_head(&r);
  add_latency(&r, report->phases ? "until the first row, ms" : "latency, ms");
  if (report->phases) add_phases(&r, "mean of each phase, ms", 0);
  if (report->phases) add_phases(&r, "p99 of each phase, ms", 99);
  return r.n;
}
