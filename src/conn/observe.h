/* observe.h - the spans of connects and calls, where the runtime is observed. */
#ifndef DSQL_CONN_OBSERVE_H
#define DSQL_CONN_OBSERVE_H

#include "conn/conn.h"
#include "rt/observe.h"

/* Host, database and user of a target; h is the host whose turn it is. */
void observe_target(const struct target *t, const struct target_host *h, dsql_span *out);
/* The same of a connection, as far as it has come. */
void observe_conn(const struct dsql_conn *c, dsql_span *out);
/* What c has moved, before the span and since it. */
void observe_conn_before(const struct dsql_conn *c, struct observe_span *s);
void observe_conn_since(const struct dsql_conn *c, struct observe_span *s);

void conn_observe_start(struct dsql_conn *c);
/* e NULL: it is ready. */
void conn_observe_end(struct dsql_conn *c, const struct error *e);

/* The call starts: it is in its queue, or refused (and not encoded, perhaps). */
void query_observe_start(struct query *q);
void query_observe_end(struct query *q, const struct error *e);

#endif
