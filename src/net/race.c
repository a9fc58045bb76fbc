/* race.c - connects to the addresses of one host, each next one 250 ms later or as soon as one has failed (RFC 8305,
 * section 5). The first that is connected wins, and the others are closed. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "net/dial_state.h"
#include "net/error_text.h"

struct dial_attempt {
  uv_poll_t poll;
  struct dsql_rt *rt;
  struct dial *dial; /* NULL: dropped */
  size_t index;
  int fd;
};

_Static_assert(sizeof(struct dial_attempt) <= RT_BLOCK_SIZE, "an attempt lives in a block");

static void on_closed(uv_handle_t *h) {
  struct dial_attempt *a = h->data;
  struct dsql_rt *rt = a->rt;
  rt_block_put(rt, a);
  rt_release(rt);
}

/* The poll handle goes; returns the socket, which is the caller's now. */
static int detach(struct dial_attempt *a) {
  int fd = a->fd;
  a->dial->attempts[a->index] = NULL;
  a->dial = NULL;
  uv_close((uv_handle_t *)&a->poll, on_closed);
  return fd;
}

void dial_race_cancel(struct dial *d) {
  rt_timer_stop(d->rt, &d->stagger);
  for (size_t i = 0; i < d->next; i++)
    if (d->attempts[i]) socket_close(detach(d->attempts[i]));
}

static void won(struct dial *d, int fd, size_t index) {
  static const struct fault none;
  dial_finish(d, fd, &d->addresses[index], &none);
}

static void all_failed(struct dial *d) {
  struct fault f = {.code = d->faults[d->n - 1].code, .os_error = d->faults[d->n - 1].os_error};
  size_t at = 0;

  for (size_t i = 0; i < d->n && at < sizeof f.text; i++) {
    char address[128];
    int n;
    socket_address_text(&d->addresses[i], address, sizeof address);
    n = snprintf(f.text + at, sizeof f.text - at, "%s%s: %s", i ? "; " : "", address, d->faults[i].text);
    at += n > 0 ? (size_t)n : 0;
  }
  if (at >= sizeof f.text) memcpy(f.text + sizeof f.text - 4, "...", 4);
  dial_finish(d, -1, NULL, &f);
}

/* All that can be done now: starts the next attempt, and those behind it if it fails at once. */
static void try_next(struct dial *d);

static bool any_under_way(const struct dial *d) {
  for (size_t i = 0; i < d->next; i++)
    if (d->attempts[i]) return true;
  return false;
}

static void on_connected(uv_poll_t *h, int status, int events) {
  struct dial_attempt *a = h->data;
  struct dsql_rt *rt = a->rt;
  struct dial *d = a->dial;
  size_t index = a->index;
  int os_error = socket_connect_result(a->fd), fd;
  char text[ERROR_TEXT_SIZE];

  (void)events;
  assert(d);
  rt_enter(rt);
  if (status < 0 && os_error == 0) os_error = EIO;
  fd = detach(a);
  if (os_error == 0) {
    won(d, fd, index);
  } else {
    socket_close(fd);
    d->faults[index].os_error = os_error;
    fault_set(&d->faults[index], DSQL_EIO, "%s", error_text(os_error, text));
    try_next(d);
  }
  rt_leave(rt);
}

/* Takes fd over, also when it fails. */
static int watch(struct dial *d, size_t index, int fd) {
  struct dial_attempt *a = rt_block_get(d->rt);

  if (!a) {
    socket_close(fd);
    return fault_set(&d->faults[index], DSQL_ENOMEM, "out of memory");
  }
  *a = (struct dial_attempt){.rt = d->rt, .dial = d, .index = index, .fd = fd};
  if (uv_poll_init(rt_loop(d->rt), &a->poll, fd)) {
    rt_block_put(d->rt, a);
    socket_close(fd);
    return fault_set(&d->faults[index], DSQL_EIO, "the socket can't be watched");
  }
  a->poll.data = a;
  rt_hold(d->rt);
  d->attempts[index] = a;
  (void)uv_poll_start(&a->poll, UV_WRITABLE, on_connected);
  return 0;
}

static void on_stagger(struct rt_timer *t) { try_next(LIST_ENTRY(t, struct dial, stagger)); }

static void try_next(struct dial *d) {
  rt_timer_stop(d->rt, &d->stagger);
  while (d->next < d->n) {
    size_t index = d->next++;
    int fd, rc = socket_connect(&d->addresses[index], &d->options, &fd, &d->faults[index]);
    if (rc == 0) {
      won(d, fd, index);
      return;
    }
    if (rc < 0 || watch(d, index, fd)) continue;
    if (d->next == d->n) return;
    d->stagger.fire = on_stagger;
    rt_timer_start(d->rt, &d->stagger, rt_now_ms(d->rt) + DIAL_STAGGER_MS);
    return;
  }
  if (!any_under_way(d)) all_failed(d);
}

void dial_race(struct dial *d) {
  assert(d->n > 0 && d->next == 0);
  d->racing = true;
  phases_enter(d->phases, PHASE_SOCKET);
  try_next(d);
}
