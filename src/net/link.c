#include "net/link.h"

#include <assert.h>
#include <string.h>

#include "net/link_internal.h"

enum { CIPHER_MAX = 0x7fffffff, KEPT_MAX = 16 * 1024 * 1024 };

static void on_poll(uv_poll_t *handle, int status, int events);

void link_poll_update(struct link *l) {
  int want = 0;

  if (link_live(l)) {
    if (!l->paused) want |= UV_READABLE;
    if (l->blocked) want |= UV_WRITABLE;
  }
  if (want == l->polled || uv_is_closing((uv_handle_t *)&l->poll)) return;
  l->polled = want;
  if (want)
    (void)uv_poll_start(&l->poll, want, on_poll);
  else
    (void)uv_poll_stop(&l->poll);
}

void link_end(struct link *l, const struct fault *f) {
  if (!link_live(l)) return;
  l->ended = true;
  link_poll_update(l);
  l->events->on_end(l->owner, f);
}

void link_end_os(struct link *l, const char *what, int os_error) {
  struct fault f = {0};
  f.os_error = os_error;
  fault_set(&f, DSQL_EIO, "%s: %s", what, strerror(os_error));
  link_end(l, &f);
}

static void turn_over(struct link *l) {
  if (link_live(l)) link_poll_update(l);
  if (link_live(l)) l->events->on_turn(l->owner);
}

static void on_poll(uv_poll_t *handle, int status, int events) {
  struct link *l = handle->data;
  struct dsql_rt *rt = l->rt;

  if (status < 0) {
    /* A socket error (libuv says EBADF and stops watching): reading tells which, behind what is still to be read. */
    l->polled = 0;
    events = UV_READABLE | UV_WRITABLE;
  }
  if (link_live(l) && (events & UV_WRITABLE)) {
    l->blocked = false;
    link_flush(l);
  }
  if (link_live(l) && !l->paused && (events & UV_READABLE)) link_read(l);
  turn_over(l);
  rt_leave(rt);
}

static void on_flush_task(struct rt_task *t) {
  struct link *l = LIST_ENTRY(t, struct link, flush_task);
  if (!link_live(l)) return;
  link_flush(l);
  turn_over(l);
}

static void on_resume_task(struct rt_task *t) {
  struct link *l = LIST_ENTRY(t, struct link, resume_task);
  struct buf kept = l->kept;

  if (!link_live(l) || l->paused) return;
  buf_init(&l->kept, kept.alloc, kept.max);
  link_deliver(l, kept.data, kept.len); /* what a new pause leaves over is kept again */
  buf_deinit(&kept);
  turn_over(l);
}

int link_open(struct link **out, struct dsql_rt *rt, int fd, const struct link_events *events, void *owner,
              size_t out_max) {
  const dsql_alloc *a = rt_alloc(rt);
  struct link *l = mem_zalloc(a, sizeof *l);

  if (!l) {
    socket_close(fd);
    return DSQL_ENOMEM;
  }
  l->rt = rt;
  l->fd = fd;
  l->events = events;
  l->owner = owner;
  buf_init(&l->out, a, out_max);
  buf_init(&l->cipher, a, CIPHER_MAX);
  buf_init(&l->kept, a, KEPT_MAX);
  l->flush_task.run = on_flush_task;
  l->resume_task.run = on_resume_task;
  list_init(&l->flush_task.node);
  list_init(&l->resume_task.node);
  if (uv_poll_init(rt_loop(rt), &l->poll, fd)) {
    socket_close(fd);
    mem_free(a, l);
    return DSQL_EIO;
  }
  l->poll.data = l;
  uv_unref((uv_handle_t *)&l->poll);
  rt_hold(rt);
  link_poll_update(l);
  *out = l;
  return 0;
}

static void on_closed(uv_handle_t *handle) {
  struct link *l = handle->data;
  struct dsql_rt *rt = l->rt;

  if (l->has_tls) tls_deinit(&l->tls);
  buf_deinit(&l->out);
  buf_deinit(&l->cipher);
  buf_deinit(&l->kept);
  mem_free(rt_alloc(rt), l);
  rt_release(rt);
  rt_leave(rt);
}

void link_close(struct link *l) {
  assert(!l->closed);
  if (!l->ended && !l->blocked && !l->write_error) {
    /* One try for what is queued and for close_notify; what the kernel does not take now is lost. */
    l->closed = true;
    link_write_queued(l);
    if (l->has_tls && !l->handshaking) {
      tls_shutdown(&l->tls);
      link_write_queued(l);
    }
  }
  l->closed = true;
  rt_unready(&l->flush_task);
  rt_unready(&l->resume_task);
  uv_close((uv_handle_t *)&l->poll, on_closed);
  socket_close(l->fd);
  l->fd = -1;
}

void link_adopt(struct link *l, const struct link_events *events, void *owner) {
  l->events = events;
  l->owner = owner;
}

struct buf *link_out(struct link *l) { return &l->out; }
uint64_t link_appended(const struct link *l) { return l->taken + (l->out.len - l->out_head); }
uint64_t link_sent(const struct link *l) { return l->sent; }
bool link_write_blocked(const struct link *l) { return l->blocked; }
struct tls *link_tls(struct link *l) { return l->has_tls ? &l->tls : NULL; }
void link_read_limit(struct link *l, size_t n) { l->read_limit = n; }
void link_stats_get(const struct link *l, struct link_stats *out) { *out = l->stats; }

void link_flush_later(struct link *l) {
  if (link_live(l)) rt_flush_later(l->rt, &l->flush_task);
}

void link_pause(struct link *l) {
  l->paused = true;
  link_poll_update(l);
}

void link_resume(struct link *l) {
  if (!l->paused) return;
  l->paused = false;
  link_poll_update(l);
  if (l->kept.len || (l->has_tls && tls_has_pending(&l->tls))) rt_ready(l->rt, &l->resume_task);
}

void link_ref(struct link *l, bool alive) {
  if (l->closed) return;
  if (alive)
    uv_ref((uv_handle_t *)&l->poll);
  else
    uv_unref((uv_handle_t *)&l->poll);
}

void link_release_buffers(struct link *l) {
  if (l->out.len == l->out_head) {
    buf_reset(&l->out);
    l->out_head = 0;
    buf_trim(&l->out);
  }
  if (l->cipher.len == l->cipher_head) {
    buf_reset(&l->cipher);
    l->cipher_head = 0;
    buf_trim(&l->cipher);
  }
  if (l->has_tls && !l->handshaking) (void)tls_release_buffers(&l->tls);
}
