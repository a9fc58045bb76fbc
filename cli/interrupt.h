/* interrupt.h - Ctrl-C cancels the future that is waited for; a second one ends the process at once, as ever. */
#ifndef DSQL_CLI_INTERRUPT_H
#define DSQL_CLI_INTERRUPT_H

#include <stdbool.h>
#include <uv.h>

#include <dsql/dsql.h>

struct interrupt {
  uv_async_t async;
  dsql_future *future; /* what is waited for, set by the owner; NULL: only came is set */
  bool came;
};

enum { EXIT_INTERRUPTED = 130 }; /* 128 + SIGINT, as shells have it */

/* One at a time per process. Does not keep the loop alive. Returns libuv's status. */
int interrupt_arm(struct interrupt *i, uv_loop_t *loop);
/* Ctrl-C does what it did before; the loop must run once more until the handle is closed. */
void interrupt_disarm(struct interrupt *i);

#endif
