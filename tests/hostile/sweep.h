/* sweep.h - the session that the sweeps cut, split and reset at every byte: SCRAM, two queries that ride behind the
 * start-up, one of which fails, and a third one when it is ready; and what each of them must end with. */
#ifndef DSQL_TEST_SWEEP_H
#define DSQL_TEST_SWEEP_H

#include "client.h"
#include "fake_server.h"

/* Bytes that the server has sent behind each message that matters, with this script. */
enum sweep_mark {
  SWEEP_CHALLENGED, /* SASLContinue: the client answers, and the queries ride along */
  SWEEP_READY,
  SWEEP_FIRST,
  SWEEP_FAILED, /* the second query's ErrorResponse */
  SWEEP_SECOND,
  SWEEP_THIRD,
  SWEEP_MARKS
};

struct sweep {
  struct client x;
  struct fake_server *server;
  size_t marks[SWEEP_MARKS];
};

extern const struct fake_step sweep_script[];

/* The futures' codes and flags of one session. */
struct sweep_outcome {
  int ready, code[3];
  unsigned flags[3];
  int os_error[3];
};

void sweep_open(struct sweep *s, enum fake_transport transport);
void sweep_close(struct sweep *s);
/* One session by the plan, from the connect to its end. */
struct sweep_outcome sweep_run(struct sweep *s, const struct fake_plan *plan);
/* Fails the test unless the outcome is that of a session whose server sent exactly this many bytes. */
void sweep_check(const struct sweep *s, size_t sent, const struct sweep_outcome *o);

#endif
