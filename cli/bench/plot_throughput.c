/* plot_throughput.c - how many per second over the run, and when some failed: a panel per variant on the same axes. */
#include <stdio.h>

#include "bench/svg.h"

enum { BINS = 76, LEFT = 52, RIGHT = 8, PANEL = 84, HEAD = 22, FOOT = 44, PER_BIN = 8 };

struct series {
  size_t n;
  double per_s[BINS], failed_per_s[BINS], from_s[BINS], to_s[BINS];
};

/* So wide that a bin has some eight of them: narrower ones would show chance, not the endpoint. */
static size_t bins_for(const struct report *r) {
  uint64_t done = report_done(r) / r->variants_n / PER_BIN;
  return done < 4 ? 4 : done < BINS ? (size_t)done : BINS;
}

static void fill(struct series *s, const struct report *r, const struct variant *v) {
  struct timeline_bin bins[BINS];
  uint64_t width_ns;
  double elapsed_s = (double)r->elapsed_ns / 1e9;

  s->n = timeline_resample(&v->timeline, r->elapsed_ns, bins_for(r), bins, &width_ns);
  for (size_t i = 0; i < s->n; i++) {
    double from = (double)(i * width_ns) / 1e9, to = (double)((i + 1) * width_ns) / 1e9;
    if (to > elapsed_s) to = elapsed_s;
    /* What is left of the last bin is too short to tell a rate. */
    if (i > 0 && to - from < 0.3 * (double)width_ns / 1e9) {
      s->n = i;
      return;
    }
    s->from_s[i] = from;
    s->to_s[i] = to;
    s->per_s[i] = to > from ? (double)bins[i].done / (to - from) : 0;
    s->failed_per_s[i] = to > from ? (double)bins[i].failed / (to - from) : 0;
  }
}

static double most_of(const struct report *r) {
  struct series s;
  double most = 0;

  for (size_t i = 0; i < r->variants_n; i++) {
    fill(&s, r, &r->variants[i]);
    for (size_t k = 0; k < s.n; k++) {
      if (s.per_s[k] > most) most = s.per_s[k];
      if (s.failed_per_s[k] > most) most = s.failed_per_s[k];
    }
  }
  return scale_round_top(most);
}

static void put_failed(struct out *o, const struct series *s, const struct scale *x, const struct scale *y) {
  for (size_t k = 0; k < s->n; k++) {
    double left = scale_at(x, s->from_s[k]), top = scale_at(y, s->failed_per_s[k]);
    if (s->failed_per_s[k] <= 0) continue;
    out_printf(o, "<rect class=\"failed\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", left, top,
               scale_at(x, s->to_s[k]) - left, y->from - top);
  }
}

static void put_panel(struct out *o, const struct report *r, size_t i, const struct scale *x, double most) {
  const struct variant *v = &r->variants[i];
  double bottom = (double)(PANEL * (i + 1));
  struct scale y = {.max = most, .from = bottom, .to = bottom - PANEL + HEAD + 6};
  struct series s;
  char text[96];

  fill(&s, r, v);
  (void)snprintf(text, sizeof text, "%.*f per second%s", report_per_s(r, v) < 100 ? 1 : 0, report_per_s(r, v),
                 v->failures.total ? ", failures in red" : "");
  svg_text(o, "name", "start", LEFT, y.to - 8, v->name);
  svg_text(o, "tick", "end", x->to, y.to - 8, text);
  (void)snprintf(text, sizeof text, "%g", most);
  svg_text(o, "tick", "end", LEFT - 5, y.to + 6, text);
  svg_text(o, "tick", "end", LEFT - 5, bottom, "0");
  svg_line(o, "grid", LEFT, y.to, x->to, y.to);
  svg_line(o, "axis", LEFT, bottom, x->to, bottom);
  out_printf(o, "<path class=\"step s%zu\" d=\"", i);
  for (size_t k = 0; k < s.n; k++)
    out_printf(o, "%s%.1f %.1fH%.1f", k ? "L" : "M", scale_at(x, s.from_s[k]), scale_at(&y, s.per_s[k]),
               scale_at(x, s.to_s[k]));
  out_string(o, "\"/>\n");
  put_failed(o, &s, x, &y);
}

void plot_throughput(struct out *o, const struct report *r) {
  struct scale x = {.max = r->elapsed_ns ? (double)r->elapsed_ns / 1e9 : 1, .from = LEFT, .to = PLOT_WIDTH - RIGHT};
  double height = (double)(PANEL * r->variants_n), most = most_of(r);

  svg_begin(o, height + FOOT, "Throughput of each variant over time");
  svg_axis_x(o, &x, height, HEAD, "seconds since the begin of the run");
  for (size_t i = 0; i < r->variants_n; i++) put_panel(o, r, i, &x, most);
  svg_end(o);
}
