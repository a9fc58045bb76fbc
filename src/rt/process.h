/* process.h - a child process run to its end, its output collected: credential_process. */
#ifndef DSQL_RT_PROCESS_H
#define DSQL_RT_PROCESS_H

#include "base/buf.h"
#include "base/error.h"
#include "rt/rt.h"

enum { PROCESS_OUTPUT_MAX = 64 * 1024 };

struct process_result {
  int exit_status, signal; /* signal 0: it exited */
  dsql_str out, err;       /* live until the callback returns; cleansed then. err is cut at PROCESS_OUTPUT_MAX */
};

struct process;

/* Called once, from the loop, unless canceled before. r is NULL when it could not be run, ran too long (ETIMEDOUT: it and
 * its process group are killed) or printed too much (ETOOBIG). The process is gone when it returns. */
typedef void process_done(void *owner, const struct process_result *r, const struct fault *f);

/* Runs `/bin/sh -c command` with the caller's environment, standard input from /dev/null, in a process group of its own.
 * 0, ENOMEM, EIO: then done is not called. Not called inside process_start() either. The loop is kept alive meanwhile. */
int process_start(struct process **out, struct dsql_rt *rt, const char *command, uint32_t timeout_ms,
                  process_done *done, void *owner, struct fault *f);
void process_cancel(struct process *p); /* kills it; done will not be called; NULL is allowed */

#endif
