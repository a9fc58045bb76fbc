/* link_state.h - a link's own fields; private to src/net.
 *
 *   link.c        open, close, what is polled for, the end
 *   link_read.c   from the socket to on_data
 *   link_bulk.c   when to read, while a lot comes
 *   link_write.c  from on_flush and out to the socket
 *   link_tls.c    both ways through TLS
 *
 * The owner may close the link inside any event. So after every call-out (and after anything that may call out) the
 * code asks link_gone() first; the memory stays until libuv has closed the handle of the socket. */
#ifndef DSQL_NET_LINK_STATE_H
#define DSQL_NET_LINK_STATE_H

#include <uv.h>

#include "net/link.h"

enum link_state { LINK_PLAIN, LINK_HANDSHAKE, LINK_TLS };

enum {
  LINK_ROUNDS = 4,               /* slabs read per event, before other sockets get their turn */
  LINK_BULK_AFTER = 1024 * 1024, /* bytes that came while nothing was sent: a stream */
  LINK_BULK_BYTES = 2 * RT_SLAB_SIZE,
  LINK_BULK_MS = 1,
  LINK_WRITE_ROUNDS = 16,       /* writes per event, likewise */
  LINK_RECORD_SIZE = 16 * 1024, /* plaintext per TLS record */
  LINK_MARKS = 4,               /* records that are encrypted and of which nothing has left yet */
  LINK_CIPHER_MAX = 256 * 1024,
  LINK_KEEP_MAX = 1024 * 1024, /* an empty buffer larger than this is given back */
  LINK_COMPACT_MIN = 256 * 1024
};

/* A record on its way: once a byte of it is sent, the plaintext up to plain_end counts as sent. */
struct link_mark {
  uint64_t cipher_begin, plain_end;
};

/* A byte queue: an append-only buffer whose front is taken without moving the rest each time. */
struct link_queue {
  struct buf buf;
  size_t head;   /* of buf, taken already */
  uint64_t base; /* bytes ever removed from buf */
};

struct link {
  struct watch *watch;
  struct dsql_rt *rt;
  const struct link_events *events;
  void *owner;
  int fd;
  int polled; /* the events asked of libuv */
  enum link_state state;
  bool paused, referenced, blocked;
  bool closed;     /* by the owner */
  bool ended;      /* on_end was called */
  bool write_dead; /* the socket takes nothing more; what the peer said before is still read */
  int write_error; /* its errno */
  bool bulk;
  uint64_t bulk_from; /* bytes received when the stream began */
  struct rt_timer bulk_timer;
  size_t read_limit;      /* 0: none */
  size_t delivering;      /* bytes of the plain on_data under way */
  struct link_queue out;  /* plaintext of the owner's */
  struct link_queue wire; /* TLS: ciphertext */
  struct link_queue kept; /* TLS: ciphertext received and not read because of a pause */
  struct link_mark marks[LINK_MARKS];
  size_t mark_first, mark_count;
  uint64_t sent; /* TLS: link_sent() */
  struct tls tls;
  struct rt_task flush_task, read_task;
  struct link_stats stats;
  const struct fault *fault; /* an end that waits for link_resume(); NULL: none */
};

static inline bool link_gone(const struct link *l) { return l->closed || l->ended; }
static inline bool link_reading(const struct link *l) { return !l->closed && !l->ended && !l->paused; }

static inline size_t queue_left(const struct link_queue *q) { return q->buf.len - q->head; }
static inline const uint8_t *queue_front(const struct link_queue *q) { return q->buf.data + q->head; }
void queue_take(struct link_queue *q, size_t n);

/* Asks libuv for what is needed now, if that has changed. */
void link_poll_update(struct link *l);
/* Tells the owner, once; everything stops. */
void link_end(struct link *l, const struct fault *f);

/* All that is there, up to LINK_ROUNDS slabs. error_seen: the socket reported an error, which recv() should show. */
void link_read(struct link *l, bool error_seen);
/* To be called after each attempt to read, and after the kernel took bytes. */
void link_bulk_read(struct link *l);
void link_bulk_sent(struct link *l);
void link_bulk_stop(struct link *l); /* the link ends */
/* Sends what is there, then what the owner has; pull: asks the owner first. */
void link_push(struct link *l, bool pull);
/* One attempt, for what the owner has queued when it closes the link: a Terminate, then TLS's own farewell. */
void link_push_last(struct link *l);
/* One attempt, for what TLS has to say when it fails. Nothing of the owner's is sent: it may count as not sent. */
void link_push_alert(struct link *l);
/* The socket takes nothing more; os_error may be 0, not known. */
void link_write_failed(struct link *l, int os_error);

/* Takes n received bytes; returns how many of the last ones are unread because of a pause. */
size_t link_tls_take(struct link *l, const uint8_t *p, size_t n);
/* Encrypts from out to wire as much as is allowed now. False: failed, and ended. */
bool link_tls_encrypt(struct link *l, struct fault *f);
/* To be called when the kernel took bytes of wire. */
void link_tls_sent(struct link *l);
void link_tls_deinit(struct link *l);

#endif
