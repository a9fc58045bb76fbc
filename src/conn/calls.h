/* calls.h - how every call that starts work begins: checked, refused through its future, or queued. */
#ifndef DSQL_CONN_CALLS_H
#define DSQL_CONN_CALLS_H

#include "conn/query.h"

/* There is no memory for its query. */
dsql_future *calls_no_memory(struct dsql_conn *c);
/* Completes q, which is in no queue yet, with a fault; DSQL_NOT_SENT is added. */
dsql_future *calls_refuse(struct query *q, const struct fault *f);
/* Was it initialised? 0, or the code of f. NULL: it was. */
int calls_check_options(const dsql_call *o, struct fault *f);
/* Can c take a call? 0, or the code of f. */
int calls_check_open(const struct dsql_conn *c, const dsql_call *o, struct fault *f);
/* BEGIN, COMMIT and the like, of our own making: like dsql_query(), but for a Describe whose answer is known. */
dsql_future *calls_command(struct dsql_conn *c, const char *sql, const dsql_call *o);
dsql_future *calls_enqueue(struct dsql_conn *c, struct query *q);

#endif
