#include "bench/svg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double scale_at(const struct scale *s, double value) {
  double part = s->log ? log(value / s->min) / log(s->max / s->min) : (value - s->min) / (s->max - s->min);
  return s->from + part * (s->to - s->from);
}

static double round_up(double v, const double *steps, size_t n) {
  double power;

  if (v <= 0) return 1;
  power = pow(10, floor(log10(v)));
  for (size_t i = 0; i < n; i++)
    if (steps[i] * power >= v * (1 - 1e-9)) return steps[i] * power;
  return 10 * power;
}

double scale_round_step(double v) {
  static const double steps[] = {1, 2, 2.5, 5};
  return round_up(v, steps, sizeof steps / sizeof *steps);
}

double scale_round_top(double v) {
  static const double steps[] = {1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8};
  return round_up(v, steps, sizeof steps / sizeof *steps);
}

static size_t even_ticks(const struct scale *s, double out[TICKS_MAX]) {
  double step = scale_round_step((s->max - s->min) / 7);
  size_t n = 0;

  for (double k = ceil(s->min / step - 1e-9) + 0.0; /* + 0.0: no -0 */ k * step <= s->max * (1 + 1e-9) && n < TICKS_MAX;
       k++)
    out[n++] = k * step;
  return n;
}

static size_t decade_ticks(const struct scale *s, const double *steps, size_t steps_n, double out[TICKS_MAX]) {
  int first = (int)floor(log10(s->min)), last = (int)floor(log10(s->max));
  size_t n = 0;

  for (int decade = first; decade <= last; decade++)
    for (size_t i = 0; i < steps_n; i++) {
      double tick = steps[i] * pow(10, decade);
      if (tick >= s->min && tick <= s->max && n < TICKS_MAX) out[n++] = tick;
    }
  return n;
}

size_t scale_ticks(const struct scale *s, double out[TICKS_MAX]) {
  static const double steps[] = {1, 2, 5};
  size_t n;

  if (!s->log) return even_ticks(s, out);
  n = decade_ticks(s, steps, s->max / s->min > 1e4 ? 1 : 3, out);
  return n >= 4 ? n : even_ticks(s, out);
}

void html_text(struct out *o, const char *text) {
  for (; *text; text++) {
    switch (*text) {
      case '&': out_string(o, "&amp;"); break;
      case '<': out_string(o, "&lt;"); break;
      case '>': out_string(o, "&gt;"); break;
      case '"': out_string(o, "&quot;"); break;
      default:
        if ((unsigned char)*text >= ' ') /* other control characters have no place in HTML */
          out_char(o, *text);
        else
          out_char(o, ' ');
    }
  }
}

double svg_text_width(const char *text) { return 6.4 * (double)strlen(text); }

void svg_begin(struct out *o, double height, const char *what) {
  out_printf(o, "<svg viewBox=\"0 0 %d %.0f\" role=\"img\" aria-label=\"", PLOT_WIDTH, height);
  html_text(o, what);
  out_string(o, "\">\n");
}

void svg_end(struct out *o) { out_string(o, "</svg>\n"); }

void svg_line(struct out *o, const char *class, double x1, double y1, double x2, double y2) {
  out_printf(o, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", class, x1, y1, x2, y2);
}

void svg_text(struct out *o, const char *class, const char *anchor, double x, double y, const char *text) {
  out_printf(o, "<text class=\"%s\" text-anchor=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, anchor, x, y);
  html_text(o, text);
  out_string(o, "</text>\n");
}

void svg_axis_x(struct out *o, const struct scale *s, double y, double top, const char *label) {
  double ticks[TICKS_MAX];
  size_t n = scale_ticks(s, ticks);
  char text[24];

  svg_line(o, "axis", s->from, y, s->to, y);
  for (size_t i = 0; i < n; i++) {
    double x = scale_at(s, ticks[i]);
    svg_line(o, "grid", x, top, x, y);
    svg_line(o, "axis", x, y, x, y + 4);
    (void)snprintf(text, sizeof text, "%g", ticks[i]);
    svg_text(o, "tick", "middle", x, y + 16, text);
  }
  svg_text(o, "label", "end", s->to, y + 34, label);
}

void scale_of_latency(struct scale *s, const struct report *r) {
  double min = 0, max = 0, middle;

  for (size_t i = 0; i < r->variants_n; i++) {
    const struct histogram *h = &r->variants[i].total;
    if (h->count == 0) continue;
    if (min == 0 || (double)h->min / 1e6 < min) min = (double)h->min / 1e6;
    if ((double)h->max / 1e6 > max) max = (double)h->max / 1e6;
  }
  if (min < 1e-4) min = 1e-4;
  if (max < min) max = min;
  middle = sqrt(min * max);
  s->log = true;
  s->min = min / 1.04 < middle / 1.15 ? min / 1.04 : middle / 1.15;
  s->max = max * 1.04 > middle * 1.15 ? max * 1.04 : middle * 1.15;
}
