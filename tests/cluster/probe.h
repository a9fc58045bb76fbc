/* probe.h - the questions that the cluster probe asks, and the table that it prints. */
#ifndef DSQL_CLUSTER_PROBE_H
#define DSQL_CLUSTER_PROBE_H

#include "target/target.h"

struct probe {
  const char *conninfo, *password; /* for the library; password NULL: as in conninfo */
  const struct target *target;     /* the same, resolved */
  bool long_run;
  unsigned idle_s; /* how long the idle timeout is waited for */
  unsigned asked, unanswered;
};

/* One line. What a server sent is reduced to printable characters. */
void probe_row(struct probe *p, const char *question, const char *answer, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The question could not be asked. */
void probe_unanswered(struct probe *p, const char *question, const char *why);

void probe_startup(struct probe *p);    /* TLS, authentication, parameters, keys, protocol versions */
void probe_statements(struct probe *p); /* row limits, CancelRequest, losing the connection, idling */
void probe_library(struct probe *p);    /* the same through dsql.h */

#endif
