/* plot_phases.c - what the mean connection spends its time on: a bar per variant, its phases one behind the other. Means
 * are shown because means add up. */
#include <stdio.h>

#include "bench/svg.h"

enum { LEFT = 8, RIGHT = 76, BAR = 28, ROW = 58, LEGEND_ROW = 20, FOOT = 44, SWATCH = 11 };

static double mean_ms(const struct variant *v, size_t phase) { return histogram_mean(&v->phases[phase]) / 1e6; }

static double sum_ms(const struct variant *v) {
  double sum = 0;
  for (size_t k = 0; k < BENCH_PHASES; k++) sum += mean_ms(v, k);
  return sum;
}

static bool shown(const struct report *r, size_t phase) {
  for (size_t i = 0; i < r->variants_n; i++)
    if (r->variants[i].phases[phase].sum) return true;
  return false;
}

/* Returns its height; o NULL: only that. */
static double put_legend(struct out *o, const struct report *r) {
  double x = LEFT, y = 14;

  for (size_t k = 0; k < BENCH_PHASES; k++) {
    const char *label = bench_phase_names[k].label;
    double width = SWATCH + 22 + svg_text_width(label);
    if (!shown(r, k)) continue;
    if (x + width > PLOT_WIDTH) {
      x = LEFT;
      y += LEGEND_ROW;
    }
    if (o)
      out_printf(o, "<rect class=\"p%zu\" x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\"/>\n", k, x, y - 10, SWATCH,
                 SWATCH);
    if (o) svg_text(o, "tick", "start", x + SWATCH + 5, y, label);
    x += width;
  }
  return y + 8;
}

static void put_bar(struct out *o, const struct variant *v, const struct scale *x, double top) {
  double at = 0, left, right;
  char text[64], ms[24];

  svg_text(o, "name", "start", LEFT, top - 6, v->name);
  for (size_t k = 0; k < BENCH_PHASES; k++) {
    double mean = mean_ms(v, k);
    if (mean <= 0) continue;
    left = scale_at(x, at);
    right = scale_at(x, at += mean);
    report_ms(ms, sizeof ms, mean * 1e6);
    out_printf(
        o, "<rect class=\"p%zu\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%d\"><title>%s: %s ms</title></rect>\n",
        k, left, top, right - left, BAR, bench_phase_names[k].label, ms);
    (void)snprintf(text, sizeof text, "%s", ms);
    if (svg_text_width(text) + 6 < right - left)
      svg_text(o, "inside", "middle", (left + right) / 2, top + BAR / 2.0 + 4, text);
  }
  report_ms(ms, sizeof ms, at * 1e6);
  (void)snprintf(text, sizeof text, "%s ms", ms);
  svg_text(o, "name", "start", scale_at(x, at) + 6, top + BAR / 2.0 + 4, text);
}

void plot_phases(struct out *o, const struct report *r) {
  struct scale x = {.from = LEFT, .to = PLOT_WIDTH - RIGHT};
  double top, bottom;

  for (size_t i = 0; i < r->variants_n; i++)
    if (sum_ms(&r->variants[i]) > x.max) x.max = sum_ms(&r->variants[i]);
  if (x.max <= 0) x.max = 1;
  svg_begin(o, put_legend(NULL, r) + (double)(ROW * r->variants_n) + FOOT, "Mean time of each phase, stacked");
  top = put_legend(o, r);
  bottom = top + (double)(ROW * r->variants_n);
  svg_axis_x(o, &x, bottom, top, "ms, mean");
  for (size_t i = 0; i < r->variants_n; i++) put_bar(o, &r->variants[i], &x, top + (double)(ROW * i) + ROW - BAR - 6);
  svg_end(o);
}
