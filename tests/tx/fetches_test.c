/* Portals in a body, one message at a time: what its flights hold, and a server that ignores row limits. */
#include "dsql/portal.h"
#include "rig.h"

static dsql_portal *portal;

static void open_all(void) {
  rig_open("");
  rig_two_flights();
}

TestSuite(fetches, .init = open_all, .fini = rig_close);

static void fetch_first(dsql_tx *tx) {
  cr_assert_eq(dsql_tx_query_fetch(tx, "select a", DSQL_NO_PARAMS, 2, &portal), 0);
}

static void fetch_more(dsql_tx *tx) {
  cr_assert_eq(dsql_result_rows(dsql_tx_result(tx, 0)), 2);
  cr_assert_eq(dsql_tx_portal_fetch(tx, portal, 2), 0);
}

static void fetch_last(dsql_tx *tx) {
  cr_assert_eq(dsql_result_rows(dsql_tx_result(tx, 0)), 2);
  cr_assert_not(dsql_portal_done(portal));
  cr_assert_eq(dsql_tx_portal_fetch(tx, portal, 2), 0);
}

static void is_over(dsql_tx *tx) {
  cr_assert_eq(dsql_result_rows(dsql_tx_result(tx, 0)), 1);
  cr_assert(dsql_portal_done(portal));
}

/* Two, two and one row. */
static dsql_future *start(void) {
  r.steps[0] = (struct rig_step){.call = fetch_first, .then = DSQL_WAIT};
  r.steps[1] = (struct rig_step){.call = fetch_more, .then = DSQL_WAIT};
  r.steps[2] = (struct rig_step){.call = fetch_last, .then = DSQL_WAIT};
  r.steps[3] = (struct rig_step){.call = is_over, .sql = {"write"}, .then = DSQL_COMMIT};
  return rig_start();
}

static void commits(dsql_future *f) {
  peer_expect(&r.p, WRITE_FLIGHT);
  peer_send(&r.p, WRITE_ANSWER);
  peer_succeeds(&r.p, f);
}

Test(fetches, a_chunk_is_a_flight) {
  dsql_future *f = start();
  rig_accept();
  peer_expect(&r.p, "PBEPBDES");
  peer_send(&r.p, "1 2 C:BEGIN 1 2 T:a D:1 D:2 s Z:T");
  peer_expect(&r.p, "ES");
  peer_send(&r.p, "D:3 D:4 s Z:T");
  peer_expect(&r.p, "ES");
  peer_send(&r.p, "D:5 C:SELECT_1 Z:T");
  commits(f);
  cr_assert_eq(standin_tx_counts().flights, 4);
}

/* Who waits for the rest of the flight could not ask for more: it is read ahead, and handed out without flights. */
Test(fetches, a_limit_that_is_ignored) {
  dsql_future *f = start();
  rig_accept();
  peer_expect(&r.p, "PBEPBDES");
  peer_send(&r.p, "1 2 C:BEGIN 1 2 T:a D:1 D:2 D:3");
  peer_turn(&r.p);
  cr_assert_eq(r.bodies, 1);
  peer_send(&r.p, "D:4 D:5 C:SELECT_5 Z:T");
  commits(f);
}

static void fetch_and_query(dsql_tx *tx) {
  fetch_first(tx);
  cr_assert_eq(dsql_tx_query(tx, "read", DSQL_NO_PARAMS), 1);
}

static void close_early(dsql_tx *tx) {
  cr_assert_eq(dsql_result_rows(dsql_tx_result(tx, 0)), 2);
  cr_assert_eq(dsql_tx_query(tx, "read", DSQL_NO_PARAMS), 0);
  dsql_portal_close(portal);
}

Test(fetches, closed_in_the_flight_of_a_step) {
  dsql_future *f;
  r.steps[0] = (struct rig_step){.call = fetch_and_query, .then = DSQL_WAIT};
  r.steps[1] = (struct rig_step){.call = close_early, .then = DSQL_COMMIT};
  f = rig_start();
  rig_accept();
  peer_expect(&r.p, "PBEPBDEPBDES");
  peer_send(&r.p, "1 2 C:BEGIN 1 2 T:a D:1 D:2 s 1 2 n C:UPDATE_1 Z:T");
  peer_expect(&r.p, "PBDECSPBES");
  peer_send(&r.p, "1 2 n C:UPDATE_1 3 Z:T 1 2 C:COMMIT Z:I");
  peer_succeeds(&r.p, f);
}

/* An attempt that fails takes its portal along; the next one has its own. */
Test(fetches, each_attempt_has_its_own) {
  dsql_future *f = start();
  rig_accept();
  peer_expect(&r.p, "PBEPBDES");
  peer_send(&r.p, "1 2 C:BEGIN 1 2 T:a D:1 D:2 s Z:T");
  peer_expect(&r.p, "ES");
  peer_send(&r.p, "D:3 E:40001 Z:E");
  rig_answer_rollback();
  peer_expect(&r.p, "PBEPBDES");
  peer_send(&r.p, "1 2 C:BEGIN 1 2 T:a D:1 D:2 s Z:T");
  peer_expect(&r.p, "ES");
  cr_assert_str_eq((const char *)peer_body(&r.p, 0, NULL), "dsql_p2");
  peer_send(&r.p, "D:3 D:4 s Z:T");
  peer_expect(&r.p, "ES");
  peer_send(&r.p, "D:5 C:SELECT_1 Z:T");
  commits(f);
  cr_assert_eq(r.events, 1);
}
