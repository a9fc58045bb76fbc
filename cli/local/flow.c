#include "local/flow.h"

enum { SLAB_SIZE = 65536 };

static void end(struct flow *f) {
  if (f->ended) return;
  f->ended = true;
  flow_read(f, false);
  f->on_end(f);
}

void flow_init(struct flow *f, const dsql_alloc *alloc) {
  buf_init(&f->queued, alloc, SIZE_MAX / 2);
  buf_init(&f->sending, alloc, SIZE_MAX / 2);
}

void flow_deinit(struct flow *f) {
  buf_deinit(&f->queued);
  buf_deinit(&f->sending);
}

/* One slab for all: what was read is used up before the loop reads again. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
  static char slab[SLAB_SIZE];
  (void)handle;
  (void)suggested;
  *out = uv_buf_init(slab, SLAB_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b) {
  struct flow *f = flow_of((uv_handle_t *)stream);
  if (n > 0)
    f->on_bytes(f, (const uint8_t *)b->base, (size_t)n);
  else if (n < 0)
    end(f);
}

void flow_read(struct flow *f, bool on) {
  on = on && f->open && !f->ended;
  if (on == f->reading) return;
  f->reading = on;
  if (!on)
    uv_read_stop(&f->uv.stream);
  else if (uv_read_start(&f->uv.stream, on_alloc, on_read) != 0)
    f->reading = false;
}

static void shut_if_sent(struct flow *f) {
  if (!f->shut_when_sent || f->shut || f->writing || f->queued.len || !f->open) return;
  f->shut = true;
  (void)uv_shutdown(&f->shutdown, &f->uv.stream, NULL);
}

static void on_written(uv_write_t *write, int status) {
  struct flow *f = flow_of((uv_handle_t *)write->handle);

  f->writing = false;
  buf_reset(&f->sending);
  if (uv_is_closing(&f->uv.handle)) return;
  if (status) {
    f->failed = true;
    end(f);
    return;
  }
  flow_flush(f);
  shut_if_sent(f);
  f->on_sent(f);
}

void flow_flush(struct flow *f) {
  struct buf empty = f->sending;
  uv_buf_t b;

  if (f->writing || !f->open || f->failed || f->shut || f->queued.len == 0) return;
  f->sending = f->queued;
  f->queued = empty;
  f->writing = true;
  b = uv_buf_init((char *)f->sending.data, (unsigned)f->sending.len);
  if (uv_write(&f->write, &f->uv.stream, &b, 1, on_written) != 0) {
    f->writing = false;
    f->failed = true;
  }
}

void flow_shutdown(struct flow *f) {
  f->shut_when_sent = true;
  flow_flush(f);
  shut_if_sent(f);
}
