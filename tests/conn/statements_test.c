/* Prepared statements on one connection: the table of conn/stmt.h. */
#include "base/buf.h"
#include "base/cursor.h"
#include "described.h"
#include "one_statement.h"

TestSuite(statements, .init = open_all, .fini = close_all);

static void prepare(void) {
  dsql_future *f;
  cr_assert_eq(dsql_stmt_new(&s, p.x.rt, "select 1", NULL, 0), 0);
  f = run();
  peer_expect(&p, "PDBES");
  peer_send(&p, "1 t: T:a 2 D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, f);
}

Test(statements, an_unsent_parse_that_is_canceled_leaves_nothing_behind) {
  dsql_future *f;
  cr_assert_eq(dsql_stmt_new(&s, p.x.rt, "select 1", NULL, 0), 0);
  f = run();
  dsql_future_destroy(f);
  f = run();
  peer_expect(&p, "PDBES");
  cr_assert_str_neq((const char *)peer_body(&p, 0, NULL), "", "the Parse has a name");
  peer_send(&p, "1 t: T:a 2 D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, f);
}

Test(statements, declared_types_hold_for_a_pipelined_first_use_as_well) {
  const uint32_t types[] = {DSQL_INT4};
  dsql_future *first, *second;
  const uint8_t *body;
  size_t n;

  cr_assert_eq(dsql_stmt_new(&s, p.x.rt, "select $1", types, 1), 0);
  first = dsql_query_stmt(c, s, DSQL_PARAMS(dsql_text("1")), NULL);
  second = dsql_query_stmt(c, s, DSQL_PARAMS(dsql_text("2")), NULL);
  peer_expect(&p, "PDBESPBDES");
  body = peer_body(&p, 5, &n);
  cr_assert_eq(n, 1 + strlen("select $1") + 1 + 2 + 4);
  cr_assert_eq(load_be32(body + n - 4), DSQL_INT4);
  peer_send(&p, "1 t:23 T:a 2 D:1 C:SELECT_1 Z:I 1 2 T:a D:2 C:SELECT_1 Z:I");
  peer_succeeds(&p, first);
  peer_succeeds(&p, second);
}

/* An int4 column has become a float4 one: as many bytes. What was queued for the old columns must not read the new ones
 * as integers. */
Test(statements, executions_that_wait_behind_a_repair_fit_the_new_columns) {
  dsql_future *first, *second, *third;
  const dsql_result *r;
  dsql_str text;
  float value;

  cr_assert_eq(dsql_stmt_new(&s, p.x.rt, "select v from t", NULL, 0), 0);
  first = run();
  peer_expect(&p, "PDBES");
  peer_send(&p, "1 t:");
  send_columns(&p, DSQL_INT4);
  peer_send(&p, "2 C:SELECT_0 Z:I");
  peer_succeeds(&p, first);

  second = run();
  peer_expect(&p, "BES");
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  third = run(); /* encoded for the old columns; waits for the end of its pipeline */
  peer_send(&p, "E:26000 Z:I");
  peer_expect(&p, "CPDBES");
  cr_assert_eq(dsql_pipeline_end(c), 0);
  peer_expect_nothing(&p);
  peer_send(&p, "3 1 t:");
  send_columns(&p, DSQL_FLOAT4);
  peer_send(&p, "2");
  send_field(&p, "1.5", 3);
  peer_send(&p, "C:SELECT_1 Z:I");
  cr_assert_eq(peer_settle(&p, second), 0);
  cr_assert_eq(dsql_future_result(second, &r), 0);
  cr_assert_eq(dsql_get_float4(r, 0, 0, &value), 0);
  cr_assert_float_eq(value, 1.5f, 0);
  dsql_future_destroy(second);

  peer_expect(&p, "BES");
  cr_assert_eq(bind_format_of_results(&p, 0), 0, "text in every column");
  peer_send(&p, "2");
  send_field(&p, "2.5", 3);
  peer_send(&p, "C:SELECT_1 Z:I");
  cr_assert_eq(peer_settle(&p, third), 0, "%s", client_error_text(third));
  cr_assert_eq(dsql_future_result(third, &r), 0);
  cr_assert_eq(dsql_result_col_oid(r, 0), DSQL_FLOAT4);
  cr_assert_eq(dsql_get_text(r, 0, 0, &text), 0);
  cr_assert(text.len == 3 && memcmp(text.ptr, "2.5", 3) == 0);
  dsql_future_destroy(third);
}

Test(statements, executions_behind_a_repair_that_changed_nothing_stay_as_they_are) {
  dsql_future *second, *third;
  prepare();
  second = run();
  peer_expect(&p, "BES");
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  third = run();
  cr_assert_eq(dsql_pipeline_end(c), 0);
  peer_expect(&p, "BES"); /* both in flight: only the last one can be repaired */
  peer_send(&p, "E:26000 Z:I");
  peer_fails(&p, second, DSQL_ESERVER, 0);
  peer_send(&p, "2 D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, third);
}

Test(statements, a_repair_is_tried_once) {
  dsql_future *f;
  prepare();
  f = run();
  peer_expect(&p, "BES");
  peer_send(&p, "E:26000 Z:I");
  peer_expect(&p, "CPDBES");
  peer_send(&p, "3 1 t: T:a E:26000 Z:I");
  peer_fails(&p, f, DSQL_ESERVER, 0);
  f = run();
  peer_expect(&p, "CPDBES");
  peer_send(&p, "3 1 t: T:a 2 D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, f);
}

Test(statements, nothing_is_repaired_in_a_transaction) {
  dsql_future *f;
  prepare();
  f = run();
  peer_expect(&p, "BES");
  peer_send(&p, "E:26000 Z:E");
  peer_fails(&p, f, DSQL_ESERVER, 0);
  f = run();
  peer_expect(&p, "CPDBES");
  peer_send(&p, "3 1 t: T:a 2 D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, f);
}

/* Where the Parse, its description, the Bind or the Execute fails, and what the next use sends. */
static const struct first_use {
  const char *what, *answer, *next, *next_answer;
} first_uses[] = {
    {"the Parse", "E:42601 Z:I", "PDBES", "1 t: T:a 2 D:1 C:SELECT_1 Z:I"},
    {"the description", "1 E:42601 Z:I", "CPDBES", "3 1 t: T:a 2 D:1 C:SELECT_1 Z:I"},
    {"its second half", "1 t: E:42601 Z:I", "CPDBES", "3 1 t: T:a 2 D:1 C:SELECT_1 Z:I"},
    {"the Bind", "1 t: T:a E:22023 Z:I", "BES", "2 D:1 C:SELECT_1 Z:I"},
    {"the Execute", "1 t: T:a 2 E:22012 Z:I", "BES", "2 D:1 C:SELECT_1 Z:I"},
    {"the Sync", "1 t: T:a 2 D:1 C:SELECT_1 E:23505 Z:I", "BES", "2 D:1 C:SELECT_1 Z:I"},
};

Test(statements, the_first_use_fails_anywhere) {
  for (size_t i = 0; i < COUNT(first_uses); i++) {
    const struct first_use *u = &first_uses[i];
    dsql_future *f;
    cr_assert_eq(dsql_stmt_new(&s, p.x.rt, "select 1", NULL, 0), 0);
    f = run();
    peer_expect(&p, "PDBES");
    peer_send(&p, u->answer);
    cr_assert_eq(peer_settle(&p, f), DSQL_ESERVER, "%s: %s", u->what, client_error_text(f));
    dsql_future_destroy(f);
    f = run();
    peer_expect(&p, u->next);
    peer_send(&p, u->next_answer);
    peer_succeeds(&p, f);
    dsql_stmt_free(s);
    s = NULL;
    peer_expect(&p, "CS");
    peer_send(&p, "3 Z:I");
  }
}

/* The same where nobody waits for the first use any more. */
Test(statements, the_first_use_is_abandoned) {
  for (size_t i = 0; i < COUNT(first_uses); i++) {
    const struct first_use *u = &first_uses[i];
    dsql_future *f;
    cr_assert_eq(dsql_stmt_new(&s, p.x.rt, "select 1", NULL, 0), 0);
    f = run();
    peer_expect(&p, "PDBES");
    dsql_future_destroy(f);
    peer_accept(&p, &p.cancel);
    cr_assert(peer_startup(&p, &p.cancel));
    peer_drop(&p.cancel);
    peer_send(&p, u->answer);
    f = run();
    peer_expect(&p, u->next);
    peer_send(&p, u->next_answer);
    peer_succeeds(&p, f);
    dsql_stmt_free(s);
    s = NULL;
    peer_expect(&p, "CS");
    peer_send(&p, "3 Z:I");
  }
}

Test(statements, deallocate_makes_them_new) {
  static const char *const tags[] = {"C:DEALLOCATE Z:I", "C:DEALLOCATE_ALL Z:I", "C:DISCARD_ALL Z:I"};
  prepare();
  for (size_t i = 0; i < COUNT(tags); i++) {
    dsql_future *f = dsql_exec(c, "whatever", NULL);
    peer_expect(&p, "Q");
    peer_send(&p, tags[i]);
    peer_succeeds(&p, f);
    f = run();
    peer_expect(&p, "CPDBES");
    peer_send(&p, "3 1 t: T:a 2 D:1 C:SELECT_1 Z:I");
    peer_succeeds(&p, f);
  }
}

Test(statements, one_that_is_freed_is_closed_when_it_is_idle_and_no_pipeline_is_open) {
  dsql_future *f, *member;
  prepare();
  f = run();
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  member = dsql_query(c, "insert", DSQL_NO_PARAMS, NULL);
  dsql_stmt_free(s);
  s = NULL;
  peer_expect(&p, "BES");
  peer_send(&p, "2 D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, f);
  peer_expect_nothing(&p);
  cr_assert_eq(dsql_pipeline_end(c), 0);
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 n C:INSERT_0_1 Z:I");
  peer_expect(&p, "CS");
  peer_send(&p, "3 Z:I");
  peer_succeeds(&p, member);
  peer_expect_nothing(&p);
}

Test(statements, too_many_parameters_are_refused_in_every_state) {
  enum { PARAMS = 65536 };
  dsql_param *v = calloc(PARAMS, sizeof *v);
  dsql_params over = {v, PARAMS};
  cr_assert_not_null(v);
  for (size_t i = 0; i < PARAMS; i++) v[i] = dsql_null();
  cr_assert_eq(dsql_stmt_new(&s, p.x.rt, "select 1", NULL, 0), 0);
  peer_fails(&p, dsql_query_stmt(c, s, over, NULL), DSQL_ETOOBIG, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  dsql_stmt_free(s);
  prepare();
  peer_fails(&p, dsql_query_stmt(c, s, over, NULL), DSQL_ETOOBIG, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  peer_fails(&p, dsql_query(c, "select 1", over, NULL), DSQL_ETOOBIG, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  peer_expect_nothing(&p);
  free(v);
}

Test(statements, a_type_that_the_statement_does_not_take_is_refused_once_it_is_known) {
  dsql_future *f;
  cr_assert_eq(dsql_stmt_new(&s, p.x.rt, "select $1", NULL, 0), 0);
  f = dsql_query_stmt(c, s, DSQL_PARAMS(dsql_text("1")), NULL);
  peer_expect(&p, "PDBES");
  peer_send(&p, "1 t:23 T:a 2 D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, f);
  peer_fails(&p, dsql_query_stmt(c, s, DSQL_PARAMS(dsql_float4(1.0f)), NULL), DSQL_EINVAL,
             DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  f = dsql_query_stmt(c, s, DSQL_PARAMS(dsql_int4(1)), NULL);
  peer_expect(&p, "BES");
  peer_send(&p, "2 D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, f);
}

enum { MANY = 200 };
static dsql_stmt *many[MANY];

static void use_one(dsql_conn *on, int i, bool known) {
  dsql_future *f = dsql_query_stmt(on, many[i], DSQL_NO_PARAMS, NULL);
  peer_expect(&p, known ? "BES" : "PDBES");
  peer_send(&p, known ? "2 D:1 C:SELECT_1 Z:I" : "1 t: T:a 2 D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, f);
}

Test(statements, many_on_two_connections) {
  static struct peer_link first, second;
  dsql_conn *other;

  for (int i = 0; i < MANY; i++) cr_assert_eq(dsql_stmt_new(&many[i], p.x.rt, "select 1", NULL, 0), 0);
  for (int i = 0; i < MANY; i++) use_one(c, i, false);
  first = p.main;
  p.main.fd = -1;
  other = peer_connect(&p);
  for (int i = 0; i < MANY; i++) use_one(other, i, false);
  second = p.main;
  p.main = first;
  for (int i = 0; i < MANY; i++) use_one(c, i, true);
  for (int i = 0; i < MANY; i += 2) dsql_stmt_free(many[i]);
  for (int i = 0; i < MANY; i += 2) {
    peer_expect(&p, "CS");
    peer_send(&p, "3 Z:I");
  }
  for (int i = 1; i < MANY; i += 2) use_one(c, i, true);
  first = p.main;
  p.main = second;
  for (int i = 0; i < MANY; i += 2) {
    peer_expect(&p, "CS");
    peer_send(&p, "3 Z:I");
  }
  for (int i = 1; i < MANY; i += 2) use_one(other, i, true);
  dsql_conn_close(other);
  peer_drop(&p.main);
  p.main = first;
  for (int i = 1; i < MANY; i += 2) use_one(c, i, true);
  for (int i = 1; i < MANY; i += 2) dsql_stmt_free(many[i]);
}

Test(statements, call_options_that_were_not_initialised_are_refused) {
  dsql_call o = {.timeout_ms = 5};
  dsql_future *f = dsql_query(c, "select 1", DSQL_NO_PARAMS, &o);

  cr_assert_eq(peer_settle(&p, f), DSQL_EINVAL);
  cr_assert(str_has(dsql_future_error(f)->message, "dsql_call_init()"), "%s", client_error_text(f));
  dsql_future_destroy(f);
}
