/* What a statement takes and gives. */
#include <dsql/describe.h>
#include <string.h>

#include "conn/calls.h"
#include "conn/conn.h"
#include "conn/encode.h"

dsql_future *dsql_describe(dsql_conn *c, const char *sql, const uint32_t *oids, size_t n, const dsql_call *o) {
  static const struct query_params none = {0};
  struct query *q = query_new(c, o);
  struct fault f;

  if (!q) return calls_no_memory(c);
  fault_clear(&f);
  if (!sql || (n && !oids)) {
    fault_set(&f, DSQL_EINVAL, "no SQL text, or types, was given (NULL)");
    return calls_refuse(q, &f);
  }
  if (calls_check_open(c, o, &f) || encode_describe(q, sql, oids, n, !c->grouping, &f)) return calls_refuse(q, &f);
  q->op.effect = SQL_PLAIN;
  q->op.read_only = true;
  q->params = &none;
  return calls_enqueue(c, q);
}

int dsql_future_params(dsql_future *f, const uint32_t **oids, size_t *n) {
  int code = dsql_future_code(f);
  const struct query *q;

  if (!oids || !n) return DSQL_EINVAL;
  *oids = NULL;
  *n = 0;
  if (code) return code;
  q = query_of_future(f);
  if (!query_is(f) || !q->params) return DSQL_ETYPE;
  *oids = q->params->oids;
  *n = q->params->count;
  return 0;
}
