/* Portals, one message at a time: what is sent when, and who gets which row. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"
#include "portals.h"

TestSuite(portals, .init = open_all, .fini = close_all);

/* Of the nth message that was expected last: an Execute of this portal with this limit. */
static void is_execute(size_t n, const char *name, uint32_t limit) {
  size_t len;
  const uint8_t *body = peer_body(&p, n, &len);
  cr_assert_eq(len, strlen(name) + 5);
  cr_assert_str_eq((const char *)body, name);
  cr_assert_eq(load_be32(body + strlen(name) + 1), limit);
}

/* ---- inside a block ---- */

Test(portals, in_a_block_each_chunk_is_an_execute_with_a_limit) {
  dsql_future *f, *other;
  connect_in_block();
  f = fetch(2);
  peer_expect(&p, "PBDES");
  cr_assert_str_eq((const char *)peer_body(&p, 1, NULL), "dsql_p1");
  cr_assert_str_eq((const char *)peer_body(&p, 2, NULL), "Pdsql_p1");
  is_execute(3, "dsql_p1", 2);
  peer_send(&p, "1 2 T:a D:1 D:2 s Z:T");
  rows_are(f, "1,2");
  cr_assert_not(dsql_portal_done(portal));
  other = query("select 1"); /* the connection is free */
  answer(other, "1 2 T:a D:x C:SELECT_1 Z:T");
  f = more(3);
  peer_expect(&p, "ES");
  is_execute(0, "dsql_p1", 3);
  peer_send(&p, "D:3 C:SELECT_1 Z:T");
  rows_are(f, "3");
  cr_assert(dsql_portal_done(portal));
  f = more(3); /* nothing is sent for what is known */
  peer_expect_nothing(&p);
  rows_are(f, "");
  dsql_portal_close(portal);
  peer_expect(&p, "CS");
  cr_assert_str_eq((const char *)peer_body(&p, 0, NULL), "Pdsql_p1");
  peer_send(&p, "3 Z:T");
  dsql_conn_close(c);
}

Test(portals, two_in_turn_have_names_of_their_own) {
  dsql_portal *first;
  dsql_future *f, *g;
  connect_in_block();
  f = fetch(1);
  first = portal;
  g = fetch(1);
  peer_expect(&p, "PBDESPBDES");
  is_execute(3, "dsql_p1", 1);
  is_execute(8, "dsql_p2", 1);
  peer_send(&p, "1 2 T:a D:1 s Z:T 1 2 T:a D:x s Z:T");
  rows_are(f, "1");
  rows_are(g, "x");
  f = dsql_portal_fetch(first, 1, NULL);
  g = more(1);
  peer_expect(&p, "ESES");
  peer_send(&p, "D:2 s Z:T D:y s Z:T");
  rows_are(f, "2");
  rows_are(g, "y");
  dsql_portal_close(first);
  dsql_portal_close(portal);
  f = query("select 1"); /* the Closes travel with it */
  peer_expect(&p, "CSCSPBDES");
  peer_send(&p, "3 Z:T 3 Z:T 1 2 T:a D:1 C:SELECT_1 Z:T");
  peer_succeeds(&p, f);
  dsql_conn_close(c);
}

Test(portals, the_block_may_be_called_just_before_and_fetches_behind_each_other) {
  dsql_future *b, *f, *g, *h;
  c = peer_connect(&p);
  b = query("begin");
  f = fetch(1);
  g = more(1);
  h = more(2);
  peer_expect(&p, "PBDESPBDESDESDES"); /* whose columns are not known yet */
  peer_send(&p, "1 2 n C:BEGIN Z:T 1 2 T:a D:1 s Z:T T:a D:2 s Z:T T:a D:3 C:SELECT_1 Z:T");
  peer_succeeds(&p, b);
  rows_are(f, "1");
  rows_are(g, "2");
  rows_are(h, "3");
  cr_assert(dsql_portal_done(portal));
  dsql_portal_close(portal);
  dsql_conn_close(c);
}

/* Where the status that was expected is not that of the server. */
Test(portals, a_block_that_was_not_there) {
  dsql_future *b, *f;
  c = peer_connect(&p);
  b = query("begin isolation level nonsense");
  f = fetch(1);
  peer_expect(&p, "PBDESPBDES");
  peer_send(&p, "E:42601 Z:I 1 2 T:a D:1 s Z:I");
  peer_fails(&p, b, DSQL_ESERVER, 0);
  rows_are(f, "1");
  cr_assert_not(dsql_portal_done(portal));
  f = more(1);
  cr_assert(str_has(dsql_future_error(f)->message, "BEGIN has failed"), "%s", client_error_text(f));
  peer_fails(&p, f, DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  dsql_portal_close(portal);
  peer_expect_nothing(&p);
  dsql_conn_close(c);
}

static const struct {
  const char *before; /* called ahead */
  bool limited;
} expectations[] = {
    {"select 1", false},        {"begin", true},        {"start transaction", true}, {"commit", false},
    {"begin; select 1", false}, {"savepoint a", false}, {"call p()", false},         {"rollback", false},
};

Test(portals, what_was_called_before_decides) {
  for (size_t i = 0; i < COUNT(expectations); i++) {
    dsql_future *b, *f;
    bool script = strchr(expectations[i].before, ';') != NULL;
    c = peer_connect(&p);
    b = script ? dsql_exec(c, expectations[i].before, NULL) : query(expectations[i].before);
    f = fetch(7);
    peer_expect(&p, script ? "QPBDES" : "PBDESPBDES");
    is_execute(script ? 4 : 8, expectations[i].limited ? "dsql_p1" : "", expectations[i].limited ? 7 : 0);
    dsql_portal_close(portal);
    dsql_conn_close(c);
    dsql_future_destroy(b);
    dsql_future_destroy(f);
    peer_drop(&p.main);
    peer_turn(&p);
  }
}

/* ---- outside of one ---- */

Test(portals, outside_a_block_the_answer_is_handed_out_in_chunks) {
  dsql_future *f, *other;
  c = peer_connect(&p);
  f = fetch(2);
  peer_expect(&p, "PBDES");
  is_execute(3, "", 0);
  peer_send(&p, "1 2 T:a D:1 D:2");
  is_pending(f); /* it may be the last one */
  peer_send(&p, "D:3 D:4 D:5 D:6 D:7 C:SELECT_7 Z:I");
  rows_are(f, "1,2");
  other = query("select 1"); /* waits */
  peer_expect(&p, "PBDES");
  is_pending(other);
  rows_are(more(3), "3,4,5");
  cr_assert_not(dsql_portal_done(portal));
  is_pending(other);
  rows_are(more(2), "6,7");
  cr_assert(dsql_portal_done(portal));
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, other);
  rows_are(more(2), "");
  dsql_portal_close(portal);
  peer_expect_nothing(&p);
  dsql_conn_close(c);
}

Test(portals, several_fetches_of_one_answer) {
  dsql_future *f, *g, *h;
  c = peer_connect(&p);
  f = fetch(2);
  g = more(2);
  h = more(2);
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 T:a D:1 D:2 D:3");
  rows_are(f, "1,2");
  is_pending(g);
  peer_send(&p, "C:SELECT_3 Z:I");
  rows_are(g, "3");
  rows_are(h, "");
  cr_assert(dsql_portal_done(portal));
  dsql_portal_close(portal);
  dsql_conn_close(c);
}

static void await_cancel(void) {
  peer_accept(&p, &p.cancel);
  cr_assert(peer_startup(&p, &p.cancel));
}

Test(portals, closed_early_the_statement_is_canceled) {
  dsql_future *f, *g, *other;
  c = peer_connect(&p);
  f = fetch(1);
  g = more(1);
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 T:a D:1 D:2 D:3 D:4");
  peer_settle(&p, g);
  dsql_future_destroy(g);
  g = more(1);
  peer_settle(&p, g);
  dsql_portal_close(portal);
  other = query("select 1");
  await_cancel();
  peer_send(&p, "D:5 E:57014 Z:I");
  peer_drop(&p.cancel);
  rows_are(f, "1"); /* chunks stay */
  rows_are(g, "3");
  answer(other, "1 2 T:a D:1 C:SELECT_1 Z:I");
  dsql_conn_close(c);
}

Test(portals, closed_with_a_fetch_that_waits) {
  dsql_future *f;
  c = peer_connect(&p);
  f = fetch(1);
  peer_expect(&p, "PBDES");
  dsql_portal_close(portal);
  peer_fails(&p, f, DSQL_ECANCELED, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE);
  await_cancel();
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
  peer_drop(&p.cancel);
  f = fetch(1);
  dsql_portal_close(portal); /* nothing of it was sent */
  peer_fails(&p, f, DSQL_ECANCELED, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  peer_expect_nothing(&p);
  dsql_conn_close(c);
}

Test(portals, closed_in_a_block_with_a_fetch_that_waits_the_block_goes_on) {
  dsql_future *f;
  connect_in_block();
  f = fetch(1);
  peer_expect(&p, "PBDES");
  dsql_portal_close(portal);
  peer_fails(&p, f, DSQL_ECANCELED, DSQL_CLIENT_SIDE);
  peer_expect(&p, "CS");
  peer_send(&p, "1 2 T:a D:1 s Z:T 3 Z:T");
  f = query("commit");
  answer(f, "1 2 n C:COMMIT Z:I");
  dsql_conn_close(c);
}

Test(portals, closed_while_a_pipeline_is_open) {
  dsql_future *f;
  connect_in_block();
  f = fetch(1);
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 T:a D:1 s Z:T");
  rows_are(f, "1");
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  f = query("select 1");
  dsql_portal_close(portal);
  cr_assert_eq(dsql_pipeline_end(c), 0);
  peer_expect(&p, "CSPBDES"); /* ahead of the pipeline, no member of it */
  peer_send(&p, "3 Z:T 1 2 T:a D:1 C:SELECT_1 Z:T");
  peer_succeeds(&p, f);
  dsql_conn_close(c);
}

/* ---- giving up ---- */

Test(portals, a_canceled_fetch_ends_the_portal) {
  dsql_future *f, *g;
  connect_in_block();
  f = fetch(1);
  g = more(1);
  peer_expect(&p, "PBDESDES");
  peer_send(&p, "1 2 T:a D:1 s Z:T T:a");
  rows_are(f, "1");
  dsql_future_cancel(g);
  peer_fails(&p, g, DSQL_ECANCELED, DSQL_CLIENT_SIDE);
  await_cancel();
  g = more(1);
  cr_assert(str_has(dsql_future_error(g)->message, "canceled by the caller"));
  peer_fails(&p, g, DSQL_ECANCELED, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  peer_send(&p, "E:57014 Z:E");
  peer_drop(&p.cancel);
  dsql_portal_close(portal);
  f = query("rollback");
  answer(f, "1 2 n C:ROLLBACK Z:I");
  dsql_conn_close(c);
}

Test(portals, a_timeout_ends_the_portal) {
  dsql_call call;
  dsql_future *f;
  c = peer_connect(&p);
  dsql_call_init(&call);
  call.timeout_ms = 30;
  f = dsql_query_fetch(c, "select a", DSQL_NO_PARAMS, 1, &call, &portal);
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 T:a D:1 D:2");
  rows_are(f, "1");
  peer_turn_ms(&p, 50); /* it was the chunk's, and that is over */
  f = dsql_portal_fetch(portal, 2, &call);
  peer_fails(&p, f, DSQL_ETIMEDOUT, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE);
  await_cancel();
  peer_fails(&p, more(1), DSQL_ETIMEDOUT, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  peer_send(&p, "E:57014 Z:I");
  peer_drop(&p.cancel);
  dsql_portal_close(portal);
  f = query("select 1");
  answer(f, "1 2 T:a D:1 C:SELECT_1 Z:I");
  dsql_conn_close(c);
}

Test(portals, destroyed_in_every_state) {
  for (int state = 0; state < 6; state++) {
    dsql_future *f, *g = NULL;
    int fd;
    c = peer_connect(&p);
    if (state & 1) begin();
    f = fetch(1);
    if (state >= 2) {
      peer_expect(&p, "PBDES");
      peer_send(&p, "1 2 T:a D:1 D:2 D:3");
    }
    if (state >= 4) g = more(1);
    peer_turn(&p);
    if (state != 4) dsql_future_destroy(g);
    if (state != 1) dsql_future_destroy(f);
    dsql_conn_close(c);
    if (state == 1) dsql_future_destroy(f);
    if (state == 4) dsql_future_destroy(g);
    f = more(1);
    cr_assert_neq(dsql_future_run(f), 0);
    dsql_future_destroy(f);
    dsql_portal_close(portal);
    peer_drop(&p.main);
    peer_turn_ms(&p, 3);
    while ((fd = accept(p.listener, NULL, NULL)) >= 0) close(fd); /* CancelRequests */
  }
}

static void on_end(dsql_future *f, void *first) {
  cr_assert_eq(dsql_future_code(f), DSQL_ECANCELED, "%s", client_error_text(f));
  cr_assert_eq(dsql_future_code(first), 0);
  dsql_future_destroy(f);
  dsql_future_destroy(first);
  dsql_portal_close(portal);
}

Test(portals, the_runtime_may_end_first) {
  dsql_future *f, *g;
  c = peer_connect(&p);
  f = fetch(1);
  g = more(1);
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 T:a D:1 D:2");
  cr_assert_eq(peer_settle(&p, f), 0);
  cr_assert_eq(dsql_future_on_ready(g, on_end, f), 0);
  client_begin_close(&p.x);
  p.x.rt = NULL;
}

/* ---- refusals ---- */

Test(portals, what_is_refused) {
  dsql_future *f;
  dsql_call small = {.size = 4};
  c = peer_connect(&p);
  for (int n = -1; n < 1; n++) {
    f = fetch(n);
    cr_assert(str_has(dsql_future_error(f)->message, "at least 1"));
    peer_fails(&p, f, DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
    cr_assert_not(dsql_portal_done(portal));
    f = more(1);
    peer_fails(&p, f, DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
    dsql_portal_close(portal);
  }
  f = dsql_query_fetch(c, NULL, DSQL_NO_PARAMS, 1, NULL, &portal);
  peer_fails(&p, f, DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  dsql_portal_close(portal);
  f = dsql_query_stmt_fetch(c, NULL, DSQL_NO_PARAMS, 1, NULL, &portal);
  peer_fails(&p, f, DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  dsql_portal_close(portal);
  f = dsql_query_fetch(c, "select a", DSQL_NO_PARAMS, 1, &small, &portal);
  peer_fails(&p, f, DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  dsql_portal_close(portal);
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  f = fetch(1);
  cr_assert(str_has(dsql_future_error(f)->message, "pipeline"));
  peer_fails(&p, f, DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  dsql_portal_close(portal);
  cr_assert_eq(dsql_pipeline_end(c), 0);
  peer_expect_nothing(&p);
  begin();
  f = fetch(1);
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 T:a D:1 s Z:T");
  rows_are(f, "1");
  peer_fails(&p, more(0), DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  f = dsql_portal_fetch(portal, 1, &small);
  peer_fails(&p, f, DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  peer_fails(&p, more(1), DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE);
  cr_assert_eq(dsql_pipeline_end(c), 0);
  f = more(1); /* none of which has harmed it */
  peer_expect(&p, "ES");
  peer_send(&p, "D:2 s Z:T");
  rows_are(f, "2");
  dsql_portal_close(portal);
  dsql_portal_close(NULL);
  cr_assert(dsql_portal_done(NULL));
  cr_assert_null(dsql_portal_fetch(NULL, 1, NULL));
  dsql_conn_close(c);
}

/* ---- prepared statements ---- */

Test(portals, of_a_prepared_statement) {
  dsql_stmt *s;
  dsql_future *f;
  connect_in_block();
  cr_assert_eq(dsql_stmt_new(&s, p.x.rt, "select a", NULL, 0), 0);
  f = dsql_query_stmt_fetch(c, s, DSQL_NO_PARAMS, 1, NULL, &portal);
  peer_expect(&p, "PDBES");
  is_execute(3, "dsql_p1", 1);
  peer_send(&p, "1 t: T:a 2 D:1 s Z:T");
  rows_are(f, "1");
  f = more(1);
  peer_expect(&p, "ES");
  peer_send(&p, "D:2 s Z:T");
  rows_are(f, "2");
  dsql_portal_close(portal);
  peer_expect(&p, "CS");
  peer_send(&p, "3 Z:T");
  f = dsql_query_stmt_fetch(c, s, DSQL_NO_PARAMS, 1, NULL, &portal);
  peer_expect(&p, "BES");
  is_execute(1, "dsql_p2", 1);
  peer_send(&p, "2 D:3 C:SELECT_1 Z:T");
  rows_are(f, "3");
  dsql_portal_close(portal);
  peer_expect(&p, "CS");
  peer_send(&p, "3 Z:T");
  answer(query("commit"), "1 2 n C:COMMIT Z:I");
  f = dsql_query_stmt_fetch(c, s, DSQL_NO_PARAMS, 1, NULL, &portal);
  peer_expect(&p, "BES");
  peer_send(&p, "2 D:4 D:5 C:SELECT_2 Z:I");
  rows_are(f, "4");
  rows_are(more(2), "5");
  dsql_portal_close(portal);
  dsql_stmt_free(s);
  dsql_conn_close(c);
}
