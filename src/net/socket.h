/* socket.h - non-blocking sockets with our own system calls: data lands in our slabs, a reset peer raises no SIGPIPE
 * (MSG_NOSIGNAL), Unix paths are checked for their length and abstract names work. */
#ifndef DSQL_NET_SOCKET_H
#define DSQL_NET_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/error.h"

struct socket_address {
  struct sockaddr_storage storage;
  socklen_t len;
};

/* -1 is "the system's default" in every field; keepalive is on or off. */
struct socket_options {
  bool keepalive;
  int keepalive_idle_s, keepalive_interval_s, keepalive_count, tcp_user_timeout_ms;
};

/* path: "/dir/.s.PGSQL.5432", or "@name" for the abstract namespace. EINVAL when longer than sun_path. */
int socket_unix_address(const char *path, struct socket_address *out, struct fault *f);
/* "127.0.0.1:5432", "[::1]:5432", "/path", "@name"; cut to size. */
void socket_address_text(const struct socket_address *a, char *out, size_t size);
/* Creates, sets options (TCP_NODELAY always), starts connecting. 0 connected, 1 under way, negative DSQL code. */
int socket_connect(const struct socket_address *a, const struct socket_options *o, int *fd, struct fault *f);
/* The outcome of a connect that was under way, once writable: 0 or the errno. */
int socket_connect_result(int fd);
/* Bytes moved; 0 at end of stream (recv); -1: would block; -2: failed, *os_error is set. EINTR is retried. */
ptrdiff_t socket_recv(int fd, void *p, size_t n, int *os_error);
ptrdiff_t socket_send(int fd, const void *p, size_t n, int *os_error);
/* Readable from n bytes on, not from one; a wish, which sockets other than TCP don't fulfil. End of stream and errors
 * are not affected. */
void socket_low_water(int fd, int n);
/* requirepeer: the user name of the process at the other end of a Unix socket. */
int socket_peer_user(int fd, char *out, size_t size, struct fault *f);
void socket_close(int fd);

#endif
