/* watch.h - a socket with libuv's handle that tells when it can be read or written, as one thing that is handed on: from
 * the dial, which waits until it is connected, to the link. A handle of the link's own would cost system calls. */
#ifndef DSQL_NET_WATCH_H
#define DSQL_NET_WATCH_H

#include "rt/rt.h"

struct watch;
/* Inside rt_enter() and rt_leave(). status < 0: libuv saw an error condition, and watches no longer. */
typedef void (*watch_fn)(void *owner, int status, int events);

/* Takes the fd over, also when it fails. 0, ENOMEM, EIO (it can't be watched). */
int watch_open(struct watch **out, struct dsql_rt *rt, int fd);
int watch_fd(const struct watch *w);
/* UV_READABLE, UV_WRITABLE or both, until told otherwise; 0: nothing. Each change is two system calls. */
void watch_for(struct watch *w, int events, watch_fn fn, void *owner);
/* Does it keep the loop alive? It does at first, while it watches for something. */
void watch_ref(struct watch *w, bool alive);
/* The socket is closed at once, and nothing is told any more. closed (NULL: nobody asks): from the loop, when libuv has
 * let go, so that the owner's memory may go, too. */
void watch_close(struct watch *w, void (*closed)(void *owner), void *owner);

#endif
