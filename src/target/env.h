/* env.h - the process around a target: environment variables, files, the user. A table of functions, so that the
 * layer itself stays free of input and output and tests give their own. */
#ifndef DSQL_TARGET_ENV_H
#define DSQL_TARGET_ENV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct target_file {
  bool regular, directory, owned_by_root;
  unsigned mode; /* permission bits */
};

struct target_env {
  void *ctx;
  /* NULL when unset; the string lives until the next call. */
  const char *(*getenv)(void *ctx, const char *name);
  /* 0 or an errno. */
  int (*stat)(void *ctx, const char *path, struct target_file *out);
  /* Appends the whole file; 0 or an errno (ENOMEM, EFBIG by the buffer's maximum, ...). */
  int (*read_file)(void *ctx, const char *path, struct buf *out);
  /* Of the effective user, from the password database; 0 or an errno (ERANGE: longer than size). */
  int (*home_dir)(void *ctx, char *out, size_t size);
  int (*user_name)(void *ctx, char *out, size_t size);
};

/* The real process; never NULL. */
const struct target_env *target_env_os(void);

#endif
