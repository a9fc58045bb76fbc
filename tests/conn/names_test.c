/* Which prepared statements have names: how many, what they are called, and where none has one. */
#include <stdio.h>

#include "described.h"
#include "one_statement.h"

TestSuite(names, .init = open_all, .fini = close_all);

enum { MANY = 4 };
static dsql_stmt *many[MANY];

/* ---- how many there are ---- */

static void reconnect(const char *options, const char *greeting) {
  dsql_future *ready;
  dsql_conn_close(c);
  peer_drop(&p.main);
  (void)snprintf(p.conninfo + strlen(p.conninfo), 64, " %s", options);
  c = peer_dial(&p);
  ready = dsql_conn_ready(c);
  peer_accept(&p, &p.main);
  cr_assert_not(peer_startup(&p, &p.main));
  peer_send(&p, greeting);
  peer_succeeds(&p, ready);
}

static const char *name_in(size_t message) { return (const char *)peer_body(&p, message, NULL); }
static const char *name_closed(size_t message) { return name_in(message) + 1; }

static void make_many(int n) {
  char sql[32];
  for (int i = 0; i < n; i++) {
    (void)snprintf(sql, sizeof sql, "select %d", i);
    cr_assert_eq(dsql_stmt_new(&many[i], p.x.rt, sql, NULL, 0), 0);
  }
}
static void free_many(int n) {
  for (int i = 0; i < n; i++) dsql_stmt_free(many[i]);
}

static dsql_future *use(int i) { return dsql_query_stmt(c, many[i], DSQL_NO_PARAMS, NULL); }

static const char parsed[] = "1 t: T:a 2 D:1 C:SELECT_1 Z:I", replaced[] = "3 1 t: T:a 2 D:1 C:SELECT_1 Z:I",
                  executed[] = "2 D:1 C:SELECT_1 Z:I", flown[] = "1 2 T:a D:1 C:SELECT_1 Z:I";

static void uses(int i, const char *messages, const char *answer) {
  dsql_future *f = use(i);
  peer_expect(&p, messages);
  peer_send(&p, answer);
  peer_succeeds(&p, f);
}

/* The Close of the one that goes travels ahead of the Parse of the one that comes. */
Test(names, the_least_recently_used_one_goes) {
  char first[32], second[32];
  reconnect("statement_cache_size=2", "R0 K Z:I");
  make_many(4);
  uses(0, "PDBES", parsed);
  (void)snprintf(first, sizeof first, "%s", name_in(0));
  uses(1, "PDBES", parsed);
  (void)snprintf(second, sizeof second, "%s", name_in(0));
  uses(0, "BES", executed);
  uses(2, "CPDBES", replaced);
  cr_assert_str_eq(name_closed(0), second);
  uses(0, "BES", executed);
  uses(1, "CPDBES", replaced);
  cr_assert_str_eq(name_in(1), second, "its name is that of its content");
  uses(3, "CPDBES", replaced);
  cr_assert_str_eq(name_closed(0), first);
  free_many(4);
}

Test(names, those_in_use_stay_and_others_have_no_name) {
  dsql_future *f[3];
  reconnect("statement_cache_size=2", "R0 K Z:I");
  make_many(3);
  for (int i = 0; i < 3; i++) f[i] = use(i);
  peer_expect(&p, "PDBESPDBESPBDES");
  cr_assert_str_eq(name_in(10), "");
  peer_send(&p, parsed);
  peer_send(&p, parsed);
  peer_send(&p, flown);
  for (int i = 0; i < 3; i++) peer_succeeds(&p, f[i]);
  uses(2, "CPDBES", replaced);
  free_many(3);
}

/* The one that went had not been closed yet, because what its Close was to travel with never left or was not run. */
Test(names, a_close_that_was_not_made_is_made_up_for) {
  dsql_future *f, *g;
  char gone[32];
  reconnect("statement_cache_size=1", "R0 K Z:I");
  make_many(3);
  uses(0, "PDBES", parsed);
  (void)snprintf(gone, sizeof gone, "%s", name_in(0));
  f = use(1);
  dsql_future_destroy(f); /* never sent */
  peer_expect(&p, "CS");
  cr_assert_str_eq(name_closed(0), gone);
  peer_send(&p, "3 Z:I");

  uses(1, "PDBES", parsed);
  (void)snprintf(gone, sizeof gone, "%s", name_in(0));
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  f = dsql_query(c, "x", DSQL_NO_PARAMS, NULL);
  g = use(2);
  cr_assert_eq(dsql_pipeline_end(c), 0);
  peer_expect(&p, "PBDECPDBES");
  peer_send(&p, "E:42601 Z:I");
  peer_expect(&p, "CS");
  cr_assert_str_eq(name_closed(0), gone);
  peer_send(&p, "3 Z:I");
  peer_fails(&p, f, DSQL_ESERVER, 0);
  peer_fails(&p, g, DSQL_ESKIPPED, DSQL_CLIENT_SIDE);
  uses(2, "PDBES", parsed);
  uses(0, "CPDBES", replaced);
  free_many(3);
}

Test(names, a_close_goes_before_a_parse_that_fails) {
  dsql_future *f;
  reconnect("statement_cache_size=1", "R0 K Z:I");
  make_many(2);
  uses(0, "PDBES", parsed);
  f = use(1);
  peer_expect(&p, "CPDBES");
  peer_send(&p, "3 E:42601 Z:I");
  peer_fails(&p, f, DSQL_ESERVER, 0);
  uses(1, "PDBES", parsed);
  free_many(2);
}

/* ---- names ---- */

static void name_of(int i, dsql_params v, char out[32]) {
  dsql_future *f = dsql_query_stmt(c, many[i], v, NULL);
  peer_expect(&p, "PDBES");
  (void)snprintf(out, 32, "%s", name_in(0));
  peer_send(&p, parsed);
  peer_succeeds(&p, f);
}

Test(names, a_name_is_that_of_the_content) {
  static const uint32_t int4 = DSQL_INT4;
  char name[6][32];
  const struct {
    const char *sql;
    const uint32_t *oids;
  } of[] = {{"select $1", NULL}, {"select $1", NULL}, {"select  $1", NULL}, {"select $1", &int4}};
  for (size_t i = 0; i < COUNT(of); i++)
    cr_assert_eq(dsql_stmt_new(&many[i], p.x.rt, of[i].sql, of[i].oids, of[i].oids != NULL), 0);
  for (int i = 0; i < (int)COUNT(of); i++) name_of(i, DSQL_PARAMS(dsql_text("1")), name[i]);
  for (size_t i = 0; i < COUNT(of); i++) {
    cr_assert(strlen(name[i]) == 23 && strncmp(name[i], "dsql_", 5) == 0, "%s", name[i]);
    for (size_t k = 0; k < i; k++) cr_assert_str_neq(name[i], name[k], "on one connection each has its own");
  }
  reconnect("", "R0 K Z:I");
  name_of(1, DSQL_PARAMS(dsql_text("1")), name[4]);
  cr_assert_str_eq(name[4], name[0], "whoever has the same content calls it the same");
  name_of(2, DSQL_PARAMS(dsql_text("1")), name[4]);
  cr_assert_str_eq(name[4], name[2]);
  name_of(0, DSQL_PARAMS(dsql_int4(1)), name[4]);
  cr_assert_str_eq(name[4], name[3], "a type counts however it was declared");
  free_many(COUNT(of));
}

/* ---- without names ---- */

static const char pooler[] = "R0 S:DateStyle=ISO K Z:I";

static void flies(const char *answer, unsigned formats) {
  dsql_future *f = run();
  peer_expect(&p, "PBDES");
  cr_assert_str_eq(name_in(0), "");
  cr_assert_eq(bind_format_of_results(&p, 1), formats);
  peer_send(&p, answer);
  peer_succeeds(&p, f);
}

static void send_flown(uint32_t oid) {
  peer_send(&p, "1 2");
  send_columns(&p, oid);
}

Test(names, behind_a_pooler_every_use_is_one_flight_with_binary_results) {
  static const uint8_t four[4] = {0, 0, 0, 4};
  const dsql_result *r;
  dsql_future *f;
  int32_t v;

  reconnect("", pooler);
  cr_assert_eq(dsql_stmt_new(&s, p.x.rt, "select v from t", NULL, 0), 0);
  for (int i = 0; i < 3; i++) {
    f = run();
    peer_expect(&p, "PBDES");
    cr_assert_str_eq(name_in(0), "");
    cr_assert_eq(bind_format_of_results(&p, 1), i > 0, "binary once the columns are known");
    peer_send(&p, "1 2");
    send_columns_as(&p, DSQL_INT4, i > 0);
    send_field(&p, i ? (const void *)four : "4", i ? 4 : 1);
    peer_send(&p, "C:SELECT_1 Z:I");
    cr_assert_eq(peer_settle(&p, f), 0, "%s", client_error_text(f));
    cr_assert(dsql_future_result(f, &r) == 0 && dsql_result_col_format(r, 0) == (i > 0));
    cr_assert(dsql_get_int4(r, 0, 0, &v) == 0 && v == 4);
    dsql_future_destroy(f);
  }
}

/* The columns have changed since: it runs again as text, once. */
Test(names, columns_that_are_not_as_they_were) {
  static const char *const errors[] = {"E:08P01:exec_bind_message Z:I", "E:42883:getTypeBinaryOutputInfo Z:I"};
  reconnect("", pooler);
  cr_assert_eq(dsql_stmt_new(&s, p.x.rt, "select v from t", NULL, 0), 0);
  for (size_t i = 0; i < COUNT(errors); i++) {
    dsql_future *f = run();
    peer_expect(&p, "PBDES");
    send_flown(DSQL_INT4);
    peer_send(&p, "C:SELECT_0 Z:I");
    peer_succeeds(&p, f);
    f = run();
    peer_expect(&p, "PBDES");
    cr_assert_eq(bind_format_of_results(&p, 1), 1);
    peer_send(&p, "1");
    peer_send(&p, errors[i]);
    peer_expect(&p, "PBDES");
    cr_assert_eq(bind_format_of_results(&p, 1), 0);
    peer_send(&p, "1 2 T:a,b D:1,2 C:SELECT_1 Z:I");
    peer_succeeds(&p, f);
  }
}

Test(names, columns_that_changed_in_a_transaction_are_told) {
  dsql_future *f;
  reconnect("", pooler);
  cr_assert_eq(dsql_stmt_new(&s, p.x.rt, "select v from t", NULL, 0), 0);
  f = run();
  peer_expect(&p, "PBDES");
  send_flown(DSQL_INT4);
  peer_send(&p, "C:SELECT_0 Z:T");
  peer_succeeds(&p, f);
  f = run();
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 E:08P01:exec_bind_message Z:E");
  peer_fails(&p, f, DSQL_ESERVER, 0);
  flies(flown, 0);
}

Test(names, no_names_by_option) {
  reconnect("statement_cache_size=0", "R0 K Z:I");
  cr_assert_eq(dsql_stmt_new(&s, p.x.rt, "select 1", NULL, 0), 0);
  for (int i = 0; i < 3; i++) flies(flown, i > 0);
  dsql_stmt_free(s);
  s = NULL;
  peer_expect_nothing(&p);
}

Test(names, names_behind_a_pooler_by_option) {
  reconnect("statement_cache_size=10", pooler);
  make_many(1);
  uses(0, "PDBES", parsed);
  uses(0, "BES", executed);
  free_many(1);
}

/* The first connection to a host has not shown yet that its session is its own; the next one counts on it. */
Test(names, what_rides_has_a_name_where_sessions_are_known_to_be_ones_own) {
  dsql_conn_close(c);
  peer_close(&p);
  peer_open(&p, "password=secret");
  make_many(1);
  for (int i = 0; i < 2; i++) {
    dsql_future *f;
    c = peer_dial(&p);
    f = use(0);
    peer_accept(&p, &p.main);
    cr_assert_not(peer_startup(&p, &p.main));
    peer_send(&p, "R3");
    peer_expect(&p, i == 0 ? "pPBDES" : "pPDBES");
    peer_send(&p, "R0 K Z:I");
    peer_send(&p, i == 0 ? flown : parsed);
    peer_succeeds(&p, f);
    uses(0, i == 0 ? "PDBES" : "BES", i == 0 ? parsed : executed);
    if (i == 0) dsql_conn_close(c);
  }
  free_many(1);
}

/* ---- a pooler that was not recognised ---- */

Test(names, a_name_that_is_taken_is_taken_over_and_the_session_is_shared) {
  dsql_future *f;
  make_many(2);
  uses(1, "PDBES", parsed);
  f = use(0);
  peer_expect(&p, "PDBES");
  peer_send(&p, "E:42P05 Z:I");
  peer_expect(&p, "CPDBES");
  peer_send(&p, replaced);
  peer_succeeds(&p, f);
  uses(0, "PBDES", flown);
  uses(1, "PBDES", flown);
  free_many(2);
}

Test(names, a_name_that_is_taken_in_a_transaction) {
  dsql_future *f;
  reconnect("statement_cache_size=10", "R0 K Z:I");
  make_many(1);
  f = use(0);
  peer_expect(&p, "PDBES");
  peer_send(&p, "E:42P05 Z:E");
  peer_fails(&p, f, DSQL_ESERVER, 0);
  uses(0, "CPDBES", replaced);
  free_many(1);
}

/* One may have been deallocated unseen, and with it the others; two in a row are a sign. */
Test(names, statements_that_are_gone_time_and_again) {
  make_many(2);
  for (int i = 0; i < 2; i++) uses(i, "PDBES", parsed);
  for (int i = 0; i < 2; i++) {
    dsql_future *f = use(0);
    peer_expect(&p, "BES");
    peer_send(&p, "E:26000 Z:I");
    peer_expect(&p, "CPDBES");
    peer_send(&p, replaced);
    peer_succeeds(&p, f);
    if (i == 0) uses(1, "CPDBES", replaced);
  }
  uses(0, "PBDES", flown);
  free_many(2);
}

/* One connection finds it out for all. */
Test(names, an_outdated_plan_is_replaced_on_every_connection) {
  struct peer_link first;
  dsql_conn *other, *one = c;
  dsql_future *f;

  make_many(1);
  uses(0, "PDBES", parsed);
  first = p.main;
  p.main.fd = -1;
  c = other = peer_connect(&p);
  uses(0, "PDBES", parsed);
  f = use(0);
  peer_expect(&p, "BES");
  peer_send(&p, "E:0A000:RevalidateCachedQuery Z:I");
  peer_expect(&p, "CPDBES");
  peer_send(&p, replaced);
  peer_succeeds(&p, f);
  dsql_conn_close(other);
  peer_drop(&p.main);
  p.main = first;
  c = one;
  uses(0, "CPDBES", replaced);
  free_many(1);
}

/* ---- a pooler that keeps track of names, and is told by option that it does ---- */

static const char outdated[] = "E:0A000:RevalidateCachedQuery Z:I";

static void send_complaint(const char *sqlstate, const char *name) {
  char body[128];
  int n =
      snprintf(body, sizeof body, "SERROR%cVERROR%cC%s%cMprepared statement \"%s\" ...%c", 0, 0, sqlstate, 0, name, 0);
  peer_send_message(&p, 'E', body, (size_t)n + 1);
  peer_send(&p, "Z:I");
}

static void fails(dsql_future *f, const char *answer) {
  peer_send(&p, answer);
  peer_fails(&p, f, DSQL_ESERVER, 0);
}

/* PgBouncer takes a name for given from its Parse on, whatever becomes of that, and closes the connection of who gives it
 * again. */
Test(names, a_pooler_forgets_a_parse_that_failed_only_when_told) {
  dsql_future *f, *g;
  reconnect("statement_cache_size=10", pooler);
  make_many(2);
  f = use(0);
  peer_expect(&p, "PDBES");
  fails(f, "E:42P01 Z:I");
  f = use(0);
  peer_expect(&p, "CPDBES");
  cr_assert_str_eq(name_closed(0), name_in(1));
  fails(f, "3 E:42P01 Z:I");
  uses(0, "CPDBES", replaced);

  cr_assert_eq(dsql_pipeline_begin(c), 0);
  f = dsql_query(c, "x", DSQL_NO_PARAMS, NULL);
  g = use(1);
  cr_assert_eq(dsql_pipeline_end(c), 0);
  peer_expect(&p, "PBDEPDBES");
  fails(f, "E:42601 Z:I");
  peer_fails(&p, g, DSQL_ESKIPPED, DSQL_CLIENT_SIDE);
  uses(1, "CPDBES", replaced);
  free_many(2);
}

/* To name it anew would lead to the pooler's same old one. */
Test(names, behind_a_pooler_an_outdated_statement_goes_on_without_a_name) {
  dsql_future *f;
  reconnect("statement_cache_size=10", pooler);
  make_many(2);
  for (int i = 0; i < 2; i++) uses(i, "PDBES", parsed);
  f = use(0);
  peer_expect(&p, "BES");
  peer_send(&p, outdated);
  peer_expect(&p, "PBDES");
  cr_assert_str_eq(name_in(0), "");
  peer_send(&p, flown);
  peer_succeeds(&p, f);
  uses(0, "PBDES", flown);
  uses(1, "BES", executed);
  free_many(2);
  peer_expect(&p, "CSCS");
  peer_send(&p, "3 Z:I 3 Z:I");
}

Test(names, the_first_use_may_meet_an_outdated_statement_of_others) {
  dsql_future *f;
  reconnect("statement_cache_size=1", pooler);
  make_many(2);
  uses(0, "PDBES", parsed);
  f = use(1);
  peer_expect(&p, "CPDBES");
  peer_send(&p, "3 1");
  peer_send(&p, outdated);
  peer_expect(&p, "PBDES");
  peer_send(&p, flown);
  peer_succeeds(&p, f);
  uses(1, "PBDES", flown);
  uses(0, "CPDBES", replaced);
  free_many(2);
}

Test(names, in_a_transaction_an_outdated_statement_is_told_and_loses_its_name) {
  dsql_future *f;
  reconnect("statement_cache_size=10", pooler);
  make_many(1);
  uses(0, "PDBES", parsed);
  f = use(0);
  peer_expect(&p, "BES");
  fails(f, "E:0A000:RevalidateCachedQuery Z:E");
  uses(0, "PBDES", flown);
  free_many(1);
}

/* Where the error has another name than ours, a pooler has given it; where it has ours, the next server connection was not
 * prepared for it, and is now. */
Test(names, behind_a_pooler_the_name_that_is_missing_tells_who_gave_it) {
  char name[32];
  dsql_future *f;
  reconnect("statement_cache_size=10", pooler);
  make_many(2);
  uses(0, "PDBES", parsed);
  (void)snprintf(name, sizeof name, "%s", name_in(0));
  f = use(0);
  peer_expect(&p, "BES");
  send_complaint("26000", name);
  peer_expect(&p, "CPDBES");
  peer_send(&p, replaced);
  peer_succeeds(&p, f);
  for (int i = 0; i < 2; i++) {
    if (i > 0) uses(i, "PDBES", parsed);
    f = use(i);
    peer_expect(&p, "BES");
    send_complaint(i == 0 ? "26000" : "42P05", "PGBOUNCER_1");
    peer_expect(&p, "PBDES");
    peer_send(&p, flown);
    peer_succeeds(&p, f);
    uses(i, "PBDES", flown);
  }
  free_many(2);
}

/* Somebody else deallocates on the server connections that the pooler hands on. */
Test(names, behind_a_pooler_both_may_go_wrong_one_behind_the_other) {
  char name[32];
  dsql_future *f;
  reconnect("statement_cache_size=10", pooler);
  make_many(1);
  uses(0, "PDBES", parsed);
  (void)snprintf(name, sizeof name, "%s", name_in(0));
  f = use(0);
  peer_expect(&p, "BES");
  send_complaint("26000", name);
  peer_expect(&p, "CPDBES");
  peer_send(&p, "3");
  send_complaint("42P05", "PGBOUNCER_1");
  peer_expect(&p, "PBDES");
  peer_send(&p, flown);
  peer_succeeds(&p, f);
  uses(0, "PBDES", flown);
  free_many(1);
}

/* One connection loses the name for all, while another one awaits rows by the columns that it has had described. */
Test(names, rows_that_are_under_way_when_the_name_is_lost) {
  struct peer_link first;
  dsql_conn *one;
  dsql_future *f[2], *g;

  reconnect("statement_cache_size=10", pooler);
  make_many(1);
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  for (int i = 0; i < 2; i++) f[i] = use(0);
  cr_assert_eq(dsql_pipeline_end(c), 0);
  peer_expect(&p, "PDBEBES");
  peer_send(&p, "1 t: T:a 2 D:1 C:SELECT_1");
  peer_turn(&p);

  one = c;
  first = p.main;
  p.main.fd = -1;
  c = peer_dial(&p);
  g = dsql_conn_ready(c);
  peer_accept(&p, &p.main);
  cr_assert_not(peer_startup(&p, &p.main));
  peer_send(&p, pooler);
  peer_succeeds(&p, g);
  g = use(0);
  peer_expect(&p, "PDBES");
  peer_send(&p, "1");
  peer_send(&p, outdated);
  peer_expect(&p, "PBDES");
  peer_send(&p, flown);
  peer_succeeds(&p, g);
  dsql_conn_close(c);
  peer_drop(&p.main);

  c = one;
  p.main = first;
  peer_send(&p, "2 D:1 C:SELECT_1 Z:I");
  for (int i = 0; i < 2; i++) peer_succeeds(&p, f[i]);
  uses(0, "PBDES", flown);
  free_many(1);
}

/* Each allocation of that repair failing in turn: the error is told, and the next use is right. */
Test(names, no_memory_to_go_on_without_a_name) {
  bool fired = true;
  for (unsigned n = 1; fired; n++) {
    dsql_future *f;
    int rc;
    reconnect("statement_cache_size=10", pooler);
    make_many(1);
    uses(0, "PDBES", parsed);
    f = use(0);
    peer_expect(&p, "BES");
    test_alloc_arm(&p.x.heap, n, false);
    peer_send(&p, outdated);
    peer_turn_ms(&p, 5);
    fired = test_alloc_fired(&p.x.heap);
    test_alloc_arm(&p.x.heap, 0, false);
    if (!dsql_future_ready(f)) {
      peer_expect(&p, "PBDES");
      peer_send(&p, flown);
    }
    rc = peer_settle(&p, f);
    cr_assert(rc == 0 || fired, "%s", client_error_text(f));
    dsql_future_destroy(f);
    if (dsql_conn_status(c) == DSQL_CONN_READY) uses(0, "PBDES", flown);
    free_many(1);
  }
}
