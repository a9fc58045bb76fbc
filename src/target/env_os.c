#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/env.h"

static const char *os_getenv(void *ctx, const char *name) {
  (void)ctx;
  return getenv(name);
}

static int os_stat(void *ctx, const char *path, struct target_file *out) {
  struct stat st;

  (void)ctx;
  if (stat(path, &st)) return errno;
  *out = (struct target_file){.regular = S_ISREG(st.st_mode),
                              .directory = S_ISDIR(st.st_mode),
                              .owned_by_root = st.st_uid == 0,
                              .mode = st.st_mode & 07777};
  return 0;
}

static int read_all(int fd, struct buf *out) {
  for (;;) {
    ssize_t n;

    if (!buf_reserve(out, 1)) return out->error == DSQL_ENOMEM ? ENOMEM : EFBIG;
    n = read(fd, out->data + out->len, out->cap - out->len);
    if (n == 0) return 0;
    if (n < 0 && errno != EINTR) return errno;
    if (n > 0) out->len += (size_t)n;
  }
}

static int os_read_file(void *ctx, const char *path, struct buf *out) {
  int fd, rc;

  (void)ctx;
  fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return errno;
  rc = read_all(fd, out);
  (void)close(fd);
  return rc;
}

static int copy_out(const char *s, char *out, size_t size) {
  size_t n = strlen(s);

  if (n >= size) return ERANGE;
  memcpy(out, s, n + 1);
  return 0;
}

static int look_up(bool home, char *out, size_t size) {
  char strings[8192];
  struct passwd entry, *found = NULL;
  int rc = getpwuid_r(geteuid(), &entry, strings, sizeof strings, &found);

  if (rc) return rc;
  if (!found) return ENOENT;
  return copy_out(home ? entry.pw_dir : entry.pw_name, out, size);
}

static int os_home_dir(void *ctx, char *out, size_t size) {
  (void)ctx;
  return look_up(true, out, size);
}

static int os_user_name(void *ctx, char *out, size_t size) {
  (void)ctx;
  return look_up(false, out, size);
}

const struct target_env *target_env_os(void) {
  static const struct target_env env = {.getenv = os_getenv,
                                        .stat = os_stat,
                                        .read_file = os_read_file,
                                        .home_dir = os_home_dir,
                                        .user_name = os_user_name};
  return &env;
}
