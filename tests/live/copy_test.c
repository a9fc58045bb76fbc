/* COPY on a real server: data both ways, and every way to fail, each of which leaves the connection usable. */
#include <stdio.h>
#include <stdlib.h>

#include "client.h"
#include "docs_table.h"
#include "dsql/copy.h"

static struct client x;
static dsql_conn *c;

static void open_all(void) {
  client_open(&x);
  c = client_connect(&x, "%s", server_conninfo(server_default()));
  client_exec(c, "create temp table t (a int primary key, b text)");
}

static void close_all(void) {
  dsql_conn_close(c);
  client_close(&x);
}

TestSuite(copy, .init = open_all, .fini = close_all);

static void assert_usable(const char *name) {
  cr_assert_str_eq(client_value(c, "select 'usable'"), "usable", "%s", name);
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_READY, "%s", name);
}

/* ---- what goes in comes out ---- */

struct rows {
  int next, count, pause_at;
  int calls;
  dsql_future **future;
};

static dsql_copy_next typed_rows(dsql_copy *copy, void *arg) {
  struct rows *rows = arg;
  char text[32];

  rows->calls++;
  for (int i = 0; i < 100 && rows->next < rows->count; i++, rows->next++) {
    snprintf(text, sizeof text, "row\t%d\\\n", rows->next);
    cr_assert_eq(
        dsql_copy_row(copy, DSQL_PARAMS(dsql_int4(rows->next), rows->next % 7 ? dsql_text(text) : dsql_null())), 0);
  }
  return rows->next < rows->count ? DSQL_COPY_MORE : DSQL_COPY_END;
}

static const char *const sum_of_t =
    "select count(*) || ' ' || sum(a) || ' ' || count(b) || ' ' || md5(string_agg(b, '' order by a)) from t";

Test(copy, typed_rows_in_both_formats) {
  static const char *const sql[] = {"copy t from stdin", "COPY t FROM STDIN (FORMAT binary)"};
  char first[128];

  for (size_t i = 0; i < COUNT(sql); i++) {
    struct rows rows = {.count = 20000};
    dsql_future *f = dsql_copy_in(c, sql[i], typed_rows, &rows, NULL);
    const dsql_result *r = client_rows(f);
    cr_assert(dsql_result_affected(r) == 20000 && str_has(dsql_result_tag(r), "COPY 20000"));
    dsql_future_destroy(f);
    cr_assert_str_eq(client_value(c, "select b from t where a = 8"), "row\t8\\\n");
    if (i == 0) snprintf(first, sizeof first, "%s", client_value(c, sum_of_t));
    cr_assert_str_eq(client_value(c, sum_of_t), first);
    client_exec(c, "truncate t");
  }
}

Test(copy, no_rows_at_all) {
  static const char *const sql[] = {"copy t from stdin", "copy t from stdin (format binary)", "copy t from stdin csv"};
  for (size_t i = 0; i < COUNT(sql); i++) {
    struct rows rows = {0};
    dsql_future *f = dsql_copy_in(c, sql[i], typed_rows, &rows, NULL);
    cr_assert_eq(dsql_result_affected(client_rows(f)), 0, "%s", sql[i]);
    dsql_future_destroy(f);
  }
}

struct sink {
  char *data;
  size_t len, cap, rows;
  int rc, at;
  dsql_future **future;
  dsql_conn **close;
};

static int collect(const void *data, size_t n, void *arg) {
  struct sink *s = arg;
  if (s->len + n > s->cap) {
    s->cap = 2 * (s->len + n);
    s->data = realloc(s->data, s->cap);
  }
  memcpy(s->data + s->len, data, n);
  s->len += n;
  s->rows++;
  return s->rc && (int)s->rows == s->at ? s->rc : 0;
}

Test(copy, bytes_out_and_in_again) {
  static const char *const formats[] = {"(format text)", "(format csv, header)", "(format binary)"};
  char sql[80], before[128];

  client_exec(c, "insert into t select i, repeat(chr(200 + i % 100), i % 50) from generate_series(1, 30000) i");
  snprintf(before, sizeof before, "%s", client_value(c, sum_of_t));
  for (size_t i = 0; i < COUNT(formats); i++) {
    struct sink sink = {0};
    dsql_future *f;
    snprintf(sql, sizeof sql, "copy t to stdout %s", formats[i]);
    f = dsql_copy_out(c, sql, collect, &sink, NULL);
    cr_assert_eq(dsql_result_affected(client_rows(f)), 30000);
    dsql_future_destroy(f);
    cr_assert_geq(sink.rows, 30000);
    client_exec(c, "truncate t");
    snprintf(sql, sizeof sql, "copy t from stdin %s", formats[i]);
    f = dsql_copy_in_bytes(c, sql, sink.data, sink.len, NULL);
    cr_assert_eq(dsql_result_affected(client_rows(f)), 30000);
    dsql_future_destroy(f);
    free(sink.data);
    cr_assert_str_eq(client_value(c, sum_of_t), before, "%s", formats[i]);
  }
}

Test(copy, inside_a_transaction_it_is_undone_with_it) {
  client_exec(c, "begin");
  cr_assert_eq(client_settle(dsql_copy_in_bytes(c, "copy t from stdin", "1\tone\n", 6, NULL)), 0);
  cr_assert_str_eq(client_value(c, "select count(*) from t"), "1");
  client_exec(c, "rollback");
  cr_assert_str_eq(client_value(c, "select count(*) from t"), "0");
}

Test(copy, what_is_called_behind_it_waits) {
  dsql_future *in = dsql_copy_in_bytes(c, "copy t from stdin", "1\tone\n", 6, NULL);
  dsql_future *count = dsql_query(c, "select count(*)::int4 from t", DSQL_NO_PARAMS, NULL);
  int32_t n;
  cr_assert(dsql_get_int4(client_rows(count), 0, 0, &n) == 0 && n == 1);
  cr_assert_eq(dsql_future_code(in), 0);
  dsql_future_destroy(in);
  dsql_future_destroy(count);
}

/* ---- back-pressure ---- */

static int count_rows(const void *data, size_t n, void *arg) {
  (void)data;
  *(size_t *)arg += n > 2; /* the end of the binary format is a message too */
  return 0;
}

/* The allocator's peak is the same for ten times the rows, both ways and in both formats. */
Test(copy, memory_does_not_grow_with_the_rows) {
  static const char *const in[] = {"copy t from stdin", "copy t from stdin binary"};
  static const char *const out[] = {"copy t to stdout", "copy t to stdout binary"};
  size_t base = x.heap.live_bytes;

  for (size_t i = 0; i < COUNT(in); i++)
    for (int count = 10000; count <= 100000; count *= 10) {
      struct rows rows = {.count = count};
      size_t seen = 0;
      x.heap.peak_bytes = base;
      cr_assert_eq(client_settle(dsql_copy_in(c, in[i], typed_rows, &rows, NULL)), 0);
      cr_assert_eq(client_settle(dsql_copy_out(c, out[i], count_rows, &seen, NULL)), 0);
      cr_assert_eq(seen, (size_t)count);
      cr_assert_leq(x.heap.peak_bytes - base, 1024 * 1024, "%d rows: %zu bytes", count, x.heap.peak_bytes - base);
      client_exec(c, "truncate t");
    }
}

/* A name of a table is no format. */
Test(copy, a_table_that_is_called_csv) {
  struct rows rows = {.count = 10};
  client_exec(c, "create temp table csv_of_binary (a int, b text)");
  cr_assert_eq(client_settle(dsql_copy_in(c, "copy csv_of_binary from stdin", typed_rows, &rows, NULL)), 0);
  cr_assert_str_eq(client_value(c, "select count(*) from csv_of_binary"), "10");
}

static void resume_later(uv_timer_t *timer) { dsql_resume(*(dsql_future **)timer->data); }

static dsql_copy_next one_and_then_nothing(dsql_copy *copy, void *arg) {
  struct rows *rows = arg;
  if (rows->next == rows->count) return DSQL_COPY_END;
  if (rows->calls++ % 2) return DSQL_COPY_LATER;
  cr_assert_eq(dsql_copy_row(copy, DSQL_PARAMS(dsql_int4(rows->next++), dsql_null())), 0);
  return DSQL_COPY_MORE;
}

Test(copy, a_source_that_has_nothing_is_asked_when_it_is_resumed) {
  struct rows rows = {.count = 5};
  uv_timer_t timer;
  dsql_future *f = dsql_copy_in(c, "copy t from stdin", one_and_then_nothing, &rows, NULL);

  uv_timer_init(&x.loop, &timer);
  timer.data = &f;
  uv_timer_start(&timer, resume_later, 1, 1);
  cr_assert_eq(dsql_result_affected(client_rows(f)), 5);
  dsql_future_destroy(f);
  uv_close((uv_handle_t *)&timer, NULL);
  client_turn(&x);
}

/* What it waits for has come before it could say that it waits. */
static dsql_copy_next resumed_already(dsql_copy *copy, void *arg) {
  dsql_future **f = arg;

  if (dsql_copy_written(copy) >= 5 * 4) return DSQL_COPY_END;
  cr_assert_eq(dsql_copy_write(copy, &"0\tx\n1\tx\n2\tx\n3\tx\n4\tx\n"[dsql_copy_written(copy)], 4), 0);
  dsql_resume(*f);
  return DSQL_COPY_LATER;
}

Test(copy, a_source_that_is_resumed_before_it_waits_is_asked_again, .timeout = 10) {
  dsql_future *f;

  f = dsql_copy_in(c, "copy t from stdin", resumed_already, &f, NULL);
  cr_assert_eq(dsql_result_affected(client_rows(f)), 5);
  dsql_future_destroy(f);
}

static dsql_copy_next endless(dsql_copy *copy, void *arg) {
  static const char line[64] = "1\t0123456789012345678901234567890123456789012345678901234567890\n";
  struct rows *rows = arg;
  rows->next++;
  for (int i = 0; i < 64; i++) cr_assert_eq(dsql_copy_write(copy, line, sizeof line), 0);
  return DSQL_COPY_MORE;
}

/* The table is locked: the server takes no more than what its and the kernel's buffers hold. */
Test(copy, a_server_that_does_not_read_is_waited_for) {
  dsql_conn *other = client_connect(&x, "%s", server_conninfo(server_default()));
  struct rows rows = {0};
  dsql_call call;
  size_t before, peak;

  client_exec(c, "drop table if exists copy_locked; create table copy_locked (a int, b text)");
  client_exec(other, "begin");
  client_exec(other, "create function pg_temp.noop() returns void language sql as ''; lock table copy_locked");
  dsql_call_init(&call);
  call.timeout_ms = 300;
  before = x.heap.live_bytes;
  assert_fails(dsql_copy_in(c, "copy copy_locked from stdin", endless, &rows, &call), DSQL_ETIMEDOUT, DSQL_CLIENT_SIDE,
               "timeout");
  peak = x.heap.peak_bytes;
  cr_assert_leq(peak - before, 512 * 1024, "%zu bytes", peak - before);
  client_exec(other, "rollback");
  dsql_conn_close(other);
  assert_usable("locked");
  client_exec(c, "drop table copy_locked");
}

Test(copy, a_sink_pauses) {
  struct sink sink = {.rc = DSQL_ROW_PAUSE, .at = 1000};
  dsql_future *f = dsql_copy_out(c, "copy (select generate_series(1, 200000)) to stdout", collect, &sink, NULL);
  for (int i = 0; i < 200 && sink.rows < 1000; i++) client_turn(&x);
  for (int i = 0; i < 20; i++) uv_run(&x.loop, UV_RUN_NOWAIT);
  cr_assert_eq(sink.rows, 1000);
  dsql_resume(f);
  cr_assert_eq(dsql_result_affected(client_rows(f)), 200000);
  cr_assert_eq(sink.rows, 200000);
  dsql_future_destroy(f);
  free(sink.data);
}

/* ---- every way to fail: the table of docs/copy.md ---- */

static dsql_copy_next gives_up(dsql_copy *copy, void *arg) {
  struct rows *rows = arg;
  if (rows->calls++ == rows->pause_at) return dsql_copy_fail(copy, 77);
  cr_assert_eq(dsql_copy_row(copy, DSQL_PARAMS(dsql_int4(rows->next++), dsql_null())), 0);
  return DSQL_COPY_MORE;
}

static dsql_copy_next writes_nothing(dsql_copy *copy, void *arg) {
  (void)copy, (void)arg;
  return DSQL_COPY_MORE;
}

static dsql_copy_next returns_nonsense(dsql_copy *copy, void *arg) {
  (void)copy, (void)arg;
  return (dsql_copy_next)42;
}

static dsql_copy_next too_few_values(dsql_copy *copy, void *arg) {
  (void)arg;
  cr_assert_eq(dsql_copy_row(copy, DSQL_PARAMS(dsql_int4(1))), DSQL_EINVAL);
  return DSQL_COPY_MORE;
}

static dsql_copy_next refused_value(dsql_copy *copy, void *arg) {
  (void)arg;
  cr_assert_eq(dsql_copy_row(copy, DSQL_PARAMS(dsql_int4(1), dsql_text("one"))), 0);
  cr_assert_eq(dsql_copy_row(copy, DSQL_PARAMS(dsql_numeric_scaled(1, 99), dsql_null())), DSQL_EINVAL);
  cr_assert_eq(dsql_copy_row(copy, DSQL_PARAMS(dsql_int4(2), dsql_text("two"))), DSQL_EINVAL);
  return DSQL_COPY_END;
}

static dsql_copy_next nul_in_a_text(dsql_copy *copy, void *arg) {
  (void)arg;
  cr_assert_eq(dsql_copy_row(copy, DSQL_PARAMS(dsql_int4(1), dsql_text_n("a\0b", 3))), DSQL_EINVAL);
  return DSQL_COPY_END;
}

static dsql_copy_next textual_numeric(dsql_copy *copy, void *arg) {
  (void)arg;
  cr_assert_eq(dsql_copy_row(copy, DSQL_PARAMS(dsql_numeric("1.5"), dsql_null())), DSQL_ETYPE);
  return DSQL_COPY_END;
}

static dsql_copy_next both_ways(dsql_copy *copy, void *arg) {
  (void)arg;
  cr_assert_eq(dsql_copy_row(copy, DSQL_PARAMS(dsql_int4(1), dsql_null())), 0);
  cr_assert_eq(dsql_copy_write(copy, "2\tx\n", 4), DSQL_EINVAL);
  return DSQL_COPY_END;
}

static dsql_copy_next row_in_csv(dsql_copy *copy, void *arg) {
  (void)arg;
  cr_assert_eq(dsql_copy_row(copy, DSQL_PARAMS(dsql_int4(1), dsql_null())), DSQL_EINVAL);
  return DSQL_COPY_END;
}

static dsql_copy_next wrong_width(dsql_copy *copy, void *arg) {
  (void)arg;
  cr_assert_eq(dsql_copy_row(copy, DSQL_PARAMS(dsql_int8(1), dsql_null())), 0);
  return DSQL_COPY_END;
}

static dsql_copy_next garbage_forever(dsql_copy *copy, void *arg) {
  (void)arg;
  cr_assert_eq(dsql_copy_write(copy, "no number\tx\n", 12), 0);
  return DSQL_COPY_MORE;
}

static dsql_copy_next twice_the_same(dsql_copy *copy, void *arg) {
  (void)arg;
  cr_assert_eq(dsql_copy_write(copy, "1\ta\n1\tb\n", 8), 0);
  return DSQL_COPY_END;
}

static dsql_copy_next half_a_row(dsql_copy *copy, void *arg) {
  (void)arg;
  cr_assert_eq(dsql_copy_write(copy, "PGCOPY\n\377\r\n\0\0\0", 14), 0);
  return DSQL_COPY_END;
}

static dsql_copy_next cancels(dsql_copy *copy, void *arg) {
  struct rows *rows = arg;
  cr_assert_eq(dsql_copy_write(copy, "1\ta\n", 4), 0);
  if (++rows->calls == 3) dsql_future_cancel(*rows->future);
  return DSQL_COPY_MORE;
}

static const struct {
  const char *name, *sql;
  dsql_copy_source source;
  int pause_at;
  int code, app_code;
  const char *sqlstate, *text;
} failures[] = {
    {"gives up at once", "copy t from stdin", gives_up, 0, DSQL_EABORT, 77, "", "source"},
    {"gives up later", "copy t from stdin", gives_up, 10, DSQL_EABORT, 77, "", "source"},
    {"gives up in binary", "copy t from stdin binary", gives_up, 10, DSQL_EABORT, 77, "", "source"},
    {"MORE without data", "copy t from stdin", writes_nothing, 0, DSQL_EINVAL, 0, "", "DSQL_COPY_LATER"},
    {"no dsql_copy_next", "copy t from stdin", returns_nonsense, 0, DSQL_EINVAL, 0, "", "42"},
    {"too few values", "copy t from stdin", too_few_values, 0, DSQL_EINVAL, 0, "", "1 values for 2 columns"},
    {"a refused value", "copy t from stdin", refused_value, 0, DSQL_EINVAL, 0, "", "value 1"},
    {"a NUL byte", "copy t from stdin", nul_in_a_text, 0, DSQL_EINVAL, 0, "", "value 2"},
    {"text in binary", "copy t from stdin binary", textual_numeric, 0, DSQL_ETYPE, 0, "", "FORMAT text"},
    {"rows and bytes", "copy t from stdin", both_ways, 0, DSQL_EINVAL, 0, "", "not with both"},
    {"rows in csv", "copy t from stdin csv", row_in_csv, 0, DSQL_EINVAL, 0, "", "not csv"},
    {"a wrong width", "copy t from stdin binary", wrong_width, 0, DSQL_ESERVER, 0, "22P03", "incorrect binary data"},
    {"data that is refused meanwhile", "copy t from stdin", garbage_forever, 0, DSQL_ESERVER, 0, "22P02", "integer"},
    {"a unique violation", "copy t from stdin", twice_the_same, 0, DSQL_ESERVER, 0, "23505", "duplicate key"},
    {"a cut signature", "copy t from stdin binary", half_a_row, 0, DSQL_ESERVER, 0, "22P04", "COPY"},
    {"no such table", "copy absent from stdin", twice_the_same, 0, DSQL_ESERVER, 0, "42P01", "absent"},
    {"the other direction", "copy t to stdout", twice_the_same, 0, DSQL_EINVAL, 0, "", "other direction"},
    {"no COPY", "select 1", twice_the_same, 0, DSQL_EINVAL, 0, "", "select 1"},
    {"no source", "copy t from stdin", NULL, 0, DSQL_EINVAL, 0, "", "NULL"},
    {"two of them", "copy t from stdin; copy t from stdin", typed_rows, 0, DSQL_EINVAL, 0, "", "second one"},
    {"canceled by its source", "copy t from stdin", cancels, 0, DSQL_ECANCELED, 0, "", "canceled"},
};

static void fails(size_t i) {
  struct rows rows = {.pause_at = failures[i].pause_at, .count = 3};
  dsql_future *f = dsql_copy_in(c, failures[i].sql, failures[i].source, &rows, NULL);
  const dsql_error *e;

  rows.future = &f;
  cr_assert_eq(dsql_future_run(f), failures[i].code, "%s: %s", failures[i].name, client_error_text(f));
  e = dsql_future_error(f);
  cr_assert_eq(e->app_code, failures[i].app_code, "%s", failures[i].name);
  cr_assert_str_eq(e->sqlstate, failures[i].sqlstate, "%s: %s", failures[i].name, client_error_text(f));
  cr_assert(str_has(e->message, failures[i].text), "%s: %s", failures[i].name, client_error_text(f));
  cr_assert_eq(e->flags & DSQL_IN_DOUBT, 0, "%s", failures[i].name);
  dsql_future_destroy(f);
}

/* docs/copy.md says the same of the same failures. */
Test(copy, the_table_of_failures) {
  const char *cells[DOCS_CELLS_MAX];
  struct docs_table t;
  size_t rows = 0;

  docs_open(&t, "copy.md", "Failures");
  while (docs_row(&t)) {
    size_t i = rows - 1;
    cr_assert_eq(docs_cells(&t, cells), 3);
    if (rows++ == 0) continue; /* the columns' names */
    cr_assert_lt(i, COUNT(failures), "%s", cells[0]);
    cr_expect_str_eq(cells[0], failures[i].name);
    cr_expect_str_eq(cells[1], dsql_error_name(failures[i].code), "%s", cells[0]);
    cr_expect_str_eq(cells[2],
                     failures[i].app_code      ? "`app_code`"
                     : failures[i].sqlstate[0] ? failures[i].sqlstate
                                               : "the library",
                     "%s", cells[0]);
  }
  cr_assert_eq(rows, 1 + COUNT(failures));
}

Test(copy, every_failure_leaves_the_connection_usable) {
  for (size_t i = 0; i < COUNT(failures); i++) {
    fails(i);
    assert_usable(failures[i].name);
    cr_assert_str_eq(client_value(c, "select count(*) from t"), "0", "%s", failures[i].name);
  }
}

Test(copy, a_failure_inside_a_transaction_fails_the_transaction) {
  for (size_t i = 0; i < COUNT(failures); i++) {
    client_exec(c, "begin");
    fails(i);
    client_exec(c, "rollback");
    assert_usable(failures[i].name);
  }
}

Test(copy, a_sink_stops) {
  struct sink sink = {.rc = 78, .at = 500};
  dsql_future *f = dsql_copy_out(c, "copy (select generate_series(1, 1000000)) to stdout", collect, &sink, NULL);
  cr_assert_eq(dsql_future_run(f), DSQL_EABORT);
  cr_assert_eq(dsql_future_error(f)->app_code, 78);
  cr_assert_eq(sink.rows, 500);
  dsql_future_destroy(f);
  free(sink.data);
  assert_usable("a sink stops");
}

Test(copy, out_fails_on_the_server) {
  struct sink sink = {0};
  assert_fails(dsql_copy_out(c, "copy (select 1 / (100000 - g) from generate_series(1, 200000) g) to stdout", collect,
                             &sink, NULL),
               DSQL_ESERVER, 0, "division by zero");
  cr_assert_gt(sink.rows, 0);
  assert_fails(dsql_copy_out(c, "copy t from stdin", collect, &sink, NULL), DSQL_EINVAL, DSQL_CLIENT_SIDE,
               "other direction");
  free(sink.data);
  assert_usable("out fails");
}

Test(copy, has_no_place_in_a_pipeline) {
  struct rows rows = {0};
  dsql_future *f;
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  f = dsql_copy_in(c, "copy t from stdin", typed_rows, &rows, NULL);
  cr_assert_eq(dsql_pipeline_end(c), 0);
  assert_fails(f, DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "pipeline");
  assert_usable("pipeline");
}

static int destroys(const void *data, size_t n, void *arg) {
  struct sink *s = arg;
  (void)data, (void)n;
  if (++s->rows != 100) return 0;
  dsql_future_destroy(*s->future);
  return 0;
}

static dsql_copy_next source_destroys(dsql_copy *copy, void *arg) {
  struct rows *rows = arg;
  cr_assert_eq(dsql_copy_write(copy, "1\ta\n", 4), 0);
  if (++rows->calls == 3) dsql_future_destroy(*rows->future);
  return DSQL_COPY_MORE;
}

Test(copy, its_callbacks_destroy_it) {
  struct sink sink = {0};
  struct rows rows = {0};
  dsql_future *f = dsql_copy_out(c, "copy (select generate_series(1, 1000000)) to stdout", destroys, &sink, NULL);
  sink.future = &f;
  assert_usable("the sink destroys");
  cr_assert_eq(sink.rows, 100);
  f = dsql_copy_in(c, "copy t from stdin", source_destroys, &rows, NULL);
  rows.future = &f;
  assert_usable("the source destroys");
  cr_assert_eq(rows.calls, 3);
}

/* Canceled and destroyed after so many turns of the loop. */
Test(copy, given_up_at_any_time) {
  for (int turns = 0; turns < 12; turns++)
    for (int kind = 0; kind < 4; kind++) {
      struct rows rows = {.count = 1000000};
      struct sink sink = {0};
      dsql_future *f =
          kind % 2 ? dsql_copy_in(c, "copy t from stdin", typed_rows, &rows, NULL)
                   : dsql_copy_out(c, "copy (select generate_series(1, 300000)) to stdout", collect, &sink, NULL);
      for (int i = 0; i < turns; i++) client_turn(&x);
      if (kind / 2) {
        dsql_future_cancel(f);
        cr_assert_eq(dsql_future_run(f), DSQL_ECANCELED, "%d %d", turns, kind);
      }
      dsql_future_destroy(f);
      assert_usable("given up");
      cr_assert_str_eq(client_value(c, "select count(*) from t"), "0");
      free(sink.data);
    }
}

static dsql_copy_next closes(dsql_copy *copy, void *arg) {
  struct rows *rows = arg;
  cr_assert_eq(dsql_copy_write(copy, "1\ta\n", 4), 0);
  if (++rows->calls == 3) dsql_conn_close(c);
  return DSQL_COPY_MORE;
}

Test(copy, its_source_closes_the_connection) {
  struct rows rows = {0};
  assert_fails(dsql_copy_in(c, "copy t from stdin", closes, &rows, NULL), DSQL_ECLOSED,
               DSQL_CONN_LOST | DSQL_CLIENT_SIDE, "");
  cr_assert_eq(rows.calls, 3);
  c = client_connect(&x, "%s", server_conninfo(server_default()));
}
