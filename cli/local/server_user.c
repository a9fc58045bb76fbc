#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "diagnostics.h"
#include "local/server.h"

enum { SOCKET_DIR_MAX = 80 }; /* leaves room for "/.s.PGSQL.5432" under PostgreSQL's own limit */

bool server_choose_user(struct server *s) {
  const char *name = s->options->run_as ? s->options->run_as : "nobody";
  const struct passwd *user;

  if (geteuid() != 0) {
    if (!s->options->run_as) return true;
    diagnostics_say("local: --run-as %s: only root can run the server as somebody else", name);
    return false;
  }
  user = getpwnam(name);
  if (!user || user->pw_uid == 0) {
    diagnostics_say("local: PostgreSQL does not run as root, and %s is no other user: name one with --run-as", name);
    return false;
  }
  s->drop = true;
  s->uid = user->pw_uid;
  s->gid = user->pw_gid;
  snprintf(s->user, sizeof s->user, "%s", name);
  return true;
}

static bool make_dir(struct server *s, const char *path) {
  if (mkdir(path, 0700) != 0 && errno != EEXIST) {
    diagnostics_say("local: cannot make %s: %s", path, strerror(errno));
    return false;
  }
  if ((!s->drop || chown(path, s->uid, s->gid) == 0) && chmod(path, 0700) == 0) return true;
  diagnostics_say("local: cannot give %s to user %s: %s", path, s->drop ? s->user : "itself", strerror(errno));
  return false;
}

/* Can the server's user get to dir at all? Each directory on the way has to let others pass. */
static bool reachable(const struct server *s) {
  char path[LOCAL_PATH_SIZE];
  struct stat st;

  if (!s->drop) return true;
  snprintf(path, sizeof path, "%s", s->dir);
  for (char *slash = path; (slash = strchr(slash + 1, '/')) != NULL; *slash = '/') {
    *slash = '\0';
    if (stat(path, &st) == 0 && !(st.st_mode & S_IXOTH) && st.st_uid != s->uid) {
      diagnostics_say("local: user %s, who is to run the private PostgreSQL, can't reach %s, because %s is closed to "
                      "others; choose another --data, or another --run-as",
                      s->user, s->dir, path);
      return false;
    }
  }
  return true;
}

static bool choose_socket_dir(struct server *s) {
  char path[LOCAL_PATH_SIZE];

  if (local_path_join(path, s->dir, "sock") && strlen(path) <= SOCKET_DIR_MAX) {
    snprintf(s->socket_dir, sizeof s->socket_dir, "%.*s", SOCKET_DIR_MAX, path);
    return make_dir(s, s->socket_dir);
  }
  snprintf(s->socket_dir, sizeof s->socket_dir, "/tmp/dsql-local-sock-XXXXXX");
  s->temporary_socket_dir = true;
  if (mkdtemp(s->socket_dir)) return make_dir(s, s->socket_dir);
  diagnostics_say("local: cannot make %s: %s", s->socket_dir, strerror(errno));
  s->temporary_socket_dir = false;
  return false;
}

bool server_make_dirs(struct server *s) {
  if (!local_path_join(s->data, s->dir, "pg") || !local_path_join(s->log, s->dir, "postgres.log")) {
    diagnostics_say("local: the path %s is too long", s->dir);
    return false;
  }
  if (s->drop && chmod(s->dir, 0711) != 0) { /* so that the server's user passes */
    diagnostics_say("local: cannot change the mode of %s: %s", s->dir, strerror(errno));
    return false;
  }
  if (!reachable(s) || !make_dir(s, s->data) || !choose_socket_dir(s)) return false;
  snprintf(s->socket, sizeof s->socket, "%.*s/.s.PGSQL.%d", SOCKET_DIR_MAX, s->socket_dir, SERVER_PORT);
  return true;
}
