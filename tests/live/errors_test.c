/* Every field of an ErrorResponse and a NoticeResponse, from servers of two generations. */
#include <stdio.h>

#include "client.h"

static struct client x;

static void open_all(void) { client_open(&x); }
static void close_all(void) { client_close(&x); }

TestSuite(errors, .init = open_all, .fini = close_all);

static dsql_conn *connect_to(const char *version) {
  struct server s;
  cr_assert(server_find(version, &s), "PostgreSQL %s is not running", version);
  return client_connect(&x, "%s", server_conninfo(&s));
}

struct field {
  char type;
  const char *want; /* "*": anything but nothing */
};

static void check_fields(const dsql_error *e, const struct field *fields, size_t n) {
  static const char all[] = "SVCMDHPpqWstcdnFLR";
  for (size_t i = 0; i < sizeof all - 1; i++) {
    const char *want = "";
    dsql_str got = dsql_error_field(e, all[i]);
    for (size_t k = 0; k < n; k++)
      if (fields[k].type == all[i]) want = fields[k].want;
    if (strcmp(want, "*") == 0) {
      cr_assert_gt(got.len, 0, "field %c is missing", all[i]);
      continue;
    }
    cr_assert(got.len == strlen(want) && memcmp(got.ptr, want, got.len) == 0, "field %c: want \"%s\", got \"%.*s\"",
              all[i], want, (int)got.len, got.ptr);
  }
  cr_assert_eq(dsql_error_field(e, 'X').len, 0);
  cr_assert_eq(dsql_error_field(e, '\0').len, 0);
}

#define RAISE(level)                                                                                                   \
  "do $$ begin raise " level " using message = 'the message', errcode = 'ZZ123', detail = 'the detail', "              \
  "hint = 'the hint', schema = 'the schema', table = 'the table', column = 'the column', "                             \
  "datatype = 'the type', constraint = 'the constraint'; end $$"

static const struct field raised[] = {
    {'S', "ERROR"},          {'V', "ERROR"},
    {'C', "ZZ123"},          {'M', "the message"},
    {'D', "the detail"},     {'H', "the hint"},
    {'s', "the schema"},     {'t', "the table"},
    {'c', "the column"},     {'d', "the type"},
    {'n', "the constraint"}, {'W', "PL/pgSQL function inline_code_block line 1 at RAISE"},
    {'F', "pl_exec.c"},      {'L', "*"},
    {'R', "exec_stmt_raise"}};

static void all_of_them(const char *version) {
  dsql_conn *c = connect_to(version);
  for (int script = 0; script < 2; script++) {
    dsql_future *f =
        script ? dsql_exec(c, RAISE("exception"), NULL) : dsql_query(c, RAISE("exception"), DSQL_NO_PARAMS, NULL);
    const dsql_error *e;
    cr_assert_eq(dsql_future_run(f), DSQL_ESERVER);
    e = dsql_future_error(f);
    check_fields(e, raised, COUNT(raised));
    cr_assert_str_eq(e->sqlstate, "ZZ123");
    cr_assert(str_has(e->message, "the message") && str_has(e->detail, "the detail") && str_has(e->hint, "the hint"));
    cr_assert(e->flags == 0 && e->os_error == 0 && e->app_code == 0 && e->attempts == 1);
    dsql_future_destroy(f);
  }
  dsql_conn_close(c);
}

Test(errors, all_fields_on_18) { all_of_them("18"); }
Test(errors, all_fields_on_15) { all_of_them("debian15"); }

/* The position counts characters, not bytes; the internal query has one of its own. */
Test(errors, positions) {
  static const struct field outer[] = {{'S', "ERROR"}, {'V', "ERROR"}, {'C', "42703"}, {'M', "*"},
                                       {'P', "18"},    {'F', "*"},     {'L', "*"},     {'R', "*"}};
  static const struct field inner[] = {{'S', "ERROR"},         {'V', "ERROR"}, {'C', "42601"}, {'M', "*"}, {'p', "8"},
                                       {'q', "select select"}, {'W', "*"},     {'F', "*"},     {'L', "*"}, {'R', "*"}};
  dsql_conn *c = connect_to("18");
  dsql_future *f = dsql_query(c, "select 'äöü日本語', absent", DSQL_NO_PARAMS, NULL);
  cr_assert_eq(dsql_future_run(f), DSQL_ESERVER);
  check_fields(dsql_future_error(f), outer, COUNT(outer));
  dsql_future_destroy(f);
  f = dsql_query(c, "do $$ begin execute 'select select'; end $$", DSQL_NO_PARAMS, NULL);
  cr_assert_eq(dsql_future_run(f), DSQL_ESERVER);
  check_fields(dsql_future_error(f), inner, COUNT(inner));
  dsql_future_destroy(f);
  dsql_conn_close(c);
}

Test(errors, a_constraint_names_what_it_belongs_to) {
  dsql_conn *c = connect_to("18");
  const dsql_error *e;
  dsql_future *f;
  client_exec(c, "create temp table k (a int constraint \"The Check\" check (a > 0), b int not null)");
  f = dsql_query(c, "insert into k values ($1, 1)", DSQL_PARAMS(dsql_int4(-1)), NULL);
  cr_assert_eq(dsql_future_run(f), DSQL_ESERVER);
  e = dsql_future_error(f);
  cr_assert(str_has(dsql_error_field(e, 'n'), "The Check") && str_has(dsql_error_field(e, 't'), "k"));
  cr_assert(str_has(dsql_error_field(e, 's'), "pg_temp"));
  dsql_future_destroy(f);
  f = dsql_query(c, "insert into k values ($1, null)", DSQL_PARAMS(dsql_int4(1)), NULL);
  cr_assert_eq(dsql_future_run(f), DSQL_ESERVER);
  e = dsql_future_error(f);
  cr_assert_str_eq(e->sqlstate, "23502");
  cr_assert(str_has(dsql_error_field(e, 'c'), "b"));
  dsql_future_destroy(f);
  dsql_conn_close(c);
}

static int noticed;

static void on_notice(dsql_conn *c, const dsql_error *notice, void *arg) {
  struct field want[COUNT(raised)];
  (void)c;
  (void)arg;
  memcpy(want, raised, sizeof want);
  want[0].want = want[1].want = "WARNING";
  check_fields(notice, want, COUNT(want));
  noticed++;
}

Test(errors, a_notice_has_the_same_fields) {
  dsql_conn *c = connect_to("18");
  dsql_conn_on_notice(c, on_notice, NULL);
  client_exec(c, RAISE("warning"));
  cr_assert_eq(client_settle(dsql_query(c, RAISE("warning"), DSQL_NO_PARAMS, NULL)), 0);
  cr_assert_eq(noticed, 2);
  dsql_conn_close(c);
}

/* An error lives as long as its future, whatever becomes of its connection. */
Test(errors, outlive_their_connection) {
  dsql_conn *c = connect_to("18");
  dsql_future *f = dsql_query(c, RAISE("exception"), DSQL_NO_PARAMS, NULL);
  cr_assert_eq(dsql_future_run(f), DSQL_ESERVER);
  dsql_conn_close(c);
  for (int i = 0; i < 3; i++) (void)uv_run(&x.loop, UV_RUN_NOWAIT);
  check_fields(dsql_future_error(f), raised, COUNT(raised));
  dsql_future_destroy(f);
}
