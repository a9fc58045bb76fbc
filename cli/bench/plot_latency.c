/* plot_latency.c - how the latencies are distributed: a panel per variant, one above the other on the same axes, so that
 * a shift is seen at once. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/svg.h"

enum { BINS_MAX = 96, LEFT = 52, RIGHT = 8, PANEL = 92, HEAD = 22, FOOT = 44 };

struct bins {
  size_t n;
  double share[BINS_MAX]; /* per cent of the variant's */
};

/* No narrower than two of the histogram's own buckets, or there would be gaps; and wider for few values, of which narrow
 * bins would show single ones. */
static size_t bins_of(const struct scale *s, uint64_t count) {
  size_t n = (size_t)(log(s->max / s->min) / log(1.0 + 2.0 / (1 << HISTOGRAM_SUB_BITS)));
  size_t enough = 16 + (size_t)(2 * sqrt((double)count));

  if (n > enough) n = enough;
  return n < 1 ? 1 : n < BINS_MAX ? n : BINS_MAX;
}

/* A bucket goes to the bins that it overlaps, in proportion. */
static void spread(struct bins *b, double from, double to, double share) {
  double width = to - from;

  for (size_t i = from > 0 ? (size_t)from : 0; i < b->n && (double)i < to; i++) {
    double low = from > (double)i ? from : (double)i, high = to < (double)i + 1 ? to : (double)i + 1;
    if (high > low) b->share[i] += share * (high - low) / width;
  }
}

static void fill(struct bins *b, const struct scale *s, size_t n, const struct histogram *h) {
  struct scale to_bins = *s;

  memset(b, 0, sizeof *b);
  b->n = n;
  to_bins.from = 0;
  to_bins.to = (double)b->n;
  for (size_t i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
    double low = (double)histogram_floor(i), high = (double)histogram_floor(i + 1);
    if (!h->buckets[i] || i == 0) continue;
    /* What the bucket has lies between the extremes, which are known exactly. */
    if (low < (double)h->min) low = (double)h->min;
    if (high > (double)h->max) high = (double)h->max;
    if (high <= low) high = low * 1.0001;
    spread(b, scale_at(&to_bins, low / 1e6), scale_at(&to_bins, high / 1e6),
           100.0 * (double)h->buckets[i] / (double)h->count);
  }
}

static void put_area(struct out *o, size_t variant, const struct bins *b, const struct scale *x, double bottom,
                     double pixels_per_cent) {
  double width = (x->to - x->from) / (double)b->n;

  out_printf(o, "<path class=\"area s%zu\" d=\"M%.1f %.1f", variant, x->from, bottom);
  for (size_t i = 0; i < b->n; i++)
    out_printf(o, "V%.1fH%.1f", bottom - b->share[i] * pixels_per_cent, x->from + width * (double)(i + 1));
  out_printf(o, "V%.1fZ\"/>\n", bottom);
}

/* Where the percentiles are; a name that would lie on its neighbour's is left out. */
static void put_marks(struct out *o, size_t variant, const struct histogram *h, const struct scale *x, double top,
                      double bottom) {
  static const struct {
    const char *name;
    double per_cent;
  } marks[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99.9", 99.9}};
  double last = -100;
  char class[24];

  (void)snprintf(class, sizeof class, "mark s%zu", variant);
  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
    double at = scale_at(x, (double)histogram_percentile(h, marks[i].per_cent) / 1e6);
    if (marks[i].per_cent > 99 && h->count < 1000) continue;
    svg_line(o, class, at, top, at, bottom);
    if (at - last < 30) continue;
    svg_text(o, "tick", "middle", at, top - 3, marks[i].name);
    last = at;
  }
}

static void put_summary(struct out *o, const struct variant *v, double y) {
  char text[192], p50[24], p99[24], max[24];

  report_ms(p50, sizeof p50, (double)histogram_percentile(&v->total, 50));
  report_ms(p99, sizeof p99, (double)histogram_percentile(&v->total, 99));
  report_ms(max, sizeof max, (double)v->total.max);
  (void)snprintf(text, sizeof text, "p50 %s   p99 %s   max %s ms   n = %llu", p50, p99, max,
                 (unsigned long long)v->total.count);
  svg_text(o, "name", "start", LEFT, y, v->name);
  svg_text(o, "tick", "end", PLOT_WIDTH - RIGHT, y, text);
}

static void put_panel(struct out *o, const struct report *r, size_t i, const struct scale *x, size_t bins,
                      double most) {
  double bottom = (double)(PANEL * (i + 1)), top = bottom - PANEL + 2 * HEAD - 6;
  const struct variant *v = &r->variants[i];
  struct bins b;
  char text[24];

  put_summary(o, v, bottom - PANEL + HEAD - 6);
  (void)snprintf(text, sizeof text, "%.3g %%", most);
  svg_text(o, "tick", "end", LEFT - 5, top + 8, text);
  svg_text(o, "tick", "end", LEFT - 5, bottom, "0");
  svg_line(o, "axis", LEFT, bottom, x->to, bottom);
  svg_line(o, "grid", LEFT, top, x->to, top);
  if (v->total.count == 0) return;
  fill(&b, x, bins, &v->total);
  put_area(o, i, &b, x, bottom, (bottom - top) / most);
  put_marks(o, i, &v->total, x, top, bottom);
}

static double most_of(const struct report *r, const struct scale *x, size_t bins) {
  struct bins b;
  double most = 0;

  for (size_t i = 0; i < r->variants_n; i++) {
    if (r->variants[i].total.count == 0) continue;
    fill(&b, x, bins, &r->variants[i].total);
    for (size_t k = 0; k < b.n; k++)
      if (b.share[k] > most) most = b.share[k];
  }
  return most > 0 ? most : 1;
}

void plot_latency(struct out *o, const struct report *r) {
  struct scale x = {.from = LEFT, .to = PLOT_WIDTH - RIGHT};
  double height = (double)(PANEL * r->variants_n), most;
  size_t bins;

  scale_of_latency(&x, r);
  bins = bins_of(&x, report_done(r) / r->variants_n); /* the same for all: their shares are compared */
  most = most_of(r, &x, bins);
  svg_begin(o, height + FOOT, "Histogram of the latencies of each variant");
  svg_axis_x(o, &x, height, HEAD, r->phases ? "ms until the first row, log scale" : "latency in ms, log scale");
  for (size_t i = 0; i < r->variants_n; i++) put_panel(o, r, i, &x, bins, most);
  svg_end(o);
}
