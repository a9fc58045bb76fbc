/* lines.h - what is told when the endpoint is ready. */
#ifndef DSQL_CLI_LOCAL_LINES_H
#define DSQL_CLI_LOCAL_LINES_H

#include "base/buf.h"
#include "local/identity.h"

struct ready {
  const struct identity *identity;
  const char *ca;       /* path */
  const char *data_dir; /* NULL: temporary */
  unsigned port;
  long pid;
};

/* dsql://<host>?hostaddr=127.0.0.1&port=N&sslrootcert=/path/ca.pem */
void lines_target(struct buf *out, const struct ready *r);
/* Lines for a shell's eval: export NAME='value'. */
void lines_export(struct buf *out, const struct ready *r);
/* For people: the target, the CA, the export lines, and what to try. */
void lines_for_people(struct buf *out, const struct ready *r);

#endif
