/* http_poll.h - a socket that belongs to somebody else (libcurl), watched in the loop. */
#ifndef DSQL_NET_HTTP_POLL_H
#define DSQL_NET_HTTP_POLL_H

#include "rt/rt.h"

enum { HTTP_POLL_IN = 1, HTTP_POLL_OUT = 2, HTTP_POLL_ERR = 4 };

/* socket(2), not inherited by child processes, whichever thread starts one. */
int http_poll_socket(int family, int type, int protocol);

struct http_poll;

/* From the loop, between rt_enter() and rt_leave(). It may close the watcher. */
typedef void http_poll_event(void *owner, int fd, int events);

/* NULL: no memory. Nothing is watched yet. */
struct http_poll *http_poll_new(struct dsql_rt *rt, int fd, http_poll_event *event, void *owner);
/* events: of HTTP_POLL_IN and HTTP_POLL_OUT, in place of the ones before. */
int http_poll_set(struct http_poll *p, int events);
/* No event comes any more, and the descriptor may be closed. NULL is allowed. */
void http_poll_close(struct http_poll *p);

#endif
