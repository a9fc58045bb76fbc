/* table.c - the report for the terminal: a column per variant, and beside each but the first its ratio to the first. */
#include <stdio.h>
#include <string.h>

#include "bench/report.h"
#include "text.h"

enum { LABEL_WIDTH = 30, VALUE_WIDTH = 11, RATIO_WIDTH = 9 };

static size_t column_width(const struct report *r, size_t i) {
  size_t n = strlen(r->variants[i].name);
  return n > VALUE_WIDTH ? n : VALUE_WIDTH;
}

static void put_right(struct out *o, const char *s, size_t width) {
  size_t n = strlen(s);
  out_repeat(o, ' ', (n < width ? width - n : 0) + 2);
  out_string(o, s);
}

static void put_head(struct out *o, const struct report *r) {
  out_repeat(o, ' ', LABEL_WIDTH);
  for (size_t i = 0; i < r->variants_n; i++) {
    put_right(o, r->variants[i].name, column_width(r, i));
    if (i) put_right(o, "ratio", RATIO_WIDTH - 2);
  }
  out_char(o, '\n');
}

static void put_row(struct out *o, const struct report *r, const struct figure *f) {
  char text[32];

  out_printf(o, "%s%-*s", f->section ? "  " : "", LABEL_WIDTH - (f->section ? 2 : 0), f->label);
  for (size_t i = 0; i < r->variants_n; i++) {
    figure_text(text, sizeof text, f->kind, f->values[i]);
    put_right(o, text, column_width(r, i));
    if (i == 0) continue;
    text[0] = '\0';
    if (f->ratio && f->values[0] > 0) (void)snprintf(text, sizeof text, "%.2fx", f->values[i] / f->values[0]);
    if (i + 1 < r->variants_n || *text) put_right(o, text, RATIO_WIDTH - 2);
  }
  out_char(o, '\n');
}

static void put_failures(struct out *o, const struct report *r) {
  for (size_t i = 0; i < r->variants_n; i++) {
    const struct failures *f = &r->variants[i].failures;
    for (size_t k = 0; k < f->kinds; k++) {
      if (k == 0) out_printf(o, "\nfailures of %s\n", r->variants[i].name);
      out_printf(o, "  %7llu  %-16s  ", (unsigned long long)f->kind[k].count, f->kind[k].key);
      text_show(o, (dsql_str){f->kind[k].text, strlen(f->kind[k].text)}, " "); /* a server's words */
      out_char(o, '\n');
    }
  }
}

void report_table(struct out *o, const struct report *r) {
  static struct figure rows[FIGURES_MAX];
  size_t n = figures_of(r, rows);

  for (size_t i = 0; i < r->facts_n; i++) out_printf(o, "%-12s %s\n", r->facts[i].key, r->facts[i].text);
  out_char(o, '\n');
  put_head(o, r);
  for (size_t i = 0; i < n; i++) {
    if (rows[i].section && rows[i].section != (i ? rows[i - 1].section : NULL)) {
      out_char(o, '\n');
      out_string(o, rows[i].section);
      out_char(o, '\n');
    }
    put_row(o, r, &rows[i]);
  }
  put_failures(o, r);
  if (r->notes_n) out_char(o, '\n');
  for (size_t i = 0; i < r->notes_n; i++) out_printf(o, "%s\n", r->notes[i]);
}
