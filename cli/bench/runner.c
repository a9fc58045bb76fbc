#include "bench/runner.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { TICK_MS = 200 };

static void arm(struct runner *r, uint64_t at_ns) {
  struct itimerspec spec = {
      .it_value = {.tv_sec = (time_t)(at_ns / 1000000000), .tv_nsec = (long)(at_ns % 1000000000)}};
  /* Absolute, on the clock of uv_hrtime(). */
  (void)timerfd_settime(r->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void end_when_idle(struct runner *r) {
  if (!r->ending || r->idle < r->slots) return;
  r->end_ns = uv_hrtime();
  uv_stop(r->loop);
}

/* Begins all that is due and has room. Work that ends inside start() comes back to this loop, not to another one. */
static void pump(struct runner *r) {
  uint64_t at_ns;

  if (r->pumping) return;
  r->pumping = true;
  while (r->idle > 0 && !r->ending) {
    enum pacer_answer answer = pacer_next(&r->pacer, uv_hrtime(), &at_ns);
    if (answer == PACER_START) {
      r->work->start(r->owner, r->free_slots[--r->idle], at_ns);
    } else if (answer == PACER_WAIT) {
      arm(r, at_ns);
      break;
    } else {
      r->ending = true;
    }
  }
  r->pumping = false;
  end_when_idle(r);
}

void runner_done(struct runner *r, size_t slot, bool ok) {
  r->free_slots[r->idle++] = slot;
  if (!ok) pacer_failed(&r->pacer, uv_hrtime());
  pump(r);
}

void runner_stop(struct runner *r) {
  if (r->ending && r->idle == r->slots) return;
  r->ending = true;
  r->work->cancel(r->owner);
  end_when_idle(r);
}

static void on_due(uv_poll_t *h, int status, int events) {
  struct runner *r = h->data;
  uint64_t expirations;

  (void)status;
  (void)events;
  if (read(r->timer_fd, &expirations, sizeof expirations) < 0 && errno != EAGAIN) return;
  pump(r);
}

static void on_tick(uv_timer_t *h) {
  struct runner *r = h->data;
  r->work->tick(r->owner, uv_hrtime() - r->pacer.begin_ns);
}

static int open_handles(struct runner *r) {
  int rc;

  r->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (r->timer_fd < 0) return uv_translate_sys_error(errno);
  rc = uv_poll_init(r->loop, &r->due, r->timer_fd);
  if (rc) {
    close(r->timer_fd);
    return rc;
  }
  uv_timer_init(r->loop, &r->ticker);
  r->due.data = r->ticker.data = r;
  (void)uv_poll_start(&r->due, UV_READABLE, on_due);
  (void)uv_timer_start(&r->ticker, on_tick, TICK_MS, TICK_MS);
  return 0;
}

static void on_closed(uv_handle_t *h) { h->data = NULL; }

static void close_handles(struct runner *r) {
  uv_close((uv_handle_t *)&r->due, on_closed);
  uv_close((uv_handle_t *)&r->ticker, on_closed);
  while (r->due.data || r->ticker.data) uv_run(r->loop, UV_RUN_ONCE);
  close(r->timer_fd);
}

int runner_run(struct runner *r, uv_loop_t *loop, size_t slots) {
  int rc;

  r->loop = loop;
  r->slots = r->idle = slots;
  r->free_slots = calloc(slots, sizeof *r->free_slots);
  if (!r->free_slots) return UV_ENOMEM;
  for (size_t i = 0; i < slots; i++) r->free_slots[i] = slots - 1 - i;
  rc = open_handles(r);
  if (rc == 0) {
    r->pacer.begin_ns = uv_hrtime();
    pump(r);
    while (r->idle < r->slots || !r->ending) uv_run(loop, UV_RUN_DEFAULT);
    close_handles(r);
  }
  free(r->free_slots);
  r->free_slots = NULL;
  return rc;
}
