#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/sha1.h"
#include "creds/source_sso.h"

static int no_home(struct fault *f) {
  return fault_set(f, DSQL_EINVAL, "the cached token is in the home directory, which is not known: set HOME");
}

int sso_token_path(const struct target_env *env, const struct sso_config *config, char out[SSO_PATH_SIZE],
                   struct fault *f) {
  const char *home = env->getenv(env->ctx, "HOME");
  const char *key = config->session ? config->session : config->start_url;
  char known[SSO_PATH_SIZE], name[SHA1_HEX_SIZE];
  int n, rc = sha1_hex(key, strlen(key), name, f);

  if (rc) return rc;
  if (!home || !*home) {
    if (env->home_dir(env->ctx, known, sizeof known)) return no_home(f);
    home = known;
  }
  n = snprintf(out, SSO_PATH_SIZE, "%s/.aws/sso/cache/%s.json", home, name);
  return n > 0 && n < SSO_PATH_SIZE ? 0 : fault_set(f, DSQL_EINVAL, "HOME is too long");
}

static int write_all(int fd, const char *p, size_t n) {
  while (n) {
    ssize_t k = write(fd, p, n);
    if (k < 0 && errno != EINTR) return errno;
    if (k > 0) {
      p += k;
      n -= (size_t)k;
    }
  }
  return fsync(fd) ? errno : 0;
}

/* In the same directory, for rename() to be atomic. O_EXCL follows no link that somebody laid there. The name is the
 * process's own; what a killed one of the same id left behind is removed. */
static int create_beside(const char *path, char *name, size_t size) {
  int n = snprintf(name, size, "%s.tmp-%ld", path, (long)getpid()), fd;

  if (n < 0 || (size_t)n >= size) {
    errno = ENAMETOOLONG;
    return -1;
  }
  fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
  if (fd >= 0 || errno != EEXIST) return fd;
  if (unlink(name)) return -1;
  return open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
}

int sso_file_replace(const char *path, const void *data, size_t n) {
  char name[SSO_PATH_SIZE + 32];
  int fd = create_beside(path, name, sizeof name), rc;

  if (fd < 0) return errno;
  rc = write_all(fd, data, n);
  if (close(fd) && rc == 0) rc = errno;
  if (rc == 0 && rename(name, path)) rc = errno;
  if (rc) (void)unlink(name);
  return rc;
}
