/* link.h - a full-duplex byte stream over one connected socket, optionally through TLS. Plaintext in and out; the owner
 * never sees ciphertext, a poll handle or errno.
 *
 *   PLAIN ----link_start_tls----> HANDSHAKE ----on_tls----> TLS ----close/failure----> CLOSED
 *
 * Reading goes on whatever is waiting to be written, and stops only for link_pause(). Writing: the owner appends to
 * link_out() and calls link_flush_later(); all of it leaves in one write at the end of the loop turn. A link ends with
 * exactly one on_end unless it is closed first. */
#ifndef DSQL_NET_LINK_H
#define DSQL_NET_LINK_H

#include "base/buf.h"
#include "net/socket.h"
#include "net/watch.h"
#include "rt/rt.h"
#include "tls/tls.h"

struct link;

struct link_events {
  /* Decrypted bytes, in a slab that is reused when this returns. The owner consumes or copies all of them. */
  void (*on_data)(void *owner, const uint8_t *p, size_t n);
  /* The handshake ended well. */
  void (*on_tls)(void *owner);
  /* About to write: append what should leave now to link_out() (pull, so that unsent work can still be dropped). True:
   * there is more, ask again when this has left. */
  bool (*on_flush)(void *owner);
  /* After a read event or an attempt to write, when the owner may look at its own state; last call of the turn. */
  void (*on_turn)(void *owner);
  /* End of stream (fault code ECLOSED), socket error (EIO), TLS failure (ETLS). No further event. */
  void (*on_end)(void *owner, const struct fault *f);
};

struct link_stats {
  uint64_t bytes_sent, bytes_received, writes, reads;
};

/* Takes the watch of a connected socket over, also when it fails. out_max bounds link_out(). 0, ENOMEM. */
int link_open(struct link **out, struct dsql_rt *rt, struct watch *w, const struct link_events *events, void *owner,
              size_t out_max);
/* No event follows, also not from inside one; queued output is tried once (a Terminate), then everything is closed. Has
 * to be called after on_end, too: it gives the memory back. NULL is allowed. */
void link_close(struct link *l);

/* From here on events go to another owner: whoever negotiated the link hands it on. Also from inside an event. */
void link_adopt(struct link *l, const struct link_events *events, void *owner);

struct buf *link_out(struct link *l);         /* plaintext */
uint64_t link_appended(const struct link *l); /* plaintext bytes ever appended to link_out() */
void link_flush_later(struct link *l);        /* on_flush, then one write, at the end of this turn */
/* Plaintext bytes ever appended to link_out() of which at least one byte (TLS: of whose record) the kernel took. */
uint64_t link_sent(const struct link *l);
bool link_write_blocked(const struct link *l); /* the kernel's buffer is full: on_flush comes when it is not */

/* ctx is kept alive by the link. Bytes received before the handshake that nobody consumed make it fail
 * (CVE-2021-23222): the owner must have consumed exactly the answer to its SSLRequest. 0, ENOMEM, ETLS. */
int link_start_tls(struct link *l, struct tls_context *ctx, const struct tls_session_params *p, struct fault *f);
struct tls *link_tls(struct link *l); /* NULL when plain */

void link_pause(struct link *l);  /* no on_data until resumed, also not for bytes already received: they are kept */
void link_resume(struct link *l); /* on_data comes from the loop, not inside this call */
/* A referenced link keeps the loop alive while it reads or has something to write. */
void link_ref(struct link *l, bool alive);
/* Expect no more than n bytes per read until changed; 0: no limit. For the one-byte answer to an SSLRequest. */
void link_read_limit(struct link *l, size_t n);
/* Idle for a while: OpenSSL's record buffers are given back. */
void link_release_buffers(struct link *l);
void link_stats_get(const struct link *l, struct link_stats *out);

#endif
