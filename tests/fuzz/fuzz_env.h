/* fuzz_env.h - a process that is made of the input: its parts, which NUL bytes separate, are variables and files.
 *
 * A byte of the input that is FUZZ_SECRET_MARK stands for a secret. The secret has a period of three, so that any five
 * bytes of it that are seen somewhere give it away, and it is looked for by FUZZ_SECRET_PIECE. */
#ifndef DSQL_FUZZ_ENV_H
#define DSQL_FUZZ_ENV_H

#include <stdbool.h>

#include "fuzz_check.h"
#include "target/env.h"

#define FUZZ_SECRET "Zq7Zq7Zq7Zq7Zq7Zq7"
#define FUZZ_SECRET_PIECE "q7Z"

enum { FUZZ_PARTS_MAX = 6, FUZZ_SECRET_MARK = 2 };

struct fuzz_env {
  struct target_env env;
  char *parts[FUZZ_PARTS_MAX]; /* each in a block of its own size, so that a read past its end is found; never NULL */
  const char *variables;       /* lines NAME=value */
  const char *(*file)(const struct fuzz_env *e, const char *path); /* NULL: there is no such file */
  char *value;                                                     /* what getenv gave last; gone with the next */
};

void fuzz_env_init(struct fuzz_env *e, const uint8_t *data, size_t size);
void fuzz_env_deinit(struct fuzz_env *e);
/* How many pieces of the secret there are in the text. */
size_t fuzz_secrets(const char *text);

#endif
