/* svg.h - axes and marks of the page's plots, as inline SVG. Coordinates are pixels of a drawing PLOT_WIDTH wide; colors
 * come from the page's style, by class. */
#ifndef DSQL_CLI_BENCH_SVG_H
#define DSQL_CLI_BENCH_SVG_H

#include "bench/report.h"

enum { PLOT_WIDTH = 760, TICKS_MAX = 16 };

/* From values min..max to pixels from..to. min > 0 when logarithmic, and always min < max. */
struct scale {
  bool log;
  double min, max, from, to;
};

double scale_at(const struct scale *s, double value);
/* Round values inside the scale: 1, 2, 5 of each decade where that gives enough of them, else evenly spaced ones. */
size_t scale_ticks(const struct scale *s, double out[TICKS_MAX]);
/* A round value that is not below v: as a step, 1, 2, 2.5 or 5 times a power of ten. */
double scale_round_step(double v);
double scale_round_top(double v);

void svg_begin(struct out *o, double height, const char *what); /* what: for people who cannot see it */
void svg_end(struct out *o);
void svg_line(struct out *o, const char *class, double x1, double y1, double x2, double y2);
/* anchor: "start", "middle", "end". The text is escaped. */
void svg_text(struct out *o, const char *class, const char *anchor, double x, double y, const char *text);
/* The horizontal axis at y, with ticks, grid lines up to top, and its label (with the unit) below. */
void svg_axis_x(struct out *o, const struct scale *s, double y, double top, const char *label);
double svg_text_width(const char *text); /* about */

void html_text(struct out *o, const char *text); /* escaped */

/* Milliseconds of all variants' totals, logarithmic, wide enough to show something. */
void scale_of_latency(struct scale *s, const struct report *r);

void plot_latency(struct out *o, const struct report *r);
void plot_percentiles(struct out *o, const struct report *r);
void plot_phases(struct out *o, const struct report *r);
void plot_throughput(struct out *o, const struct report *r);

#endif
