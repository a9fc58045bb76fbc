/* link_internal.h - between the files of the link. */
#ifndef DSQL_NET_LINK_INTERNAL_H
#define DSQL_NET_LINK_INTERNAL_H

#include <uv.h>

#include "net/link.h"

struct link {
  uv_poll_t poll;
  struct dsql_rt *rt;
  int fd;
  const struct link_events *events;
  void *owner;
  struct rt_task flush_task, resume_task;

  struct buf out;           /* plaintext; bytes before out_head have left */
  size_t out_head;
  uint64_t taken;           /* plaintext bytes that left `out` for good: to the kernel, or into a TLS record */
  uint64_t sent;
  struct buf cipher;        /* TLS records on their way */
  size_t cipher_head;

  struct tls tls;
  struct buf kept;          /* received while paused, as it came from the socket */
  size_t read_limit;
  int write_error;          /* errno of a failed send: nothing is written any more, the read side tells why */
  int polled;               /* events that the poll handle waits for */
  bool has_tls, handshaking;
  bool closed;              /* link_close() was called: no event any more */
  bool ended;               /* on_end was given */
  bool paused, blocked;
  struct link_stats stats;
};

/* True while events may be given and the socket used. */
static inline bool link_live(const struct link *l) { return !l->closed && !l->ended; }
void link_poll_update(struct link *l);
void link_end(struct link *l, const struct fault *f);
void link_end_os(struct link *l, const char *what, int os_error);

/* link_read.c */
void link_read(struct link *l);
/* Bytes from the socket, or kept ones. */
void link_deliver(struct link *l, const uint8_t *p, size_t n);
/* link_write.c */
void link_flush(struct link *l);       /* asks the owner for output first */
void link_write_queued(struct link *l); /* what is there already */
/* link_tls.c */
void link_deliver_tls(struct link *l, const uint8_t *p, size_t n);

#endif
