/* Links over TLS, against OpenSSL's own server. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/link_state.h"
#include "net_fixture.h"
#include "tls_peer.h"

static struct fixture x;
static struct zoo zoo;
static struct identity good;
static struct tls_context *context;
static const struct tls_session_params params = {.sni_host = "db.test", .verify_host = "db.test", .require_alpn = true};

static void open_fixture(void) {
  struct zoo_spec spec = {.cn = "db.test", .san = "DNS:db.test"};
  struct tls_config config = {0};
  struct fault f = {0};
  fixture_open(&x);
  zoo_init(&zoo);
  good = zoo_make(&spec, &zoo.ca);
  config.ca_file = zoo.ca_file;
  cr_assert_eq(tls_context_new(&context, &x.heap.hook), 0);
  cr_assert_eq(tls_context_load(context, &config, &f), 0, "%s", f.text);
}

static void close_fixture(void) {
  tls_context_unref(context);
  zoo_drop(&good);
  zoo_deinit(&zoo);
  fixture_close(&x);
}

TestSuite(link_tls, .init = open_fixture, .fini = close_fixture, .timeout = 60);

static void connect_over(const int fds[2], struct tls_peer *p, struct side *s) {
  struct fault f = {0};
  tls_peer_start(p, &good, fds[1]);
  side_open(s, &x, fds[0]);
  cr_assert_eq(link_start_tls(s->link, context, &params, &f), 0, "%s", f.text);
  cr_expect_not_null(link_tls(s->link));
}

/* A link with its handshake begun, and the server on the other end. */
static void connect_to(struct tls_peer *p, struct side *s) {
  int fds[2];
  pair_unix(fds);
  connect_over(fds, p, s);
}

static void finish(struct tls_peer *p, struct side *s) {
  side_close(s);
  turn(&x);
  turn(&x);
  cr_expect_eq(s->late, 0);
  cr_expect_not(s->bad);
  tls_peer_join(p);
}

Test(link_tls, echo_both_ways) {
  enum { TOTAL = 24 << 20 };
  struct tls_peer p = {0};
  struct side s = {.to_send = TOTAL, .chunk = 300000};
  struct link_stats stats;
  connect_to(&p, &s);
  run_until(&x, s.tls);
  cr_expect_eq(s.data, 0);
  link_flush_later(s.link);
  run_until(&x, s.received == TOTAL);
  link_stats_get(s.link, &stats);
  cr_expect_gt(stats.bytes_sent, TOTAL);
  cr_expect_gt(stats.bytes_received, TOTAL);
  cr_expect_eq(s.tls, 1);
  finish(&p, &s);
  cr_expect_eq(p.received, TOTAL);
  cr_expect_not(p.bad);
  cr_expect(p.close_notify, "a link that is closed says farewell");
  cr_expect_lt(x.heap.peak_bytes, 4u << 20);
}

Test(link_tls, one_flush_is_one_write_and_rides_with_the_finished_message) {
  struct tls_peer p = {0};
  struct side s = {.to_send = 100};
  struct link_stats stats;
  connect_to(&p, &s);
  run_until(&x, s.received == 100);
  link_stats_get(s.link, &stats);
  cr_expect_eq(stats.writes, 2, "ClientHello; Finished and the first data");
  cr_expect_eq(link_sent(s.link), 100);
  finish(&p, &s);
}

Test(link_tls, sent_counts_records_that_left) {
  struct tls_peer p = {.job = TLS_PEER_STALL};
  struct side s = {.to_send = 8 << 20};
  uint64_t blocked_at;
  connect_to(&p, &s);
  run_until(&x, s.tls && link_write_blocked(s.link));
  blocked_at = link_sent(s.link);
  cr_expect_gt(blocked_at, 0);
  cr_expect_lt(blocked_at, link_appended(s.link));
  cr_expect_eq(blocked_at % 16384, 0, "whole records");
  uv_sem_post(&p.resume);
  run_until(&x, link_sent(s.link) == s.to_send);
  cr_expect_eq(link_appended(s.link), s.to_send);
  finish(&p, &s);
  cr_expect_eq(p.received, s.to_send);
  cr_expect_not(p.bad);
}

static void expect_tell(enum tls_peer_job job, size_t n) {
  struct tls_peer p = {.job = job, .tell_len = n};
  struct side s = {0};
  uint8_t *bytes = malloc(n);
  for (size_t i = 0; i < n; i++) bytes[i] = pattern(i);
  p.tell = bytes;
  connect_to(&p, &s);
  run_until(&x, s.end);
  cr_expect_eq(s.received, n);
  cr_expect_eq(s.fault.code, DSQL_ECLOSED);
  finish(&p, &s);
  free(bytes);
}

Test(link_tls, end_of_stream_with_and_without_close_notify) {
  expect_tell(TLS_PEER_TELL, 1);
  expect_tell(TLS_PEER_TELL, 1000000);
  expect_tell(TLS_PEER_DROP, 1);
  expect_tell(TLS_PEER_DROP, 1000000);
}

Test(link_tls, pause_keeps_what_was_received) {
  static uint8_t bytes[400000];
  for (int drop = 0; drop < 2; drop++) {
    struct tls_peer p = {.job = drop ? TLS_PEER_DROP : TLS_PEER_TELL, .tell = bytes, .tell_len = sizeof bytes};
    struct side s = {.pause_in = SIDE_DATA};
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = pattern(i);
    connect_to(&p, &s);
    run_until(&x, s.data == 1);
    while (!s.end) {
      unsigned data = s.data;
      uint64_t received = s.received;
      for (int i = 0; i < 3; i++) turn(&x);
      cr_assert_eq(s.data, data, "paused");
      link_resume(s.link);
      cr_assert_eq(s.received, received, "not inside the call");
      for (int i = 0; i < 2000 && s.data == data && !s.end; i++) {
        turn(&x);
        if (s.data == data) uv_sleep(1);
      }
      cr_assert(s.data == data + 1 || s.end);
    }
    cr_expect_eq(s.received, sizeof bytes);
    cr_expect_eq(s.fault.code, DSQL_ECLOSED);
    finish(&p, &s);
  }
}

Test(link_tls, garbage_ends_it_and_the_peer_gets_the_alert) {
  struct tls_peer p = {.job = TLS_PEER_GARBAGE};
  struct side s = {0};
  connect_to(&p, &s);
  run_until(&x, s.end);
  cr_expect_eq(s.fault.code, DSQL_ETLS, "%s", s.fault.text);
  finish(&p, &s);
  cr_expect_neq(p.alert, 0);
}

Test(link_tls, failure_behind_a_pause_is_told_as_it_was) {
  static const uint8_t first = 0; /* pattern(0) */
  struct tls_peer p = {.job = TLS_PEER_GARBAGE, .tell = &first, .tell_len = 1};
  struct side s = {.pause_in = SIDE_DATA}, plain = {0};
  struct tls_peer q = {.job = TLS_PEER_GARBAGE};
  connect_to(&q, &plain);
  run_until(&x, plain.end);
  finish(&q, &plain);
  connect_to(&p, &s);
  run_until(&x, s.tls);
  uv_sleep(20); /* both arrive in one read */
  run_until(&x, s.data == 1);
  turn(&x);
  cr_expect_eq(s.end, 0);
  link_resume(s.link);
  run_until(&x, s.end);
  cr_expect_eq(s.fault.code, DSQL_ETLS);
  cr_expect_str_eq(s.fault.text, plain.fault.text);
  finish(&p, &s);
}

Test(link_tls, what_was_queued_before_the_handshake_leaves_after_it) {
  static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
  for (size_t i = 0; i < 2; i++) {
    struct tls_peer p = {.max_version = versions[i]};
    struct side s = {.to_send = 70000};
    connect_to(&p, &s);
    link_flush_later(s.link);
    run_until(&x, s.received == s.to_send);
    cr_expect_str_eq(tls_version_string(link_tls(s.link)), i ? "TLSv1.3" : "TLSv1.2");
    finish(&p, &s);
  }
}

Test(link_tls, failed_verification_sends_its_alert) {
  struct zoo_spec spec = {.cn = "other.test", .san = "DNS:other.test"};
  struct tls_peer p = {0};
  struct side s = {0};
  zoo_drop(&good);
  good = zoo_make(&spec, &zoo.ca);
  connect_to(&p, &s);
  run_until(&x, s.end);
  cr_expect_eq(s.fault.code, DSQL_ETLS);
  cr_expect_not_null(strstr(s.fault.text, "db.test"), "%s", s.fault.text);
  cr_expect_eq(s.tls, 0);
  finish(&p, &s);
  cr_expect_neq(p.alert, 0, "the server is told why");
}

Test(link_tls, end_of_stream_in_the_handshake) {
  struct fault f = {0};
  struct side s = {0};
  int fds[2];
  pair_unix(fds);
  side_open(&s, &x, fds[0]);
  cr_assert_eq(link_start_tls(s.link, context, &params, &f), 0);
  turn(&x);
  close(fds[1]);
  run_until(&x, s.end);
  cr_expect(s.fault.code == DSQL_ECLOSED || s.fault.code == DSQL_EIO, "%s", s.fault.text);
  side_close(&s);
}

/* ---- CVE-2021-23222 ---- */

static int started;
static struct fault start_fault;

static void start_in_data(void *owner, const uint8_t *p, size_t n) {
  struct link *l = *(struct link **)owner;
  (void)p, (void)n;
  started = link_start_tls(l, context, &params, &start_fault);
}
static void ignore(void *owner) { (void)owner; }
static bool has_no_more(void *owner) {
  (void)owner;
  return false;
}
static void ignore_end(void *owner, const struct fault *f) { (void)owner, (void)f; }

Test(link_tls, bytes_behind_the_answer_make_it_fail) {
  static const struct link_events start_events = {start_in_data, ignore, has_no_more, ignore, ignore_end};
  struct link *l;
  int fds[2];
  pair_unix(fds);
  cr_assert_eq(link_open(&l, x.rt, watch_of(&x, fds[0]), &start_events, &l, 100), 0);
  link_ref(l, true);
  cr_assert_eq(write(fds[1], "Sinjected", 9), 9);
  turn(&x);
  cr_expect_eq(started, DSQL_ETLS);
  cr_expect_not_null(strstr(start_fault.text, "unencrypted"));
  link_close(l);
  close(fds[1]);

  /* Read one byte at a time, what stands behind it is taken for a TLS record, and is none. */
  pair_unix(fds);
  fault_clear(&start_fault);
  cr_assert_eq(link_open(&l, x.rt, watch_of(&x, fds[0]), &start_events, &l, 100), 0);
  link_ref(l, true);
  link_read_limit(l, 1);
  cr_assert_eq(write(fds[1], "Sinjected", 9), 9);
  turn(&x);
  cr_expect_eq(started, 0);
  link_close(l);
  close(fds[1]);
}

/* ---- close inside events ---- */

Test(link_tls, close_inside_every_event) {
  static const enum side_event all[] = {SIDE_DATA, SIDE_TLS, SIDE_FLUSH, SIDE_TURN, SIDE_END};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    struct tls_peer p = {.job = all[i] == SIDE_END ? TLS_PEER_DROP : TLS_PEER_ECHO};
    struct side s = {.close_in = all[i], .to_send = 200000};
    connect_to(&p, &s);
    run_until(&x, s.closed);
    finish(&p, &s);
  }
}

Test(link_tls, close_in_the_handshake) {
  for (int turns = 0; turns < 4; turns++) {
    struct tls_peer p = {0};
    struct side s = {0};
    connect_to(&p, &s);
    for (int i = 0; i < turns; i++) turn(&x);
    finish(&p, &s);
  }
}

/* ---- memory ---- */

Test(link_tls, warm_traffic_calls_no_hook) {
  struct tls_peer p = {0};
  struct side s = {.to_send = 100};
  size_t calls;
  connect_to(&p, &s);
  run_until(&x, s.received == 100);
  calls = x.heap.calls;
  for (int i = 0; i < 20; i++) {
    s.to_send += 100;
    link_flush_later(s.link);
    run_until(&x, s.received == s.to_send);
  }
  cr_expect_eq(x.heap.calls, calls);
  link_release_buffers(s.link);
  s.to_send += 100;
  link_flush_later(s.link);
  run_until(&x, s.received == s.to_send);
  finish(&p, &s);
}

Test(link_tls, every_allocation_fails_in_turn) {
  size_t failed = 0;
  for (size_t n = 1;; n++) {
    struct tls_peer p = {0};
    struct side s = {.to_send = 100000, .chunk = 100000};
    struct fault f = {0};
    int fds[2], rc;
    bool fired;
    pair_unix(fds);
    side_open(&s, &x, fds[0]);
    tls_peer_start(&p, &good, fds[1]);
    test_alloc_arm(&x.heap, n, true);
    rc = link_start_tls(s.link, context, &params, &f);
    if (rc == 0) run_until(&x, s.end || s.received == 100000);
    fired = test_alloc_fired(&x.heap);
    test_alloc_arm(&x.heap, 0, false);
    if (rc || s.end) {
      int code = rc ? rc : s.fault.code;
      cr_expect_eq(code, DSQL_ENOMEM, "%d: %s", code, rc ? f.text : s.fault.text);
      failed++;
    }
    finish(&p, &s);
    if (!fired) break;
  }
  cr_expect_geq(failed, 2, "%zu failures", failed);
}

/* ---- a lot comes: link_bulk.c, whose low water counts what is encrypted ---- */

Test(link_tls, stream_comes_to_its_last_byte) {
  enum { TOTAL = (5 << 20) + 7 };
  struct tls_peer p = {.job = TLS_PEER_TELL, .tell_len = TOTAL};
  struct side s = {0};
  uint8_t *bytes = malloc(TOTAL);
  bool was_bulk = false;
  int fds[2];

  cr_assert_not_null(bytes);
  for (size_t i = 0; i < TOTAL; i++) bytes[i] = pattern(i);
  p.tell = bytes;
  pair_tcp(fds);
  cr_assert_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
  connect_over(fds, &p, &s);
  run_until(&x, (was_bulk = was_bulk || s.link->bulk, s.end));
  cr_expect(was_bulk);
  cr_expect_eq(s.received, TOTAL);
  cr_expect_eq(s.end, 1);
  finish(&p, &s);
  free(bytes);
}
