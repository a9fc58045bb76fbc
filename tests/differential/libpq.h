/* libpq.h - libpq 18, loaded at run time and by nobody else: the build needs no libpq, and its OpenSSL stays apart from
 * ours. scripts/deps fetches it with the PostgreSQL 18 server; the machine's own libpq is never asked. */
#ifndef DSQL_TEST_LIBPQ_H
#define DSQL_TEST_LIBPQ_H

#include <stdbool.h>

/* PQconninfoOption, from libpq-fe.h; part of libpq's ABI since 1998. */
struct libpq_option {
  char *keyword, *envvar, *compiled, *val, *label, *dispchar;
  int dispsize;
};

struct libpq {
  struct libpq_option *(*parse)(const char *conninfo, char **error);
  struct libpq_option *(*defaults)(void);
  void (*free_options)(struct libpq_option *options);
  void (*free_memory)(void *p);
  void *(*connect)(const char *conninfo);
  char *(*error_message)(const void *conn);
  void (*finish)(void *conn);
  int (*version)(void);
};

/* Ends the program with a message when there is no libpq 18 at that path. */
void libpq_load(struct libpq *pq, const char *path);

/* Removes every environment variable and gives the process an empty home directory, so that neither side finds
 * settings, services, passwords or certificates of the machine's. Makes the directory in build_dir. */
void libpq_isolate(const char *build_dir);

#endif
