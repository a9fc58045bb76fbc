#include "net/socket.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/error_text.h"

#if !defined(TCP_KEEPIDLE) && defined(TCP_KEEPALIVE)
#define TCP_KEEPIDLE TCP_KEEPALIVE /* its name on macOS */
#endif
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS: SO_NOSIGPIPE on the socket instead */
#endif

static int os_fault(struct fault *f, int os_error, const char *what) {
  char text[ERROR_TEXT_SIZE];
  if (!f->code) f->os_error = os_error;
  return fault_set(f, DSQL_EIO, "%s: %s", what, error_text(os_error, text));
}

static bool set_option(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/* -1 leaves the system's default. */
static bool set_number(int fd, int name, int value) { return value < 0 || set_option(fd, IPPROTO_TCP, name, value); }

static int set_tcp_options(int fd, const struct socket_options *o, struct fault *f) {
  if (!set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1)) return os_fault(f, errno, "TCP_NODELAY");
  if (o->keepalive) {
    if (!set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1)) return os_fault(f, errno, "SO_KEEPALIVE");
    if (!set_number(fd, TCP_KEEPIDLE, o->keepalive_idle_s)) return os_fault(f, errno, "keepalives_idle");
    if (!set_number(fd, TCP_KEEPINTVL, o->keepalive_interval_s)) return os_fault(f, errno, "keepalives_interval");
    if (!set_number(fd, TCP_KEEPCNT, o->keepalive_count)) return os_fault(f, errno, "keepalives_count");
  }
#ifdef TCP_USER_TIMEOUT
  if (!set_number(fd, TCP_USER_TIMEOUT, o->tcp_user_timeout_ms)) return os_fault(f, errno, "tcp_user_timeout");
#endif
  return 0;
}

static int open_socket(int family) {
#ifdef SOCK_CLOEXEC
  return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
#else
  int fd = socket(family, SOCK_STREAM, 0);
  if (fd < 0) return fd;
  (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  (void)fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
#endif
}

static int start_connect(int fd, const struct socket_address *a, struct fault *f) {
  char text[ERROR_TEXT_SIZE];

  if (connect(fd, (const struct sockaddr *)(const void *)&a->storage, a->len) == 0) return 0;
  if (errno == EINPROGRESS || errno == EINTR) return 1;
  if (!f->code) f->os_error = errno;
  if (errno == EAGAIN && a->storage.ss_family == AF_UNIX)
    return fault_set(f, DSQL_EIO, "the server's queue of new connections is full");
  return fault_set(f, DSQL_EIO, "%s", error_text(errno, text));
}

int socket_connect(const struct socket_address *a, const struct socket_options *o, int *fd, struct fault *f) {
  int s = open_socket(a->storage.ss_family), code;

  *fd = -1;
  if (s < 0) return os_fault(f, errno, "no socket");
#ifdef SO_NOSIGPIPE
  (void)set_option(s, SOL_SOCKET, SO_NOSIGPIPE, 1);
#endif
  code = a->storage.ss_family == AF_UNIX ? 0 : set_tcp_options(s, o, f);
  if (code == 0) code = start_connect(s, a, f);
  if (code < 0)
    socket_close(s);
  else
    *fd = s;
  return code;
}

int socket_connect_result(int fd) {
  int os_error = 0;
  socklen_t n = sizeof os_error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &os_error, &n) ? errno : os_error;
}

static ptrdiff_t moved(ssize_t n, int *os_error) {
  if (n >= 0) return n;
  if (errno == EAGAIN || errno == EWOULDBLOCK) return -1;
  *os_error = errno;
  return -2;
}

ptrdiff_t socket_recv(int fd, void *p, size_t n, int *os_error) {
  ssize_t got;
  assert(n > 0);
  do got = recv(fd, p, n, 0);
  while (got < 0 && errno == EINTR);
  return moved(got, os_error);
}

ptrdiff_t socket_send(int fd, const void *p, size_t n, int *os_error) {
  ssize_t took;
  assert(n > 0);
  do took = send(fd, p, n, MSG_NOSIGNAL);
  while (took < 0 && errno == EINTR);
  return moved(took, os_error);
}

void socket_low_water(int fd, int n) { (void)set_option(fd, SOL_SOCKET, SO_RCVLOWAT, n); }

static int peer_uid(int fd, uid_t *uid) {
#ifdef SO_PEERCRED
  struct ucred peer;
  socklen_t n = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n)) return errno;
  *uid = peer.uid;
  return 0;
#else
  gid_t gid;
  return getpeereid(fd, uid, &gid) ? errno : 0;
#endif
}

int socket_peer_user(int fd, char *out, size_t size, struct fault *f) {
  char names[4096];
  struct passwd entry, *found = NULL;
  uid_t uid = 0;
  int rc = peer_uid(fd, &uid);

  if (rc) return os_fault(f, rc, "the user of the server's process is not known");
  rc = getpwuid_r(uid, &entry, names, sizeof names, &found);
  if (rc) return os_fault(f, rc, "the user of the server's process can't be looked up");
  if (!found || strlen(entry.pw_name) >= size)
    return fault_set(f, DSQL_EIO, "the server's process runs as user id %lu, which has no usable name",
                     (unsigned long)uid);
  (void)snprintf(out, size, "%s", entry.pw_name);
  return 0;
}

void socket_close(int fd) {
  assert(fd >= 0);
  (void)close(fd); /* EINTR on Linux: closed all the same */
}
