/* Giving up, by the state that the operation is in, and what the wire sees of it. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "peer.h"

static struct peer p;
static dsql_conn *c;

static void open_all(void) { peer_open(&p, ""); }
static void close_all(void) { peer_close(&p); }

TestSuite(giving_up, .init = open_all, .fini = close_all);

static dsql_future *query(const char *sql) { return dsql_query(c, sql, DSQL_NO_PARAMS, NULL); }

static void answer(dsql_future *f) {
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, f);
}

static void await_cancel(void) {
  peer_accept(&p, &p.cancel);
  cr_assert(peer_startup(&p, &p.cancel));
}

static void no_cancel(void) {
  int fd;
  peer_turn_ms(&p, 10);
  fd = accept(p.listener, NULL, NULL);
  cr_assert_lt(fd, 0, "somebody connects");
}

/* Both the answer and the CancelRequest's end of stream are awaited, in either order. */
Test(giving_up, nothing_is_written_before_both_ends_were_seen) {
  c = peer_connect(&p);
  for (int answer_first = 0; answer_first < 2; answer_first++) {
    dsql_future *f = query("select pg_sleep(100)"), *next;
    peer_expect(&p, "PBDES");
    dsql_future_cancel(f);
    dsql_future_cancel(f);
    peer_fails(&p, f, DSQL_ECANCELED, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE);
    next = query("select 1");
    await_cancel();
    peer_expect_nothing(&p);
    if (answer_first)
      peer_send(&p, "1 2 E:57014 Z:I");
    else
      peer_drop(&p.cancel);
    peer_expect_nothing(&p);
    cr_assert_eq(dsql_conn_status(c), DSQL_CONN_DRAINING);
    if (answer_first)
      peer_drop(&p.cancel);
    else
      peer_send(&p, "1 2 E:57014 Z:I");
    answer(next);
    cr_assert_eq(dsql_conn_status(c), DSQL_CONN_READY);
  }
  dsql_conn_close(c);
}

static void connect_pooled(void) {
  dsql_future *ready;
  c = peer_dial(&p);
  ready = dsql_conn_ready(c);
  peer_accept(&p, &p.main);
  cr_assert_not(peer_startup(&p, &p.main));
  peer_send(&p, "R0 S:DateStyle=ISO K Z:I");
  peer_succeeds(&p, ready);
}

/* What the query answers before the request is delivered, and whether the session can be used on. */
static const struct {
  const char *what, *answer;
  bool lost;
} behind_poolers[] = {
    {"the request has hit", "1 2 E:57014 Z:I", false},
    {"the query was faster", "1 2 T:a C:SELECT_0 Z:I", true},
    {"it failed by itself", "1 2 E:22012 Z:I", true},
};

/* A pooler ends the request's stream before it has delivered it. */
Test(giving_up, behind_a_pooler_a_request_without_effect_costs_the_connection) {
  for (size_t i = 0; i < COUNT(behind_poolers); i++) {
    dsql_future *f, *next;
    connect_pooled();
    f = query("select pg_sleep(100)");
    peer_expect(&p, "PBDES");
    dsql_future_cancel(f);
    peer_fails(&p, f, DSQL_ECANCELED, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE);
    await_cancel();
    peer_drop(&p.cancel);
    next = query("select 1");
    peer_send(&p, behind_poolers[i].answer);
    if (behind_poolers[i].lost) {
      peer_fails(&p, next, DSQL_EIO, DSQL_NOT_SENT | DSQL_CONN_LOST | DSQL_CLIENT_SIDE);
      cr_assert_eq(dsql_conn_status(c), DSQL_CONN_FAILED, "%s", behind_poolers[i].what);
    } else {
      answer(next);
    }
    dsql_conn_close(c);
  }
}

/* It was over before a request could go out: nothing can come late. */
Test(giving_up, behind_a_pooler_without_a_request_the_connection_is_kept) {
  dsql_future *first, *second;
  connect_pooled();
  first = query("select 1");
  second = query("select 2");
  peer_expect(&p, "PBDESPBDES");
  dsql_future_destroy(first);
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I 1 2 T:a D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, second);
  no_cancel();
  answer(query("select 3"));
  dsql_conn_close(c);
}

Test(giving_up, no_cancel_is_sent_while_it_could_hit_something_else) {
  dsql_future *first, *second, *third;

  c = peer_connect(&p);
  first = query("select 1");
  second = query("select 2");
  third = query("select 3");
  peer_expect(&p, "PBDESPBDESPBDES");
  dsql_future_destroy(second);
  no_cancel();
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, first);
  no_cancel(); /* the third one stands behind it */
  peer_send(&p, "1 2 T:a D:2 C:SELECT_1 Z:I 1 2 T:a D:3 C:SELECT_1 Z:I");
  peer_succeeds(&p, third);
  no_cancel();
  dsql_conn_close(c);
}

Test(giving_up, somebody_elses_slow_query_is_no_slow_cancel) {
  dsql_future *slow, *canceled;

  p.config.drain_timeout_ms = 40;
  c = peer_connect(&p);
  slow = query("select slow");
  canceled = query("select 2");
  peer_expect(&p, "PBDESPBDES");
  dsql_future_destroy(canceled);
  peer_turn_ms(&p, 100);
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
  peer_succeeds(&p, slow);
  await_cancel();
  peer_drop(&p.cancel);
  peer_send(&p, "1 2 E:57014 Z:I");
  answer(query("select 1"));
  dsql_conn_close(c);
}

static int pause_once(const dsql_result *row, void *arg) {
  unsigned *rows = arg;
  (void)row;
  return ++*rows == 1 ? DSQL_ROW_PAUSE : 0;
}

Test(giving_up, a_reader_that_takes_its_time_is_no_slow_cancel) {
  dsql_future *reader, *canceled;
  unsigned rows = 0;

  p.config.drain_timeout_ms = 40;
  c = peer_connect(&p);
  reader = dsql_query_each(c, "select a", DSQL_NO_PARAMS, pause_once, &rows, NULL);
  canceled = query("select 2");
  peer_expect(&p, "PBDESPBDES");
  peer_send(&p, "1 2 T:a D:1 D:2 C:SELECT_2 Z:I 1 2 T:a D:1 C:SELECT_1 Z:I");
  dsql_future_destroy(canceled);
  peer_turn_ms(&p, 100);
  cr_assert_eq(rows, 1);
  dsql_resume(reader);
  peer_succeeds(&p, reader);
  cr_assert_eq(rows, 2);
  answer(query("select 1"));
  dsql_conn_close(c);
}

Test(giving_up, each_of_several_has_its_own_time) {
  dsql_future *f[3];

  p.config.drain_timeout_ms = 150;
  c = peer_connect(&p);
  for (int i = 0; i < 3; i++) f[i] = query("select 1");
  peer_expect(&p, "PBDESPBDESPBDES");
  for (int i = 0; i < 3; i++) dsql_future_destroy(f[i]);
  for (int i = 0; i < 3; i++) {
    peer_turn_ms(&p, 90);
    peer_send(&p, "1 2 E:57014 Z:I");
  }
  if (dsql_conn_status(c) == DSQL_CONN_DRAINING) await_cancel();
  peer_drop(&p.cancel);
  answer(query("select 1"));
  dsql_conn_close(c);
}

Test(giving_up, the_drain_timeout_closes) {
  dsql_future *f, *next;

  p.config.drain_timeout_ms = 40;
  c = peer_connect(&p);
  f = query("insert 1");
  peer_expect(&p, "PBDES");
  dsql_future_destroy(f);
  await_cancel();
  next = query("insert 2");
  peer_fails(&p, next, DSQL_ETIMEDOUT, DSQL_NOT_SENT | DSQL_CONN_LOST | DSQL_CLIENT_SIDE);
  peer_expect_end(&p);
  dsql_conn_close(c);
}

Test(giving_up, without_a_key_there_is_no_request) {
  dsql_future *f, *ready;

  c = peer_dial(&p);
  ready = dsql_conn_ready(c);
  peer_accept(&p, &p.main);
  cr_assert_not(peer_startup(&p, &p.main));
  peer_send(&p, "R0 Z:I");
  peer_succeeds(&p, ready);
  f = query("select 1");
  peer_expect(&p, "PBDES");
  dsql_future_destroy(f);
  no_cancel();
  f = query("select 1");
  peer_expect_nothing(&p);
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
  answer(f);
  dsql_conn_close(c);
}

Test(giving_up, the_connection_is_lost_meanwhile) {
  dsql_future *f, *next;

  c = peer_connect(&p);
  f = query("insert 1");
  peer_expect(&p, "PBDES");
  dsql_future_destroy(f);
  next = query("insert 2");
  await_cancel();
  peer_drop(&p.main);
  peer_fails(&p, next, DSQL_EIO, DSQL_NOT_SENT | DSQL_CONN_LOST | DSQL_CLIENT_SIDE);
  dsql_conn_close(c);
}

/* A large row, sent in many writes. */
static void send_row(size_t n) {
  static uint8_t body[6 + 40000] = {0, 1};
  store_be32(body + 2, (uint32_t)n);
  peer_send_message(&p, 'D', body, 6 + n);
}

Test(giving_up, a_result_that_is_too_big_between_others) {
  dsql_call small;
  dsql_future *before, *big, *behind;

  c = peer_connect(&p);
  dsql_call_init(&small);
  small.result_bytes_max = 30000;
  before = query("select 1");
  big = dsql_query(c, "select 2", DSQL_NO_PARAMS, &small);
  behind = query("select 3");
  peer_expect(&p, "PBDESPBDESPBDES");
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I 1 2 T:a");
  send_row(40000);
  peer_succeeds(&p, before);
  peer_fails(&p, big, DSQL_ETOOBIG, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE);
  send_row(40000);
  peer_send(&p, "C:SELECT_2 Z:I 1 2 T:a D:3 C:SELECT_1 Z:I");
  peer_succeeds(&p, behind);
  no_cancel();
  answer(query("select 1"));
  dsql_conn_close(c);
}

Test(giving_up, a_copy_travels_alone) {
  dsql_future *copy, *behind;

  c = peer_connect(&p);
  copy = query("copy t from stdin");
  behind = query("select 1");
  peer_expect(&p, "PBDES");
  peer_expect_nothing(&p);
  peer_send(&p, "1 2 n G");
  peer_expect(&p, "fS");
  peer_send(&p, "E:57014 Z:I");
  peer_fails(&p, copy, DSQL_EUNSUPPORTED, DSQL_CLIENT_SIDE);
  answer(behind);
  dsql_conn_close(c);
}

static void on_awake(uv_timer_t *t) { (void)t; }

/* FATAL is the server's last word, behind which it closes. One that does not, or whose end never arrives, must not keep
 * those waiting who can't be sent to it any more. */
Test(giving_up, a_server_that_stays_behind_its_last_word) {
  static const struct {
    const char *words;
    unsigned flags; /* of the query that they answer */
    bool idle;
  } cases[] = {
      {"1 2 T:a D:1 F:57P01", DSQL_CONN_LOST, false}, {"1 2 T:a D:1 F:57P01 Z:I", 0, false}, {"F:57P01", 0, true}};
  static uv_timer_t awake; /* else a loop in which nobody waits would not read it */

  p.config.drain_timeout_ms = 100;
  cr_assert_eq(uv_timer_init(&p.x.loop, &awake), 0);
  cr_assert_eq(uv_timer_start(&awake, on_awake, 60000, 0), 0);
  for (size_t i = 0; i < COUNT(cases); i++) {
    dsql_future *f = NULL, *next;

    c = peer_connect(&p);
    if (!cases[i].idle) {
      f = query("select 1");
      peer_expect(&p, "PBDES");
    }
    peer_send(&p, cases[i].words);
    next = query("select 2");
    peer_fails(&p, next, DSQL_ESERVER, DSQL_CONN_LOST | DSQL_NOT_SENT);
    if (f) peer_fails(&p, f, DSQL_ESERVER, cases[i].flags);
    cr_assert_eq(dsql_conn_status(c), DSQL_CONN_FAILED);
    dsql_conn_close(c);
  }
  uv_close((uv_handle_t *)&awake, NULL);
}
