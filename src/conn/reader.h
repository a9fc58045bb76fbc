/* reader.h - what the caller's code says that has seen a row, or a piece of a COPY's data: more, wait, or no more.
 *
 * q->paused is set ahead of that code and cleared by dsql_resume(). So a resumption from inside of it counts, although it
 * comes ahead of the pause. */
#ifndef DSQL_CONN_READER_H
#define DSQL_CONN_READER_H

#include "conn/conn.h"

enum reader { READER_GOES_ON, READER_WAITS, READER_IS_DONE };

/* Any other answer than 0. who: "the row callback". */
enum reader reader_stops(struct query *q, struct dsql_conn *c, int rc, const char *who);

/* Whatever that code did, nothing is touched afterwards but what `busy` keeps alive. */
static inline enum reader reader_said(struct query *q, struct dsql_conn *c, int rc, const char *who) {
  if (c->closing || !c->session_live || q->op.abandoned || q->error || c->session.phase == SESSION_FAILED)
    return READER_IS_DONE;
  if (__builtin_expect(rc != 0, 0)) return reader_stops(q, c, rc, who);
  q->paused = true;
  return READER_GOES_ON;
}

#endif
