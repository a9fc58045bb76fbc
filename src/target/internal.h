/* internal.h - the steps of target_resolve(), each in a file of its own, in the order in which they run. Each returns
 * 0 or the fault's code. */
#ifndef DSQL_TARGET_INTERNAL_H
#define DSQL_TARGET_INTERNAL_H

#include "target/target.h"

struct resolver {
  struct target *t;
  struct conninfo *info; /* &t->info */
  const struct target_env *env;
  const dsql_config *config; /* as config_read() gave it */
  struct fault *fault;
  bool private_link; /* without private DNS, see endpoint.c */
};

/* config.c: copies a dsql_config of any age into *full. */
int config_read(dsql_config *full, const dsql_config *c, struct fault *f);
int config_apply(struct resolver *r, const dsql_config *c);
int config_limits(struct resolver *r, const dsql_config *c);
/* dsql_mode.c: decides by what was given so far; then, with the service file read and by PGHOST, for good. */
int mode_decide(struct resolver *r);
int mode_finish(struct resolver *r);
bool mode_honours_env(const struct resolver *r, enum keyword k);
const char *mode_default(const struct resolver *r, enum keyword k); /* NULL: none of DSQL mode's own */
int mode_auth(struct resolver *r);
int mode_refuse(struct resolver *r);
/* service.c: values from the service that `service` or PGSERVICE names. */
int service_load(struct resolver *r);
/* One file's text; *found tells whether it has a section of that name. */
int service_apply(struct conninfo *info, const char *path, const char *text, size_t n, const char *name, bool *found,
                  struct fault *f);
/* defaults.c: environment, defaults; then refuses what can't be honoured. */
int defaults_apply(struct resolver *r);
int defaults_refuse(struct resolver *r);
int endpoint_resolve(struct resolver *r);
int region_resolve(struct resolver *r);
int hosts_resolve(struct resolver *r);
int hosts_check_name(struct resolver *r, enum keyword k);
int hosts_check_port(struct resolver *r); /* where one port is all that is allowed */
bool hosts_numeric_address(const char *s);
int endpoint_dial(struct resolver *r);
/* passwords.c: from the passfile, for each host. */
int passwords_load(struct resolver *r);
int tls_resolve(struct resolver *r);
int names_resolve(struct resolver *r);
/* settings.c */
int settings_complete(struct resolver *r);
int notice_add(struct resolver *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* `base`/`name` in memory of the target's allocator; *out is NULL without memory. */
int path_join(struct resolver *r, const char *base, const char *name, char **out);
static inline int out_of_memory(struct fault *f) { return fault_set(f, DSQL_ENOMEM, "out of memory"); }

#endif
