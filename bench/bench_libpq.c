/* bench_libpq.c - the works of work.h through libpq, as a careful user of it writes them. LD_LIBRARY_PATH chooses the
 * libpq at run time: PostgreSQL 18's, or Debian's for the same OpenSSL as ours. */
#include <endian.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench_libpq.h"
#include "measure.h"
#include "work.h"

/* PostgreSQL 17 and later: a Sync that does not flush by itself, which is how libpq pipelines best. */
extern int PQsendPipelineSync(PGconn *conn) __attribute__((weak));

enum { OID_BOOL = 16, OID_INT8 = 20, OID_INT4 = 23, OID_TEXT = 25, OID_FLOAT8 = 701, OID_TIMESTAMPTZ = 1184 };
#define STATEMENT "s"

static PGconn *open_connection(const char *target) {
  PGconn *c = PQconnectdb(target);
  if (PQstatus(c) != CONNECTION_OK) die("libpq: %s", PQerrorMessage(c));
  return c;
}

/* ---- fields: NULL, type and width are checked before the bytes are read ---- */

static const char *field(const PGresult *r, int row, int col, Oid oid, int width) {
  if (PQftype(r, col) != oid) die("libpq: unexpected type");
  if (PQgetisnull(r, row, col)) die("libpq: unexpected NULL");
  if (PQgetlength(r, row, col) != width) die("libpq: unexpected width");
  return PQgetvalue(r, row, col);
}

static int64_t get_int8(const PGresult *r, int row, int col, Oid oid) {
  uint64_t v;
  memcpy(&v, field(r, row, col, oid, 8), sizeof v);
  return (int64_t)be64toh(v);
}

static int32_t get_int4(const PGresult *r, int row, int col) {
  uint32_t v;
  memcpy(&v, field(r, row, col, OID_INT4, 4), sizeof v);
  return (int32_t)be32toh(v);
}

static double get_float8(const PGresult *r, int row, int col) {
  uint64_t v;
  double d;
  memcpy(&v, field(r, row, col, OID_FLOAT8, 8), sizeof v);
  v = be64toh(v);
  memcpy(&d, &v, sizeof d);
  return d;
}

static bool get_bool(const PGresult *r, int row, int col) { return *field(r, row, col, OID_BOOL, 1) != 0; }

static int64_t get_text_sum(const PGresult *r, int row, int col) {
  if (PQftype(r, col) != OID_TEXT) die("libpq: unexpected type");
  if (PQgetisnull(r, row, col)) die("libpq: unexpected NULL");
  return text_sum(PQgetvalue(r, row, col), (size_t)PQgetlength(r, row, col));
}

/* ---- statements ---- */

struct int8_param {
  uint64_t wire;
  const char *value;
};

static const int param_lengths[] = {8}, param_formats[] = {1};

static void set_param(struct int8_param *p, int64_t v) {
  p->wire = htobe64((uint64_t)v);
  p->value = (const char *)&p->wire;
}

static void prepare(PGconn *c, const char *sql) {
  PGresult *r = PQprepare(c, STATEMENT, sql, 0, NULL);
  if (PQresultStatus(r) != PGRES_COMMAND_OK) die("libpq: %s", PQerrorMessage(c));
  PQclear(r);
}

static PGresult *execute(PGconn *c, int64_t v) {
  struct int8_param p;
  PGresult *r;

  set_param(&p, v);
  r = PQexecPrepared(c, STATEMENT, 1, &p.value, param_lengths, param_formats, 1);
  if (PQresultStatus(r) != PGRES_TUPLES_OK) die("libpq: %s", PQerrorMessage(c));
  return r;
}

static int64_t one_value(const PGresult *r) {
  if (PQntuples(r) != 1) die("libpq: unexpected number of rows");
  return get_int8(r, 0, 0, OID_INT8);
}

static int64_t sequential(PGconn *c, uint64_t count) {
  int64_t sum = 0;
  for (uint64_t i = 0; i < count; i++) {
    PGresult *r = execute(c, (int64_t)i);
    sum += one_value(r);
    PQclear(r);
  }
  return sum;
}

/* ---- pipelines ---- */

static void send_sync(PGconn *c) {
  if (!(PQsendPipelineSync ? PQsendPipelineSync(c) : PQpipelineSync(c))) die("libpq: %s", PQerrorMessage(c));
}

static void send_batch(PGconn *c, uint64_t first, uint64_t n, bool sync_each) {
  struct int8_param p;
  for (uint64_t i = 0; i < n; i++) {
    set_param(&p, (int64_t)(first + i));
    if (!PQsendQueryPrepared(c, STATEMENT, 1, &p.value, param_lengths, param_formats, 1))
      die("libpq: %s", PQerrorMessage(c));
    if (sync_each || i + 1 == n) send_sync(c);
  }
  if (PQflush(c) < 0) die("libpq: %s", PQerrorMessage(c));
}

static void take_sync(PGconn *c) {
  PGresult *r = PQgetResult(c);
  if (PQresultStatus(r) != PGRES_PIPELINE_SYNC) die("libpq: %s", PQerrorMessage(c));
  PQclear(r);
}

static int64_t take_batch(PGconn *c, uint64_t n, bool sync_each) {
  int64_t sum = 0;
  for (uint64_t i = 0; i < n; i++) {
    PGresult *r = PQgetResult(c);
    if (PQresultStatus(r) != PGRES_TUPLES_OK) die("libpq: %s", PQerrorMessage(c));
    sum += one_value(r);
    PQclear(r);
    if (PQgetResult(c)) die("libpq: a second result");
    if (sync_each || i + 1 == n) take_sync(c);
  }
  return sum;
}

static int64_t pipelined(PGconn *c, uint64_t count, bool sync_each) {
  int64_t sum = 0;
  if (!PQenterPipelineMode(c)) die("libpq: %s", PQerrorMessage(c));
  for (uint64_t done = 0; done < count;) {
    uint64_t n = count - done < DEPTH ? count - done : DEPTH;
    send_batch(c, done, n, sync_each);
    sum += take_batch(c, n, sync_each);
    done += n;
  }
  if (!PQexitPipelineMode(c)) die("libpq: %s", PQerrorMessage(c));
  return sum;
}

static int64_t sync_each(PGconn *c, uint64_t count) { return pipelined(c, count, true); }
static int64_t grouped(PGconn *c, uint64_t count) { return pipelined(c, count, false); }

/* ---- rows ---- */

static int64_t rows_int4(PGconn *c, uint64_t count) {
  PGresult *r = execute(c, (int64_t)count);
  int rows = PQntuples(r);
  int64_t sum = 0;
  for (int row = 0; row < rows; row++) sum += get_int4(r, row, 0);
  PQclear(r);
  return sum;
}

static int64_t rows_six(PGconn *c, uint64_t count) {
  PGresult *r = execute(c, (int64_t)count);
  int rows = PQntuples(r);
  int64_t sum = 0;
  for (int row = 0; row < rows; row++) {
    sum += get_int4(r, row, 0) + get_int8(r, row, 1, OID_INT8) + (int64_t)get_float8(r, row, 2);
    sum += get_text_sum(r, row, 3) + get_int8(r, row, 4, OID_TIMESTAMPTZ) / 1000000 + get_bool(r, row, 5);
  }
  PQclear(r);
  return sum;
}

/* ---- insert ---- */

/* Texts as text and numbers in binary, as libdsql sends them. */
static void send_row(PGconn *c) {
  static const char *const d = INSERT_D, *const g = INSERT_G;
  static const int lengths[] = {4, 4, 4, 0, 8, 4, 0}, formats[] = {1, 1, 1, 0, 1, 1, 0};
  const double e_value = INSERT_E;
  uint32_t integers[] = {htobe32(INSERT_A), htobe32(INSERT_B), htobe32(INSERT_C), htobe32(INSERT_F)};
  const char *values[7] = {(const char *)&integers[0],
                           (const char *)&integers[1],
                           (const char *)&integers[2],
                           d,
                           NULL,
                           (const char *)&integers[3],
                           g};
  uint64_t e;

  memcpy(&e, &e_value, sizeof e);
  e = htobe64(e);
  values[4] = (const char *)&e;
  if (!PQsendQueryPrepared(c, STATEMENT, 7, values, lengths, formats, 1)) die("libpq: %s", PQerrorMessage(c));
}

static int64_t take_rows(PGconn *c, uint64_t n) {
  int64_t sum = 0;
  for (uint64_t i = 0; i < n; i++) {
    PGresult *r = PQgetResult(c);
    if (PQresultStatus(r) != PGRES_COMMAND_OK) die("libpq: %s", PQerrorMessage(c));
    sum += strtol(PQcmdTuples(r), NULL, 10);
    PQclear(r);
    if (PQgetResult(c)) die("libpq: a second result");
  }
  take_sync(c);
  return sum;
}

static int64_t insert(PGconn *c, uint64_t count) {
  int64_t sum = 0;
  if (!PQenterPipelineMode(c)) die("libpq: %s", PQerrorMessage(c));
  for (uint64_t done = 0, n; done < count; done += n) {
    n = count - done < INSERT_GROUP ? count - done : INSERT_GROUP;
    for (uint64_t i = 0; i < n; i++) send_row(c);
    send_sync(c);
    if (PQflush(c) < 0) die("libpq: %s", PQerrorMessage(c));
    sum += take_rows(c, n);
  }
  if (!PQexitPipelineMode(c)) die("libpq: %s", PQerrorMessage(c));
  return sum;
}

/* ---- works ---- */

struct work {
  const char *name, *sql;
  int64_t (*run)(PGconn *c, uint64_t count);
  uint64_t warm_up;
};

static const struct work works[] = {{"sequential", SQL_INT8, sequential, WARM_UP},
                                    {"sync_each", SQL_INT8, sync_each, WARM_UP},
                                    {"grouped", SQL_INT8, grouped, WARM_UP},
                                    {"rows_int4", SQL_ROWS_INT4, rows_int4, WARM_UP_ROWS},
                                    {"rows_six", SQL_ROWS_SIX, rows_six, WARM_UP_ROWS},
                                    {"insert", SQL_INSERT, insert, 2 * INSERT_GROUP}};

static void run_work(const struct work *w, uint64_t count, const char *target) {
  struct sample begin, end;
  int64_t sum;
  PGconn *c = open_connection(target);

  if (w->run == insert) PQclear(PQexec(c, SQL_INSERT_TABLE));
  prepare(c, w->sql);
  (void)w->run(c, w->warm_up);
  measure_sample(&begin);
  sum = w->run(c, count);
  measure_sample(&end);
  report_work(&begin, &end, count, sum);
  PQfinish(c);
}

static int64_t first_row(PGconn *c, int64_t v) {
  struct int8_param p;
  PGresult *r;
  int64_t value;

  set_param(&p, v);
  r = PQexecParams(c, SQL_INT8, 1, NULL, &p.value, param_lengths, param_formats, 1);
  if (PQresultStatus(r) != PGRES_TUPLES_OK) die("libpq: %s", PQerrorMessage(c));
  value = one_value(r);
  PQclear(r);
  return value;
}

static int64_t connects(const char *target, uint64_t count) {
  int64_t sum = 0;
  for (uint64_t i = 0; i < count; i++) {
    PGconn *c = open_connection(target);
    sum += first_row(c, (int64_t)i);
    PQfinish(c);
  }
  return sum;
}

static void run_connect(uint64_t count, const char *target) {
  struct sample start, first, begin, end;
  int64_t sum;

  measure_sample(&start);
  (void)connects(target, 1);
  measure_sample(&first);
  (void)connects(target, WARM_UP_CONNECTS - 1);
  measure_sample(&begin);
  sum = connects(target, count);
  measure_sample(&end);
  report("first_cpu_us", first.cpu_us - start.cpu_us);
  report("first_wall_us", (first.wall_ns - start.wall_ns) / 1000);
  report_work(&begin, &end, count, sum);
}

static void run_idle(uint64_t count, const char *target) {
  long first_kb = 0;
  int64_t sum = 0;
  PGconn **connections = calloc(count, sizeof(PGconn *));

  if (!connections || count <= IDLE_BATCH) die("idle: COUNT is more than %d", IDLE_BATCH);
  for (uint64_t i = 0; i < count; i++) {
    connections[i] = open_connection(target);
    sum += first_row(connections[i], (int64_t)i);
    if ((i + 1) % IDLE_BATCH == 0 || i + 1 == count) usleep(IDLE_WAIT_MS * 1000);
    if (i + 1 == IDLE_BATCH) first_kb = measure_rss_kb();
  }
  report("count", (int64_t)(count - IDLE_BATCH));
  report("rss_kb", measure_rss_kb() - first_kb);
  report("sum", sum);
  for (uint64_t i = 0; i < count; i++) PQfinish(connections[i]);
  free(connections);
}

int main(int argc, char **argv) {
  uint64_t count;
  PGconn *c;

  if (argc != 4) die("usage: bench_libpq WORK COUNT TARGET");
  count = parse_count(argv[2]);
  report("libpq_version", PQlibVersion());
  if (strcmp(argv[1], "connect") == 0) {
    run_connect(count, argv[3]);
    return 0;
  }
  if (strcmp(argv[1], "idle") == 0) {
    run_idle(count, argv[3]);
    return 0;
  }
  for (size_t i = 0; i < sizeof works / sizeof *works; i++)
    if (strcmp(argv[1], works[i].name) == 0) {
      run_work(&works[i], count, argv[3]);
      return 0;
    }
  c = open_connection(argv[3]);
  if (!run_copy(c, argv[1], count)) die("unknown work %s", argv[1]);
  PQfinish(c);
  return 0;
}
