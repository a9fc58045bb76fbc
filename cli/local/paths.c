#include "local/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { OPEN_DIRS_MAX = 16, REMOVE_TRIES = 50, REMOVE_PAUSE_NS = 20000000 };

bool local_path_join(char out[LOCAL_PATH_SIZE], const char *dir, const char *name) {
  int n = snprintf(out, LOCAL_PATH_SIZE, "%s/%s", dir, name);
  if (n > 0 && n < LOCAL_PATH_SIZE) return true;
  out[0] = '\0';
  return false;
}

bool local_path_exists(const char *path) {
  struct stat s;
  return stat(path, &s) == 0;
}

static bool write_all(int fd, const char *text, size_t n) {
  while (n) {
    ssize_t written = write(fd, text, n);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text += written;
    n -= (size_t)written;
  }
  return true;
}

bool local_path_write_atomic(const char *path, const char *text, size_t n, mode_t mode) {
  char temporary[LOCAL_PATH_SIZE];
  int fd, saved;
  bool ok;

  if ((size_t)snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid()) >= sizeof temporary) {
    errno = ENAMETOOLONG;
    return false;
  }
  (void)unlink(temporary);
  fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return false;
  ok = fchmod(fd, mode) == 0 && write_all(fd, text, n);
  ok = close(fd) == 0 && ok && rename(temporary, path) == 0;
  saved = errno;
  if (!ok) (void)unlink(temporary);
  errno = saved;
  return ok;
}

bool local_path_read(const char *path, char *out, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  size_t used = 0;
  ssize_t n = 1;

  out[0] = '\0';
  if (fd < 0) return false;
  while (used < size - 1 && n > 0) {
    n = read(fd, out + used, size - 1 - used);
    if (n > 0) used += (size_t)n;
  }
  out[used] = '\0';
  (void)close(fd);
  return n >= 0;
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *at) {
  (void)s;
  (void)type;
  (void)at;
  (void)remove(path);
  return 0;
}

/* Something that is just ending may still write or remove files in it: then the walk stumbles, and is made again. */
void local_path_remove_tree(const char *path) {
  const struct timespec pause = {0, REMOVE_PAUSE_NS};

  for (int i = 0; i < REMOVE_TRIES; i++) {
    (void)nftw(path, remove_one, OPEN_DIRS_MAX, FTW_DEPTH | FTW_PHYS);
    if (!local_path_exists(path)) return;
    (void)nanosleep(&pause, NULL);
  }
}
