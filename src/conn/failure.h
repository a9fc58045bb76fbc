/* failure.h - what a failure to connect means for who would try again. */
#ifndef DSQL_CONN_FAILURE_H
#define DSQL_CONN_FAILURE_H

#include "dsql/dsql.h"

enum conn_failure {
  CONN_FAILURE_BUSY,   /* the server asks to come back later */
  CONN_FAILURE_LINK,   /* nobody was reached */
  CONN_FAILURE_REFUSED /* trying again would not help */
};
enum conn_failure conn_failure_of(const dsql_error *e);

#endif
