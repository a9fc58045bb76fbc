/* dial_internal.h - between dial.c (addresses) and dial_race.c (connects). */
#ifndef DSQL_NET_DIAL_INTERNAL_H
#define DSQL_NET_DIAL_INTERNAL_H

#include <uv.h>

#include "base/buf.h"
#include "net/dial.h"

/* One TCP connect under way. Its memory goes in the close callback of its handle. */
struct attempt {
  uv_poll_t poll;
  struct list node; /* in dial->attempts */
  struct dial *dial;
  struct dsql_rt *rt;
  struct socket_address address;
  int fd;
};

struct lookup; /* a getaddrinfo under way; outlives a canceled dial */

struct dial {
  struct dsql_rt *rt;
  dial_fn done;
  void *owner;
  struct dial_params params; /* strings are copies, in `strings` */
  char *strings;
  struct lookup *lookup;
  struct socket_address addresses[DIAL_ADDRESSES_MAX];
  size_t count, next;
  struct list attempts;
  struct rt_timer stagger;
  struct rt_task start; /* begins outside dial_start() */
  struct buf report;
  int os_error;
};

/* Starts racing over the addresses; may finish, and free d, before it returns. */
void dial_race(struct dial *d);
/* Ends d: with a socket, or with all that failed. */
void dial_finish(struct dial *d, int fd, const struct socket_address *address, const struct fault *fault);
void dial_note_failure(struct dial *d, const struct socket_address *a, const char *text, int os_error);
void attempt_close(struct attempt *a, bool keep_fd);
/* RFC 8305, section 4: families take turns, beginning with that of the first address. */
void dial_interleave(struct socket_address *addresses, size_t n);

#endif
