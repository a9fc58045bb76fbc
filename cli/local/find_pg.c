#include "local/find_pg.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diagnostics.h"

static const char debian_root[] = "/usr/lib/postgresql";

static bool has_programs(const char *dir) {
  static const char *const programs[] = {"initdb", "postgres"};
  char path[LOCAL_PATH_SIZE];

  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
    if (!local_path_join(path, dir, programs[i]) || access(path, X_OK) != 0) return false;
  return true;
}

/* Absolute, because the server is started from another directory. */
static bool take(const char *dir, char out[LOCAL_PATH_SIZE]) {
  char *absolute;

  if (!has_programs(dir)) return false;
  absolute = realpath(dir, NULL);
  if (!absolute) return false;
  snprintf(out, LOCAL_PATH_SIZE, "%s", absolute);
  free(absolute);
  return true;
}

static bool find_in_path(char out[LOCAL_PATH_SIZE]) {
  const char *path = getenv("PATH");
  char dir[LOCAL_PATH_SIZE];

  while (path && *path) {
    size_t n = strcspn(path, ":");
    snprintf(dir, sizeof dir, "%.*s", (int)n, path);
    if (n && n < sizeof dir && take(dir, out)) return true;
    path += n + (path[n] == ':');
  }
  return false;
}

static bool find_in_debian(char out[LOCAL_PATH_SIZE]) {
  DIR *root = opendir(debian_root);
  struct dirent *entry;
  long newest = 0;
  char dir[LOCAL_PATH_SIZE];

  while (root && (entry = readdir(root)) != NULL) {
    char *end;
    long version = strtol(entry->d_name, &end, 10);
    if (*end || version <= newest) continue;
    snprintf(dir, sizeof dir, "%s/%s/bin", debian_root, entry->d_name);
    if (take(dir, out)) newest = version;
  }
  if (root) (void)closedir(root);
  return newest > 0;
}

bool find_pg(const char *given, char out[LOCAL_PATH_SIZE]) {
  if (given) {
    if (take(given, out)) return true;
    diagnostics_say("local: --pg-bin %s has no initdb and postgres that can be run", given);
    return false;
  }
  if (find_in_path(out) || find_in_debian(out)) return true;
  diagnostics_say(
      "local: found no PostgreSQL: no initdb and postgres in PATH or in %s/*/bin; install postgresql (15 or "
      "newer), or tell with --pg-bin DIR where it is",
      debian_root);
  return false;
}
