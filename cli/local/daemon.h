/* daemon.h - in the background, and the end of what runs there. */
#ifndef DSQL_CLI_LOCAL_DAEMON_H
#define DSQL_CLI_LOCAL_DAEMON_H

#include <stddef.h>
#include <sys/types.h>

/* Forks. In the child, a session of its own: returns 0, and *report is where daemon_report() writes. In the parent:
 * waits for the report, writes it to standard output and returns the child's process id; -1 when the child failed,
 * which has told why. */
pid_t daemon_start(int *report);
/* The child is ready: sends the text and lets go of the terminal; standard error goes to the file log_path. */
void daemon_report(int report, const char *text, size_t n, const char *log_path);

/* Ends a process and waits for it, up to 30 s. Returns an exit code, after telling. */
int daemon_stop(const char *data_dir);

#endif
