/* work.h - what both programs do, so that it is the same work.
 *
 *   PROGRAM WORK COUNT TARGET
 *
 *   sequential  COUNT times select $1::int8, each after the last one's answer
 *   sync_each   the same, 100 in flight, each with its own Sync
 *   grouped     the same, 100 in flight under one Sync
 *   rows_int4   one query of COUNT rows of one int4
 *   rows_six    one query of COUNT rows of int4, int8, float8, text, timestamptz, bool
 *   rows_array  one query of COUNT rows of one int4[100] (libdsql only)
 *   insert      COUNT rows of seven parameters, an INSERT each, INSERT_GROUP of them in flight under one Sync
 *   copy_in_text, copy_in_binary
 *               COPY FROM STDIN of COUNT such rows: lines that are ready, and values that are put into binary form
 *   copy_out_text, copy_out_binary
 *               COPY TO STDOUT of COUNT rows of int4, int8, float8, text, timestamptz, bool, as messages
 *   connect     COUNT times connect, select $1::int8, disconnect
 *   idle        COUNT connections, each having run one query, opened in batches that then fall idle, so that what
 *               connecting needs for a moment is used again by the next batch: resident memory per connection
 *
 * The statement is a named prepared one (but for connect, where it runs once), parameters and results are binary.
 * Every field is checked for NULL and for its type, decoded, and added to a sum that both programs must agree on. The
 * measured part begins after a warm-up of WARM_UP queries or connects. Printed is one `key value` per line. */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
  DEPTH = 100,
  WARM_UP = 2000, /* queries: twenty full pipelines, so that free lists have seen every pattern of arrival */
  WARM_UP_ROWS = 1000,
  INSERT_GROUP = 1000,
  WARM_UP_CONNECTS = 5,
  IDLE_BATCH = 50,    /* connections opened at a time; the memory is first looked at after one batch */
  IDLE_WAIT_MS = 1700 /* longer than it takes to give buffers back */
};

#define SQL_INT8 "select $1::int8"
#define SQL_ROWS_INT4 "select i::int4 from generate_series(1, $1::int8) i"
#define SQL_ROWS_SIX                                                                                                   \
  "select i::int4, i::int8 * 1000000007, i::float8 / 4, 'row number ' || i, "                                          \
  "timestamptz '2026-01-31 12:00:00+00' + i * interval '1 second', i % 2 = 0 from generate_series(1, $1::int8) i"

enum { ARRAY_ELEMENTS = 100 };
#define SQL_ROWS_ARRAY "select array(select generate_series(i::int4, i::int4 + 99)) from generate_series(1, $1::int8) i"

/* The table, the statement and the row of MagicStack's pgbench. */
#define SQL_INSERT_TABLE "create temp table bench_insert(a int, b int, c int, d text, e float, f int, g text)"
#define SQL_INSERT "insert into bench_insert(a, b, c, d, e, f, g) values ($1, $2, $3, $4, $5, $6, $7)"
enum { INSERT_A = 10, INSERT_B = 11, INSERT_C = 10, INSERT_F = 12341234 };
#define INSERT_D "TESTTESTTEST"
#define INSERT_E 10.333
#define INSERT_G "123412341234"

/* The same table and row by COPY; what the server then has of it. */
#define SQL_COPY_IN_TEXT "copy bench_insert from stdin"
#define SQL_COPY_IN_BINARY "copy bench_insert from stdin (format binary)"
#define COPY_LINE "10\t11\t10\tTESTTESTTEST\t10.333\t12341234\t123412341234\n"
#define SQL_COPY_TRUNCATE "truncate bench_insert"
#define SQL_COPIED_SUM                                                                                                 \
  "select coalesce(count(*) + sum(a::int8 + b + c + f + length(d) + length(g) + (1000 * e)::int8), 0)::int8 from "     \
  "bench_insert"
#define SQL_COPY_OUT                                                                                                   \
  "copy (select i::int4, i::int8 * 1000000007, i::float8 / 4, 'row number ' || i, timestamptz '2026-01-31 "            \
  "12:00:00+00' + i * interval '1 second', i %% 2 = 0 from generate_series(1, %llu) i) to stdout (format %s)"

struct copy_work {
  const char *name;
  bool in, binary;
};

/* NULL: the name is none of a COPY. */
static inline const struct copy_work *copy_work_find(const char *name) {
  static const struct copy_work all[] = {{"copy_in_text", true, false},
                                         {"copy_in_binary", true, true},
                                         {"copy_out_text", false, false},
                                         {"copy_out_binary", false, true}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (strcmp(name, all[i].name) == 0) return &all[i];
  return NULL;
}

/* What a text adds to the sum: its length and both ends, so that it was really looked at. */
static inline int64_t text_sum(const char *p, size_t n) {
  return (int64_t)n + (n > 0 ? (unsigned char)p[0] + (unsigned char)p[n - 1] : 0);
}

#endif
