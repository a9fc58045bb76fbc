/* parameters.h - the run-time parameters that the server reported (ParameterStatus), bounded. */
#ifndef DSQL_SESSION_PARAMETERS_H
#define DSQL_SESSION_PARAMETERS_H

#include "base/buf.h"

struct parameters {
  struct buf pairs; /* name NUL value NUL ... */
};

enum { PARAMETERS_BYTES_MAX = 64 * 1024 };

void parameters_init(struct parameters *p, const dsql_alloc *alloc);
void parameters_deinit(struct parameters *p);
/* Replaces or adds; 0, ENOMEM, or ETOOBIG when a server reports more than PARAMETERS_BYTES_MAX in all. */
int parameters_set(struct parameters *p, dsql_str name, dsql_str value);
/* A view until the next set; ptr NULL when it was never reported. */
dsql_str parameters_get(const struct parameters *p, const char *name);

#endif
