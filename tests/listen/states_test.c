/* Every event in every state of a listener, between two messages of a server that the test plays. */
#include <stdio.h>

#include "heard.h"
#include "peer.h"

static struct peer p;
static struct heard h;
static dsql_listener *l;
static dsql_listen_options options;

static void open_all(void) {
  peer_open(&p, "sslmode=disable");
  h = (struct heard){0};
  l = NULL;
  dsql_listen_options_init(&options);
  options.backoff_ms = 1;
  options.backoff_max_ms = 1;
}

static void close_all(void) {
  dsql_listener_close(l);
  peer_close(&p);
}

TestSuite(states, .init = open_all, .fini = close_all, .timeout = 60);

static void start(const char *channel) {
  dsql_target *t = client_target_config(&p.x, &p.config);
  int rc = dsql_listen(&l, p.x.rt, t, channel, heard_on_event, &h, &options, NULL);
  cr_assert_eq(rc, 0, "%s", dsql_error_name(rc));
  dsql_target_free(t);
}

static void until(const char *words) {
  for (int i = 0; i < 5000 && strlen(h.text) < strlen(words); i++) peer_turn_ms(&p, 1);
  cr_assert_str_eq(heard_words(&h), words);
}

/* The listener has dialed: its start-up is answered, and its script is there. */
static void come_up(const char *script) {
  peer_accept(&p, &p.main);
  cr_assert_not(peer_startup(&p, &p.main));
  peer_send(&p, "R0 K Z:I");
  peer_expect(&p, "Q");
  cr_assert_str_eq((const char *)peer_body(&p, 0, NULL), script);
}

static void listening(void) {
  start("a");
  come_up("LISTEN \"a\";");
  peer_send(&p, "C:LISTEN Z:I");
  until("+a");
}

Test(states, lost_and_back) {
  listening();
  peer_send(&p, "A:a");
  until("a=payload");
  peer_drop(&p.main);
  until("-");
  cr_assert_eq(h.error, DSQL_EIO);
  come_up("LISTEN \"a\";");
  peer_expect_nothing(&p);
  cr_assert_str_eq(heard_words(&h), "", "a gap is told when it is over");
  peer_send(&p, "C:LISTEN Z:I A:a");
  until("~a a=payload");
}

Test(states, a_notification_ahead_of_the_answer) {
  start("a");
  come_up("LISTEN \"a\";");
  peer_send(&p, "C:LISTEN A:a Z:I");
  until("+a a=payload");
}

/* The first session that was heard is over before it has listened: the gap is no longer than the listener has lived. */
Test(states, lost_behind_a_notification_ahead_of_the_first_answer) {
  uint64_t began_ns = uv_hrtime();

  start("a");
  come_up("LISTEN \"a\";");
  peer_send(&p, "C:LISTEN A:a");
  until("+a a=payload");
  peer_drop(&p.main);
  until("-");
  come_up("LISTEN \"a\";");
  peer_send(&p, "C:LISTEN Z:I");
  until("~a");
  cr_assert_leq(h.missed_ms, (uv_hrtime() - began_ns) / 1000000 + 100, "%u", h.missed_ms);
}

Test(states, of_other_channels_nothing_is_told) {
  listening();
  peer_send(&p, "A:b A:a A:c");
  until("a=payload");
}

/* From the connect, over the script, to the session that is up: what is added there is sent later, in one script. */
Test(states, added_while_connecting) {
  start("a");
  cr_assert_eq(dsql_listener_add(l, "b"), 0);
  come_up("LISTEN \"a\";");
  cr_assert_eq(dsql_listener_add(l, "c"), 0);
  peer_send(&p, "C:LISTEN Z:I");
  peer_expect(&p, "Q");
  cr_assert_str_eq((const char *)peer_body(&p, 0, NULL), "LISTEN \"b\";LISTEN \"c\";");
  until("+a");
  peer_send(&p, "A:a C:LISTEN C:LISTEN Z:I");
  until("a=payload +b +c");
}

Test(states, removed_while_its_listen_is_under_way) {
  start("a");
  come_up("LISTEN \"a\";");
  cr_assert_eq(dsql_listener_remove(l, "a"), 0);
  peer_send(&p, "A:a C:LISTEN Z:I A:a");
  peer_expect(&p, "Q");
  cr_assert_str_eq((const char *)peer_body(&p, 0, NULL), "UNLISTEN \"a\";");
  cr_assert_eq(dsql_listener_add(l, "a"), 0);
  peer_send(&p, "A:a C:UNLISTEN Z:I");
  peer_expect(&p, "Q");
  cr_assert_str_eq((const char *)peer_body(&p, 0, NULL), "LISTEN \"a\";");
  cr_assert_str_eq(heard_words(&h), "");
  peer_send(&p, "C:LISTEN Z:I A:a");
  until("+a a=payload");
}

/* Removed and added in one turn: nothing is sent, and it starts anew. */
Test(states, removed_and_added) {
  listening();
  cr_assert_eq(dsql_listener_remove(l, "a"), 0);
  cr_assert_eq(dsql_listener_add(l, "a"), 0);
  until("+a");
  peer_expect_nothing(&p);
}

Test(states, changed_while_waiting) {
  options.backoff_ms = options.backoff_max_ms = 100;
  listening();
  peer_drop(&p.main);
  until("-");
  cr_assert_eq(dsql_listener_status(l), DSQL_LISTENER_WAITING);
  cr_assert(h.retry_ms >= 50 && h.retry_ms <= 100);
  cr_assert_eq(dsql_listener_remove(l, "a"), 0);
  cr_assert_eq(dsql_listener_add(l, "b"), 0);
  come_up("LISTEN \"b\";");
  peer_send(&p, "C:LISTEN Z:I");
  until("+b");
}

Test(states, lost_while_connecting) {
  start("a");
  peer_accept(&p, &p.main);
  peer_drop(&p.main);
  until("-");
  peer_accept(&p, &p.main);
  cr_assert_not(peer_startup(&p, &p.main));
  peer_send(&p, "F:57P03");
  until("-");
  cr_assert_str_eq(h.sqlstate, "57P03");
  come_up("LISTEN \"a\";");
  peer_drop(&p.main);
  until("-");
  come_up("LISTEN \"a\";");
  peer_send(&p, "C:LISTEN Z:I");
  until("+a");
}

Test(states, refused_at_first_is_the_end) {
  start("a");
  peer_accept(&p, &p.main);
  cr_assert_not(peer_startup(&p, &p.main));
  peer_send(&p, "F:28P01");
  until("!");
  cr_assert_eq(dsql_listener_status(l), DSQL_LISTENER_ENDED);
  cr_assert_str_eq(h.sqlstate, "28P01");
  cr_assert_eq(dsql_listener_add(l, "b"), DSQL_ECLOSED);
  dsql_listener_pause(l);
  dsql_listener_resume(l);
  peer_turn_ms(&p, 20);
  cr_assert_str_eq(heard_words(&h), "");
}

Test(states, refused_later_is_waited_out) {
  listening();
  peer_send(&p, "F:57P01");
  peer_drop(&p.main);
  until("-");
  cr_assert_str_eq(h.sqlstate, "57P01");
  peer_accept(&p, &p.main);
  cr_assert_not(peer_startup(&p, &p.main));
  peer_send(&p, "F:28P01");
  until("-");
  come_up("LISTEN \"a\";");
  peer_send(&p, "C:LISTEN Z:I");
  until("~a");
}

/* What the server says to LISTEN itself. */
Test(states, a_server_without_listen) {
  start("a");
  come_up("LISTEN \"a\";");
  peer_send(&p, "E:0A000 Z:I");
  until("!");
  cr_assert_str_eq(h.sqlstate, "0A000");
}

Test(states, a_standby_may_be_promoted) {
  start("a");
  come_up("LISTEN \"a\";");
  peer_send(&p, "E:25006 Z:I");
  until("-");
  come_up("LISTEN \"a\";");
  peer_send(&p, "C:LISTEN Z:I");
  until("+a");
}

Test(states, pinged_when_silent) {
  options.ping_interval_ms = 30;
  options.ping_timeout_ms = 5000;
  listening();
  for (int i = 0; i < 2; i++) {
    peer_expect(&p, "Q");
    cr_assert_str_eq((const char *)peer_body(&p, 0, NULL), "");
    peer_send(&p, "I Z:I");
  }
  cr_assert_str_eq(heard_words(&h), "");
}

Test(states, dead_when_a_ping_is_not_answered) {
  options.ping_interval_ms = options.ping_timeout_ms = 30;
  listening();
  peer_expect(&p, "Q");
  until("-");
  cr_assert_eq(h.error, DSQL_ETIMEDOUT);
  peer_expect_end(&p);
  come_up("LISTEN \"a\";");
  peer_send(&p, "C:LISTEN Z:I");
  until("~a");
  cr_assert_geq(h.missed_ms, 30, "since it was heard last: %u", h.missed_ms);
}

Test(states, dead_when_a_listen_is_not_answered) {
  options.ping_timeout_ms = 30;
  p.config.connect_timeout_ms = 30;
  start("a");
  come_up("LISTEN \"a\";");
  until("-");
  cr_assert_eq(h.error, DSQL_ETIMEDOUT, "%s", h.why);
}

/* Paused in every state. */
Test(states, paused_while_listening) {
  options.ping_interval_ms = options.ping_timeout_ms = 10;
  listening();
  dsql_listener_pause(l);
  peer_send(&p, "A:a A:a");
  cr_assert_eq(dsql_listener_add(l, "b"), 0);
  peer_turn_ms(&p, 50);
  peer_expect_nothing(&p);
  cr_assert_str_eq(heard_words(&h), "");
  dsql_listener_resume(l);
  peer_expect(&p, "Q");
  cr_assert_str_eq((const char *)peer_body(&p, 0, NULL), "LISTEN \"b\";");
  peer_send(&p, "C:LISTEN Z:I");
  until("a=payload a=payload +b");
}

Test(states, paused_while_connecting) {
  start("a");
  dsql_listener_pause(l);
  peer_accept(&p, &p.main);
  cr_assert_not(peer_startup(&p, &p.main));
  peer_send(&p, "R0 K Z:I");
  peer_expect_nothing(&p);
  dsql_listener_resume(l);
  peer_expect(&p, "Q");
  dsql_listener_pause(l);
  peer_send(&p, "C:LISTEN Z:I A:a");
  peer_turn_ms(&p, 20);
  cr_assert_str_eq(heard_words(&h), "");
  dsql_listener_resume(l);
  until("+a a=payload");
}

Test(states, paused_while_waiting) {
  listening();
  peer_drop(&p.main);
  until("-");
  dsql_listener_pause(l);
  peer_turn_ms(&p, 30);
  cr_assert_eq(dsql_listener_status(l), DSQL_LISTENER_WAITING);
  dsql_listener_resume(l);
  come_up("LISTEN \"a\";");
  peer_send(&p, "C:LISTEN Z:I");
  until("~a");
}

Test(states, lost_while_paused_is_found_out_later) {
  listening();
  dsql_listener_pause(l);
  peer_send(&p, "A:a");
  peer_drop(&p.main);
  peer_turn_ms(&p, 20);
  cr_assert_str_eq(heard_words(&h), "");
  dsql_listener_resume(l);
  until("a=payload -");
}

/* ---- closed by the callback of each event, and the runtime with it ---- */

static enum dsql_listen_what when;
static bool whole_runtime, begun;

static void close_it(dsql_listener *at, const dsql_listen_event *event, void *arg) {
  (void)arg;
  if (event->what != when || begun) return;
  begun = true;
  if (whole_runtime) {
    client_begin_close(&p.x);
    return;
  }
  dsql_listener_close(at);
  l = NULL;
}

/* The runtime's end is peer_close()'s business; here it runs as far as its callback. */
static void ended(void) {
  (void)uv_run(&p.x.loop, UV_RUN_DEFAULT);
  cr_assert(p.x.closed);
}

static void closed_at(const char *words) {
  size_t n = strlen(words);
  char text[64];

  for (int i = 0; i < 1000 && !begun; i++) peer_turn_ms(&p, 1);
  peer_turn_ms(&p, 10);
  (void)snprintf(text, sizeof text, "%s%s", words, whole_runtime && when != DSQL_LISTEN_ENDED ? " !" : "");
  cr_assert_eq(strncmp(h.text, words, n), 0, "%s", h.text);
  cr_assert_str_eq(heard_words(&h), text);
  if (!whole_runtime) return;
  ended();
  p.x.rt = NULL;
  l = NULL;
}

static void close_at_started(void) {
  start("a");
  come_up("LISTEN \"a\";");
  peer_send(&p, "C:LISTEN A:a Z:I A:a");
  closed_at("+a");
}
static void close_at_notify(void) {
  listening();
  peer_send(&p, "A:a A:a");
  closed_at("a=payload");
}
static void close_at_lost(void) {
  listening();
  peer_drop(&p.main);
  closed_at("-");
}
static void close_at_gap(void) {
  listening();
  peer_drop(&p.main);
  until("-");
  come_up("LISTEN \"a\";");
  peer_send(&p, whole_runtime ? "C:LISTEN Z:I" : "C:LISTEN Z:I A:a");
  closed_at("~a");
}
static void close_at_ended(void) {
  start("a");
  come_up("LISTEN \"a\";");
  peer_send(&p, "E:0A000 Z:I");
  closed_at("!");
}

#define CLOSED(name, what, with_runtime)                                                                               \
  Test(states, closed_by_##name##_##with_runtime) {                                                                    \
    when = what;                                                                                                       \
    whole_runtime = with_runtime;                                                                                      \
    h.then = close_it;                                                                                                 \
    close_at_##name();                                                                                                 \
  }
CLOSED(started, DSQL_LISTEN_STARTED, false)
CLOSED(notify, DSQL_LISTEN_NOTIFY, false)
CLOSED(lost, DSQL_LISTEN_LOST, false)
CLOSED(gap, DSQL_LISTEN_GAP, false)
CLOSED(ended, DSQL_LISTEN_ENDED, false)
CLOSED(notify, DSQL_LISTEN_NOTIFY, true)
CLOSED(lost, DSQL_LISTEN_LOST, true)
CLOSED(gap, DSQL_LISTEN_GAP, true)
CLOSED(ended, DSQL_LISTEN_ENDED, true)

/* ---- the runtime closes, in every state, with and without somebody who closes the listener ---- */

enum stage { AT_ONCE, DIALED, SENT, UP, PAUSED, ADDING, PINGING, LOST, OVER, STAGES };

static void go_to(enum stage stage) {
  if (stage == PINGING) options.ping_interval_ms = 5;
  if (stage == LOST) options.backoff_ms = options.backoff_max_ms = 10000;
  start("a");
  if (stage == AT_ONCE) return;
  peer_accept(&p, &p.main);
  cr_assert_not(peer_startup(&p, &p.main));
  if (stage == DIALED) return;
  peer_send(&p, "R0 K Z:I");
  peer_expect(&p, "Q");
  if (stage == SENT) return;
  peer_send(&p, stage == OVER ? "E:0A000 Z:I" : "C:LISTEN Z:I");
  until(stage == OVER ? "!" : "+a");
  if (stage == PAUSED) dsql_listener_pause(l);
  if (stage == ADDING) cr_assert_eq(dsql_listener_add(l, "b"), 0);
  if (stage == ADDING || stage == PINGING) peer_expect(&p, "Q");
  if (stage != LOST) return;
  peer_drop(&p.main);
  until("-");
}

#define RUNTIME_CLOSES(stage)                                                                                          \
  Test(states, the_runtime_closes_##stage) {                                                                           \
    go_to(stage);                                                                                                      \
    client_begin_close(&p.x);                                                                                          \
    ended();                                                                                                           \
    cr_assert_str_eq(heard_words(&h), stage == OVER ? "" : "!");                                                       \
    if (stage != OVER) cr_assert_eq(h.error, DSQL_ECANCELED);                                                          \
    p.x.rt = NULL;                                                                                                     \
    l = NULL;                                                                                                          \
  }                                                                                                                    \
  Test(states, closed_behind_the_runtimes_close_##stage) {                                                             \
    go_to(stage);                                                                                                      \
    client_begin_close(&p.x);                                                                                          \
    dsql_listener_close(l);                                                                                            \
    l = NULL;                                                                                                          \
    ended();                                                                                                           \
    cr_assert_str_eq(heard_words(&h), "");                                                                             \
    p.x.rt = NULL;                                                                                                     \
  }                                                                                                                    \
  Test(states, closed_##stage) {                                                                                       \
    go_to(stage);                                                                                                      \
    dsql_listener_close(l);                                                                                            \
    l = NULL;                                                                                                          \
    peer_turn_ms(&p, 5);                                                                                               \
    cr_assert_str_eq(heard_words(&h), "");                                                                             \
  }
RUNTIME_CLOSES(AT_ONCE)
RUNTIME_CLOSES(DIALED)
RUNTIME_CLOSES(SENT)
RUNTIME_CLOSES(UP)
RUNTIME_CLOSES(PAUSED)
RUNTIME_CLOSES(ADDING)
RUNTIME_CLOSES(PINGING)
RUNTIME_CLOSES(LOST)
RUNTIME_CLOSES(OVER)

/* ---- hostile servers ---- */

/* Ahead of ReadyForQuery, inside rows, behind an error. */
Test(states, a_notification_in_any_phase_of_a_query) {
  dsql_conn *c = peer_connect(&p);
  dsql_future *f = dsql_query(c, "select", DSQL_NO_PARAMS, NULL);

  peer_expect(&p, "PBDES");
  peer_send(&p, "A:a 1 A:a 2 A:a T:x A:a D:1 A:a D:2 A:a C:SELECT_2 A:a Z:I A:a");
  peer_succeeds(&p, f);
  f = dsql_query(c, "select", DSQL_NO_PARAMS, NULL);
  peer_expect(&p, "PBDES");
  peer_send(&p, "A:a E:22012 A:a Z:I");
  peer_fails(&p, f, DSQL_ESERVER, 0);
  dsql_conn_close(c);
}

static size_t payload_len;
static void on_notify(dsql_conn *c, const dsql_notification *n, void *arg) {
  (void)c;
  (void)arg;
  payload_len = n->payload.len;
}

Test(states, a_huge_payload) {
  enum { HUGE = 40000 };
  static uint8_t body[4 + 2 + HUGE + 1] = {0, 0, 0, 1, 'a', 0};
  dsql_conn *c = peer_connect(&p);
  dsql_future *f = dsql_query(c, "select", DSQL_NO_PARAMS, NULL);

  memset(body + 6, 'x', HUGE);
  dsql_conn_on_notify(c, on_notify, NULL);
  peer_expect(&p, "PBDES");
  peer_send_message(&p, 'A', body, sizeof body);
  peer_send(&p, "1 2 n C:SELECT_0 Z:I");
  peer_succeeds(&p, f);
  cr_assert_eq(payload_len, HUGE);
  dsql_conn_close(c);
}

static void breaks(const void *body, size_t n) {
  dsql_conn *c = peer_connect(&p);
  dsql_future *f = dsql_query(c, "select", DSQL_NO_PARAMS, NULL);

  dsql_conn_on_notify(c, on_notify, NULL);
  payload_len = 12345;
  peer_expect(&p, "PBDES");
  peer_send_message(&p, 'A', body, n);
  peer_fails(&p, f, DSQL_EPROTO, DSQL_CONN_LOST | DSQL_IN_DOUBT | DSQL_CLIENT_SIDE);
  cr_assert_eq(payload_len, 12345, "it was not told");
  dsql_conn_close(c);
  peer_drop(&p.main);
}

Test(states, broken_ones) {
  breaks("\0\0\0\1"
         "a\0b",
         7);
  breaks("\0\0\0", 3);
  breaks("\0\0\0\1a", 5);
  breaks("\0\0\0\1a\0b\0c", 9);
}

/* A server that lets the listener in and breaks off at once is not asked without pause: the row of failures goes on. */
Test(states, a_flapping_server_is_not_hammered) {
  options.backoff_ms = 8;
  options.backoff_max_ms = 64;
  start("a");
  for (unsigned i = 0; i < 5; i++) {
    uint32_t full = 8u << (i < 3 ? i : 3);
    come_up("LISTEN \"a\";");
    peer_send(&p, "C:LISTEN Z:I");
    until(i ? "~a" : "+a");
    peer_drop(&p.main);
    until("-");
    cr_assert(h.retry_ms >= full / 2 && h.retry_ms <= (8u << i), "%u: %u ms", i, h.retry_ms);
  }
}
