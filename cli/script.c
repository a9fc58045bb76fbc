#include "script.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diagnostics.h"

enum { FIRST_SIZE = 64 * 1024 };

struct script {
  char *text;
  size_t len, cap;
};

/* 0, or errno. Leaves room for the NUL behind the text. */
static int read_all(struct script *s, int fd) {
  for (;;) {
    ssize_t n;
    if (s->cap - s->len < 2) {
      size_t cap = s->cap ? 2 * s->cap : FIRST_SIZE;
      char *more = realloc(s->text, cap);
      if (!more) return ENOMEM;
      s->text = more;
      s->cap = cap;
    }
    n = read(fd, s->text + s->len, s->cap - s->len - 1);
    if (n == 0) return 0;
    if (n < 0 && errno != EINTR) return errno;
    if (n > 0) s->len += (size_t)n;
  }
}

static char *finish(struct script *s, const char *name, int error) {
  if (error)
    diagnostics_say("cannot read %s: %s", name, strerror(error));
  else if (memchr(s->text, '\0', s->len))
    diagnostics_say("%s is no script: it has a NUL byte", name);
  else {
    s->text[s->len] = '\0';
    return s->text;
  }
  free(s->text);
  return NULL;
}

char *script_read(const char *path) {
  bool standard = strcmp(path, "-") == 0;
  int error, fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
  struct script s = {0};

  if (fd < 0) {
    diagnostics_say("cannot open %s: %s", path, strerror(errno));
    return NULL;
  }
  error = read_all(&s, fd);
  if (!standard) (void)close(fd);
  return finish(&s, standard ? "standard input" : path, error);
}
