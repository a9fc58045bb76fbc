/* html.c - the report as one page: no script, nothing loaded from anywhere, light or dark as the reader's system is. */
#include <stdio.h>
#include <string.h>

#include "bench/report.h"
#include "bench/svg.h"

static const char style[] =
    ":root{--bg:#fff;--fg:#16191d;--dim:#59606a;--grid:#e4e7eb;--rule:#b6bcc4;--bad:#c4262e;--in:#111;"
    "--s0:#0b63c4;--s1:#c8560a;--s2:#15803d;--s3:#8b2fb8;"
    "--p0:#d4d7db;--p1:#e6d2ae;--p2:#f0df86;--p3:#a3d9cd;--p4:#f4ad86;--p5:#a6c8f5;--p6:#d2b6ec;--p7:#b3db9c}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#14171a;--fg:#e6e9ec;--dim:#9aa3ad;--grid:#2b3036;--rule:#545c66;"
    "--bad:#ff6b6b;--in:#f4f6f8;--s0:#5ea8ff;--s1:#ff9b54;--s2:#5ccf86;--s3:#d594f5;"
    "--p0:#50565d;--p1:#6a5530;--p2:#6b6112;--p3:#1f6558;--p4:#9a4a20;--p5:#2a578f;--p6:#623f86;--p7:#41702c}}\n"
    "body{margin:0 auto;padding:2rem 1.25rem 4rem;max-width:820px;background:var(--bg);color:var(--fg);"
    "font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif}\n"
    "h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.05rem;margin:2.25rem 0 .25rem}\n"
    "p{margin:.25rem 0 .75rem}.dim{color:var(--dim)}\n"
    "svg{display:block;width:100%;height:auto;overflow:visible;font:11.5px system-ui,-apple-system,\"Segoe UI\","
    "Roboto,\"DejaVu Sans\",sans-serif}\n"
    "svg text{fill:var(--fg);white-space:pre}svg .tick{fill:var(--dim);font-variant-numeric:tabular-nums}"
    "svg .label{fill:var(--dim)}svg .name{font-weight:600}svg .inside{fill:var(--in)}\n"
    ".axis{stroke:var(--rule)}.grid{stroke:var(--grid)}\n"
    ".s0{color:var(--s0)}.s1{color:var(--s1)}.s2{color:var(--s2)}.s3{color:var(--s3)}\n"
    "svg .t0{fill:var(--s0)}svg .t1{fill:var(--s1)}svg .t2{fill:var(--s2)}svg .t3{fill:var(--s3)}\n"
    ".area{fill:currentColor;fill-opacity:.55;stroke:currentColor;stroke-width:1}\n"
    ".mark{stroke:currentColor;stroke-dasharray:2 2}.curve,.step{fill:none;stroke:currentColor;stroke-width:1.8}\n"
    ".p0{fill:var(--p0)}.p1{fill:var(--p1)}.p2{fill:var(--p2)}.p3{fill:var(--p3)}.p4{fill:var(--p4)}"
    ".p5{fill:var(--p5)}.p6{fill:var(--p6)}.p7{fill:var(--p7)}.failed{fill:var(--bad)}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.15rem .9rem .15rem 0;text-align:right;white-space:nowrap}"
    "th:first-child,td:first-child,.text{text-align:left;white-space:normal}\n"
    "thead th{border-bottom:1px solid var(--rule)}tbody th{font-weight:600;padding-top:.9rem}"
    "td.ratio{color:var(--dim)}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:0}dt{color:var(--dim)}dd{margin:0}\n";

static void put_head(struct out *o, const struct report *r) {
  out_string(o, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                "<meta name=\"color-scheme\" content=\"light dark\">\n"
                /* Says, and makes sure, that nothing is loaded. The icon is there because browsers ask for one. */
                "<meta http-equiv=\"Content-Security-Policy\" "
                "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n"
                "<link rel=\"icon\" href=\"data:,\">\n<title>dsql bench ");
  out_string(o, r->work);
  out_string(o, "</title>\n<style>\n");
  out_string(o, style);
  out_string(o, "</style>\n</head>\n<body>\n");
}

static void put_facts(struct out *o, const struct report *r) {
  char when[40] = "";
  struct tm utc;

  if (gmtime_r(&r->started_s, &utc)) (void)strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S UTC", &utc);
  out_string(o, "<dl>\n");
  for (size_t i = 0; i < r->facts_n; i++) {
    out_printf(o, "<dt>%s</dt><dd>", r->facts[i].key);
    html_text(o, r->facts[i].text);
    out_string(o, "</dd>\n");
  }
  out_printf(o, "<dt>run</dt><dd>%.1f s from %s, dsql %s</dd>\n</dl>\n", (double)r->elapsed_ns / 1e9, when,
             dsql_version());
}

/* The result in a sentence: the medians, and how they compare. */
static void put_summary(struct out *o, const struct report *r) {
  double first = (double)histogram_percentile(&r->variants[0].total, 50);
  char ms[24];

  out_string(o, "<p class=\"summary\">");
  for (size_t i = 0; i < r->variants_n; i++) {
    const struct variant *v = &r->variants[i];
    double median = (double)histogram_percentile(&v->total, 50);
    if (v->total.count == 0) continue;
    report_ms(ms, sizeof ms, median);
    out_printf(o, "%s<b class=\"s%zu\">", i ? " " : "", i);
    html_text(o, v->name);
    out_printf(o, "</b>: half of the %s took at most %s ms", r->units, ms);
    if (i && first > 0) out_printf(o, ", %.2f times the first", median / first);
    out_string(o, ".");
  }
  out_string(o, "</p>\n");
}

static void put_section(struct out *o, const char *title, const char *text) {
  out_printf(o, "<h2>%s</h2>\n<p class=\"dim\">%s</p>\n", title, text);
}

static void put_plots(struct out *o, const struct report *r) {
  put_section(o, "Latency distributions",
              "How often each latency came; every panel has the same axes. Dashed: the median and the tail.");
  plot_latency(o, r);
  put_section(o, "Latency by percentile",
              "The tail is what people wait for, so it has room: from 90 to 99 per cent is as far as from 0 to 90.");
  plot_percentiles(o, r);
  if (r->phases) {
    put_section(o, "Phases", "What the mean connection spends its time on, up to its first row.");
    plot_phases(o, r);
  }
  put_section(o, "Throughput over time", "Completed per second.");
  plot_throughput(o, r);
}

static void put_row(struct out *o, const struct report *r, const struct figure *f) {
  char text[32];

  out_printf(o, "<tr><td>%s</td>", f->label);
  for (size_t i = 0; i < r->variants_n; i++) {
    figure_text(text, sizeof text, f->kind, f->values[i]);
    out_printf(o, "<td>%s</td>", text);
    if (i == 0) continue;
    text[0] = '\0';
    if (f->ratio && f->values[0] > 0) (void)snprintf(text, sizeof text, "%.2f&times;", f->values[i] / f->values[0]);
    out_printf(o, "<td class=\"ratio\">%s</td>", text);
  }
  out_string(o, "</tr>\n");
}

static void put_table(struct out *o, const struct report *r) {
  static struct figure rows[FIGURES_MAX];
  size_t n = figures_of(r, rows), columns = 2 * r->variants_n;

  out_string(o, "<h2>Figures</h2>\n<div class=\"wide\"><table class=\"figures\">\n<thead><tr><th></th>");
  for (size_t i = 0; i < r->variants_n; i++) {
    out_printf(o, "<th class=\"s%zu\">", i);
    html_text(o, r->variants[i].name);
    out_string(o, i ? "</th><th>ratio</th>" : "</th>");
  }
  out_string(o, "</tr></thead>\n<tbody>\n");
  for (size_t i = 0; i < n; i++) {
    if (rows[i].section && (i == 0 || rows[i].section != rows[i - 1].section))
      out_printf(o, "<tr><th colspan=\"%zu\">%s</th></tr>\n", columns, rows[i].section);
    put_row(o, r, &rows[i]);
  }
  out_string(o, "</tbody></table></div>\n");
}

static void put_failures(struct out *o, const struct report *r) {
  uint64_t total = 0;

  for (size_t i = 0; i < r->variants_n; i++) total += r->variants[i].failures.total;
  if (total == 0) return;
  out_string(
      o, "<h2>Failures</h2>\n<div class=\"wide\"><table class=\"failures\">\n<thead><tr><th>variant</th><th>count</th>"
         "<th>SQLSTATE</th><th class=\"text\">the first one's message</th></tr></thead>\n<tbody>\n");
  for (size_t i = 0; i < r->variants_n; i++) {
    const struct failures *f = &r->variants[i].failures;
    for (size_t k = 0; k < f->kinds; k++) {
      out_printf(o, "<tr><td>%s</td><td>%llu</td><td>%s</td><td class=\"text\">", r->variants[i].name,
                 (unsigned long long)f->kind[k].count, f->kind[k].key);
      html_text(o, f->kind[k].text);
      out_string(o, "</td></tr>\n");
    }
  }
  out_string(o, "</tbody></table></div>\n");
}

void report_html(struct out *o, const struct report *r) {
  put_head(o, r);
  out_printf(o, "<h1>dsql bench %s</h1>\n", r->work);
  put_summary(o, r);
  put_facts(o, r);
  put_plots(o, r);
  put_table(o, r);
  put_failures(o, r);
  if (r->notes_n) out_string(o, "<h2>Notes</h2>\n");
  for (size_t i = 0; i < r->notes_n; i++) {
    out_string(o, "<p>");
    html_text(o, r->notes[i]);
    out_string(o, "</p>\n");
  }
  out_string(o, "</body>\n</html>\n");
}
