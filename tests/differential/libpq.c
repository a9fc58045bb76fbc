#include "libpq.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* dlsym() gives an object pointer; ISO C has no conversion to a function pointer, so the bytes are copied. */
static void load(void *handle, const char *name, void *out) {
  void *symbol = dlsym(handle, name);

  if (!symbol) {
    fprintf(stderr, "no %s in this libpq\n", name);
    exit(1);
  }
  memcpy(out, &symbol, sizeof symbol);
}

void libpq_load(struct libpq *pq, const char *path) {
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

  if (!handle) {
    fprintf(stderr, "libpq 18 is needed, and scripts/deps installs it: %s\n", dlerror());
    exit(1);
  }
  load(handle, "PQconninfoParse", &pq->parse);
  load(handle, "PQconndefaults", &pq->defaults);
  load(handle, "PQconninfoFree", &pq->free_options);
  load(handle, "PQfreemem", &pq->free_memory);
  load(handle, "PQconnectdb", &pq->connect);
  load(handle, "PQerrorMessage", &pq->error_message);
  load(handle, "PQfinish", &pq->finish);
  load(handle, "PQlibVersion", &pq->version);
  if (pq->version() / 10000 == 18) return;
  fprintf(stderr, "%s is libpq %d, and 18 is what we compare with\n", path, pq->version());
  exit(1);
}

void libpq_isolate(const char *build_dir) {
  char home[4096];

  (void)snprintf(home, sizeof home, "%s/differential-home", build_dir);
  (void)mkdir(home, 0700); /* it may be there from the last run, empty */
  clearenv();
  setenv("HOME", home, 1);
  setenv("PGSYSCONFDIR", home, 1);
}
