/* rig.h - a transaction between a stand-in for the pool and a server that is played by the test (conn/peer.h). The body
 * is told what to do by a script of its steps. */
#ifndef DSQL_TEST_TX_RIG_H
#define DSQL_TEST_TX_RIG_H

#include "conn/peer.h"
#include "standin.h"

enum { RIG_STEPS = 6 };

struct rig_step {
  const char *sql[4]; /* queued, up to NULL */
  dsql_step then;
  int app_code;              /* of DSQL_ABORT */
  void (*call)(dsql_tx *tx); /* before anything is queued */
};

struct rig {
  struct peer p;
  dsql_pool *pool;
  dsql_tx_options options;
  struct rig_step steps[RIG_STEPS];
  unsigned bodies, last_step, last_attempt; /* calls of the body; what it saw last */
  const void *in_seen;
  unsigned marks;  /* of scratch that was not zero at step 0 */
  unsigned events; /* of the observer */
  dsql_tx_event event;
  int event_code;
};

extern struct rig r;

void rig_open(const char *target_options);
void rig_close(void); /* all futures were destroyed before */
/* Accepts the pool's next connection and answers its start-up. */
void rig_accept(void);
/* Starts a transaction of r.steps with r.options. */
dsql_future *rig_start(void);
dsql_step rig_body(dsql_tx *tx, const void *in, void *scratch);
/* The usual two flights: "read" WAIT, "write" COMMIT. */
void rig_two_flights(void);
/* Plays the server for the first flight of these. */
void rig_answer_read(void);
/* The pool rolls back what was given back. */
void rig_answer_rollback(void);
/* The SQL of the nth message that was expected last, which is a Parse. */
void rig_sql_is(size_t n, const char *sql);

#define READ_FLIGHT "PBEPBDES"
#define READ_ANSWER "1 2 C:BEGIN 1 2 T:a D:7 C:SELECT_1 Z:T"
#define WRITE_FLIGHT "PBDESPBES"
#define WRITE_ANSWER "1 2 n C:UPDATE_1 Z:T 1 2 C:COMMIT Z:I"

#endif
