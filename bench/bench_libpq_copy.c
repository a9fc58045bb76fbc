/* bench_libpq_copy.c - the works copy_in and copy_out of work.h through libpq. */
#include <endian.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench_libpq.h"
#include "measure.h"
#include "work.h"

static void expect(PGconn *c, PGresult *r, ExecStatusType status) {
  if (PQresultStatus(r) != status) die("libpq: %s", PQerrorMessage(c));
  PQclear(r);
}

static void put(PGconn *c, const void *p, size_t n) {
  if (PQputCopyData(c, p, (int)n) != 1) die("libpq: %s", PQerrorMessage(c));
}

static unsigned char *put_value(unsigned char *at, const void *p, uint32_t n) {
  uint32_t wire = htobe32(n);
  memcpy(at, &wire, sizeof wire);
  memcpy(at + sizeof wire, p, n);
  return at + sizeof wire + n;
}

static unsigned char *put_int4(unsigned char *at, uint32_t v) {
  uint32_t wire = htobe32(v);
  return put_value(at, &wire, sizeof wire);
}

/* libpq knows no values: the row is made here. */
static size_t make_row(unsigned char *row) {
  static const unsigned char count[] = {0, 7};
  const double e = INSERT_E;
  unsigned char *at = row + sizeof count;
  uint64_t bits;

  memcpy(row, count, sizeof count);
  at = put_int4(put_int4(put_int4(at, INSERT_A), INSERT_B), INSERT_C);
  at = put_value(at, INSERT_D, sizeof INSERT_D - 1);
  memcpy(&bits, &e, sizeof bits);
  bits = htobe64(bits);
  at = put_int4(put_value(at, &bits, sizeof bits), INSERT_F);
  return (size_t)(put_value(at, INSERT_G, sizeof INSERT_G - 1) - row);
}

static int64_t end_copy(PGconn *c) {
  PGresult *r = PQgetResult(c);
  int64_t rows;
  if (PQresultStatus(r) != PGRES_COMMAND_OK) die("libpq: %s", PQerrorMessage(c));
  rows = strtol(PQcmdTuples(r), NULL, 10);
  PQclear(r);
  if (PQgetResult(c)) die("libpq: a second result");
  return rows;
}

static int64_t copy_in(PGconn *c, bool binary, uint64_t count) {
  unsigned char row[256];

  expect(c, PQexec(c, binary ? SQL_COPY_IN_BINARY : SQL_COPY_IN_TEXT), PGRES_COPY_IN);
  if (binary) put(c, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
  for (uint64_t i = 0; i < count; i++)
    if (binary)
      put(c, row, make_row(row));
    else
      put(c, COPY_LINE, sizeof COPY_LINE - 1);
  if (binary) put(c, "\377\377", 2);
  if (PQputCopyEnd(c, NULL) != 1) die("libpq: %s", PQerrorMessage(c));
  return end_copy(c);
}

static int64_t copy_out(PGconn *c, bool binary, uint64_t count) {
  char sql[sizeof SQL_COPY_OUT + 32], *data;
  int64_t sum = 0;
  int n;

  (void)snprintf(sql, sizeof sql, SQL_COPY_OUT, (unsigned long long)count, binary ? "binary" : "text");
  expect(c, PQexec(c, sql), PGRES_COPY_OUT);
  while ((n = PQgetCopyData(c, &data, 0)) > 0) {
    sum += text_sum(data, (size_t)n);
    PQfreemem(data);
  }
  if (n != -1) die("libpq: %s", PQerrorMessage(c));
  return end_copy(c) + sum;
}

static int64_t run_once(PGconn *c, const struct copy_work *w, uint64_t count) {
  return w->in ? copy_in(c, w->binary, count) : copy_out(c, w->binary, count);
}

static int64_t server_sum(PGconn *c) {
  PGresult *r = PQexec(c, SQL_COPIED_SUM);
  int64_t sum;
  if (PQresultStatus(r) != PGRES_TUPLES_OK) die("libpq: %s", PQerrorMessage(c));
  sum = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
  PQclear(r);
  return sum;
}

bool run_copy(PGconn *c, const char *name, uint64_t count) {
  const struct copy_work *w = copy_work_find(name);
  struct sample begin, end;
  int64_t sum;
  long idle_kb;

  if (!w) return false;
  expect(c, PQexec(c, SQL_INSERT_TABLE), PGRES_COMMAND_OK);
  (void)run_once(c, w, WARM_UP_ROWS);
  expect(c, PQexec(c, SQL_COPY_TRUNCATE), PGRES_COMMAND_OK);
  idle_kb = measure_rss_kb();
  measure_sample(&begin);
  sum = run_once(c, w, count);
  measure_sample(&end);
  report("peak_rss_kb", measure_peak_rss_kb() - idle_kb);
  report_work(&begin, &end, count, sum + server_sum(c));
  return true;
}
