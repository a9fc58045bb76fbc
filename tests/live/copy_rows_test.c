/* dsql_copy_row() behind the first row of a binary COPY, where rows go a shorter way: whatever they hold, and whatever is
 * wrong with one of them. */
#include <stdio.h>
#include <stdlib.h>

#include "client.h"
#include "dsql/copy.h"

static struct client x;
static dsql_conn *c;

static void open_all(void) {
  client_open(&x);
  c = client_connect(&x, "%s", server_conninfo(server_default()));
  client_exec(c, "create temp table t (a int4, b text, c int8, d bool, e uuid)");
}

static void close_all(void) {
  dsql_conn_close(c);
  client_close(&x);
}

TestSuite(copy_rows, .init = open_all, .fini = close_all);

enum { ROWS = 3000, TEXT_MAX = 300 };

/* ---- what goes in comes out ---- */

static char text[TEXT_MAX];

static dsql_copy_next all_shapes(dsql_copy *copy, void *arg) {
  int *next = arg;
  dsql_uuid uuid = {{1, 2, 3}};

  for (int i = 0; i < 70 && *next < ROWS; i++) {
    int n = (*next)++;
    size_t len = (size_t)(n % 2 ? n % 20 : n % TEXT_MAX);
    dsql_param e = n % 5 ? dsql_uuid_param(uuid) : dsql_null();
    dsql_params row =
        DSQL_PARAMS(dsql_int4(n), dsql_text_n(text, len), n % 3 ? dsql_int8(-n) : dsql_null(), dsql_bool(n % 2), e);
    cr_assert_eq(dsql_copy_row(copy, row), 0);
  }
  return *next < ROWS ? DSQL_COPY_MORE : DSQL_COPY_END;
}

Test(copy_rows, every_shape_arrives) {
  int next = 0;
  dsql_future *f;
  char got[128];

  for (size_t i = 0; i < TEXT_MAX; i++) text[i] = (char)('a' + i % 26);
  f = dsql_copy_in(c, "copy t from stdin binary", all_shapes, &next, NULL);
  cr_assert_eq(dsql_result_affected(client_rows(f)), ROWS);
  dsql_future_destroy(f);
  snprintf(got, sizeof got, "%s",
           client_value(
               c, "select count(*) filter (where c is not distinct from case when a % 3 <> 0 then -a end and d = (a "
                  "% 2 = 1) and (e is null) = (a % 5 = 0) and b = substr(repeat('abcdefghijklmnopqrstuvwxyz', "
                  "12), 1, case when a % 2 = 1 then a % 20 else a % 300 end)) from t"));
  cr_assert_str_eq(got, "3000");
}

/* ---- what is wrong with the third row ---- */

static int good(dsql_copy *copy) {
  return dsql_copy_row(copy, DSQL_PARAMS(dsql_int4(1), dsql_text("a"), dsql_int8(2), dsql_bool(true), dsql_null()));
}

static int too_few(dsql_copy *copy) { return dsql_copy_row(copy, DSQL_PARAMS(dsql_int4(1), dsql_text("a"))); }
static int no_values(dsql_copy *copy) { return dsql_copy_row(copy, (dsql_params){NULL, 5}); }
static int nothing(dsql_copy *copy) { return dsql_copy_row(copy, DSQL_NO_PARAMS); }
static int bytes(dsql_copy *copy) { return dsql_copy_write(copy, "abc", 3); }

static int a_numeric(dsql_copy *copy) {
  return dsql_copy_row(copy,
                       DSQL_PARAMS(dsql_int4(1), dsql_text("a"), dsql_numeric("2"), dsql_bool(true), dsql_null()));
}

static int a_refused_one(dsql_copy *copy) {
  return dsql_copy_row(
      copy, DSQL_PARAMS(dsql_int4(1), dsql_text("a"), dsql_int8(2), dsql_numeric_scaled(1, 99), dsql_null()));
}

static const struct mistake {
  const char *name;
  int (*make)(dsql_copy *copy);
  int code;
  const char *text;
} mistakes[] = {{"too few values", too_few, DSQL_EINVAL, "2 values for 5 columns"},
                {"no values", no_values, DSQL_EINVAL, "no values were given"},
                {"nothing", nothing, DSQL_EINVAL, "0 values for 5 columns"},
                {"bytes", bytes, DSQL_EINVAL, "not with both"},
                {"a text for a numeric", a_numeric, DSQL_ETYPE, "value 3 has a textual form only"},
                {"a refused value", a_refused_one, DSQL_EINVAL, "value 4 can't be sent"}};

static dsql_copy_next mistaken(dsql_copy *copy, void *arg) {
  const struct mistake *m = arg;
  cr_assert_eq(good(copy), 0);
  cr_assert_eq(good(copy), 0);
  cr_assert_eq(m->make(copy), m->code, "%s", m->name);
  cr_assert_eq(good(copy), m->code, "%s: nothing follows", m->name);
  return DSQL_COPY_END;
}

Test(copy_rows, mistakes_behind_good_rows) {
  for (size_t i = 0; i < COUNT(mistakes); i++) {
    struct mistake m = mistakes[i];
    dsql_future *f = dsql_copy_in(c, "copy t from stdin (format binary)", mistaken, &m, NULL);
    cr_assert_eq(dsql_future_run(f), m.code, "%s", m.name);
    cr_assert(str_has(dsql_future_error(f)->message, m.text), "%s: %s", m.name, client_error_text(f));
    dsql_future_destroy(f);
    cr_assert_str_eq(client_value(c, "select count(*) from t"), "0", "%s", m.name);
  }
}

/* ---- the end of the connection, of the future, from inside the source ---- */

static dsql_copy_next closes(dsql_copy *copy, void *arg) {
  (void)arg;
  cr_assert_eq(good(copy), 0);
  cr_assert_eq(good(copy), 0);
  dsql_conn_close(c);
  cr_assert_eq(good(copy), DSQL_EINVAL);
  return DSQL_COPY_MORE;
}

Test(copy_rows, the_source_closes_and_goes_on) {
  dsql_future *f = dsql_copy_in(c, "copy t from stdin binary", closes, NULL, NULL);
  cr_assert_eq(dsql_future_run(f), DSQL_ECLOSED);
  dsql_future_destroy(f);
  c = client_connect(&x, "%s", server_conninfo(server_default()));
}

static dsql_copy_next cancels(dsql_copy *copy, void *arg) {
  cr_assert_eq(good(copy), 0);
  dsql_future_cancel(*(dsql_future **)arg);
  (void)good(copy);
  return DSQL_COPY_MORE;
}

Test(copy_rows, the_source_cancels_and_goes_on) {
  dsql_future *f = NULL;
  f = dsql_copy_in(c, "copy t from stdin binary", cancels, &f, NULL);
  cr_assert_eq(dsql_future_run(f), DSQL_ECANCELED);
  dsql_future_destroy(f);
  cr_assert_str_eq(client_value(c, "select count(*) from t"), "0");
}
