/* spy.h - records what the hooks of dsql/observe.h are told, and judges it: each start has one end, with the same data and
 * what it was started with; no secret of the test is in anything. */
#ifndef DSQL_TEST_OBSERVE_SPY_H
#define DSQL_TEST_OBSERVE_SPY_H

#include "client.h"
#include "dsql/observe.h"

enum { SPY_SPANS = 4096, SPY_LINES = 64, SPY_LINE_SIZE = 4096 };

struct spied {
  dsql_span start, end; /* their texts are those below */
  char host[128], database[32], user[32], operation[16], sql[256];
  int code; /* of the end */
  unsigned flags;
  char sqlstate[6];
  unsigned ends;
};

struct spy {
  dsql_rt *rt;
  dsql_hooks hooks;
  const char *secret; /* NULL: none */
  struct spied spans[SPY_SPANS];
  size_t count;
  size_t ended[SPY_SPANS]; /* indices into spans, in the order of the ends */
  size_t end_count;
  char lines[SPY_LINES][SPY_LINE_SIZE];
  size_t line_count;
  void (*at_start)(const dsql_span *s); /* besides */
  void (*at_end)(const dsql_span *s);
};

/* From now on; spy.hooks may be changed before. */
void spy_init(struct spy *s);
void spy_on(struct spy *s, dsql_rt *rt);
/* All that were started have ended, once. */
void spy_settled(const struct spy *s);
/* The nth end of a kind, 0 the first; the test fails when there was none. */
const struct spied *spy_end(const struct spy *s, enum dsql_span_kind kind, size_t n);
size_t spy_ends(const struct spy *s, enum dsql_span_kind kind);

#endif
