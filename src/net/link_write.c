#include <errno.h>

#include "net/link_state.h"

static struct link_queue *outgoing(struct link *l) { return l->state == LINK_PLAIN ? &l->out : &l->wire; }

/* The peer may have said why (a FATAL error): that is read first, then comes the end of stream, or nothing, which both
 * end the link with this cause. */
void link_write_failed(struct link *l, int os_error) {
  l->write_dead = true;
  l->write_error = os_error ? os_error : EPIPE;
  l->blocked = false;
  if (!link_gone(l)) rt_ready(l->rt, &l->read_task);
}

/* One send() of all that is queued; false when the socket takes no more. */
static bool send_once(struct link *l) {
  struct link_queue *q = outgoing(l);
  size_t asked = queue_left(q);
  int os_error = 0;
  ptrdiff_t n = socket_send(l->fd, queue_front(q), asked, &os_error);

  if (n == -2) {
    link_write_failed(l, os_error);
    return false;
  }
  l->blocked = n < 0 || (size_t)n < asked; /* a part of it means that there is no room for more */
  if (n < 0) return false;
  l->stats.writes++;
  l->stats.bytes_sent += (uint64_t)n;
  link_bulk_sent(l);
  queue_take(q, (size_t)n);
  if (l->state != LINK_PLAIN) link_tls_sent(l);
  return !l->blocked;
}

static void fail_out(struct link *l, int code) {
  struct fault f = {0};
  fault_set(&f, code,
            code == DSQL_ENOMEM ? "out of memory for bytes to send" : "more bytes to send than a connection may queue");
  link_end(l, &f);
}

/* Asks the owner when it may have more and all is out. False: nothing to send, or the link is gone. */
static bool refill(struct link *l, bool pull, bool *more) {
  struct fault f;

  if (l->state != LINK_HANDSHAKE && *more && (pull || queue_left(&l->out) == 0)) *more = l->events->on_flush(l->owner);
  if (link_gone(l)) return false;
  if (!buf_ok(&l->out.buf)) {
    fail_out(l, l->out.buf.error); /* the last message is cut: it must not be sent */
    return false;
  }
  if (l->state == LINK_TLS) {
    fault_clear(&f);
    if (!link_tls_encrypt(l, &f)) {
      link_end(l, &f);
      return false;
    }
  }
  return queue_left(outgoing(l)) > 0;
}

void link_push(struct link *l, bool pull) {
  bool more = true;

  for (int round = 0; !link_gone(l) && !l->write_dead; round++) {
    if ((pull || queue_left(outgoing(l)) == 0) && !refill(l, pull, &more)) return;
    pull = false;
    if (round == LINK_WRITE_ROUNDS) {
      l->blocked = true; /* not blocked, but others come first */
      return;
    }
    if (!send_once(l)) return;
  }
}

void link_push_last(struct link *l) {
  struct fault ignored = {0};

  if (l->write_dead || l->blocked || l->state == LINK_HANDSHAKE || !buf_ok(&l->out.buf)) return;
  if (l->state == LINK_TLS && link_tls_encrypt(l, &ignored) && queue_left(&l->out) == 0) tls_shutdown(&l->tls);
  if (queue_left(outgoing(l))) (void)send_once(l);
}

void link_push_alert(struct link *l) {
  if (l->state != LINK_PLAIN && !l->write_dead && !l->blocked && queue_left(&l->wire)) (void)send_once(l);
}
