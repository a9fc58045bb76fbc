#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include "net/dial_state.h"
#include "net_fixture.h"

static struct fixture x;

static void open_fixture(void) { fixture_open(&x); }
static void close_fixture(void) { fixture_close(&x); }

TestSuite(dial, .init = open_fixture, .fini = close_fixture, .timeout = 30);

struct outcome {
  int calls, fd;
  struct watch *socket;
  struct socket_address address;
  struct fault fault;
};

static void done(void *owner, struct watch *socket, const struct socket_address *address, const struct fault *f) {
  struct outcome *o = owner;
  cr_expect(rt_entered(x.rt));
  o->calls++;
  o->socket = socket;
  o->fd = socket ? watch_fd(socket) : -1;
  if (socket) watch_for(socket, 0, NULL, NULL);
  o->fault = *f;
  if (address) o->address = *address;
  cr_expect_eq(!!socket, address != NULL);
  cr_expect_eq(!socket, f->code != 0);
}

static struct dial_params params(const char *host, uint16_t port) {
  return (struct dial_params){.host = host, .port = port, .options = {false, -1, -1, -1, -1}};
}

static struct outcome dial(const struct dial_params *p) {
  struct outcome o = {.fd = -2};
  struct dial *d;
  cr_assert_eq(dial_start(&d, x.rt, p, done, &o), 0);
  cr_expect_eq(o.calls, 0, "never inside the call");
  uv_run(&x.loop, UV_RUN_DEFAULT);
  cr_expect_eq(o.calls, 1);
  return o;
}

static void expect_connected(const struct outcome *o, const char *address) {
  char text[128];
  cr_assert_geq(o->fd, 0, "%s", o->fault.text);
  socket_address_text(&o->address, text, sizeof text);
  cr_expect_str_eq(text, address);
  cr_expect(fcntl(o->fd, F_GETFL) & O_NONBLOCK);
  watch_close(o->socket, NULL, NULL);
}

static struct link *linked;

static void link_it(void *owner, struct watch *socket, const struct socket_address *address, const struct fault *f) {
  static const struct link_events none;
  (void)owner, (void)address;
  cr_assert_not_null(socket, "%s", f->text);
  cr_assert_eq(link_open(&linked, x.rt, socket, &none, NULL, 100), 0);
}

static void count_polls(uv_handle_t *h, void *count) {
  if (h->type == UV_POLL) ++*(int *)count;
}

/* A second handle for the same socket would be four system calls more. */
Test(dial, the_link_goes_on_with_the_handle_of_the_dial) {
  uint16_t port;
  int listener = listen_tcp(AF_INET, 4, &port), polls = 0;
  struct dial_params p = params("127.0.0.1", port);
  struct dial *d;
  cr_assert_eq(dial_start(&d, x.rt, &p, link_it, NULL), 0);
  run_until(&x, linked);
  uv_walk(&x.loop, count_polls, &polls);
  cr_expect_eq(polls, 1);
  link_close(linked);
  close(listener);
}

static void expect_literal(int family, const char *host, const char *format) {
  char want[128];
  uint16_t port;
  int listener = listen_tcp(family, 4, &port);
  struct dial_params p = params(host, port);
  struct outcome o = dial(&p);
  snprintf(want, sizeof want, format, port);
  expect_connected(&o, want);
  /* hostaddr wins over a host that could not be found */
  p = params("no such host", port);
  p.hostaddr = host;
  o = dial(&p);
  expect_connected(&o, want);
  /* an address wins over everything */
  p = params("no such host", 1);
  p.address = &o.address;
  o = dial(&p);
  expect_connected(&o, want);
  close(listener);
}

Test(dial, literals) {
  expect_literal(AF_INET, "127.0.0.1", "127.0.0.1:%u");
  expect_literal(AF_INET6, "::1", "[::1]:%u");
}

Test(dial, names_in_the_thread_pool) {
  char want[128];
  uint16_t port;
  int listener = listen_tcp(AF_INET, 4, &port);
  struct dial_params p = params("localhost", port);
  struct outcome o = dial(&p);
  snprintf(want, sizeof want, "127.0.0.1:%u", port);
  expect_connected(&o, want);
  close(listener);
}

/* Names that the resolver refuses without asking a server. */
Test(dial, name_that_cannot_be_found) {
  static const char long_label[] = "a-label-of-more-than-sixty-three-characters-which-is-what-DNS-allows.test";
  static const char *bad[] = {"a name with spaces", "..", "a..b", long_label};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct dial_params p = params(bad[i], 5432);
    struct outcome o = dial(&p);
    cr_expect_eq(o.fd, -1);
    cr_expect(o.fault.code == DSQL_EIO || o.fault.code == DSQL_EINVAL);
    cr_expect_not_null(strstr(o.fault.text, bad[i]), "%s", o.fault.text);
  }
}

Test(dial, bad_parameters) {
  static const struct {
    const char *host, *hostaddr, *path, *names;
  } rows[] = {
      {NULL, NULL, NULL, "no host"},
      {"", NULL, NULL, "no host"},
      {"localhost", "localhost", NULL, "hostaddr \"localhost\""},
      {"localhost", "1.2.3.4.5", NULL, "1.2.3.4.5"},
      {NULL, NULL, "", "Unix socket path"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct dial_params p = params(rows[i].host, 5432);
    struct outcome o;
    p.hostaddr = rows[i].hostaddr;
    p.unix_path = rows[i].path;
    o = dial(&p);
    cr_expect_eq(o.fault.code, DSQL_EINVAL);
    cr_expect_not_null(strstr(o.fault.text, rows[i].names), "%s", o.fault.text);
  }
}

Test(dial, every_refused_address_is_named) {
  struct outcome o = {0};
  struct dial *d;
  uint16_t port = refusing_port();
  struct socket_address a[3] = {address_of(AF_INET, "127.0.0.1", port), address_of(AF_INET, "127.0.0.1", port),
                                address_of(AF_INET6, "::1", 1)};
  struct dial_params p = params(NULL, 0);
  char want[256];
  cr_assert_eq(dial_start_addresses(&d, x.rt, &p, a, 3, done, &o), 0);
  uv_run(&x.loop, UV_RUN_DEFAULT);
  cr_expect_eq(o.calls, 1);
  cr_expect_eq(o.fault.code, DSQL_EIO);
  cr_expect_eq(o.fault.os_error, ECONNREFUSED);
  snprintf(want, sizeof want,
           "127.0.0.1:%u: connection refused; [::1]:1: connection refused; 127.0.0.1:%u: connection refused", port,
           port);
  cr_expect_str_eq(o.fault.text, want);
}

Test(dial, long_report_is_cut) {
  struct outcome o = {0};
  struct dial *d;
  struct socket_address a[DIAL_ADDRESSES_MAX];
  struct dial_params p = params(NULL, 0);
  for (size_t i = 0; i < DIAL_ADDRESSES_MAX; i++) a[i] = address_of(AF_INET, "127.0.0.1", refusing_port());
  cr_assert_eq(dial_start_addresses(&d, x.rt, &p, a, DIAL_ADDRESSES_MAX, done, &o), 0);
  uv_run(&x.loop, UV_RUN_DEFAULT);
  cr_expect_eq(strlen(o.fault.text), FAULT_TEXT_SIZE - 1);
  cr_expect_str_eq(o.fault.text + FAULT_TEXT_SIZE - 4, "...");
}

/* ---- order ---- */

static void order_of(const char *families, bool shuffle, uint64_t seed, char *out) {
  struct dial *d = calloc(1, sizeof *d);
  cr_assert_not_null(d);
  d->shuffle = shuffle;
  d->random = seed;
  for (; families[d->n]; d->n++)
    d->addresses[d->n] = address_of(families[d->n] == '4' ? AF_INET : AF_INET6,
                                    families[d->n] == '4' ? "127.0.0.1" : "::1", (uint16_t)d->n);
  dial_order(d);
  for (size_t i = 0; i < d->n; i++) {
    bool four = d->addresses[i].storage.ss_family == AF_INET;
    uint16_t port = four ? ((struct sockaddr_in *)(void *)&d->addresses[i].storage)->sin_port
                         : ((struct sockaddr_in6 *)(void *)&d->addresses[i].storage)->sin6_port;
    out += sprintf(out, "%c%u ", four ? '4' : '6', ntohs(port));
  }
  free(d);
}

Test(dial, families_alternate) {
  static const char *rows[][2] = {
      {"4", "40 "},
      {"44", "40 41 "},
      {"6644", "60 42 61 43 "},
      {"4466", "40 62 41 63 "},
      {"66664", "60 44 61 62 63 "},
      {"64444", "60 41 42 43 44 "},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char got[256];
    order_of(rows[i][0], false, 0, got);
    cr_expect_str_eq(got, rows[i][1]);
  }
}

Test(dial, shuffle_spreads) {
  unsigned first[4] = {0};
  for (uint64_t seed = 0; seed < 400; seed++) {
    char got[256];
    order_of("4444", true, seed, got);
    first[got[1] - '0']++;
    cr_expect_eq(strlen(got), 12);
  }
  for (size_t i = 0; i < 4; i++) cr_expect(first[i] > 60 && first[i] < 140, "%u", first[i]);
}

/* ---- the race ---- */

/* A listener whose queue is full: connecting to it neither succeeds nor fails. */
struct blackhole {
  int listener, fillers[8];
  uint16_t port;
};

static void blackhole_open(struct blackhole *b) {
  struct socket_address a;
  b->listener = listen_tcp(AF_INET, 0, &b->port);
  a = address_of(AF_INET, "127.0.0.1", b->port);
  for (size_t i = 0; i < 8; i++) {
    b->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    (void)!connect(b->fillers[i], (struct sockaddr *)&a.storage, a.len);
  }
  uv_sleep(10);
}

static void blackhole_close(struct blackhole *b) {
  for (size_t i = 0; i < 8; i++) close(b->fillers[i]);
  close(b->listener);
}

Test(dial, next_address_after_250_ms_of_silence) {
  struct blackhole hole;
  struct outcome o = {0};
  struct dial *d;
  uint16_t port;
  int listener = listen_tcp(AF_INET, 4, &port);
  struct socket_address a[2];
  struct dial_params p = params(NULL, 0);
  uint64_t begin, ms;
  char text[300], want[300];
  blackhole_open(&hole);
  a[0] = address_of(AF_INET, "127.0.0.1", hole.port);
  a[1] = address_of(AF_INET, "127.0.0.1", port);
  cr_assert_eq(dial_start_addresses(&d, x.rt, &p, a, 2, done, &o), 0);
  begin = uv_hrtime();
  turn(&x);
  dial_describe(d, text, sizeof text);
  snprintf(want, sizeof want, "connecting to 127.0.0.1:%u", hole.port);
  cr_expect_str_eq(text, want);
  uv_run(&x.loop, UV_RUN_DEFAULT);
  ms = (uv_hrtime() - begin) / 1000000;
  snprintf(want, sizeof want, "127.0.0.1:%u", port);
  expect_connected(&o, want);
  cr_expect(ms >= DIAL_STAGGER_MS - 1 && ms < 1000, "%lu ms", (unsigned long)ms);
  blackhole_close(&hole);
  close(listener);
}

Test(dial, next_address_at_once_when_one_fails) {
  struct outcome o = {0};
  struct dial *d;
  uint16_t port, dead = refusing_port();
  int listener = listen_tcp(AF_INET, 4, &port);
  struct socket_address a[2] = {address_of(AF_INET, "127.0.0.1", dead), address_of(AF_INET, "127.0.0.1", port)};
  struct dial_params p = params(NULL, 0);
  uint64_t begin = uv_hrtime();
  char want[64];
  cr_assert_eq(dial_start_addresses(&d, x.rt, &p, a, 2, done, &o), 0);
  uv_run(&x.loop, UV_RUN_DEFAULT);
  snprintf(want, sizeof want, "127.0.0.1:%u", port);
  expect_connected(&o, want);
  cr_expect_lt(uv_hrtime() - begin, UINT64_C(200000000));
  close(listener);
}

/* ---- Unix sockets ---- */

static void expect_unix(const char *path) {
  struct fault f = {0};
  struct socket_address a;
  struct dial_params p = params(NULL, 0);
  struct outcome o;
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_eq(socket_unix_address(path, &a, &f), 0);
  cr_assert_eq(bind(listener, (struct sockaddr *)&a.storage, a.len), 0);
  cr_assert_eq(listen(listener, 1), 0);
  p.unix_path = path;
  o = dial(&p);
  expect_connected(&o, path);
  close(listener);
}

Test(dial, unix_sockets) {
  char path[64], abstract[64], longest[200];
  struct dial_params p = params(NULL, 0);
  struct outcome o;
  snprintf(path, sizeof path, "/tmp/.dsql-dial-%d", (int)getpid());
  snprintf(abstract, sizeof abstract, "@dsql-dial-%d", (int)getpid());
  expect_unix(path);
  p.unix_path = path;
  o = dial(&p); /* nobody listens any more */
  cr_expect_eq(o.fault.os_error, ECONNREFUSED);
  cr_expect_not_null(strstr(o.fault.text, path));
  unlink(path);
  expect_unix(abstract);
  memset(longest, 'x', sizeof longest);
  longest[0] = '/';
  longest[199] = '\0';
  p.unix_path = longest;
  o = dial(&p);
  cr_expect_eq(o.fault.code, DSQL_EINVAL);
  cr_expect_not_null(strstr(o.fault.text, "199 bytes"), "%s", o.fault.text);
}

/* ---- cancel ---- */

/* Keeps every thread of the pool busy, so that a lookup stays queued for as long as the test wants. */
enum { POOL_THREADS = 4 };
struct busy_pool {
  uv_sem_t go;
  uv_work_t work[POOL_THREADS];
};

static void wait_for_go(uv_work_t *w) { uv_sem_wait(w->data); }
static void gone(uv_work_t *w, int status) {
  (void)w;
  (void)status;
}

static void pool_occupy(struct busy_pool *pool) {
  cr_assert_eq(uv_sem_init(&pool->go, 0), 0);
  for (size_t i = 0; i < POOL_THREADS; i++) {
    pool->work[i].data = &pool->go;
    cr_assert_eq(uv_queue_work(&x.loop, &pool->work[i], wait_for_go, gone), 0);
  }
}

static void pool_release(struct busy_pool *pool) {
  for (size_t i = 0; i < POOL_THREADS; i++) uv_sem_post(&pool->go);
}

Test(dial, cancel_in_every_state) {
  struct busy_pool pool;
  struct blackhole hole;
  struct dial_params literal, name = params("localhost", refusing_port());
  struct outcome o = {0};
  struct dial *d;
  char text[100];
  blackhole_open(&hole);
  literal = params("127.0.0.1", hole.port);
  cr_assert_eq(dial_start(&d, x.rt, &literal, done, &o), 0);
  dial_cancel(d); /* before it began */
  cr_assert_eq(dial_start(&d, x.rt, &literal, done, &o), 0);
  turn(&x);
  dial_cancel(d); /* connecting */
  pool_occupy(&pool);
  cr_assert_eq(dial_start(&d, x.rt, &name, done, &o), 0);
  turn(&x);
  dial_describe(d, text, sizeof text);
  cr_expect_str_eq(text, "looking up \"localhost\"");
  dial_cancel(d); /* looking up: the runtime waits, its end is asserted by the fixture */
  dial_cancel(NULL);
  pool_release(&pool);
  blackhole_close(&hole);
  uv_run(&x.loop, UV_RUN_DEFAULT);
  uv_sem_destroy(&pool.go);
  cr_expect_eq(o.calls, 0);
}

Test(dial, cancel_and_success_stop_the_stagger) {
  struct blackhole hole;
  struct outcome o = {0};
  struct dial *d;
  uint16_t port;
  int listener = listen_tcp(AF_INET, 4, &port);
  struct socket_address a[2];
  struct dial_params p = params(NULL, 0);
  blackhole_open(&hole);
  a[0] = a[1] = address_of(AF_INET, "127.0.0.1", hole.port);
  cr_assert_eq(dial_start_addresses(&d, x.rt, &p, a, 2, done, &o), 0);
  turn(&x);
  cr_expect(uv_loop_alive(&x.loop));
  dial_cancel(d);
  uv_run(&x.loop, UV_RUN_DEFAULT);
  cr_expect_eq(o.calls, 0);
  a[0] = address_of(AF_INET, "127.0.0.1", port);
  cr_assert_eq(dial_start_addresses(&d, x.rt, &p, a, 2, done, &o), 0);
  uv_run(&x.loop, UV_RUN_DEFAULT);
  cr_expect_eq(o.calls, 1);
  cr_assert_geq(o.fd, 0);
  watch_close(o.socket, NULL, NULL);
  uv_sleep(DIAL_STAGGER_MS + 10);
  uv_run(&x.loop, UV_RUN_DEFAULT);
  blackhole_close(&hole);
  close(listener);
}

Test(dial, cancel_with_a_lookup_waiting_for_a_thread) {
  struct outcome o = {0};
  struct dial *d[40];
  struct dial_params p = params("localhost", 1);
  for (size_t i = 0; i < 40; i++) cr_assert_eq(dial_start(&d[i], x.rt, &p, done, &o), 0);
  turn(&x);
  for (size_t i = 0; i < 40; i++) dial_cancel(d[i]);
  uv_run(&x.loop, UV_RUN_DEFAULT);
  cr_expect_eq(o.calls, 0);
}

/* ---- memory ---- */

Test(dial, every_allocation_fails_in_turn) {
  uint16_t port;
  int listener = listen_tcp(AF_INET, 64, &port);
  struct dial_params p[2] = {params("127.0.0.1", port), params("localhost", port)};
  size_t cases = 0;
  for (size_t k = 0; k < 2; k++) {
    for (size_t n = 1;; n++) {
      struct outcome o = {.fd = -2};
      struct dial *d;
      int rc;
      bool fired;
      test_alloc_arm(&x.heap, n, false);
      rc = dial_start(&d, x.rt, &p[k], done, &o);
      if (rc == 0) uv_run(&x.loop, UV_RUN_DEFAULT);
      fired = test_alloc_fired(&x.heap);
      test_alloc_arm(&x.heap, 0, false);
      if (rc) {
        cr_expect_eq(rc, DSQL_ENOMEM);
        cr_expect_eq(o.calls, 0);
      } else {
        cr_expect_eq(o.calls, 1);
        if (o.fd >= 0)
          watch_close(o.socket, NULL, NULL);
        else
          cr_expect_eq(o.fault.code, DSQL_ENOMEM, "%s", o.fault.text);
      }
      cases++;
      if (!fired) break;
    }
  }
  cr_expect_geq(cases, 6, "%zu cases ran", cases);
  close(listener);
}
