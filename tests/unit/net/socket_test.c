#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <sys/un.h>
#include <unistd.h>

#include "net_fixture.h"

TestSuite(socket, .timeout = 30);

static const struct socket_options defaults = {
    .keepalive_idle_s = -1, .keepalive_interval_s = -1, .keepalive_count = -1, .tcp_user_timeout_ms = -1};

static int option(int fd, int level, int name) {
  int value = -1;
  socklen_t n = sizeof value;
  cr_assert_eq(getsockopt(fd, level, name, &value, &n), 0);
  return value;
}

Test(socket, unix_addresses) {
  char path[200], text[256];
  struct socket_address a;
  for (size_t n = 100; n < 120; n++) {
    struct fault f = {0};
    size_t max = sizeof(struct sockaddr_un) - offsetof(struct sockaddr_un, sun_path) - 1;
    memset(path, 'p', sizeof path);
    path[n] = '\0';
    cr_expect_eq(socket_unix_address(path, &a, &f), n <= max ? 0 : DSQL_EINVAL, "%zu bytes", n);
    if (n <= max) {
      socket_address_text(&a, text, sizeof text);
      cr_expect_str_eq(text, path);
    } else {
      cr_expect_not_null(strstr(f.text, "pppp"));
      cr_expect_not_null(strstr(f.text, "107"));
    }
    fault_clear(&f);
    path[0] = '@';
    cr_expect_eq(socket_unix_address(path, &a, &f), n <= max + 1 ? 0 : DSQL_EINVAL, "@ and %zu bytes", n - 1);
    if (n <= max + 1) {
      socket_address_text(&a, text, sizeof text);
      cr_expect_str_eq(text, path);
    }
  }
  cr_expect_eq(socket_unix_address("", &a, &(struct fault){0}), DSQL_EINVAL);
}

Test(socket, address_texts) {
  struct socket_address a = address_of(AF_INET, "127.0.0.1", 5432);
  char text[64];
  socket_address_text(&a, text, sizeof text);
  cr_expect_str_eq(text, "127.0.0.1:5432");
  a = address_of(AF_INET6, "::1", 65535);
  socket_address_text(&a, text, sizeof text);
  cr_expect_str_eq(text, "[::1]:65535");
  a = (struct socket_address){.storage.ss_family = AF_UNIX, .len = sizeof(sa_family_t)};
  socket_address_text(&a, text, sizeof text);
  cr_expect_str_eq(text, "unnamed Unix socket");
  socket_address_text(&a, text, 5);
  cr_expect_str_eq(text, "unna");
}

static int finish_connect(int fd) {
  int result, os_error;
  ptrdiff_t n;
  uv_sleep(5);
  result = socket_connect_result(fd);
  if (result) return result;
  n = socket_send(fd, "x", 1, &os_error);
  return n == 1 ? 0 : ENOTCONN;
}

Test(socket, connects_with_its_options) {
  struct socket_options o = {true, 11, 7, 3, 4321};
  struct fault f = {0};
  struct socket_address a;
  uint16_t port;
  int listener = listen_tcp(AF_INET, 4, &port), fd;
  a = address_of(AF_INET, "127.0.0.1", port);
  cr_assert_geq(socket_connect(&a, &o, &fd, &f), 0);
  cr_expect_eq(finish_connect(fd), 0);
  cr_expect_eq(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
  cr_expect_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
  cr_expect_eq(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 11);
  cr_expect_eq(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 7);
  cr_expect_eq(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
  cr_expect_eq(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 4321);
  socket_close(fd);
  cr_assert_geq(socket_connect(&a, &defaults, &fd, &f), 0);
  cr_expect_eq(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
  cr_expect_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
  socket_close(fd);
  o.keepalive_idle_s = 2000000000;
  cr_expect_eq(socket_connect(&a, &o, &fd, &f), DSQL_EIO);
  cr_expect_eq(fd, -1);
  cr_expect_str_eq(f.text, "keepalives_idle: invalid argument");
  close(listener);
}

Test(socket, refused_and_unreachable) {
  struct socket_address a = address_of(AF_INET, "127.0.0.1", refusing_port());
  struct fault f = {0};
  int fd, rc = socket_connect(&a, &defaults, &fd, &f);
  if (rc == 1) {
    cr_expect_eq(finish_connect(fd), ECONNREFUSED);
    socket_close(fd);
  } else {
    cr_expect_eq(rc, DSQL_EIO);
    cr_expect_eq(f.os_error, ECONNREFUSED);
  }
  fault_clear(&f);
  cr_assert_eq(socket_unix_address("/nonexistent/.s.PGSQL.5432", &a, &f), 0);
  cr_expect_eq(socket_connect(&a, &defaults, &fd, &f), DSQL_EIO);
  cr_expect_eq(f.os_error, ENOENT);
  cr_expect_str_eq(f.text, "no such file or directory");
}

Test(socket, moves_bytes_and_tells_how_it_ends) {
  int fds[2], os_error = 0;
  char got[8];
  pair_unix(fds);
  cr_expect_eq(socket_send(fds[0], "abc", 3, &os_error), 3);
  cr_expect_eq(socket_recv(fds[1], got, sizeof got, &os_error), 3);
  close(fds[1]);
  cr_expect_eq(socket_recv(fds[0], got, sizeof got, &os_error), 0);
  cr_expect_eq(socket_send(fds[0], "abc", 3, &os_error), -2);
  cr_expect_eq(os_error, EPIPE, "and no signal");
  close(fds[0]);
}

Test(socket, user_of_the_peer) {
  int fds[2];
  char user[64];
  struct fault f = {0};
  pair_unix(fds);
  cr_assert_eq(socket_peer_user(fds[0], user, sizeof user, &f), 0);
  cr_expect_str_eq(user, getpwuid(getuid())->pw_name);
  cr_expect_eq(socket_peer_user(fds[0], user, 1, &f), DSQL_EIO);
  fault_clear(&f);
  cr_expect_eq(socket_peer_user(-1, user, sizeof user, &f), DSQL_EIO);
  close(fds[0]);
  close(fds[1]);
}
