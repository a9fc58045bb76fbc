#include "conn/reader.h"

#include <stdio.h>

enum reader reader_stops(struct query *q, struct dsql_conn *c, int rc, const char *who) {
  char reason[64];

  if (rc == DSQL_ROW_PAUSE) {
    if (q->paused) {
      c->paused = q;
      return READER_WAITS;
    }
    q->paused = true;
    return READER_GOES_ON;
  }
  q->paused = false;
  q->stop_code = rc;
  (void)snprintf(reason, sizeof reason, "stopped by %s", who);
  query_give_up(q, DSQL_EABORT, reason);
  return READER_IS_DONE;
}
