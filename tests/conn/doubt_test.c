/* What an error says about the fate of its statement, also when there is no memory for the error. */
#include "base/buf.h"
#include "dsql/copy.h"
#include "peer.h"

static struct peer p;
static dsql_conn *c;

static void open_all(void) {
  peer_open(&p, "");
  c = peer_connect(&p);
}
static void close_all(void) {
  dsql_conn_close(c);
  peer_close(&p);
}

TestSuite(doubt, .init = open_all, .fini = close_all);

static dsql_future *query(const char *sql, const dsql_call *o) { return dsql_query(c, sql, DSQL_NO_PARAMS, o); }

static void send_big_row(void) {
  static uint8_t body[2 + 4 + 20000] = {0, 1};
  store_be32(body + 2, 20000);
  memset(body + 6, 'x', 20000);
  peer_send_message(&p, 'D', body, sizeof body);
}

/* Rows that don't fit into memory: the statement has been run all the same. */
Test(doubt, a_result_that_could_not_be_kept) {
  static const struct {
    const char *end;
    bool read_only;
    unsigned flags;
  } cases[] = {{"C:INSERT_0_1 Z:I", false, DSQL_IN_DOUBT},
               {"C:INSERT_0_1 Z:I", true, 0},
               {"C:INSERT_0_1 Z:T", false, 0},
               {"C:INSERT_0_1 Z:I", false, DSQL_IN_DOUBT}};

  for (size_t i = 0; i < COUNT(cases); i++) {
    dsql_call o;
    dsql_future *f;
    dsql_call_init(&o);
    o.read_only = cases[i].read_only;
    f = query("insert returning", &o);
    peer_expect(&p, "PBDES");
    peer_send(&p, "1 2 T:a");
    test_alloc_arm(&p.x.heap, 1, true);
    send_big_row();
    test_alloc_arm(&p.x.heap, 0, false);
    peer_send(&p, cases[i].end);
    peer_fails(&p, f, DSQL_ENOMEM, cases[i].flags | DSQL_CLIENT_SIDE);
  }
}

/* The loss itself, each allocation of which fails. */
Test(doubt, a_loss_without_memory) {
  dsql_future *f;
  f = query("insert 1", NULL);
  peer_expect(&p, "PBDES");
  test_alloc_arm(&p.x.heap, 1, true);
  peer_drop(&p.main);
  cr_assert_eq(peer_settle(&p, f), DSQL_ENOMEM, "%s", client_error_text(f));
  test_alloc_arm(&p.x.heap, 0, false);
  cr_assert_eq(dsql_future_error(f)->flags, DSQL_IN_DOUBT | DSQL_CONN_LOST | DSQL_CLIENT_SIDE);
  dsql_future_destroy(f);
}

/* ---- COPY FROM STDIN: its commit point is the CopyDone ---- */

static dsql_copy_next some_rows(dsql_copy *copy, void *arg) {
  int *end = arg;
  cr_assert_eq(dsql_copy_write(copy, "1\tone\n", 6), 0);
  return *end ? DSQL_COPY_END : DSQL_COPY_LATER;
}

Test(doubt, a_copy_is_in_doubt_only_when_its_end_was_sent) {
  static const struct {
    const char *answer, *sent; /* before the server goes */
    int end;
    unsigned flags;
  } cases[] = {{"", "", 0, 0}, {"G", "d", 0, 0}, {"G", "dc", 1, DSQL_IN_DOUBT}, {"G E:22P02 Z:I", "", 0, 0}};

  for (size_t i = 0; i < COUNT(cases); i++) {
    int end = cases[i].end;
    dsql_future *f = dsql_copy_in(c, "copy t from stdin", some_rows, &end, NULL);
    peer_expect(&p, "Q");
    peer_send(&p, cases[i].answer);
    peer_expect(&p, cases[i].sent);
    peer_drop(&p.main);
    peer_fails(&p, f, i == 3 ? DSQL_ESERVER : DSQL_EIO,
               cases[i].flags | (i == 3 ? 0 : DSQL_CONN_LOST | DSQL_CLIENT_SIDE));
    dsql_conn_close(c);
    c = peer_connect(&p);
  }
}

/* FATAL before the end was sent proves nothing more than that; behind it, nobody knows. */
Test(doubt, a_copy_whose_server_is_shut_down) {
  for (int end = 0; end < 2; end++) {
    dsql_future *f = dsql_copy_in(c, "copy t from stdin", some_rows, &end, NULL);
    peer_expect(&p, "Q");
    peer_send(&p, "G");
    peer_expect(&p, end ? "dc" : "d");
    peer_send(&p, "F:57P01");
    peer_drop(&p.main);
    peer_fails(&p, f, DSQL_ESERVER, DSQL_CONN_LOST | (end ? DSQL_IN_DOUBT : 0));
    dsql_conn_close(c);
    c = peer_connect(&p);
  }
}

/* Each allocation of a COPY failing in turn: it ends, with what was sent told truly, and nothing is left. */
Test(doubt, a_copy_without_memory) {
  for (size_t nth = 1;; nth++) {
    int end = 1, code;
    bool fired;
    dsql_future *f;
    test_alloc_arm(&p.x.heap, nth, false);
    f = dsql_copy_in(c, "copy t from stdin (format text) where a > 0 and b is not null or a < 0", some_rows, &end,
                     NULL);
    if (f && !dsql_future_ready(f)) {
      peer_turn(&p);
      peer_send(&p, "G");
      for (int i = 0; i < 5; i++) peer_turn(&p);
      peer_send(&p, "C:COPY_1 Z:I");
    }
    code = f ? peer_settle(&p, f) : DSQL_ENOMEM;
    fired = test_alloc_fired(&p.x.heap);
    test_alloc_arm(&p.x.heap, 0, false);
    cr_assert(code == 0 || (fired && (code == DSQL_ENOMEM || code == DSQL_EPROTO)), "%zu: %s", nth,
              client_error_text(f));
    dsql_future_destroy(f);
    dsql_conn_close(c);
    peer_drop(&p.main);
    c = peer_connect(&p);
    if (!fired) break;
    cr_assert_lt(nth, 50);
  }
}
