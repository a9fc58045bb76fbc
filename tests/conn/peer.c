#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cursor.h"

enum { PATIENCE_MS = 10000, QUIET_TURNS = 5 };

static uint64_t now_ms(void) { return uv_hrtime() / 1000000; }

static void open_on(struct peer *p, int family, const struct sockaddr *address, socklen_t size) {
  client_open(&p->x);
  p->main.fd = p->cancel.fd = -1;
  p->main.len = p->cancel.len = 0;
  dsql_config_init(&p->config);
  p->config.target = p->conninfo;
  p->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  cr_assert_geq(p->listener, 0);
  cr_assert_eq(bind(p->listener, address, size), 0);
  cr_assert_eq(listen(p->listener, 64), 0);
}

void peer_open(struct peer *p, const char *options) {
  static unsigned number;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int n =
      snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "dsql-peer-%d-%u/.s.PGSQL.5432", getpid(), ++number);

  (void)snprintf(p->conninfo, sizeof p->conninfo, "host=@dsql-peer-%d-%u port=5432 user=u dbname=d %s", getpid(),
                 number, options);
  open_on(p, AF_UNIX, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n));
}

void peer_open_tcp(struct peer *p, const char *options) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;

  open_on(p, AF_INET, (struct sockaddr *)&address, size);
  cr_assert_eq(getsockname(p->listener, (struct sockaddr *)&address, &size), 0);
  (void)snprintf(p->conninfo, sizeof p->conninfo, "host=localhost hostaddr=127.0.0.1 port=%d user=u dbname=d %s",
                 ntohs(address.sin_port), options);
}

void peer_drop(struct peer_link *l) {
  if (l->fd >= 0) close(l->fd);
  l->fd = -1;
  l->len = 0;
}

void peer_close(struct peer *p) {
  if (p->x.rt) client_begin_close(&p->x);
  client_finish(&p->x);
  peer_drop(&p->main);
  peer_drop(&p->cancel);
  close(p->listener);
}

void peer_turn(struct peer *p) {
  for (int i = 0; i < 3; i++) (void)uv_run(&p->x.loop, UV_RUN_NOWAIT);
}

static void nap(void) { (void)poll(NULL, 0, 1); }

void peer_turn_ms(struct peer *p, unsigned ms) {
  uint64_t end = now_ms() + ms;
  do {
    peer_turn(p);
    nap();
  } while (now_ms() < end);
}

dsql_conn *peer_dial(struct peer *p) {
  dsql_target *t = client_target_config(&p->x, &p->config);
  dsql_conn *c = NULL;
  cr_assert_eq(dsql_conn_open(&c, p->x.rt, t), 0);
  dsql_target_free(t);
  return c;
}

void peer_accept(struct peer *p, struct peer_link *l) {
  uint64_t end = now_ms() + PATIENCE_MS;
  peer_drop(l);
  while ((l->fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0) {
    cr_assert(errno == EAGAIN && now_ms() < end, "nobody connects");
    peer_turn(p);
    nap();
  }
}

/* One read of what is there; false at the end of stream. */
static bool receive(struct peer_link *l) {
  ssize_t n = recv(l->fd, l->in + l->len, sizeof l->in - l->len, 0);
  if (n > 0) l->len += (size_t)n;
  return n > 0 || (n < 0 && errno == EAGAIN);
}

static void take(struct peer_link *l, size_t n) {
  l->len -= n;
  memmove(l->in, l->in + n, l->len);
}

bool peer_startup(struct peer *p, struct peer_link *l) {
  uint64_t end = now_ms() + PATIENCE_MS;
  bool cancel;

  while (l->len < 8 || l->len < load_be32(l->in)) {
    cr_assert(now_ms() < end, "no StartupMessage");
    peer_turn(p);
    cr_assert(receive(l), "the client closed instead of sending a StartupMessage");
  }
  cancel = load_be32(l->in + 4) == 80877102;
  take(l, load_be32(l->in));
  return cancel;
}

dsql_conn *peer_connect(struct peer *p) {
  dsql_conn *c = peer_dial(p);
  dsql_future *ready = dsql_conn_ready(c);

  peer_accept(p, &p->main);
  cr_assert_not(peer_startup(p, &p->main));
  peer_send(p, "R0 K Z:I");
  peer_succeeds(p, ready);
  return c;
}

/* ---- messages ---- */

static struct {
  uint8_t bytes[64 * 1024];
  size_t begin[512], count;
} seen;

static void keep_message(const struct peer_link *l, size_t total) {
  size_t at = seen.count ? seen.begin[seen.count] : 0;
  cr_assert(at + total <= sizeof seen.bytes && seen.count < 511);
  memcpy(seen.bytes + at, l->in, total);
  seen.begin[seen.count++] = at;
  seen.begin[seen.count] = at + total;
}

const uint8_t *peer_body(const struct peer *p, size_t n, size_t *len) {
  (void)p;
  cr_assert_lt(n, seen.count);
  if (len) *len = seen.begin[n + 1] - seen.begin[n] - 5;
  return seen.bytes + seen.begin[n] + 5;
}

void peer_expect(struct peer *p, const char *types) {
  struct peer_link *l = &p->main;
  uint64_t end = now_ms() + PATIENCE_MS;

  seen.count = 0;
  seen.begin[0] = 0;
  for (const char *t = types; *t;) {
    size_t total = l->len < 5 ? 0 : 1 + (size_t)load_be32(l->in + 1);
    if (total && l->len >= total) {
      cr_assert_eq(l->in[0], *t, "message %d of \"%s\" is %c", (int)(t - types), types, l->in[0]);
      keep_message(l, total);
      take(l, total);
      t++;
      continue;
    }
    cr_assert(now_ms() < end, "\"%s\" does not arrive", t);
    peer_turn(p);
    cr_assert(receive(l), "the client closed, \"%s\" was expected", t);
  }
}

void peer_expect_nothing(struct peer *p) {
  for (int i = 0; i < QUIET_TURNS; i++) {
    peer_turn(p);
    cr_assert(receive(&p->main), "the client closed");
    cr_assert_eq(p->main.len, 0, "an unexpected %c", p->main.in[0]);
    nap();
  }
}

void peer_expect_end(struct peer *p) {
  uint64_t end = now_ms() + PATIENCE_MS;
  while (receive(&p->main)) {
    cr_assert(now_ms() < end, "the client does not close");
    peer_turn(p);
    nap();
  }
}

static void send_script(struct peer *p) {
  size_t at = 0;
  while (at < p->script.len) {
    ssize_t n = send(p->main.fd, p->script.data + at, p->script.len - at, MSG_NOSIGNAL);
    cr_assert(n > 0 || errno == EAGAIN, "send: %s", strerror(errno));
    if (n > 0) at += (size_t)n;
    peer_turn(p);
  }
  peer_turn(p);
}

void peer_send_parts(struct peer *p, const char *words, size_t step) {
  struct backend_script *script = &p->script;

  backend_script_init(script, words);
  while (step && step < script->len) {
    cr_assert_eq(send(p->main.fd, script->data, step, MSG_NOSIGNAL), (ssize_t)step);
    script->len -= step;
    memmove(script->data, script->data + step, script->len);
    peer_turn(p);
  }
  send_script(p);
}

void peer_send(struct peer *p, const char *words) {
  backend_script_init(&p->script, words);
  send_script(p);
}

void peer_send_message(struct peer *p, char type, const void *body, size_t n) {
  backend_script_init(&p->script, "");
  backend_script_message(&p->script, type, body, n);
  send_script(p);
}

/* ---- futures ---- */

int peer_settle(struct peer *p, dsql_future *f) {
  uint64_t end = now_ms() + PATIENCE_MS;
  while (!dsql_future_ready(f)) {
    cr_assert(now_ms() < end, "a future does not complete");
    peer_turn(p);
    if (!dsql_future_ready(f)) nap();
  }
  return dsql_future_code(f);
}

void peer_check_fails(struct peer *p, dsql_future *f, int code, unsigned flags, const char *file, int line) {
  int rc = peer_settle(p, f);
  const dsql_error *e = dsql_future_error(f);
  cr_assert_eq(rc, code, "%s:%d: want %s, got %s", file, line, dsql_error_name(code), client_error_text(f));
  cr_assert_eq(e->flags, flags, "%s:%d: want flags %u, got %s", file, line, flags, client_error_text(f));
  dsql_future_destroy(f);
}

void peer_check_succeeds(struct peer *p, dsql_future *f, const char *file, int line) {
  int rc = peer_settle(p, f);
  cr_assert_eq(rc, 0, "%s:%d: %s", file, line, client_error_text(f));
  dsql_future_destroy(f);
}
