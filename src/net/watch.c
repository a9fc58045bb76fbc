#include "net/watch.h"

#include <uv.h>

#include "net/socket.h"

struct watch {
  uv_poll_t poll;
  struct dsql_rt *rt;
  int fd;
  bool unreferenced;
  watch_fn fn;
  void (*closed)(void *owner);
  void *owner;
};

static void on_poll(uv_poll_t *h, int status, int events) {
  struct watch *w = h->data;
  struct dsql_rt *rt = w->rt;

  rt_enter(rt);
  w->fn(w->owner, status, events);
  rt_leave_polled(rt);
}

static void on_closed(uv_handle_t *h) {
  struct watch *w = h->data;
  struct dsql_rt *rt = w->rt;

  if (w->closed) w->closed(w->owner);
  mem_free(rt_alloc(rt), w);
  rt_release(rt);
}

int watch_open(struct watch **out, struct dsql_rt *rt, int fd) {
  struct watch *w = mem_zalloc(rt_alloc(rt), sizeof *w);
  int rc = w ? 0 : DSQL_ENOMEM;

  if (rc == 0 && uv_poll_init(rt_loop(rt), &w->poll, fd)) rc = DSQL_EIO;
  if (rc) {
    mem_free(rt_alloc(rt), w);
    socket_close(fd);
    return rc;
  }
  rt_hold(rt);
  w->poll.data = w;
  w->rt = rt;
  w->fd = fd;
  *out = w;
  return 0;
}

int watch_fd(const struct watch *w) { return w->fd; }

void watch_for(struct watch *w, int events, watch_fn fn, void *owner) {
  w->fn = fn;
  w->owner = owner;
  if (events)
    (void)uv_poll_start(&w->poll, events, on_poll);
  else
    (void)uv_poll_stop(&w->poll);
}

void watch_ref(struct watch *w, bool alive) {
  if (alive != w->unreferenced) return;
  w->unreferenced = !alive;
  if (alive)
    uv_ref((uv_handle_t *)&w->poll);
  else
    uv_unref((uv_handle_t *)&w->poll);
}

void watch_close(struct watch *w, void (*closed)(void *owner), void *owner) {
  w->closed = closed;
  w->owner = owner;
  uv_close((uv_handle_t *)&w->poll, on_closed);
  socket_close(w->fd);
}
