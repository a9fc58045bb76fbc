/* COPY by a pool, in a transaction's body, and in batches that each commit by themselves. On PostgreSQL, and on `dsql
 * local` with conflicts and closes injected (run_copy): what the future reports is what stands in the table. */
#include <stdio.h>
#include <stdlib.h>

#include "dsql/copy.h"
#include "one_pool.h"

/* On a server that fails by design, what does no harm when it is done twice is done until it is done. */
static dsql_future *insist(const char *sql, bool read_only) {
  dsql_tx_options o;
  dsql_tx_options_init(&o);
  o.retries_max = 100;
  o.idempotent = true;
  o.read_only = read_only;
  dsql_future *f = dsql_retry_statement(pool, sql, DSQL_NO_PARAMS, &o);
  cr_assert_eq(dsql_future_run(f), 0, "%s: %s", sql, client_error_text(f));
  return f;
}

static void run_sql(const char *sql) { dsql_future_destroy(insist(sql, false)); }

static uint64_t number(const char *sql) {
  dsql_future *f = insist(sql, true);
  int64_t n = -1;
  cr_assert_eq(dsql_get_int8(client_rows(f), 0, 0, &n), 0);
  dsql_future_destroy(f);
  return (uint64_t)n;
}

/* New: Aurora DSQL has no TRUNCATE, and deletes no more rows at a time than it inserts. */
static void make_table(void) {
  run_sql("drop table if exists copied");
  run_sql("create table if not exists copied (a bigint primary key, b text)");
}

static void open_all(void) {
  open_pool(3, 20, 0);
  make_table();
}

static void close_all(void) {
  run_sql("drop table if exists copied");
  close_pool();
}

TestSuite(copies, .init = open_all, .fini = close_all, .timeout = 100);

/* ---- sources ---- */

struct source {
  int64_t next, count, fail_at;
  unsigned per_call, calls, begun;
  bool raw, later;
  dsql_future **cancel, **destroy;
  int64_t cancel_at;
};

static void write_row(dsql_copy *copy, const struct source *s) {
  char text[64];
  int n;

  if (!s->raw) {
    (void)dsql_copy_row(copy, DSQL_PARAMS(dsql_int8(s->next), dsql_text("a row\tof the copy")));
    return;
  }
  n = snprintf(text, sizeof text, "%lld\ta row\\tof the copy\n", (long long)s->next);
  (void)dsql_copy_write(copy, text, (size_t)n);
}

static dsql_copy_next rows(dsql_copy *copy, void *arg) {
  struct source *s = arg;

  if (dsql_copy_written(copy) == 0) s->begun++;
  if (s->later && s->calls++ % 2) return DSQL_COPY_LATER;
  for (unsigned i = 0; i < s->per_call && s->next < s->count; i++, s->next++) {
    if (s->fail_at && s->next == s->fail_at) return dsql_copy_fail(copy, 91);
    if (s->cancel && s->next == s->cancel_at) dsql_future_cancel(*s->cancel);
    if (s->destroy && s->next == s->cancel_at) dsql_future_destroy(*s->destroy);
    write_row(copy, s);
  }
  return s->next < s->count ? DSQL_COPY_MORE : DSQL_COPY_END;
}

static int count_messages(const void *data, size_t n, void *arg) {
  (void)data;
  if (n) ++*(size_t *)arg;
  return 0;
}

static uint64_t rows_there(void) { return number("select count(*) from copied"); }

/* ---- a borrowed connection ---- */

Test(copies, by_a_pool) {
  struct source s = {.count = 1000, .per_call = 100};
  size_t messages = 0;
  dsql_future *f;

  if (is_local()) return; /* these are not tried again */
  f = dsql_pool_copy_in(pool, "copy copied from stdin", rows, &s, NULL);
  cr_assert_eq(dsql_result_affected(client_rows(f)), 1000);
  dsql_future_destroy(f);
  f = dsql_pool_copy_in_bytes(pool, "copy copied from stdin", "5000\tx\n", 7, NULL);
  cr_assert_eq(dsql_result_affected(client_rows(f)), 1);
  dsql_future_destroy(f);
  f = dsql_pool_copy_out(pool, "copy copied to stdout", count_messages, &messages, NULL);
  cr_assert_eq(dsql_result_affected(client_rows(f)), 1001);
  cr_assert_eq(messages, 1001);
  dsql_future_destroy(f);
  cr_assert_eq(client_settle(dsql_pool_copy_in(pool, "select 1", rows, &s, NULL)), DSQL_EINVAL);
  cr_assert_eq(client_settle(dsql_pool_copy_in(pool, NULL, rows, &s, NULL)), DSQL_EINVAL);
  cr_assert_null(dsql_pool_copy_in(NULL, "copy copied from stdin", rows, &s, NULL));
}

/* ---- in a body ---- */

struct in {
  int64_t rows;
  unsigned bodies;
  bool in_one_step, bad;
};

static dsql_step copying(dsql_tx *tx, const void *arg, void *scratch) {
  struct in *in = (struct in *)(uintptr_t)arg;
  struct source *s = scratch;
  int i;

  if (dsql_tx_step(tx) == 1) {
    cr_assert_eq(dsql_result_affected(dsql_tx_result(tx, 0)), 1);
    cr_assert_eq(dsql_result_affected(dsql_tx_result(tx, 1)), in->rows);
    cr_assert_eq(dsql_result_affected(dsql_tx_result(tx, 2)), in->rows);
    return DSQL_COMMIT;
  }
  in->bodies++;
  cr_assert_eq(s->next, 0, "scratch is zeroed");
  *s = (struct source){.count = in->rows, .per_call = 50};
  (void)dsql_tx_query(tx, "insert into copied values (-1, 'ahead')", DSQL_NO_PARAMS);
  i = dsql_tx_copy_in(tx, "copy copied from stdin", rows, s);
  cr_assert_eq(i, 1);
  (void)dsql_tx_query(tx, in->bad ? "select 1/0" : "update copied set b = 'behind' where a >= 0", DSQL_NO_PARAMS);
  return in->in_one_step ? DSQL_COMMIT : DSQL_WAIT;
}

static dsql_future *run(const struct in *in) {
  dsql_tx_options o;
  dsql_tx_options_init(&o);
  o.scratch_size = sizeof(struct source);
  o.idempotent = is_local(); /* the primary key sees to it */
  return dsql_run_transaction(pool, copying, in, &o);
}

Test(copies, in_a_body_with_statements_before_and_behind) {
  for (int one = 0; one < 2; one++) {
    struct in in = {.rows = 1000, .in_one_step = one};
    dsql_future *f = run(&in);
    cr_assert_eq(dsql_future_run(f), 0, "%s", client_error_text(f));
    dsql_future_destroy(f);
    cr_assert_eq(rows_there(), 1001);
    cr_assert_eq(number("select count(*) from copied where b = 'behind'"), 1000);
    cr_assert_eq(in.bodies, failed_attempts + 1);
    make_table();
    failed_attempts = 0;
  }
}

Test(copies, a_body_that_fails_behind_its_copy_leaves_nothing) {
  struct in in = {.rows = 100, .in_one_step = true, .bad = true};
  dsql_future *f = run(&in);
  cr_assert_eq(dsql_future_run(f), DSQL_ESERVER, "%s", client_error_text(f));
  cr_assert_str_eq(dsql_future_error(f)->sqlstate, "22012");
  dsql_future_destroy(f);
  cr_assert_eq(rows_there(), 0);
}

static dsql_step stops(dsql_tx *tx, const void *in, void *scratch) {
  struct source *s = scratch;
  (void)in;
  *s = (struct source){.count = 100, .per_call = 10, .fail_at = 50};
  (void)dsql_tx_copy_in(tx, "copy copied from stdin", rows, s);
  return DSQL_COMMIT;
}

/* The COMMIT must not follow a COPY that went the other way, or that somebody has stopped. */
static dsql_step other_way(dsql_tx *tx, const void *in, void *scratch) {
  (void)in;
  (void)dsql_tx_query(tx, "insert into copied values (1, 'x')", DSQL_NO_PARAMS);
  (void)dsql_tx_copy_in(tx, "copy copied to stdout", rows, scratch);
  return DSQL_COMMIT;
}

static dsql_step no_copy(dsql_tx *tx, const void *in, void *scratch) {
  (void)in;
  (void)dsql_tx_query(tx, "insert into copied values (1, 'x')", DSQL_NO_PARAMS);
  cr_assert_eq(dsql_tx_copy_in(tx, "insert into copied values (2, 'x')", rows, scratch), DSQL_EINVAL);
  return DSQL_COMMIT;
}

Test(copies, that_fail_in_a_body) {
  static const struct {
    dsql_tx_fn fn;
    int code, app_code;
  } cases[] = {{stops, DSQL_EABORT, 91}, {other_way, DSQL_EINVAL, 0}, {no_copy, DSQL_EINVAL, 0}};
  dsql_tx_options o;

  dsql_tx_options_init(&o);
  o.scratch_size = sizeof(struct source);
  for (size_t i = 0; i < COUNT(cases); i++) {
    dsql_future *f = dsql_run_transaction(pool, cases[i].fn, NULL, &o);
    cr_assert_eq(dsql_future_run(f), cases[i].code, "%zu: %s", i, client_error_text(f));
    cr_assert_eq(dsql_future_error(f)->app_code, cases[i].app_code);
    dsql_future_destroy(f);
    cr_assert_eq(rows_there(), 0, "%zu", i);
  }
}

static void resume_both(uv_timer_t *timer) { dsql_resume(*(dsql_future **)timer->data); }

static dsql_step slow(dsql_tx *tx, const void *in, void *scratch) {
  struct source *s = scratch;
  (void)in;
  *s = (struct source){.count = 30, .per_call = 10, .later = true};
  (void)dsql_tx_copy_in(tx, "copy copied from stdin", rows, s);
  return DSQL_COMMIT;
}

Test(copies, a_source_in_a_body_waits_and_is_resumed) {
  dsql_tx_options o;
  uv_timer_t timer;
  dsql_future *f;

  dsql_tx_options_init(&o);
  o.scratch_size = sizeof(struct source);
  o.idempotent = is_local();
  uv_timer_init(&x.loop, &timer);
  timer.data = &f;
  uv_timer_start(&timer, resume_both, 1, 1);
  f = dsql_run_transaction(pool, slow, NULL, &o);
  cr_assert_eq(dsql_future_run(f), 0, "%s", client_error_text(f));
  uv_close((uv_handle_t *)&timer, NULL);
  client_turn(&x);
  dsql_future_destroy(f);
  cr_assert_eq(rows_there(), 30);
}

/* ---- batches ---- */

static dsql_copy_progress progress(dsql_future *f) {
  dsql_copy_progress p;
  dsql_copy_progress_get(f, &p, sizeof p);
  return p;
}

static const char *const formats[] = {"copy copied from stdin", "copy copied from stdin (format binary)"};

Test(copies, batches) {
  for (size_t i = 0; i < 3; i++) {
    struct source s = {.count = 10500, .per_call = 700, .raw = i == 2};
    dsql_copy_batch_options o;
    dsql_copy_progress p;
    dsql_future *f;

    if (is_local() && i) return;
    dsql_copy_batch_options_init(&o);
    if (!is_local()) o.rows_max = 3000; /* there it is the default */
    f = dsql_copy_in_batches(pool, formats[i % 2], rows, &s, &o);
    if (!is_local()) cr_assert_eq(dsql_future_run(f), 0, "%s", client_error_text(f));
    (void)!dsql_future_run(f);
    p = progress(f);
    cr_assert_eq(p.rows_taken, p.rows_committed);
    if (!is_local()) cr_assert(p.rows_committed == 10500 && p.batches == 4 && p.rows_in_doubt == 0 && p.bytes > 10500);
    dsql_future_destroy(f);
    cr_assert(rows_there() == p.rows_committed ||
              (p.rows_in_doubt && rows_there() == p.rows_committed + p.rows_in_doubt));
    make_table();
  }
}

Test(copies, batches_by_bytes_and_rows_larger_than_that) {
  struct source s = {.count = 100, .per_call = 100, .raw = true};
  dsql_copy_batch_options o;
  dsql_future *f;

  if (is_local()) return;
  dsql_copy_batch_options_init(&o);
  o.bytes_max = 200;
  f = dsql_copy_in_batches(pool, formats[0], rows, &s, &o);
  cr_assert_eq(dsql_future_run(f), 0, "%s", client_error_text(f));
  cr_assert_eq(progress(f).bytes, 100 * 22 - 10);
  cr_assert_eq(progress(f).batches, 12, "%u", (unsigned)progress(f).batches); /* 9 rows of 22 bytes each */
  dsql_future_destroy(f);
  make_table();
  s.next = 0;
  o.bytes_max = 1;
  f = dsql_copy_in_batches(pool, formats[0], rows, &s, &o);
  cr_assert_eq(dsql_future_run(f), 0);
  cr_assert_eq(progress(f).batches, 100);
  dsql_future_destroy(f);
}

Test(copies, no_batch_and_sources_that_wait) {
  struct source none = {0}, slow_one = {.count = 30, .per_call = 10, .later = true};
  dsql_copy_batch_options o;
  uv_timer_t timer;
  dsql_future *f;

  if (is_local()) return;
  f = dsql_copy_in_batches(pool, formats[0], rows, &none, NULL);
  cr_assert_eq(dsql_future_run(f), 0, "%s", client_error_text(f));
  cr_assert_eq(progress(f).rows_committed, 0);
  dsql_future_destroy(f);
  assert_fails(dsql_copy_in_batches(pool, "copy absent from stdin", rows, &none, NULL), DSQL_ESERVER, 0, "absent");
  dsql_copy_batch_options_init(&o);
  o.rows_max = 7;
  uv_timer_init(&x.loop, &timer);
  timer.data = &f;
  uv_timer_start(&timer, resume_both, 1, 1);
  f = dsql_copy_in_batches(pool, formats[0], rows, &slow_one, &o);
  cr_assert_eq(dsql_future_run(f), 0, "%s", client_error_text(f));
  cr_assert_eq(progress(f).batches, 5);
  dsql_future_destroy(f);
  uv_close((uv_handle_t *)&timer, NULL);
  client_turn(&x);
  cr_assert_eq(rows_there(), 30);
}

/* Fails in the third batch, for a duplicate key; then goes on behind it. */
Test(copies, batches_that_fail_are_gone_on_with) {
  struct source s = {.count = 1000, .per_call = 33};
  dsql_copy_batch_options o;
  dsql_copy_progress p;
  dsql_future *f;

  if (is_local()) return;
  run_sql("insert into copied values (250, 'in the way')");
  dsql_copy_batch_options_init(&o);
  o.rows_max = 100;
  f = dsql_copy_in_batches(pool, formats[0], rows, &s, &o);
  cr_assert_eq(dsql_future_run(f), DSQL_ESERVER);
  cr_assert_str_eq(dsql_future_error(f)->sqlstate, "23505");
  p = progress(f);
  cr_assert(p.rows_taken == 200 && p.rows_committed == 200 && p.rows_in_doubt == 0 && p.batches == 2);
  dsql_future_destroy(f);
  cr_assert_eq(rows_there(), 201);
  run_sql("delete from copied where a = 250");
  s.next = 0;
  o.rows_skip = p.rows_taken;
  f = dsql_copy_in_batches(pool, formats[0], rows, &s, &o);
  cr_assert_eq(dsql_future_run(f), 0, "%s", client_error_text(f));
  p = progress(f);
  cr_assert(p.rows_taken == 1000 && p.rows_committed == 800 && p.batches == 8);
  dsql_future_destroy(f);
  cr_assert_eq(rows_there(), 1000);
  cr_assert_eq(number("select count(distinct a) from copied where a between 0 and 999"), 1000);
}

Test(copies, batches_are_refused) {
  struct source s = {.count = 10, .per_call = 10};
  dsql_copy_batch_options o;

  if (is_local()) return;
  dsql_copy_batch_options_init(&o);
  assert_fails(dsql_copy_in_batches(pool, "select 1", rows, &s, NULL), DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE,
               "select 1");
  assert_fails(dsql_copy_in_batches(pool, formats[0], NULL, &s, NULL), DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE,
               "NULL");
  o.size = 4;
  assert_fails(dsql_copy_in_batches(pool, formats[0], rows, &s, &o), DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE,
               "size");
  dsql_copy_batch_options_init(&o);
  o.format = (enum dsql_copy_format)9;
  assert_fails(dsql_copy_in_batches(pool, formats[0], rows, &s, &o), DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE,
               "format");
  o.format = DSQL_COPY_FORMAT_BINARY;
  assert_fails(dsql_copy_in_batches(pool, formats[0], rows, &s, &o), DSQL_EINVAL, DSQL_CLIENT_SIDE, "FORMAT binary");
  cr_assert_null(dsql_copy_in_batches(NULL, formats[0], rows, &s, &o));
  s = (struct source){.count = 10, .per_call = 10, .fail_at = 5};
  assert_fails(dsql_copy_in_batches(pool, formats[0], rows, &s, NULL), DSQL_EABORT, DSQL_CLIENT_SIDE, "source");
  cr_assert_eq(rows_there(), 0);
}

/* Canceled, and destroyed, by the source, at every batch, and from outside after so many turns. */
Test(copies, batches_that_are_given_up) {
  dsql_copy_batch_options o;
  dsql_copy_progress p;
  dsql_future *f;

  if (is_local()) return;
  dsql_copy_batch_options_init(&o);
  o.rows_max = 10;
  for (int64_t at = 1; at < 60; at += 13) {
    struct source s = {.count = 100, .per_call = 5, .cancel_at = at, .cancel = &f};
    f = dsql_copy_in_batches(pool, formats[0], rows, &s, &o);
    cr_assert_eq(dsql_future_run(f), DSQL_ECANCELED);
    p = progress(f);
    dsql_future_destroy(f);
    cr_assert_eq(rows_there(), p.rows_committed);
    make_table();
    s = (struct source){.count = 100, .per_call = 5, .cancel_at = at, .destroy = &f};
    f = dsql_copy_in_batches(pool, formats[0], rows, &s, &o);
    while (s.next < at) client_turn(&x);
    for (int i = 0; i < 3; i++) uv_run(&x.loop, UV_RUN_NOWAIT);
    make_table();
  }
  for (int turns = 0; turns < 20; turns++) {
    struct source s = {.count = 100, .per_call = 5};
    f = dsql_copy_in_batches(pool, formats[0], rows, &s, &o);
    for (int i = 0; i < turns; i++) client_turn(&x);
    dsql_future_cancel(f);
    (void)!dsql_future_run(f);
    p = progress(f);
    dsql_future_destroy(f);
    cr_assert(rows_there() == p.rows_committed || rows_there() == p.rows_committed + p.rows_in_doubt);
    make_table();
  }
}

/* Each allocation failing in turn: it ends, what it has counted is what is there, and success is all of it. */
static void without_memory(int64_t count) {
  dsql_copy_batch_options o;

  dsql_copy_batch_options_init(&o);
  o.rows_max = 400;
  cr_assert_eq(rows_there(), 0);
  for (size_t nth = 1;; nth++) {
    struct source s = {.count = count, .per_call = 100};
    dsql_copy_progress p;
    bool failed;
    dsql_future *f;
    int rc;
    x.heap.fail_at = x.heap.calls + nth;
    f = dsql_copy_in_batches(pool, formats[0], rows, &s, &o);
    rc = dsql_future_run(f);
    failed = x.heap.calls >= x.heap.fail_at;
    x.heap.fail_at = 0;
    p = progress(f);
    dsql_future_destroy(f);
    if (rc == 0) cr_assert_eq(p.rows_committed, (uint64_t)count, "allocation %zu", nth);
    cr_assert(rows_there() == p.rows_committed || rows_there() == p.rows_committed + p.rows_in_doubt);
    make_table();
    if (!failed) break;
    cr_assert_lt(nth, 500);
  }
}

Test(copies, batches_without_memory) {
  if (is_local()) return;
  without_memory(1000);
  without_memory(100); /* its only batch is cut off by its end */
}

/* On a server that closes and conflicts: after every failure it goes on where it stopped, and all rows are there once. */
Test(copies, all_rows_are_in_once_whatever_happens) {
  enum { ROWS = 20000 };
  dsql_copy_batch_options o;
  unsigned calls = 0, doubts = 0;
  uint64_t taken = 0;

  dsql_copy_batch_options_init(&o);
  o.rows_max = 100;
  while (taken < ROWS) {
    struct source s = {.count = ROWS, .per_call = 250};
    dsql_copy_progress p;
    dsql_future *f;
    o.rows_skip = taken;
    f = dsql_copy_in_batches(pool, formats[calls % 2], rows, &s, &o);
    (void)!dsql_future_run(f);
    p = progress(f);
    cr_assert(p.rows_taken == taken + p.rows_committed, "%llu %llu", (unsigned long long)p.rows_taken,
              (unsigned long long)p.rows_committed);
    taken = p.rows_taken;
    if (p.rows_in_doubt) {
      uint64_t there = rows_there();
      cr_assert(there == taken || there == taken + p.rows_in_doubt);
      doubts++;
      taken = there;
    } else {
      cr_assert_eq(rows_there(), taken);
    }
    dsql_future_destroy(f);
    cr_assert_lt(++calls, 1000);
  }
  printf("calls %u doubts %u attempts %u\n", calls, doubts, failed_attempts);
  cr_assert_eq(rows_there(), ROWS);
  cr_assert_eq(number("select count(distinct a) from copied where a >= 0 and a < 20000"), ROWS);
  if (is_local()) cr_assert_gt(failed_attempts, 5);
}
