/* Portals on servers that know no row limits, and on those that break the rules. */
#include "portals.h"

TestSuite(portal_answers, .init = open_all, .fini = close_all);

/* ---- servers that know no limits ---- */

Test(portal_answers, a_limit_that_is_ignored_pauses_reading) {
  dsql_future *f;
  connect_in_block();
  f = fetch(2);
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 T:a D:1 D:2 D:3 D:4 D:5 C:SELECT_5 Z:T");
  rows_are(f, "1,2");
  rows_are(more(1), "3");
  cr_assert_not(dsql_portal_done(portal));
  rows_are(more(9), "4,5");
  cr_assert(dsql_portal_done(portal));
  peer_expect_nothing(&p); /* no Execute */
  dsql_portal_close(portal);
  peer_expect(&p, "CS");
  dsql_conn_close(c);
}

Test(portal_answers, a_limit_that_is_ignored_holds_nobody_up_in_a_block) {
  dsql_future *f, *other;
  connect_in_block();
  f = fetch(2);
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 T:a D:1 D:2 D:3");
  rows_are(f, "1,2");
  other = query("select 1"); /* the rest is read, to get at its answer */
  peer_expect(&p, "PBDES");
  peer_send(&p, "D:4 D:5 D:6 C:SELECT_6 Z:T 1 2 T:a D:1 C:SELECT_1 Z:T");
  peer_succeeds(&p, other);
  rows_are(more(1), "3");
  rows_are(more(2), "4,5");
  cr_assert_not(dsql_portal_done(portal));
  rows_are(more(2), "6");
  cr_assert(dsql_portal_done(portal));
  dsql_portal_close(portal);
  dsql_conn_close(c);
}

Test(portal_answers, a_limit_that_is_ignored_with_fetches_behind) {
  dsql_future *f, *g;
  connect_in_block();
  f = fetch(2);
  g = more(2);
  peer_expect(&p, "PBDESDES");
  peer_send(&p, "1 2 T:a D:1 D:2 D:3 D:4 D:5 C:SELECT_5 Z:T T:a C:SELECT_0 Z:T");
  rows_are(f, "1,2");
  rows_are(g, "3,4");
  rows_are(more(2), "5");
  dsql_portal_close(portal);
  dsql_conn_close(c);
}

Test(portal_answers, a_limit_that_is_ignored_and_a_portal_that_is_closed) {
  dsql_future *f;
  connect_in_block();
  f = fetch(1);
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 T:a D:1 D:2 D:3");
  rows_are(f, "1");
  dsql_portal_close(portal); /* no CancelRequest: it would fail the block */
  peer_send(&p, "D:4 C:SELECT_4 Z:T");
  f = query("commit");
  answer(f, "1 2 n C:COMMIT Z:I");
  dsql_conn_close(c);
}

Test(portal_answers, what_is_read_ahead_is_limited) {
  dsql_call call;
  dsql_future *f, *other;
  connect_in_block();
  dsql_call_init(&call);
  call.result_bytes_max = 100;
  f = dsql_query_fetch(c, "select a", DSQL_NO_PARAMS, 1, &call, &portal);
  other = query("select 1");
  peer_expect(&p, "PBDESPBDES");
  peer_send(&p, "1 2 T:a");
  for (int i = 0; i < 20; i++) peer_send(&p, "D:1234567890");
  cr_assert_eq(peer_settle(&p, f), DSQL_ETOOBIG, "%s", client_error_text(f));
  cr_assert(str_has(dsql_future_error(f)->message, "ignores row limits"));
  dsql_future_destroy(f);
  peer_send(&p, "C:SELECT_20 Z:T 1 2 T:a D:1 C:SELECT_1 Z:T"); /* the block has not failed */
  peer_succeeds(&p, other);
  dsql_portal_close(portal);
  dsql_conn_close(c);
}

/* ---- what a server may do, and what it may not: rows_max is 2, the third answer is to the next fetch ---- */

static const struct {
  const char *name, *first, *rows, *next, *next_rows;
  int code, next_code; /* of the two chunks */
  bool lost, done;
} answers[] = {
    {"no rows", "1 2 T:a C:SELECT_0 Z:T", "", NULL, "", 0, 0, false, true},
    {"no columns", "1 2 n C:INSERT_0_1 Z:T", "", NULL, "", 0, 0, false, true},
    {"an empty statement", "1 2 n I Z:T", "", NULL, "", 0, 0, false, true},
    {"just as many", "1 2 T:a D:1 D:2 C:SELECT_2 Z:T", "1,2", NULL, "", 0, 0, false, true},
    {"suspended at the end", "1 2 T:a D:1 D:2 s Z:T", "1,2", "C:SELECT_0 Z:T", "", 0, 0, false, true},
    {"a notice, a parameter and a notification between", "1 2 T:a D:1 N:00000 S:a=b A:c D:2 s N:00000 Z:T", "1,2",
     "S:a=b D:3 N:00000 C:SELECT_1 A:c Z:T", "3", 0, 0, false, true},
    {"no portals", "1 E:0A000 Z:E", NULL, NULL, NULL, DSQL_ESERVER, DSQL_ESERVER, false, false},
    {"an error behind rows", "1 2 T:a D:1 E:22012 Z:E", NULL, NULL, NULL, DSQL_ESERVER, DSQL_ESERVER, false, false},
    {"an error in the second chunk", "1 2 T:a D:1 D:2 s Z:T", "1,2", "D:3 E:22012 Z:E", NULL, 0, DSQL_ESERVER, false,
     false},
    {"a portal that is gone", "1 2 T:a D:1 D:2 s Z:T", "1,2", "E:34000 Z:E", NULL, 0, DSQL_ESERVER, false, false},
    {"an error at the Sync", "1 2 T:a D:1 D:2 s E:40001 Z:E", NULL, NULL, NULL, DSQL_ESERVER, DSQL_ESERVER, false,
     false},
    {"suspended too early", "1 2 T:a D:1 s Z:T", NULL, NULL, NULL, DSQL_EPROTO, DSQL_EPROTO, false, false},
    {"suspended too late", "1 2 T:a D:1 D:2 D:3 s Z:T", "1,2", NULL, NULL, 0, DSQL_EPROTO, false, false},
    {"suspended without a row", "1 2 T:a s", NULL, NULL, NULL, DSQL_EPROTO, DSQL_EPROTO, true, false},
    {"suspended twice", "1 2 T:a D:1 D:2 s s", NULL, NULL, NULL, DSQL_EPROTO, DSQL_EPROTO, true, false},
    {"suspended and complete", "1 2 T:a D:1 D:2 s C:SELECT_2", NULL, NULL, NULL, DSQL_EPROTO, DSQL_EPROTO, true, false},
    {"a row behind the suspension", "1 2 T:a D:1 D:2 s D:3", NULL, NULL, NULL, DSQL_EPROTO, DSQL_EPROTO, true, false},
    {"a row that does not fit", "1 2 T:a D:1 D:2 s Z:T", "1,2", "D:3,4", NULL, 0, DSQL_EPROTO, true, false},
    {"the end of the server", "1 2 T:a D:1 D:2 s Z:T", "1,2", "D:3 F:57P01", NULL, 0, DSQL_ESERVER, true, false},
};

static void play(size_t i, size_t step) {
  dsql_future *f, *next;
  const char *name = answers[i].name;

  connect_in_block();
  f = fetch(2);
  peer_expect(&p, "PBDES");
  peer_send_parts(&p, answers[i].first, step);
  if (answers[i].lost && !answers[i].next) peer_turn(&p);
  cr_assert_eq(peer_settle(&p, f), answers[i].code, "%s: %s", name, client_error_text(f));
  if (answers[i].rows)
    rows_are(f, answers[i].rows);
  else
    dsql_future_destroy(f);
  next = more(2);
  if (answers[i].next) {
    peer_expect(&p, "ES");
    peer_send_parts(&p, answers[i].next, step);
    if (strstr(answers[i].next, "F:")) peer_drop(&p.main);
  }
  cr_assert_eq(peer_settle(&p, next), answers[i].next_code, "%s: %s", name, client_error_text(next));
  if (answers[i].next_rows)
    rows_are(next, answers[i].next_rows);
  else
    dsql_future_destroy(next);
  cr_assert_eq(dsql_portal_done(portal), answers[i].done, "%s", name);
  cr_assert_eq(dsql_conn_status(c) == DSQL_CONN_FAILED, answers[i].lost, "%s", name);
  dsql_portal_close(portal);
  dsql_conn_close(c);
  peer_drop(&p.main);
  peer_turn(&p);
}

Test(portal_answers, whole) {
  for (size_t i = 0; i < COUNT(answers); i++) play(i, 0);
}

Test(portal_answers, in_parts) {
  for (size_t i = 0; i < COUNT(answers); i++)
    for (size_t step = 1; step < 8; step++) play(i, step);
}

Test(portal_answers, a_suspension_that_nobody_asked_for) {
  dsql_future *f;
  for (int i = 0; i < 2; i++) {
    c = peer_connect(&p);
    f = i ? fetch(1) : query("select 1");
    peer_expect(&p, "PBDES");
    peer_send(&p, "1 2 T:a D:1 s Z:I");
    peer_fails(&p, f, DSQL_EPROTO, DSQL_CONN_LOST | DSQL_IN_DOUBT | DSQL_CLIENT_SIDE);
    cr_assert_eq(dsql_conn_status(c), DSQL_CONN_FAILED);
    if (i) dsql_portal_close(portal);
    dsql_conn_close(c);
    peer_drop(&p.main);
    peer_turn(&p);
  }
}

Test(portal_answers, the_end_of_stream_in_a_chunk) {
  for (int in_block = 0; in_block < 2; in_block++) {
    dsql_future *f, *g;
    c = peer_connect(&p);
    if (in_block) begin();
    f = fetch(1);
    g = more(5);
    peer_expect(&p, in_block ? "PBDESDES" : "PBDES");
    peer_send(&p, in_block ? "1 2 T:a D:1 s Z:T T:a D:2" : "1 2 T:a D:1 D:2");
    rows_are(f, "1");
    peer_drop(&p.main);
    peer_fails(&p, g, DSQL_EIO, DSQL_CONN_LOST | DSQL_CLIENT_SIDE | (in_block ? 0 : DSQL_IN_DOUBT));
    g = more(1);
    cr_assert_eq(peer_settle(&p, g), DSQL_EIO);
    dsql_future_destroy(g);
    dsql_portal_close(portal);
    dsql_conn_close(c);
    peer_turn(&p);
  }
}

/* ---- without memory ---- */

/* A limit that is ignored, with everything kept: each allocation from here on fails in turn, once. False: the nth is not
 * reached any more. Whatever fails, the answers behind it are read. */
static bool without_memory(size_t n, bool spills) {
  dsql_future *f, *other = NULL, *g;
  bool fired;

  connect_in_block();
  f = fetch(2);
  peer_expect(&p, "PBDES");
  if (spills) other = query("select 1");
  if (spills) peer_expect(&p, "PBDES");
  test_alloc_arm(&p.x.heap, n, false);
  peer_send(&p, "1 2 T:a");
  for (int i = 0; i < 40; i++) peer_send(&p, i % 2 ? "D:abcdefghijklmnopqrstuvwxyz" : "D:-");
  g = more(30);
  peer_send(&p, "C:SELECT_40 Z:T");
  if (spills) peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:T");
  (void)peer_settle(&p, f);
  if (g) (void)peer_settle(&p, g);
  if (other) (void)peer_settle(&p, other);
  fired = test_alloc_fired(&p.x.heap);
  test_alloc_arm(&p.x.heap, 0, false);
  cr_assert(fired || (dsql_future_code(f) == 0 && dsql_future_code(g) == 0), "%s", client_error_text(g));
  dsql_future_destroy(f);
  dsql_future_destroy(g);
  dsql_future_destroy(other);
  dsql_portal_close(portal);
  dsql_conn_close(c);
  peer_drop(&p.main);
  peer_turn(&p);
  return fired;
}

Test(portal_answers, without_memory) {
  for (int spills = 0; spills < 2; spills++) {
    size_t n = 1;
    while (without_memory(n, spills)) n++;
    cr_assert_gt(n, 1);
  }
}
