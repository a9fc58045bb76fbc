#include "bench/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const struct bench_name bench_phase_names[BENCH_PHASES] = {{"waited", "waited for its turn"},
                                                           {"prepare", "password, trust store"},
                                                           {"dns", "name lookup"},
                                                           {"tcp", "TCP"},
                                                           {"sslrequest", "SSLRequest"},
                                                           {"tls", "TLS handshake"},
                                                           {"auth", "authentication"},
                                                           {"first_row", "first row"}};

bool report_init(struct report *r, size_t variants_n) {
  *r = (struct report){.variants_n = variants_n, .started_s = time(NULL)};
  r->variants = calloc(variants_n, sizeof *r->variants);
  return r->variants != NULL;
}

void report_deinit(struct report *r) { free(r->variants); }

void report_fact(struct report *r, const char *key, const char *format, ...) {
  struct report_fact *f = &r->facts[r->facts_n];
  va_list args;

  if (r->facts_n == FACTS_MAX) return;
  r->facts_n++;
  f->key = key;
  va_start(args, format);
  (void)vsnprintf(f->text, sizeof f->text, format, args);
  va_end(args);
}

void report_note(struct report *r, const char *format, ...) {
  va_list args;

  if (r->notes_n == NOTES_MAX) return;
  va_start(args, format);
  (void)vsnprintf(r->notes[r->notes_n++], REPORT_TEXT, format, args);
  va_end(args);
}

uint64_t report_done(const struct report *r) {
  uint64_t n = 0;
  for (size_t i = 0; i < r->variants_n; i++) n += r->variants[i].total.count;
  return n;
}

double report_per_s(const struct report *r, const struct variant *v) {
  return r->elapsed_ns ? (double)v->total.count * 1e9 / (double)r->elapsed_ns : 0;
}

void out_printf(struct out *o, const char *format, ...) {
  char text[2048];
  va_list args;
  int n;

  va_start(args, format);
  n = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (n < 0) return;
  out_bytes(o, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

void report_ms(char *out, size_t size, double ns) {
  double ms = ns / 1e6;
  (void)snprintf(out, size, "%.*f", ms < 0.09995 ? 4 : ms < 9.995 ? 3 : ms < 99.95 ? 2 : ms < 999.5 ? 1 : 0, ms);
}
