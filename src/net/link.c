#include "net/link.h"

#include <assert.h>

#include "net/error_text.h"
#include "net/link_state.h"

_Static_assert(sizeof(struct link) <= 1024, "there is one for each idle connection");

/* ---- byte queues ---- */

void queue_take(struct link_queue *q, size_t n) {
  assert(n <= queue_left(q));
  q->head += n;
  if (q->head == q->buf.len) {
    q->base += q->head;
    q->head = 0;
    buf_truncate(&q->buf, 0);
    if (q->buf.cap > LINK_KEEP_MAX) buf_trim(&q->buf);
  } else if (q->head >= LINK_COMPACT_MIN && q->head >= q->buf.len / 2) {
    q->base += q->head;
    buf_consume(&q->buf, q->head);
    q->head = 0;
  }
}

static void queue_init(struct link_queue *q, const dsql_alloc *alloc, size_t max) { buf_init(&q->buf, alloc, max); }

/* ---- polling ---- */

static void on_poll(void *owner, int status, int events);

/* A paused link may still be polled, until the next event shows that it must not, because a change costs two system
 * calls; but it does not keep the loop alive. */
static void update_ref(struct link *l) { watch_ref(l->watch, l->referenced && (!l->paused || l->blocked)); }

void link_poll_update(struct link *l) {
  int want = (link_reading(l) ? UV_READABLE : 0) | (l->blocked ? UV_WRITABLE : 0);

  if (link_gone(l)) want = 0;
  update_ref(l);
  if (want == l->polled) return;
  l->polled = want;
  watch_for(l->watch, want, on_poll, l);
}

static void on_poll(void *owner, int status, int events) {
  struct link *l = owner;

  if (status < 0) {
    /* libuv saw an error condition and has stopped the handle. recv() gives what came before it, then the error. */
    l->polled = 0;
    events = UV_READABLE;
    if (l->paused) link_write_failed(l, socket_connect_result(l->fd));
  }
  if (events & UV_WRITABLE) {
    l->blocked = false;
    link_push(l, false);
  }
  if ((events & UV_READABLE) && link_reading(l)) link_read(l, status < 0);
  if (!link_gone(l)) {
    link_poll_update(l);
    l->events->on_turn(l->owner);
  }
}

/* ---- the end ---- */

void link_end(struct link *l, const struct fault *f) {
  struct fault copy = *f; /* may be in l or on a frame that the owner's reaction ends */

  assert(f->code);
  if (link_gone(l)) return;
  l->ended = true;
  link_push_alert(l);
  link_poll_update(l);
  rt_unready(&l->flush_task);
  rt_unready(&l->read_task);
  link_bulk_stop(l);
  l->events->on_end(l->owner, &copy);
}

static void on_closed(void *owner) {
  struct link *l = owner;
  const dsql_alloc *a = rt_alloc(l->rt);

  link_tls_deinit(l);
  buf_deinit(&l->out.buf);
  buf_deinit(&l->wire.buf);
  buf_deinit(&l->kept.buf);
  fault_drop(a, l->fault);
  mem_free(a, l);
}

void link_close(struct link *l) {
  if (!l || l->closed) return;
  if (!l->ended) link_push_last(l); /* a Terminate, perhaps */
  l->closed = true;
  rt_unready(&l->flush_task);
  rt_unready(&l->read_task);
  link_bulk_stop(l);
  watch_close(l->watch, on_closed, l);
  l->fd = -1;
}

/* ---- open ---- */

static void on_flush_task(struct rt_task *t) {
  struct link *l = LIST_ENTRY(t, struct link, flush_task);

  if (l->blocked) return; /* on_poll goes on when the socket takes more */
  link_push(l, true);
  if (link_gone(l)) return;
  link_poll_update(l);
  l->events->on_turn(l->owner);
}

static void on_read_task(struct rt_task *t) {
  struct link *l = LIST_ENTRY(t, struct link, read_task);

  if (!link_reading(l)) return;
  link_read(l, false);
  if (link_gone(l)) return;
  link_poll_update(l);
  l->events->on_turn(l->owner);
}

int link_open(struct link **out, struct dsql_rt *rt, struct watch *w, const struct link_events *events, void *owner,
              size_t out_max) {
  struct link *l = mem_zalloc(rt_alloc(rt), sizeof *l);

  if (!l) {
    watch_close(w, NULL, NULL);
    return DSQL_ENOMEM;
  }
  l->watch = w;
  l->rt = rt;
  l->events = events;
  l->owner = owner;
  l->fd = watch_fd(w);
  queue_init(&l->out, rt_alloc(rt), out_max);
  queue_init(&l->wire, rt_alloc(rt), LINK_CIPHER_MAX);
  queue_init(&l->kept, rt_alloc(rt), RT_SLAB_SIZE);
  list_init(&l->flush_task.node);
  list_init(&l->read_task.node);
  l->flush_task.run = on_flush_task;
  l->read_task.run = on_read_task;
  link_poll_update(l);
  *out = l;
  return 0;
}

/* ---- small things ---- */

void link_adopt(struct link *l, const struct link_events *events, void *owner) {
  l->events = events;
  l->owner = owner;
}

struct buf *link_out(struct link *l) {
  return &l->out.buf;
}
uint64_t link_appended(const struct link *l) { return l->out.base + l->out.buf.len; }
bool link_write_blocked(const struct link *l) { return l->blocked; }
struct tls *link_tls(struct link *l) {
  return l->state == LINK_PLAIN ? NULL : &l->tls;
}
void link_read_limit(struct link *l, size_t n) { l->read_limit = n; }
void link_stats_get(const struct link *l, struct link_stats *out) { *out = l->stats; }

uint64_t link_sent(const struct link *l) { return l->state == LINK_PLAIN ? l->out.base + l->out.head : l->sent; }

void link_flush_later(struct link *l) {
  if (!link_gone(l) && !l->write_dead && !l->blocked) rt_flush_later(l->rt, &l->flush_task);
}

void link_ref(struct link *l, bool alive) {
  if (l->referenced == alive || link_gone(l)) return;
  l->referenced = alive;
  update_ref(l);
}

void link_pause(struct link *l) {
  if (l->paused || link_gone(l)) return;
  l->paused = true;
  update_ref(l);
}

void link_resume(struct link *l) {
  if (!l->paused || link_gone(l)) return;
  l->paused = false;
  link_poll_update(l);
  /* Bytes may wait in a TLS record, in kept, below the low water, or in a socket whose handle libuv has stopped. */
  if (l->state != LINK_PLAIN || l->bulk || l->write_dead || l->fault) rt_ready(l->rt, &l->read_task);
}

void link_release_buffers(struct link *l) {
  if (l->state == LINK_TLS) (void)tls_release_buffers(&l->tls);
  buf_trim(&l->out.buf);
  buf_trim(&l->wire.buf);
  buf_trim(&l->kept.buf);
}
