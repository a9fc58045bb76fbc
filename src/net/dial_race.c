/* The race (RFC 8305, section 5): one more address every 250 ms, or at once when one has failed; the first that
 * connects wins and the others are closed. */
#include <string.h>

#include "net/dial_internal.h"

static void step(struct dial *d);

static void on_attempt_closed(uv_handle_t *handle) {
  struct attempt *a = handle->data;
  struct dsql_rt *rt = a->rt;
  mem_free(rt_alloc(rt), a);
  rt_release(rt);
  rt_leave(rt);
}

void attempt_close(struct attempt *a, bool keep_fd) {
  list_remove(&a->node);
  uv_close((uv_handle_t *)&a->poll, on_attempt_closed);
  if (!keep_fd) socket_close(a->fd);
}

static void on_writable(uv_poll_t *handle, int status, int events) {
  struct attempt *a = handle->data;
  struct dial *d = a->dial;
  struct dsql_rt *rt = a->rt;
  /* libuv reports a socket error as EBADF; the socket knows better. */
  int os_error = socket_connect_result(a->fd);
  struct socket_address address = a->address;

  (void)events;
  if (os_error == 0 && status < 0) os_error = -status;
  if (os_error == 0) {
    int fd = a->fd;
    struct fault none = {0};
    attempt_close(a, true);
    dial_finish(d, fd, &address, &none);
  } else {
    attempt_close(a, false);
    dial_note_failure(d, &address, strerror(os_error), os_error);
    step(d);
  }
  rt_leave(rt);
}

/* False when d has ended. */
static bool watch(struct dial *d, int fd, const struct socket_address *address) {
  struct attempt *a = mem_zalloc(rt_alloc(d->rt), sizeof *a);
  struct fault f = {0};

  if (!a || uv_poll_init(rt_loop(d->rt), &a->poll, fd)) {
    fault_set(&f, a ? DSQL_EIO : DSQL_ENOMEM, a ? "the socket can't be watched" : "out of memory");
    mem_free(rt_alloc(d->rt), a);
    socket_close(fd);
    dial_finish(d, -1, NULL, &f);
    return false;
  }
  a->dial = d;
  a->rt = d->rt;
  a->address = *address;
  a->fd = fd;
  a->poll.data = a;
  rt_hold(d->rt);
  list_init(&a->node);
  list_push_back(&d->attempts, &a->node);
  (void)uv_poll_start(&a->poll, UV_WRITABLE | UV_DISCONNECT, on_writable);
  return true;
}

static void finish_failed(struct dial *d) {
  struct fault f = {.os_error = d->os_error};
  fault_set(&f, DSQL_EIO, "%.*s", (int)d->report.len, (const char *)d->report.data);
  dial_finish(d, -1, NULL, &f);
}

/* Starts the next address that can be started; ends d when none is left and none is under way. */
static void step(struct dial *d) {
  while (d->next < d->count) {
    const struct socket_address *address = &d->addresses[d->next++];
    struct fault f = {0};
    int fd, rc = socket_connect(address, &d->params.options, &fd, &f);
    if (rc < 0) {
      dial_note_failure(d, address, f.text, f.os_error);
      continue;
    }
    if (rc == 0) {
      dial_finish(d, fd, address, &f);
      return;
    }
    if (!watch(d, fd, address)) return;
    if (d->next < d->count) rt_timer_start(d->rt, &d->stagger, rt_now_ms(d->rt) + DIAL_STAGGER_MS);
    return;
  }
  if (list_empty(&d->attempts)) finish_failed(d);
}

static void on_stagger(struct rt_timer *t) { step(LIST_ENTRY(t, struct dial, stagger)); }

void dial_race(struct dial *d) {
  d->stagger.fire = on_stagger;
  step(d);
}
