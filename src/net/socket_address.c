#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "net/socket.h"

int socket_unix_address(const char *path, struct socket_address *out, struct fault *f) {
  struct sockaddr_un *a = (struct sockaddr_un *)(void *)&out->storage;
  size_t n = strlen(path);
  bool abstract = path[0] == '@';

  /* An abstract name has a leading NUL where the @ stood and no NUL behind it. */
  if (n == 0 || n >= sizeof a->sun_path + (abstract ? 1 : 0))
    return fault_set(f, DSQL_EINVAL, "Unix socket path \"%.200s\" has %zu bytes, but the system allows 1 to %zu", path,
                     n, sizeof a->sun_path - (abstract ? 0 : 1));
  *out = (struct socket_address){0};
  a->sun_family = AF_UNIX;
  memcpy(a->sun_path, path, n);
  if (abstract) a->sun_path[0] = '\0';
  out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (abstract ? 0 : 1));
  return 0;
}

static void unix_text(const struct socket_address *a, char *out, size_t size) {
  const struct sockaddr_un *u = (const struct sockaddr_un *)(const void *)&a->storage;
  size_t n = a->len > offsetof(struct sockaddr_un, sun_path) ? a->len - offsetof(struct sockaddr_un, sun_path) : 0;

  if (n == 0)
    (void)snprintf(out, size, "unnamed Unix socket");
  else if (u->sun_path[0] == '\0')
    (void)snprintf(out, size, "@%.*s", (int)n - 1, u->sun_path + 1);
  else
    (void)snprintf(out, size, "%.*s", (int)n, u->sun_path);
}

void socket_address_text(const struct socket_address *a, char *out, size_t size) {
  char host[INET6_ADDRSTRLEN] = "?";

  if (a->storage.ss_family == AF_INET) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&a->storage;
    (void)inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
    (void)snprintf(out, size, "%s:%u", host, ntohs(in->sin_port));
  } else if (a->storage.ss_family == AF_INET6) {
    const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)&a->storage;
    (void)inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
    if (in->sin6_scope_id)
      (void)snprintf(out, size, "[%s%%%u]:%u", host, in->sin6_scope_id, ntohs(in->sin6_port));
    else
      (void)snprintf(out, size, "[%s]:%u", host, ntohs(in->sin6_port));
  } else if (a->storage.ss_family == AF_UNIX) {
    unix_text(a, out, size);
  } else {
    (void)snprintf(out, size, "address family %d", a->storage.ss_family);
  }
}
