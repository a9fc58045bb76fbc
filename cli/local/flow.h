/* flow.h - one uv stream with an output buffer: bytes are appended and leave in one write at a time; reading can be
 * switched off, which is how one side holds the other back. */
#ifndef DSQL_CLI_LOCAL_FLOW_H
#define DSQL_CLI_LOCAL_FLOW_H

#include <uv.h>

#include "base/buf.h"

/* Past it the other side's socket is not read any more. */
enum { FLOW_HIGH_WATER = 1024 * 1024 };

struct flow {
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } uv;
  struct buf queued, sending;
  uv_write_t write;
  uv_shutdown_t shutdown;
  bool open; /* connected or accepted: may be read and written */
  bool reading, writing, ended /* nothing more to read */, failed, shut;
  bool shut_when_sent;
  void (*on_bytes)(struct flow *f, const uint8_t *p, size_t n); /* p lives until it returns */
  void (*on_end)(struct flow *f);                               /* EOF, or an error, of reading or writing; once */
  void (*on_sent)(struct flow *f);                              /* a write is done; more may be queued */
};

/* The owner initialises the uv handle, sets its data, and closes it; and then calls flow_deinit(). */
void flow_init(struct flow *f, const dsql_alloc *alloc);
void flow_deinit(struct flow *f);
void flow_read(struct flow *f, bool on);
/* Sends what is queued. Reports failures through on_end, later. */
void flow_flush(struct flow *f);
/* Once everything is sent: FIN. */
void flow_shutdown(struct flow *f);
static inline size_t flow_backlog(const struct flow *f) { return f->queued.len + f->sending.len; }
static inline struct flow *flow_of(uv_handle_t *h) { return (struct flow *)(void *)h; }

#endif
