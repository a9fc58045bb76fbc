#include "net_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

static void enter(struct side *s) {
  if (s->closed || s->end) s->late++;
}

/* Last in every event: the link may be gone afterwards. */
static void leave(struct side *s, enum side_event e) {
  bool all = s->stop_at_end && s->received >= s->want && s->sent >= s->to_send &&
             (s->to_send == 0 || link_sent(s->link) == link_appended(s->link));
  if (s->close_in & e || (all && e == SIDE_TURN)) side_close(s);
}

static void on_data(void *owner, const uint8_t *p, size_t n) {
  struct side *s = owner;
  enter(s);
  s->data++;
  for (size_t i = 0; i < n; i++) {
    if (s->text && s->received + i < sizeof s->got - 1) s->got[s->received + i] = (char)p[i];
    if (!s->text && p[i] != pattern(s->received + i)) s->bad = true;
  }
  s->received += n;
  if (s->pause_in & SIDE_DATA) link_pause(s->link);
  leave(s, SIDE_DATA);
}

static void on_tls(void *owner) {
  struct side *s = owner;
  enter(s);
  s->tls++;
  leave(s, SIDE_TLS);
}

static bool on_flush(void *owner) {
  struct side *s = owner;
  size_t chunk = s->chunk ? s->chunk : 65536;
  enter(s);
  s->flush++;
  for (; chunk && s->sent < s->to_send; chunk--) buf_put_u8(link_out(s->link), pattern(s->sent++));
  leave(s, SIDE_FLUSH);
  return s->sent < s->to_send;
}

static void on_turn(void *owner) {
  struct side *s = owner;
  enter(s);
  s->turn++;
  leave(s, SIDE_TURN);
}

static void on_end(void *owner, const struct fault *f) {
  struct side *s = owner;
  enter(s);
  s->end++;
  s->fault = *f;
  leave(s, SIDE_END);
}

static const struct link_events events = {on_data, on_tls, on_flush, on_turn, on_end};

struct watch *watch_of(struct fixture *x, int fd) {
  struct watch *w;
  cr_assert_eq(watch_open(&w, x->rt, fd), 0);
  return w;
}

void side_open(struct side *s, struct fixture *x, int fd) {
  s->x = x;
  cr_assert_eq(link_open(&s->link, x->rt, watch_of(x, fd), &events, s, 16 * 1024 * 1024), 0);
  link_ref(s->link, true);
}

void side_close(struct side *s) {
  if (s->closed) return;
  s->closed = true;
  link_close(s->link);
}

void pair_unix(int fds[2]) { cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0); }

struct socket_address address_of(int family, const char *host, uint16_t port) {
  struct socket_address a = {0};
  struct sockaddr_in *in = (struct sockaddr_in *)(void *)&a.storage;
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&a.storage;
  a.storage.ss_family = (sa_family_t)family;
  if (family == AF_INET) {
    in->sin_port = htons(port);
    cr_assert_eq(inet_pton(AF_INET, host, &in->sin_addr), 1);
    a.len = sizeof *in;
  } else {
    in6->sin6_port = htons(port);
    cr_assert_eq(inet_pton(AF_INET6, host, &in6->sin6_addr), 1);
    a.len = sizeof *in6;
  }
  return a;
}

static int bind_tcp(int family, uint16_t *port) {
  struct socket_address a = address_of(family, family == AF_INET ? "127.0.0.1" : "::1", 0);
  int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  socklen_t len = sizeof a.storage;
  cr_assert_geq(fd, 0);
  cr_assert_eq(bind(fd, (struct sockaddr *)&a.storage, a.len), 0);
  cr_assert_eq(getsockname(fd, (struct sockaddr *)&a.storage, &len), 0);
  *port = ntohs(((struct sockaddr_in *)(void *)&a.storage)->sin_port);
  return fd;
}

int listen_tcp(int family, int backlog, uint16_t *port) {
  int fd = bind_tcp(family, port);
  cr_assert_eq(listen(fd, backlog), 0);
  return fd;
}

/* Bound for the rest of the process and never listened on, so that nobody else gets the port. */
uint16_t refusing_port(void) {
  uint16_t port;
  (void)bind_tcp(AF_INET, &port);
  return port;
}

void pair_tcp(int fds[2]) {
  uint16_t port;
  int listener = listen_tcp(AF_INET, 1, &port);
  struct socket_address a = address_of(AF_INET, "127.0.0.1", port);
  fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_eq(connect(fds[0], (struct sockaddr *)&a.storage, a.len), 0);
  fds[1] = accept(listener, NULL, NULL);
  cr_assert_geq(fds[1], 0);
  close(listener);
}

void set_blocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK); }

void reset_on_close(int fd) {
  struct linger l = {.l_onoff = 1, .l_linger = 0};
  cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l), 0);
}
