#include "net/link_internal.h"

enum {
  RECORD_BATCH = 64 * 1024, /* plaintext encrypted at a time: then it is sent, so that little ciphertext piles up */
  ROUNDS_PER_TURN = 16,     /* of asking the owner for more, before the loop's other handles have their turn */
  COMPACT_AT = 64 * 1024
};

static size_t plain_left(const struct link *l) { return l->out.len - l->out_head; }
static size_t cipher_left(const struct link *l) { return l->cipher.len - l->cipher_head; }

static void drop_front(struct buf *b, size_t *head, size_t n) {
  *head += n;
  if (*head == b->len) {
    buf_reset(b);
    *head = 0;
    /* A burst's memory is not kept. */
    if (b->cap > 4 * RECORD_BATCH) buf_trim(b);
  } else if (*head >= COMPACT_AT && *head >= b->len / 2) {
    buf_consume(b, *head);
    *head = 0;
  }
}

/* Sends from b; false when the kernel takes no more for now, or for good. */
static bool send_front(struct link *l, struct buf *b, size_t *head, size_t *moved) {
  int os_error = 0;
  ptrdiff_t n = socket_send(l->fd, b->data + *head, b->len - *head, &os_error);

  *moved = 0;
  if (n < 0) {
    if (n == -1)
      l->blocked = true;
    else
      l->write_error = os_error; /* a word of the server may be waiting to be read: that side ends the link */
    return false;
  }
  l->stats.writes++;
  l->stats.bytes_sent += (uint64_t)n;
  *moved = (size_t)n;
  if ((size_t)n < b->len - *head) l->blocked = true;
  drop_front(b, head, (size_t)n);
  return !l->blocked;
}

static bool encrypt_some(struct link *l) {
  size_t n = plain_left(l) < RECORD_BATCH ? plain_left(l) : RECORD_BATCH;
  struct fault f = {0};

  if (tls_write(&l->tls, l->out.data + l->out_head, n, &f) != TLS_OK) {
    link_end(l, &f);
    return false;
  }
  l->taken += n;
  drop_front(&l->out, &l->out_head, n);
  return true;
}

static bool write_cipher(struct link *l) {
  size_t moved;
  bool more;

  if (cipher_left(l) == 0 && (l->handshaking || plain_left(l) == 0 || !encrypt_some(l))) return false;
  more = send_front(l, &l->cipher, &l->cipher_head, &moved);
  if (moved) l->sent = l->taken;
  return more;
}

static bool write_plain(struct link *l) {
  size_t moved;
  bool more;

  if (plain_left(l) == 0) return false;
  more = send_front(l, &l->out, &l->out_head, &moved);
  l->taken += moved;
  l->sent = l->taken;
  return more;
}

void link_write_queued(struct link *l) {
  if (l->write_error || l->blocked) return;
  while (l->has_tls ? write_cipher(l) : write_plain(l)) {}
}

void link_flush(struct link *l) {
  for (int round = 0; round < ROUNDS_PER_TURN; round++) {
    if (l->blocked || l->write_error) return;
    if (!l->handshaking) l->events->on_flush(l->owner);
    if (!link_live(l) || (plain_left(l) == 0 && cipher_left(l) == 0)) return;
    link_write_queued(l);
    if (!link_live(l)) return;
  }
  link_flush_later(l);
}
