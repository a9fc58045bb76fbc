#include "net/socket.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

int socket_unix_address(const char *path, struct socket_address *out, struct fault *f) {
  struct sockaddr_un *un = (struct sockaddr_un *)&out->storage;
  size_t n = strlen(path);

  memset(out, 0, sizeof *out);
  un->sun_family = AF_UNIX;
  /* A path needs its NUL; an abstract name, a NUL in front of it, is as long as the address says. */
  if (n >= sizeof un->sun_path)
    return fault_set(f, DSQL_EINVAL, "the socket path \"%s\" has %zu bytes; the system takes %zu", path, n,
                     sizeof un->sun_path - 1);
  memcpy(un->sun_path, path, n);
  if (path[0] == '@') un->sun_path[0] = '\0';
  out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (path[0] == '@' ? 0 : 1));
  return 0;
}

void socket_address_text(const struct socket_address *a, char *out, size_t size) {
  const struct sockaddr_storage *s = &a->storage;
  char ip[INET6_ADDRSTRLEN] = "?";

  if (s->ss_family == AF_INET) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)s;
    (void)inet_ntop(AF_INET, &in->sin_addr, ip, sizeof ip);
    (void)snprintf(out, size, "%s:%u", ip, ntohs(in->sin_port));
  } else if (s->ss_family == AF_INET6) {
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)s;
    (void)inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof ip);
    (void)snprintf(out, size, "[%s]:%u", ip, ntohs(in6->sin6_port));
  } else {
    const struct sockaddr_un *un = (const struct sockaddr_un *)s;
    int n = (int)(a->len - offsetof(struct sockaddr_un, sun_path));
    if (n > 0 && un->sun_path[0] == '\0')
      (void)snprintf(out, size, "@%.*s", n - 1, un->sun_path + 1);
    else
      (void)snprintf(out, size, "%.*s", n, un->sun_path);
  }
}

static void set_int(int fd, int level, int name, int value) { (void)setsockopt(fd, level, name, &value, sizeof value); }

/* Best effort, as in libpq: a kernel that lacks one of them still makes a working connection. */
static void set_options(int fd, const struct socket_options *o) {
  set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (o->keepalive) {
    set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
#ifdef TCP_KEEPIDLE
    if (o->keepalive_idle_s > 0) set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, o->keepalive_idle_s);
    if (o->keepalive_interval_s > 0) set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, o->keepalive_interval_s);
    if (o->keepalive_count > 0) set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, o->keepalive_count);
#endif
  }
#ifdef TCP_USER_TIMEOUT
  if (o->tcp_user_timeout_ms > 0) set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, o->tcp_user_timeout_ms);
#endif
}

int socket_connect(const struct socket_address *a, const struct socket_options *o, int *fd, struct fault *f) {
  int family = a->storage.ss_family, s, rc;

  s = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (s < 0) {
    f->os_error = errno;
    return fault_set(f, DSQL_EIO, "no socket: %s", strerror(f->os_error));
  }
  if (family != AF_UNIX) set_options(s, o);
  do {
    rc = connect(s, (const struct sockaddr *)&a->storage, a->len);
  } while (rc && errno == EINTR);
  /* EAGAIN: a Unix listener's backlog is full, which unlike TCP does not resolve itself. */
  if (rc && errno != EINPROGRESS) {
    f->os_error = errno;
    close(s);
    return fault_set(f, DSQL_EIO, "%s", strerror(f->os_error));
  }
  *fd = s;
  return rc ? 1 : 0;
}

int socket_connect_result(int fd) {
  int error = 0;
  socklen_t len = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len)) return errno;
  return error;
}

static ptrdiff_t outcome(ssize_t n, int *os_error) {
  if (n >= 0) return n;
  if (errno == EAGAIN || errno == EWOULDBLOCK) return -1;
  *os_error = errno;
  return -2;
}

ptrdiff_t socket_recv(int fd, void *p, size_t n, int *os_error) {
  ssize_t got;
  do {
    got = recv(fd, p, n, 0);
  } while (got < 0 && errno == EINTR);
  return outcome(got, os_error);
}

ptrdiff_t socket_send(int fd, const void *p, size_t n, int *os_error) {
  ssize_t sent;
  do {
    sent = send(fd, p, n, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return outcome(sent, os_error);
}

int socket_peer_user(int fd, char *out, size_t size, struct fault *f) {
  struct ucred peer;
  socklen_t len = sizeof peer;
  struct passwd entry, *found = NULL;
  char scratch[4096];

  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len)) {
    f->os_error = errno;
    return fault_set(f, DSQL_EIO, "requirepeer: the server process's user can't be told: %s", strerror(f->os_error));
  }
  if (getpwuid_r(peer.uid, &entry, scratch, sizeof scratch, &found) || !found)
    return fault_set(f, DSQL_EAUTH, "requirepeer: the server process's user ID %u has no name", (unsigned)peer.uid);
  (void)snprintf(out, size, "%s", found->pw_name);
  return 0;
}

void socket_close(int fd) {
  assert(fd >= 0);
  (void)close(fd);
}
