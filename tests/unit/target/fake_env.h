/* fake_env.h - a process of the test's own making, and targets resolved in it. Every text of an error is also searched
 * for the word "hunter", which the tests use in passwords and nowhere else. */
#ifndef DSQL_TEST_FAKE_ENV_H
#define DSQL_TEST_FAKE_ENV_H

#include "target/target.h"
#include "test_alloc.h"

struct fake_file {
  const char *path, *text;
  unsigned mode; /* 0: 0600 */
  bool directory, root;
};

struct fake_env {
  struct target_env env;
  struct test_alloc heap;
  struct fault fault;
  const char *vars;              /* "NAME=value" lines */
  const struct fake_file *files; /* up to one without path */
  const char *home, *user;       /* NULL: not known */
  char value[256];               /* of the last getenv */
};

void fake_env_init(struct fake_env *e);
/* NULL: refused, see e->fault. */
struct target *fake_resolve_config(struct fake_env *e, const dsql_config *c);
struct target *fake_resolve(struct fake_env *e, const char *conninfo);
/* A field by its name, as text: "port", "hosts[1].host", "sslmode" ...; "-" for NULL. Of target_setting(): "=user" is
 * the value, "@user" the source, "?user" whether it was given. */
const char *fake_field(const struct target *t, const char *name);

struct fake_case {
  const char *vars, *conninfo, *field, *expected; /* field NULL: refused, with expected in the text of the error */
};
/* Runs the cases, with the files of e. */
void fake_run(struct fake_env *e, const struct fake_case *cases, size_t n);

#endif
