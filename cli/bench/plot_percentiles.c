/* plot_percentiles.c - latency by percentile, with the last per cents drawn as wide as the first ninety: the tail is what
 * users wait for. */
#include <math.h>
#include <stdio.h>

#include "bench/svg.h"

enum { LEFT = 52, RIGHT = 196, TOP = 28, HEIGHT = 220, FOOT = 44, STEPS = 240, NAME_HEIGHT = 15 };

/* The horizontal place of a percentile: the nines in front. 0, 50, 90, 99 are 0, 0.3, 1, 2. */
static double nines(double per_cent) { return -log10(1 - per_cent / 100); }

static double most_nines(const struct report *r) {
  uint64_t most = 10;

  for (size_t i = 0; i < r->variants_n; i++)
    if (r->variants[i].total.count > most) most = r->variants[i].total.count;
  return log10((double)most) < 5 ? log10((double)most) : 5;
}

static void put_axes(struct out *o, const struct scale *x, const struct scale *y) {
  static const double marks[] = {0, 50, 75, 90, 95, 99, 99.9, 99.99, 99.999};
  double ticks[TICKS_MAX];
  size_t n = scale_ticks(y, ticks);
  char text[24];

  for (size_t i = 0; i < n; i++) {
    double at = scale_at(y, ticks[i]);
    svg_line(o, "grid", x->from, at, x->to, at);
    (void)snprintf(text, sizeof text, "%g", ticks[i]);
    svg_text(o, "tick", "end", x->from - 6, at + 4, text);
  }
  svg_text(o, "label", "start", 0, 10, "ms, log scale");
  svg_line(o, "axis", x->from, y->from, x->to, y->from);
  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
    double at = nines(marks[i]);
    if (at > x->max) break;
    at = scale_at(x, at);
    svg_line(o, "grid", at, y->to, at, y->from);
    svg_line(o, "axis", at, y->from, at, y->from + 4);
    (void)snprintf(text, sizeof text, "%g", marks[i]);
    svg_text(o, "tick", "middle", at, y->from + 16, text);
  }
  svg_text(o, "label", "end", x->to, y->from + 34, "per cent of all that were at least as fast");
}

/* Returns where it ends. */
static double put_curve(struct out *o, size_t variant, const struct histogram *h, const struct scale *x,
                        const struct scale *y) {
  double end = log10((double)h->count) < x->max ? log10((double)h->count) : x->max, last = 0;

  out_printf(o, "<path class=\"curve s%zu\" d=\"", variant);
  for (size_t i = 0; i <= STEPS; i++) {
    double at = end * (double)i / STEPS, per_cent = 100 * (1 - pow(10, -at));
    uint64_t ns = i == 0 ? h->min : histogram_percentile(h, per_cent);
    last = scale_at(y, (double)ns / 1e6);
    out_printf(o, "%c%.1f %.1f", i ? 'L' : 'M', scale_at(x, at), last);
  }
  out_string(o, "\"/>\n");
  return last;
}

/* Names stand beside the ends of their curves; those that would overlap are moved apart, in the order of the ends. */
static void put_names(struct out *o, const struct report *r, double ends[VARIANTS_MAX], double x) {
  bool put[VARIANTS_MAX] = {false};
  double last = -1000;

  for (size_t round = 0; round < r->variants_n; round++) {
    size_t next = VARIANTS_MAX;
    char class[24];
    for (size_t i = 0; i < r->variants_n; i++)
      if (!put[i] && r->variants[i].total.count && (next == VARIANTS_MAX || ends[i] < ends[next])) next = i;
    if (next == VARIANTS_MAX) return;
    put[next] = true;
    last = ends[next] > last + NAME_HEIGHT ? ends[next] : last + NAME_HEIGHT;
    (void)snprintf(class, sizeof class, "name t%zu", next);
    svg_text(o, class, "start", x, last + 4, r->variants[next].name);
  }
}

void plot_percentiles(struct out *o, const struct report *r) {
  struct scale x = {.max = most_nines(r), .from = LEFT, .to = PLOT_WIDTH - RIGHT};
  struct scale y = {.from = TOP + HEIGHT, .to = TOP};
  double ends[VARIANTS_MAX] = {0};

  scale_of_latency(&y, r);
  svg_begin(o, TOP + HEIGHT + FOOT, "Latency of each variant by percentile");
  put_axes(o, &x, &y);
  for (size_t i = 0; i < r->variants_n; i++)
    if (r->variants[i].total.count) ends[i] = put_curve(o, i, &r->variants[i].total, &x, &y);
  put_names(o, r, ends, x.to + 8);
  svg_end(o);
}
