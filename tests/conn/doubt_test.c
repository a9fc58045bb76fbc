/* What an error says about the fate of its statement, also when there is no memory for the error. */
#include "base/buf.h"
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
