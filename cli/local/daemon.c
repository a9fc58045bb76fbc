#include "local/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "diagnostics.h"
#include "local/options.h"
#include "local/paths.h"

enum { STOP_TRIES = 600, STOP_PAUSE_NS = 50000000, PID_TEXT_SIZE = 32 };

static bool write_all(int fd, const char *p, size_t n) {
  while (n) {
    ssize_t written = write(fd, p, n);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    p += written;
    n -= (size_t)written;
  }
  return true;
}

static void redirect(int fd, const char *path, int flags) {
  int file = open(path, flags, 0600);
  if (file < 0) return;
  (void)dup2(file, fd);
  if (file != fd) (void)close(file);
}

/* Copies the report to standard output; false when there was none. */
static bool copy_report(int fd) {
  char chunk[4096];
  ssize_t n;
  bool any = false;

  while ((n = read(fd, chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR)) {
    if (n < 0) continue;
    any = true;
    if (!write_all(STDOUT_FILENO, chunk, (size_t)n)) break;
  }
  return any;
}

pid_t daemon_start(int *report) {
  int ends[2];
  pid_t child;

  if (pipe2(ends, O_CLOEXEC) != 0 || (child = fork()) < 0) {
    diagnostics_say("local: cannot start in the background: %s", strerror(errno));
    return -1;
  }
  if (child == 0) {
    (void)close(ends[0]);
    (void)setsid();
    redirect(STDIN_FILENO, "/dev/null", O_RDONLY);
    redirect(STDOUT_FILENO, "/dev/null", O_WRONLY);
    *report = ends[1];
    return 0;
  }
  (void)close(ends[1]);
  if (!copy_report(ends[0])) child = -1;
  (void)close(ends[0]);
  return child;
}

void daemon_report(int report, const char *text, size_t n, const char *log_path) {
  (void)write_all(report, text, n);
  (void)close(report);
  redirect(STDERR_FILENO, log_path, O_WRONLY | O_CREAT | O_APPEND);
}

/* ---- --stop ---- */

static bool read_pid(const char *data_dir, long *out) {
  char path[LOCAL_PATH_SIZE], text[PID_TEXT_SIZE], *end;
  const char *from = getenv("DSQL_LOCAL_PID");

  if (data_dir) {
    if (!local_path_join(path, data_dir, "pid") || !local_path_read(path, text, sizeof text)) {
      diagnostics_say("local: nothing runs in %s", data_dir);
      return false;
    }
    from = text;
  }
  if (!from || !*from) {
    diagnostics_say("local: --stop needs --data DIR, or DSQL_LOCAL_PID in the environment");
    return false;
  }
  *out = strtol(from, &end, 10);
  if (*out > 1 && (*end == '\0' || *end == '\n')) return true;
  diagnostics_say("local: '%s' is no process id", from);
  return false;
}

/* /proc/PID/name, where there is such a thing. */
static bool read_proc(long pid, const char *name, char *out, size_t size) {
  char path[LOCAL_PATH_SIZE];
  snprintf(path, sizeof path, "/proc/%ld/%s", pid, name);
  return local_path_read(path, out, size);
}

/* A process id may have been given to somebody else meanwhile. */
static bool is_one_of_us(long pid) {
  char theirs[64], ours[64];
  return !read_proc(pid, "comm", theirs, sizeof theirs) || !read_proc(getpid(), "comm", ours, sizeof ours) ||
         strcmp(theirs, ours) == 0;
}

/* One that has ended and that nobody has waited for yet is gone, too. */
static bool gone(long pid) {
  char stat[512];
  const char *state;

  if (kill((pid_t)pid, 0) != 0) return true;
  if (!read_proc(pid, "stat", stat, sizeof stat)) return false;
  state = strrchr(stat, ')');
  return state && strncmp(state, ") Z", 3) == 0;
}

int daemon_stop(const char *data_dir) {
  const struct timespec pause = {0, STOP_PAUSE_NS};
  long pid;

  if (!read_pid(data_dir, &pid)) return LOCAL_EXIT_FAILED;
  if (!is_one_of_us(pid)) {
    diagnostics_say("local: process %ld is no dsql local any more", pid);
    return LOCAL_EXIT_FAILED;
  }
  if (kill((pid_t)pid, SIGTERM) != 0) {
    diagnostics_say("local: cannot stop process %ld: %s", pid, strerror(errno));
    return LOCAL_EXIT_FAILED;
  }
  for (int i = 0; i < STOP_TRIES; i++) {
    if (gone(pid)) return LOCAL_EXIT_OK;
    (void)nanosleep(&pause, NULL);
  }
  diagnostics_say("local: process %ld does not end", pid);
  return LOCAL_EXIT_FAILED;
}
