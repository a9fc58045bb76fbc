/* race.c - connects to the addresses of one host, each next one 250 ms later or as soon as one has failed (RFC 8305,
 * section 5). The first that is connected wins, and the others are closed. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "net/dial_state.h"
#include "net/error_text.h"

/* The socket is the caller's now. */
static struct watch *detach(struct dial_attempt *a) {
  struct watch *w = a->watch;
  a->watch = NULL;
  return w;
}

void dial_race_cancel(struct dial *d) {
  rt_timer_stop(d->rt, &d->stagger);
  for (size_t i = 0; i < d->next; i++)
    if (d->attempts[i].watch) watch_close(detach(&d->attempts[i]), NULL, NULL);
}

static void won(struct dial *d, struct watch *socket, size_t index) {
  static const struct fault none;
  dial_finish(d, socket, &d->addresses[index], &none);
}

static void all_failed(struct dial *d) {
  const struct fault *last = d->attempts[d->n - 1].fault;
  struct fault f = {.code = last->code, .os_error = last->os_error};
  size_t at = 0;

  for (size_t i = 0; i < d->n && at < sizeof f.text; i++) {
    char address[128];
    int n;
    socket_address_text(&d->addresses[i], address, sizeof address);
    n = snprintf(f.text + at, sizeof f.text - at, "%s%s: %s", i ? "; " : "", address, d->attempts[i].fault->text);
    at += n > 0 ? (size_t)n : 0;
  }
  if (at >= sizeof f.text) memcpy(f.text + sizeof f.text - 4, "...", 4);
  dial_finish(d, NULL, NULL, &f);
}

static void fail(struct dial *d, size_t index, const struct fault *f) {
  d->attempts[index].fault = fault_keep(rt_alloc(d->rt), f);
}

/* All that can be done now: starts the next attempt, and those behind it if it fails at once. */
static void try_next(struct dial *d);

static bool any_under_way(const struct dial *d) {
  for (size_t i = 0; i < d->next; i++)
    if (d->attempts[i].watch) return true;
  return false;
}

static void on_connected(void *owner, int status, int events) {
  struct dial_attempt *a = owner;
  struct dial *d = a->dial;
  struct watch *socket = detach(a);
  size_t index = (size_t)(a - d->attempts);
  int os_error = socket_connect_result(watch_fd(socket));
  char text[ERROR_TEXT_SIZE];
  struct fault f;

  (void)events;
  if (status < 0 && os_error == 0) os_error = EIO;
  if (os_error == 0) {
    won(d, socket, index);
    return;
  }
  watch_close(socket, NULL, NULL);
  fault_clear(&f);
  f.os_error = os_error;
  fault_set(&f, DSQL_EIO, "%s", error_text(os_error, text));
  fail(d, index, &f);
  try_next(d);
}

/* As socket_connect(), but the socket is watched. */
static int connect_watched(struct dial *d, size_t index, struct watch **out, struct fault *f) {
  int fd, rc, code = socket_connect(&d->addresses[index], &d->options, &fd, f);

  if (code < 0) return code;
  rc = watch_open(out, d->rt, fd);
  if (rc == DSQL_ENOMEM) return fault_set(f, rc, "out of memory");
  return rc ? fault_set(f, rc, "the socket can't be watched") : code;
}

static void on_stagger(struct rt_timer *t) { try_next(LIST_ENTRY(t, struct dial, stagger)); }

static void try_next(struct dial *d) {
  rt_timer_stop(d->rt, &d->stagger);
  while (d->next < d->n) {
    size_t index = d->next++;
    struct watch *socket;
    struct fault f;
    int rc;
    fault_clear(&f);
    rc = connect_watched(d, index, &socket, &f);
    if (rc < 0) {
      fail(d, index, &f);
      continue;
    }
    if (rc == 0) {
      won(d, socket, index);
      return;
    }
    d->attempts[index] = (struct dial_attempt){d, socket, NULL};
    watch_for(socket, UV_WRITABLE, on_connected, &d->attempts[index]);
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
