/* A link to which a lot is streamed: fewer reads, and nothing of it is late for more than a moment or left behind. The
 * rows of the table in link_bulk.c. */
#include <fcntl.h>
#include <unistd.h>

#include "net/link_state.h"
#include "net_fixture.h"

static struct fixture x;
static struct side s;
static int peer;

static void open_fixture(void) {
  int fds[2];
  fixture_open(&x);
  pair_tcp(fds);
  s = (struct side){0};
  side_open(&s, &x, fds[0]);
  cr_assert_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
  peer = fds[1];
  cr_assert_eq(fcntl(peer, F_SETFL, O_NONBLOCK), 0);
}

static void close_fixture(void) {
  side_close(&s);
  if (peer >= 0) close(peer);
  cr_expect_eq(s.late, 0);
  cr_expect_not(s.bad, "what came is not what was sent");
  fixture_close(&x);
}

TestSuite(link_bulk, .init = open_fixture, .fini = close_fixture, .timeout = 60);

static int low_water(void) {
  int n = 0;
  socklen_t size = sizeof n;
  cr_assert_eq(getsockopt(s.link->fd, SOL_SOCKET, SO_RCVLOWAT, &n, &size), 0);
  return n;
}

static uint64_t reads(void) {
  struct link_stats stats;
  link_stats_get(s.link, &stats);
  return stats.reads;
}

static uint64_t told;

/* The peer sends n bytes of the pattern, 8 KiB at a time, as PostgreSQL does. */
static void tell(uint64_t n) {
  for (uint64_t end = told + n; told < end;) {
    uint8_t bytes[8192];
    size_t size = end - told < sizeof bytes ? (size_t)(end - told) : sizeof bytes;
    ssize_t took;
    for (size_t i = 0; i < size; i++) bytes[i] = pattern(told + i);
    took = write(peer, bytes, size);
    if (took > 0) told += (uint64_t)took;
    turn(&x);
  }
}

/* Until the stream is taken for one. */
static void stream(void) {
  cr_assert_eq(low_water(), 1);
  tell(LINK_BULK_AFTER + 65536);
  run_until(&x, s.received >= LINK_BULK_AFTER);
  cr_assert(s.link->bulk);
  cr_assert_eq(low_water(), LINK_BULK_BYTES);
}

Test(link_bulk, short_answers_are_read_as_they_come) {
  tell(LINK_BULK_AFTER / 2);
  run_until(&x, s.received == told);
  cr_expect_eq(low_water(), 1);
  buf_put(link_out(s.link), "next", 4);
  link_flush_later(s.link);
  turn(&x);
  tell(LINK_BULK_AFTER / 2 + 65536); /* counted from what was sent */
  run_until(&x, s.received == told);
  cr_expect_eq(low_water(), 1);
  cr_expect_not(s.link->bulk);
}

Test(link_bulk, long_stream_is_read_in_few_pieces) {
  enum { MORE = 16 << 20 };
  uint64_t before;
  stream();
  before = reads();
  tell(MORE);
  run_until(&x, s.received == told);
  cr_expect_lt(reads() - before, MORE / 8192 / 2, "%llu reads of %d bytes", (unsigned long long)(reads() - before),
               MORE);
}

Test(link_bulk, last_bytes_come_though_they_are_few) {
  stream();
  for (int i = 0; i < 20; i++) {
    tell(1);
    run_until(&x, s.received == told);
  }
}

Test(link_bulk, silence_ends_it_and_another_stream_begins_it) {
  stream();
  run_until(&x, !s.link->bulk);
  cr_expect_eq(s.received, told);
  cr_expect_eq(low_water(), 1);
  cr_expect_not(s.link->bulk_timer.node.linked);
  tell(1);
  run_until(&x, s.received == told);
  stream();
}

Test(link_bulk, what_is_sent_ends_it) {
  stream();
  buf_put(link_out(s.link), "next", 4);
  link_flush_later(s.link);
  run_until(&x, !s.link->bulk);
  cr_expect_eq(low_water(), 1);
  cr_expect_not(s.link->bulk_timer.node.linked);
  tell(1);
  run_until(&x, s.received == told);
}

Test(link_bulk, pause_holds_and_resume_fetches_what_is_below_the_low_water) {
  uint64_t before;
  stream();
  link_pause(s.link);
  before = s.received;
  tell(100);
  for (int i = 0; i < 5; i++) {
    uv_sleep(LINK_BULK_MS);
    turn(&x);
  }
  cr_expect_eq(s.received, before);
  link_resume(s.link);
  run_until(&x, s.received == told);
}

Test(link_bulk, pause_in_every_piece_loses_nothing) {
  stream();
  s.pause_in = SIDE_DATA;
  tell(1 << 20);
  while (s.received < told) {
    if (s.link->paused) link_resume(s.link);
    turn(&x);
  }
}

/* Nothing is there when reading goes on, so that only the timer can see what comes then. */
Test(link_bulk, resume_with_nothing_there_goes_on_looking) {
  stream();
  s.pause_in = SIDE_DATA;
  tell(LINK_BULK_BYTES);
  while (s.received < told) {
    if (s.link->paused) link_resume(s.link);
    turn(&x);
  }
  s.pause_in = 0;
  link_resume(s.link);
  turn(&x);
  tell(1);
  run_until(&x, s.received == told);
}

Test(link_bulk, end_of_stream_is_told_after_the_last_bytes) {
  stream();
  tell(10);
  close(peer);
  peer = -1;
  run_until(&x, s.end);
  cr_expect_eq(s.received, told);
  cr_expect_eq(s.fault.code, DSQL_ECLOSED);
  cr_expect_not(s.link->bulk_timer.node.linked);
}

Test(link_bulk, reset_is_told) {
  stream();
  reset_on_close(peer);
  close(peer);
  peer = -1;
  run_until(&x, s.end);
  cr_expect_eq(s.fault.code, DSQL_EIO);
}

Test(link_bulk, close_inside_every_event) {
  static const enum side_event all[] = {SIDE_DATA, SIDE_TURN};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    stream();
    s.close_in = all[i];
    tell(1);
    run_until(&x, s.closed);
    close_fixture();
    told = 0;
    open_fixture();
  }
}

Test(link_bulk, nobody_is_kept_waiting_for_an_idle_link) {
  stream();
  link_ref(s.link, false);
  cr_expect_not(uv_loop_alive(&x.loop));
  uv_run(&x.loop, UV_RUN_DEFAULT);
  link_ref(s.link, true);
  tell(1);
  run_until(&x, s.received == told);
}

Test(link_bulk, warm_stream_calls_no_hook) {
  size_t calls;
  stream();
  calls = x.heap.calls;
  tell(4 << 20);
  run_until(&x, s.received == told);
  cr_expect_eq(x.heap.calls, calls);
}
