/* process.h - a child process run to its end, its output collected: credential_process.
 *
 * Limits of libuv: it learns of a child's end by SIGCHLD and waitpid(pid). A program that installs a SIGCHLD handler of
 * its own, or waits for any child, takes the news away: then only the time limit ends the process. A child that leaves
 * its process group survives a kill; it isn't waited for. When the child has exited but something that it started keeps
 * its output open, that is read for one second more and then closed.
 *
 * When the runtime closes, each process that its owner has not canceled by then is killed and ends with ECANCELED. */
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

/* Called once, from the loop, unless canceled before. r is NULL when it ran too long (ETIMEDOUT: it and its process
 * group are killed), printed too much (ETOOBIG), found no memory (ENOMEM) or was stopped by the runtime's close
 * (ECANCELED). Texts never contain the command or its output. The process is gone when it returns; inside,
 * process_cancel() of it is allowed and does nothing. */
typedef void process_done(void *owner, const struct process_result *r, const struct fault *f);

/* Runs `/bin/sh -c command` with the caller's environment, standard input from /dev/null, in a process group of its
 * own. 0, ENOMEM, EIO, ECANCELED (the runtime is closing): then done is not called. Not called inside process_start()
 * either. The loop is kept alive meanwhile. timeout_ms 0: 60 s. A command that does not exist is the shell's exit
 * status 127, not a fault. */
int process_start(struct process **out, struct dsql_rt *rt, const char *command, uint32_t timeout_ms,
                  process_done *done, void *owner, struct fault *f);
/* Kills it; done will not be called; NULL is allowed. Until the child is gone it keeps the loop alive. */
void process_cancel(struct process *p);

#endif
