/* auth.h - dsql_auth: passwords from a callback of the user's. */
#ifndef DSQL_DSQL_AUTH_H
#define DSQL_DSQL_AUTH_H

#include "dsql/leased.h"

struct dsql_auth {
  struct leased leased; /* first */
  dsql_auth_fn want;
  void *arg;
  struct rt_task task; /* want() is called from the loop */
  struct dsql_auth_request *request;
};

#endif
