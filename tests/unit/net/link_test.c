/* Links without TLS. SIGPIPE is at its default everywhere here: one raised would kill the test. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "net_fixture.h"

static struct fixture x;
static int fds[2];

static void open_fixture(void) {
  fixture_open(&x);
  pair_unix(fds);
}
static void close_fixture(void) {
  if (fds[1] >= 0) close(fds[1]);
  fixture_close(&x);
}

TestSuite(link, .init = open_fixture, .fini = close_fixture, .timeout = 60);

static void tell(const char *text) { cr_assert_eq(write(fds[1], text, strlen(text)), (ssize_t)strlen(text)); }

static void hang_up(void) {
  close(fds[1]);
  fds[1] = -1;
}

/* ---- writing ---- */

Test(link, everything_of_one_turn_leaves_in_one_write) {
  struct side s = {.to_send = 4};
  struct link_stats stats;
  char got[16];
  side_open(&s, &x, fds[0]);
  buf_put(link_out(s.link), "abc", 3);
  link_flush_later(s.link);
  buf_put(link_out(s.link), "def", 3);
  link_flush_later(s.link);
  cr_expect_eq(link_appended(s.link), 6);
  cr_expect_eq(link_sent(s.link), 0, "nothing leaves inside the call");
  turn(&x);
  cr_expect_eq(read(fds[1], got, sizeof got), 10);
  cr_expect_arr_eq(got, "abcdef", 6);
  link_stats_get(s.link, &stats);
  cr_expect_eq(stats.writes, 1);
  cr_expect_eq(stats.bytes_sent, 10);
  cr_expect_eq(link_sent(s.link), 10);
  cr_expect_eq(link_appended(s.link), 10);
  cr_expect_eq(s.flush, 1, "it was asked again, although it had no more");
  cr_expect_eq(s.turn, 1);
  cr_expect_null(link_tls(s.link));
  side_close(&s);
}

Test(link, blocked_writes_go_on_when_the_peer_reads) {
  struct side s = {.to_send = 8 * 1024 * 1024};
  uint64_t got = 0;
  bool bad = false;
  side_open(&s, &x, fds[0]);
  link_flush_later(s.link);
  run_until(&x, link_write_blocked(s.link));
  cr_expect_lt(link_sent(s.link), link_appended(s.link));
  fcntl(fds[1], F_SETFL, O_NONBLOCK);
  while (got < s.to_send) {
    uint8_t bytes[65536];
    ssize_t n = read(fds[1], bytes, sizeof bytes);
    for (ssize_t i = 0; i < n; i++) bad = bad || bytes[i] != pattern(got + (uint64_t)i);
    got += n > 0 ? (uint64_t)n : 0;
    turn(&x);
  }
  cr_expect_not(bad);
  turn(&x);
  cr_expect_eq(link_sent(s.link), s.to_send);
  cr_expect_not(link_write_blocked(s.link));
  side_close(&s);
}

Test(link, close_sends_what_is_queued) {
  struct side s = {0};
  char got[16];
  side_open(&s, &x, fds[0]);
  buf_put(link_out(s.link), "bye", 3);
  side_close(&s);
  cr_expect_eq(read(fds[1], got, sizeof got), 3);
  cr_expect_eq(read(fds[1], got, sizeof got), 0);
  link_close(NULL);
}

Test(link, output_over_the_limit_ends_the_link_and_is_not_sent_cut) {
  struct side s = {0};
  uint8_t big[65536] = {0};
  char got[16];
  side_open(&s, &x, fds[0]);
  while (buf_ok(link_out(s.link))) buf_put(link_out(s.link), big, sizeof big);
  link_flush_later(s.link);
  turn(&x);
  cr_expect_eq(s.end, 1);
  cr_expect_eq(s.fault.code, DSQL_ETOOBIG);
  side_close(&s);
  cr_expect_eq(read(fds[1], got, sizeof got), 0);
}

/* ---- reading ---- */

Test(link, read_limit_leaves_the_rest_in_the_socket) {
  struct side s = {.text = true};
  side_open(&s, &x, fds[0]);
  link_read_limit(s.link, 1);
  tell("Sx");
  turn(&x);
  cr_expect_str_eq(s.got, "S");
  turn(&x);
  cr_expect_str_eq(s.got, "Sx");
  cr_expect_eq(s.data, 2);
  link_read_limit(s.link, 0);
  tell("yz");
  turn(&x);
  cr_expect_eq(s.data, 3);
  side_close(&s);
}

Test(link, end_of_stream_comes_once_and_last) {
  struct side s = {.text = true};
  side_open(&s, &x, fds[0]);
  tell("last words");
  hang_up();
  run_until(&x, s.end);
  cr_expect_eq(s.fault.code, DSQL_ECLOSED);
  cr_expect_str_eq(s.got, "last words");
  link_flush_later(s.link);
  link_pause(s.link);
  link_resume(s.link);
  turn(&x);
  turn(&x);
  cr_expect_eq(s.end, 1);
  cr_expect_eq(s.late, 0);
  side_close(&s);
}

Test(link, pause_stops_data_and_the_loop_may_end) {
  struct side s = {.text = true};
  side_open(&s, &x, fds[0]);
  cr_expect(uv_loop_alive(&x.loop));
  link_pause(s.link);
  cr_expect_not(uv_loop_alive(&x.loop));
  tell("kept");
  turn(&x);
  turn(&x);
  cr_expect_eq(s.data, 0);
  link_resume(s.link);
  cr_expect_eq(s.data, 0, "not inside the call");
  cr_expect(uv_loop_alive(&x.loop));
  turn(&x);
  cr_expect_str_eq(s.got, "kept");
  link_ref(s.link, false);
  cr_expect_not(uv_loop_alive(&x.loop));
  side_close(&s);
}

Test(link, pause_in_on_data_holds_after_it) {
  struct side s = {.pause_in = SIDE_DATA};
  uint64_t total = 3 * RT_SLAB_SIZE;
  static uint8_t bytes[3 * RT_SLAB_SIZE];
  for (size_t i = 0; i < total; i++) bytes[i] = pattern(i);
  side_open(&s, &x, fds[0]);
  cr_assert_eq(write(fds[1], bytes, total), (ssize_t)total);
  for (unsigned i = 1; s.received < total; i++) {
    turn(&x);
    turn(&x);
    cr_assert_eq(s.data, i, "one slab per resume");
    link_resume(s.link);
  }
  cr_expect_not(s.bad);
  side_close(&s);
}

Test(link, error_while_paused_is_told_after_the_data) {
  struct side s = {.text = true};
  int tcp[2];
  pair_tcp(tcp);
  close(fds[0]);
  side_open(&s, &x, tcp[0]);
  link_pause(s.link);
  cr_assert_eq(write(tcp[1], "why", 3), 3);
  buf_put(link_out(s.link), "unread", 6);
  link_flush_later(s.link);
  turn(&x);
  uv_sleep(5);
  close(tcp[1]); /* with unread bytes: a reset */
  uv_sleep(5);
  for (int i = 0; i < 5; i++) {
    buf_put(link_out(s.link), "more", 4);
    link_flush_later(s.link);
    turn(&x);
  }
  cr_expect_eq(s.end, 0);
  link_resume(s.link);
  run_until(&x, s.end);
  cr_expect_str_eq(s.got, "why");
  cr_expect_eq(s.fault.code, DSQL_EIO);
  cr_expect_neq(s.fault.os_error, 0);
  side_close(&s);
}

Test(link, error_while_paused_and_blocked_does_not_spin) {
  struct side s = {.text = true, .to_send = 64 << 20};
  int tcp[2];
  pair_tcp(tcp);
  close(fds[0]);
  side_open(&s, &x, tcp[0]);
  link_flush_later(s.link);
  run_until(&x, link_write_blocked(s.link) && link_appended(s.link) > link_sent(s.link));
  for (int i = 0; i < 100; i++) turn(&x); /* until the kernel takes no more at all */
  link_pause(s.link);
  cr_expect(uv_loop_alive(&x.loop), "there is something to write");
  reset_on_close(tcp[1]);
  close(tcp[1]);
  run_until(&x, !link_write_blocked(s.link));
  cr_expect_not(uv_loop_alive(&x.loop));
  cr_expect_eq(s.end, 0);
  link_resume(s.link);
  run_until(&x, s.end);
  cr_expect_eq(s.fault.code, DSQL_EIO);
  cr_expect_neq(s.fault.os_error, 0);
  side_close(&s);
}

Test(link, write_error_ends_it_though_the_peer_is_silent) {
  struct side s = {.text = true};
  side_open(&s, &x, fds[0]);
  cr_assert_eq(shutdown(fds[0], SHUT_WR), 0);
  buf_put(link_out(s.link), "lost", 4);
  link_flush_later(s.link);
  run_until(&x, s.end);
  cr_expect_eq(s.fault.code, DSQL_EIO);
  cr_expect_eq(s.fault.os_error, EPIPE);
  cr_expect_str_eq(s.fault.text, "the connection to the server broke while sending: broken pipe");
  cr_expect_eq(link_sent(s.link), 0);
  side_close(&s);
}

/* ---- full duplex ---- */

static void both_ways(int a, int b, uint64_t total) {
  static struct side left, right; /* many times what the kernel holds, and neither reads more than the loop gives it */
  left = (struct side){.to_send = total, .want = total, .stop_at_end = true, .chunk = 1024 * 1024};
  right = left;
  side_open(&left, &x, a);
  side_open(&right, &x, b);
  link_flush_later(left.link);
  link_flush_later(right.link);
  run_until(&x, left.received == total && right.received == total);
  cr_expect_not(left.bad || right.bad);
  cr_expect_eq(left.late + right.late, 0);
  side_close(&left);
  side_close(&right);
}

Test(link, both_directions_full_do_not_deadlock) {
  both_ways(fds[0], fds[1], UINT64_C(16) << 20);
  fds[1] = -1;
}

Test(link, both_directions_full_over_tcp) {
  int tcp[2];
  pair_tcp(tcp);
  close(fds[0]);
  both_ways(tcp[0], tcp[1], UINT64_C(16) << 20);
  cr_expect_lt(x.heap.peak_bytes, 8u << 20, "buffers stay bounded");
}

/* ---- resets ---- */

Test(link, peer_that_resets_at_every_write_raises_no_signal) {
  unsigned codes[2] = {0};
  close(fds[0]);
  for (int after = 0; after < 200; after++) {
    struct side s = {.to_send = 1 << 20, .chunk = 1000};
    int tcp[2];
    pair_tcp(tcp);
    side_open(&s, &x, tcp[0]);
    link_flush_later(s.link);
    for (int i = 0; i < after % 10; i++) turn(&x);
    if (after & 1) reset_on_close(tcp[1]);
    close(tcp[1]);
    for (int i = 0; i < 3 && !s.end; i++) {
      buf_put(link_out(s.link), "again", 5);
      link_flush_later(s.link);
      turn(&x);
    }
    run_until(&x, s.end);
    codes[s.fault.code == DSQL_EIO]++;
    cr_expect(s.fault.code == DSQL_EIO || s.fault.code == DSQL_ECLOSED, "%s", s.fault.text);
    cr_expect_eq(s.end, 1);
    side_close(&s);
    turn(&x);
    cr_expect_eq(s.late, 0);
  }
  cr_expect_gt(codes[1], 100, "%u ended by an error, %u by an end of stream", codes[1], codes[0]);
}

Test(link, what_the_server_said_before_the_reset_is_delivered) {
  struct side s = {.text = true, .to_send = 1 << 22, .chunk = 100000};
  int tcp[2];
  pair_tcp(tcp);
  close(fds[0]);
  side_open(&s, &x, tcp[0]);
  link_flush_later(s.link);
  turn(&x);
  cr_assert_eq(write(tcp[1], "FATAL", 5), 5);
  close(tcp[1]); /* with our bytes unread: the kernel resets */
  uv_sleep(5);
  run_until(&x, s.end);
  cr_expect_str_eq(s.got, "FATAL");
  side_close(&s);
}

/* ---- close inside every event ---- */

Test(link, close_inside_every_event) {
  static const enum side_event all[] = {SIDE_DATA, SIDE_FLUSH, SIDE_TURN, SIDE_END};
  close(fds[0]);
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    struct side s = {.text = true, .close_in = all[i], .to_send = 100};
    int pair[2];
    pair_unix(pair);
    side_open(&s, &x, pair[0]);
    if (all[i] != SIDE_END) link_flush_later(s.link);
    cr_assert_eq(write(pair[1], "data", 4), 4);
    if (all[i] == SIDE_END) close(pair[1]);
    run_until(&x, s.closed);
    turn(&x);
    turn(&x);
    cr_expect_eq(s.late, 0);
    if (all[i] != SIDE_END) close(pair[1]);
  }
}

Test(link, close_with_everything_pending) {
  struct side s = {.to_send = 1 << 22};
  side_open(&s, &x, fds[0]);
  link_flush_later(s.link);
  turn(&x);
  tell("unread");
  link_pause(s.link);
  link_resume(s.link);
  link_flush_later(s.link);
  side_close(&s);
}

/* ---- owners ---- */

static int adopted;
static void adopted_data(void *owner, const uint8_t *p, size_t n) {
  cr_expect_str_eq(owner, "new owner");
  adopted += (int)n + (p == NULL);
}
static void ignore(void *owner) { (void)owner; }
static bool has_no_more(void *owner) {
  (void)owner;
  return false;
}
static void ignore_end(void *owner, const struct fault *f) {
  (void)owner;
  (void)f;
}

Test(link, events_go_to_whoever_adopted_it) {
  static const struct link_events events = {adopted_data, ignore, has_no_more, ignore, ignore_end};
  static char owner[] = "new owner";
  struct side s = {.text = true};
  side_open(&s, &x, fds[0]);
  tell("a");
  turn(&x);
  link_adopt(s.link, &events, owner);
  tell("bc");
  turn(&x);
  cr_expect_str_eq(s.got, "a");
  cr_expect_eq(adopted, 2);
  link_close(s.link);
}

/* ---- memory ---- */

Test(link, warm_ping_pong_calls_no_hook) {
  struct side s = {.text = true};
  char got[8];
  size_t calls = 0;
  side_open(&s, &x, fds[0]);
  for (int i = 0; i < 20; i++) {
    if (i == 2) calls = x.heap.calls;
    buf_put(link_out(s.link), "ping", 4);
    link_flush_later(s.link);
    turn(&x);
    cr_assert_eq(read(fds[1], got, sizeof got), 4);
    tell("pong");
    turn(&x);
  }
  cr_expect_eq(s.received, 80);
  cr_expect_eq(x.heap.calls, calls);
  link_release_buffers(s.link);
  side_close(&s);
}

Test(link, out_of_memory_is_an_ordinary_end) {
  struct link *l = NULL;
  static const struct link_events none;
  struct side s = {.to_send = 10};
  int copy = dup(fds[0]), other = dup(fds[0]);
  struct watch *w = watch_of(&x, copy);
  test_alloc_arm(&x.heap, 1, true);
  cr_expect_eq(link_open(&l, x.rt, w, &none, NULL, 100), DSQL_ENOMEM);
  cr_expect_eq(fcntl(copy, F_GETFD), -1, "the socket is closed");
  cr_expect_eq(watch_open(&w, x.rt, other), DSQL_ENOMEM);
  cr_expect_eq(fcntl(other, F_GETFD), -1, "the socket is closed");
  test_alloc_arm(&x.heap, 0, false);
  side_open(&s, &x, fds[0]);
  test_alloc_arm(&x.heap, 1, true);
  tell("data for which there is no slab");
  run_until(&x, s.end);
  cr_expect_eq(s.fault.code, DSQL_ENOMEM);
  test_alloc_arm(&x.heap, 0, false);
  side_close(&s);
}

Test(link, file_that_cannot_be_polled_is_refused) {
  struct watch *w;
  int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  cr_expect_eq(watch_open(&w, x.rt, file), DSQL_EIO);
  cr_expect_eq(fcntl(file, F_GETFD), -1);
  close(fds[0]);
}
