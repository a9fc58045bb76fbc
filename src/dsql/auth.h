/* auth.h - dsql_auth: passwords, or OAuth tokens (oauth.h), from a callback of the user's. */
#ifndef DSQL_DSQL_AUTH_H
#define DSQL_DSQL_AUTH_H

#include "dsql/leased.h"

struct dsql_auth {
  struct leased leased; /* first */
  const char *noun;     /* what it gives: "password", "token" */
  dsql_auth_fn want;
  void *arg;
  /* 0, or EINVAL: the answer can't be one. NULL: anything can that is not empty. */
  int (*check)(dsql_str secret, struct fault *f);
  struct rt_task task; /* want() is called from the loop */
  struct dsql_auth_request *request;
};

/* For those who embed one; it is given back by the class. */
void auth_init(struct dsql_auth *a, struct dsql_rt *rt, const struct password_class *class, const char *noun,
               dsql_auth_fn want, void *arg);
/* The auth that waits for the answer, or NULL; q is gone. */
struct dsql_auth *auth_take(struct dsql_auth_request *q);

#endif
