#include "net/http_poll.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <uv.h>

/* Lives until libuv has closed the handle, beyond its owner if need be. */
struct http_poll {
  uv_poll_t poll;
  struct dsql_rt *rt;
  http_poll_event *event; /* NULL: closing */
  void *owner;
};

int http_poll_socket(int family, int type, int protocol) {
#ifdef SOCK_CLOEXEC
  return socket(family, type | SOCK_CLOEXEC, protocol);
#else
  int fd = socket(family, type, protocol);
  if (fd >= 0) (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
#endif
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  struct http_poll *p = poll->data;
  struct dsql_rt *rt = p->rt;
  uv_os_fd_t fd;
  int happened = status < 0 ? HTTP_POLL_ERR : 0;

  rt_enter(rt);
  if (events & (UV_READABLE | UV_DISCONNECT)) happened |= HTTP_POLL_IN;
  if (events & UV_WRITABLE) happened |= HTTP_POLL_OUT;
  if (p->event && uv_fileno((uv_handle_t *)poll, &fd) == 0) p->event(p->owner, fd, happened);
  rt_leave(rt);
}

static void on_closed(uv_handle_t *h) {
  struct http_poll *p = h->data;
  struct dsql_rt *rt = p->rt;
  rt_enter(rt);
  mem_free(rt_alloc(rt), p);
  rt_release(rt);
  rt_leave(rt);
}

struct http_poll *http_poll_new(struct dsql_rt *rt, int fd, http_poll_event *event, void *owner) {
  struct http_poll *p = mem_zalloc(rt_alloc(rt), sizeof *p);
  if (!p) return NULL;
  p->rt = rt;
  p->event = event;
  p->owner = owner;
  if (uv_poll_init_socket(rt_loop(rt), &p->poll, fd)) {
    mem_free(rt_alloc(rt), p);
    return NULL;
  }
  p->poll.data = p;
  rt_hold(rt);
  return p;
}

int http_poll_set(struct http_poll *p, int events) {
  int wanted = 0;
  if (events & HTTP_POLL_IN) wanted |= UV_READABLE;
  if (events & HTTP_POLL_OUT) wanted |= UV_WRITABLE;
  return uv_poll_start(&p->poll, wanted, on_poll) ? DSQL_EIO : 0;
}

/* The descriptor is closed next, so libuv has to forget it now: uv_close() does. */
void http_poll_close(struct http_poll *p) {
  if (!p) return;
  p->event = NULL;
  uv_close((uv_handle_t *)&p->poll, on_closed);
}
