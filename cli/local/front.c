#include "local/front.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "diagnostics.h"
#include "local/client.h"

enum { BACKLOG = 1024, PORT_TRIES = 20 };

static socklen_t fill_address(struct sockaddr_storage *out, int family, unsigned port) {
  memset(out, 0, sizeof *out);
  if (family == AF_INET6) {
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)out;
    *six = (struct sockaddr_in6){
        .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = in6addr_loopback};
    return sizeof *six;
  }
  struct sockaddr_in *four = (struct sockaddr_in *)(void *)out;
  *four = (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  return sizeof *four;
}

/* A bound socket, or -1 with errno. */
static int bind_socket(int family, unsigned port) {
  struct sockaddr_storage address;
  socklen_t n = fill_address(&address, family, port);
  int on = 1, saved, fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  if (fd < 0) return -1;
  (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&address, n) == 0) return fd;
  saved = errno;
  (void)close(fd);
  errno = saved;
  return -1;
}

static unsigned bound_port(int fd) {
  struct sockaddr_in address = {0};
  socklen_t n = sizeof address;
  return getsockname(fd, (struct sockaddr *)&address, &n) == 0 ? ntohs(address.sin_port) : 0;
}

/* Both addresses on one port. -1: none for IPv6, where the machine has none. */
static bool bind_pair(unsigned wanted, int fds[FRONT_LISTENERS], unsigned *port) {
  for (int try = 0; try < PORT_TRIES; try++) {
    fds[0] = bind_socket(AF_INET, wanted);
    if (fds[0] < 0) return false;
    *port = bound_port(fds[0]);
    fds[1] = bind_socket(AF_INET6, *port);
    if (fds[1] >= 0 || errno != EADDRINUSE) return true;
    (void)close(fds[0]); /* taken by somebody else on ::1 */
    errno = EADDRINUSE;
    if (wanted) return false;
  }
  return false;
}

static void on_connection(uv_stream_t *listener, int status) {
  struct front *f = listener->data;
  if (status == 0) client_accept(f, listener);
}

static bool listen_on(struct front *f, size_t i, int fd) {
  int status;

  if (fd < 0) return true;
  uv_tcp_init(f->loop, &f->listeners[i]);
  f->listeners[i].data = f;
  f->listener_open[i] = true;
  status = uv_tcp_open(&f->listeners[i], fd);
  if (status) (void)close(fd);
  if (status == 0) status = uv_listen((uv_stream_t *)&f->listeners[i], BACKLOG, on_connection);
  if (status == 0) return true;
  diagnostics_say("local: cannot listen on port %u: %s", f->port, uv_strerror(status));
  return false;
}

bool front_listen(struct front *f) {
  int fds[FRONT_LISTENERS];

  if (!bind_pair(f->options->port, fds, &f->port)) {
    diagnostics_say("local: cannot listen on port %u: %s", f->options->port, strerror(errno));
    return false;
  }
  if (listen_on(f, 0, fds[0])) return listen_on(f, 1, fds[1]);
  if (fds[1] >= 0) (void)close(fds[1]);
  return false;
}

void front_close(struct front *f) {
  for (size_t i = 0; i < FRONT_LISTENERS; i++) {
    if (!f->listener_open[i]) continue;
    f->listener_open[i] = false;
    uv_close((uv_handle_t *)&f->listeners[i], NULL);
  }
  while (!list_empty(&f->clients)) client_close(LIST_ENTRY(list_first(&f->clients), struct client, link));
}

void front_deinit(struct front *f) { SSL_CTX_free(f->tls); }
